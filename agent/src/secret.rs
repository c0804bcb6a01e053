//! A secret and a login as nouns: they can be carried and used, never shown.

use std::fmt;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        let login = Login { user: "dbadmin".to_owned(), password: Secret::new("s3cret") };
        assert_eq!(format!("{login:?}"), r#"Login { user: "dbadmin", password: (secret) }"#);
    }
}
