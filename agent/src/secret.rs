//! A secret and a login as nouns: they can be carried and used, never shown.

use std::fmt;
use std::str::FromStr;

const FORMS: &str = "a secret's reference is secretsmanager:NAME-OR-ARN, ssm:/NAME, file:/PATH or iam; \
                     the secret itself does not belong here";

/// Text that no log, error or report may carry.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Who to be at the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The role.
    pub user: String,
    /// Its password, or an IAM token in its place.
    pub password: Secret,
}

/// Where the password comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretReference {
    /// `secretsmanager:NAME-OR-ARN`: the password itself, or JSON with `username` and `password`.
    SecretsManager(String),
    /// `ssm:/NAME`: a SecureString parameter.
    Parameter(String),
    /// `file:/PATH`: the first line of a file that only root can read.
    File(std::path::PathBuf),
    /// `iam`: a token that RDS accepts for fifteen minutes.
    IamToken,
}

impl FromStr for SecretReference {
    type Err = String;

    /// The text is not repeated in the error: who writes the password itself here must not find it in a log.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let reference = match text.split_once(':') {
            None if text == "iam" => Some(Self::IamToken),
            Some(("secretsmanager", name)) if is_secret_name(name) => {
                Some(Self::SecretsManager(name.to_owned()))
            }
            Some(("ssm", name)) if is_parameter_name(name) => Some(Self::Parameter(name.to_owned())),
            Some(("file", path)) if path.starts_with('/') && path.len() > 1 => Some(Self::File(path.into())),
            _ => None,
        };
        reference.ok_or_else(|| FORMS.to_owned())
    }
}

/// RDS gives the secrets that it manages a `!` in their names.
fn is_secret_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "/_+=.@!:-".contains(letter);
    (1..=2048).contains(&name.len()) && name.chars().all(allowed)
}

fn is_parameter_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "/_.-".contains(letter);
    name.starts_with('/') && (2..=1011).contains(&name.len()) && name.chars().all(allowed)
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretsManager(name) => write!(f, "secretsmanager:{name}"),
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::IamToken => f.write_str("iam"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_reference_is_read_and_written_alike() {
        let arn = "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0a1b2c-AbCdEf";
        for text in
            [arn, "secretsmanager:prod/db", "ssm:/prod/db_password", "file:/etc/vivarium/password", "iam"]
        {
            assert_eq!(text.parse::<SecretReference>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_and_not_repeated() {
        for text in [
            "hunter2",
            "ssm:prod",
            "file:password",
            "secretsmanager:",
            "secretsmanager:a b",
            "IAM",
            "",
            "file:/",
        ] {
            let error = text.parse::<SecretReference>().expect_err(text);
            assert_eq!(error, FORMS);
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        let login = Login { user: "dbadmin".to_owned(), password: Secret::new("s3cret") };
        assert_eq!(format!("{login:?}"), r#"Login { user: "dbadmin", password: (secret) }"#);
    }
}
