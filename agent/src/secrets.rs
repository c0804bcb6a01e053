//! Fetches the database's login from where the settings say it is. Names the reference, never the value.

mod token;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aws_config::{Region, SdkConfig};
use serde::Deserialize;
use vivarium_bootstrap::step::{Failure, StepError};

use crate::aws::{AwsFailure, Request, statement};
use crate::secret::{Login, Secret, SecretReference};

/// The database that the login is for.
#[derive(Debug, Clone, Copy)]
pub struct Database<'a> {
    /// Its host name, as its certificate and its tokens have it.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The role to be, where the settings name one; else the secret must.
    pub user: Option<&'a str>,
}

/// The login that a reference leads to.
pub async fn login(
    reference: &SecretReference,
    database: Database<'_>,
    aws: &SdkConfig,
) -> Result<Login, StepError> {
    let text = match reference {
        SecretReference::SecretsManager(name) => from_secrets_manager(name, aws).await,
        SecretReference::Parameter(name) => from_parameter(name, aws).await,
        SecretReference::File(path) => from_file(path),
        SecretReference::IamToken => return iam_login(database, aws).await,
    };
    text.and_then(|text| understand(&text, database.user))
        .map_err(|refusal| refusal.into_error(format!("reading the database's password from {reference}")))
}

async fn iam_login(database: Database<'_>, aws: &SdkConfig) -> Result<Login, StepError> {
    let doing = || format!("making an IAM token for {}", database.host);
    let user =
        database.user.ok_or_else(|| Refusal::no_user("a token is for one role").into_error(doing()))?;
    let token = token::sign_with(database.host, database.port, user, aws).await;
    let password = token.map_err(|refusal| refusal.into_error(doing()))?;
    Ok(Login { user: user.to_owned(), password })
}

/// Why there is no login, before it is known what for.
struct Refusal {
    cause: Box<dyn std::error::Error>,
    hint: String,
}

impl Refusal {
    fn new(cause: impl Into<Box<dyn std::error::Error>>, hint: impl Into<String>) -> Self {
        Self { cause: cause.into(), hint: hint.into() }
    }

    fn no_user(cause: &str) -> Self {
        Self::new(cause, "name the role in the settings: database.user")
    }

    /// IAM names a secret by what we called it; a policy needs its ARN, which we know better.
    fn from_aws(failure: AwsFailure, request: &Request) -> Self {
        let hint = match &failure {
            AwsFailure::AccessDenied { action, .. } if action == request.action => {
                format!("add to the instance's role: {}", statement(action, &request.resource))
            }
            _ => failure.hint(),
        };
        Self::new(failure, hint)
    }

    fn into_error(self, doing: String) -> StepError {
        StepError::new(Failure::Database, doing).because(self.cause).hint(self.hint)
    }
}

async fn from_secrets_manager(name: &str, aws: &SdkConfig) -> Result<String, Refusal> {
    let region = region_of(name).or_else(|| aws.region().map(|region| region.as_ref().to_owned()));
    let request = Request::new("secretsmanager:GetSecretValue", secret_arn(name, region.as_deref()));
    let config = aws_sdk_secretsmanager::config::Builder::from(aws).region(region.map(Region::new)).build();
    let call = aws_sdk_secretsmanager::Client::from_conf(config).get_secret_value().secret_id(name);
    let answer = call.send().await;
    let answer =
        answer.map_err(|error| Refusal::from_aws(AwsFailure::from_sdk(&request, &error), &request))?;
    let text = answer.secret_string().map(str::to_owned);
    text.ok_or_else(|| Refusal::new("it holds bytes, not text", "store the password as text or as JSON"))
}

async fn from_parameter(name: &str, aws: &SdkConfig) -> Result<String, Refusal> {
    let region = aws.region().map_or("*", |region| region.as_ref());
    let request = Request::new("ssm:GetParameter", format!("arn:aws:ssm:{region}:*:parameter{name}"));
    let call = aws_sdk_ssm::Client::new(aws).get_parameter().name(name).with_decryption(true);
    let answer = call.send().await;
    let answer =
        answer.map_err(|error| Refusal::from_aws(AwsFailure::from_sdk(&request, &error), &request))?;
    let text = answer.parameter().and_then(|parameter| parameter.value()).map(str::to_owned);
    text.ok_or_else(|| Refusal::new("it is empty", "store the password in it"))
}

/// An ARN says where the secret is.
fn region_of(name: &str) -> Option<String> {
    let mut parts = name.split(':');
    let region = parts.nth(3).filter(|region| !region.is_empty());
    region.filter(|_| name.starts_with("arn:")).map(str::to_owned)
}

/// Secrets Manager ends every ARN by six letters of its own.
fn secret_arn(name: &str, region: Option<&str>) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    format!("arn:aws:secretsmanager:{}:*:secret:{name}-??????", region.unwrap_or("*"))
}

fn from_file(path: &Path) -> Result<String, Refusal> {
    let see = |error: io::Error| Refusal::new(error, "write the password into it, then chmod 600");
    let file = File::open(path).map_err(see)?;
    let mode = file.metadata().map_err(see)?.permissions().mode();
    if mode & 0o077 != 0 {
        let cause = format!("others than its owner may use it (mode {:03o})", mode & 0o777);
        return Err(Refusal::new(cause, format!("chmod 600 {}", path.display())));
    }
    let mut line = String::new();
    BufReader::new(file).read_line(&mut line).map_err(see)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The password itself, or a JSON object as RDS and the console write it. A password may look like
/// JSON by chance (`12345`), an object is not a password.
fn understand(text: &str, user: Option<&str>) -> Result<Login, Refusal> {
    let (named, password) = match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(_)) => {
            let pair = Pair::read(text)?;
            (pair.username, pair.password)
        }
        _ => (None, text.to_owned()),
    };
    if password.is_empty() {
        return Err(Refusal::new("it is empty", "store the password in it"));
    }
    let user = user.map(str::to_owned).or(named);
    let user = user.ok_or_else(|| Refusal::no_user("it says the password but not whose"))?;
    Ok(Login { user, password: Secret::new(password) })
}

#[derive(Deserialize)]
struct Pair {
    username: Option<String>,
    password: String,
}

impl Pair {
    /// serde's error is not passed on: it may quote the value.
    fn read(text: &str) -> Result<Self, Refusal> {
        let words = "its JSON has no \"password\" that is text";
        let hint = "give it \"username\" and \"password\", as RDS does";
        serde_json::from_str(text).map_err(|_| Refusal::new(words, hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_looks_like_a_number_is_a_password() {
        for text in ["12345", "true", "\"quoted\"", "{not json"] {
            let login = understand(text, Some("dbadmin")).map_err(|refusal| refusal.hint).expect(text);
            assert_eq!(login.password.reveal(), text);
        }
    }

    #[test]
    fn an_object_gives_the_user_unless_the_settings_do() {
        let text = r#"{"username":"owner","password":"p","host":"h","port":5432}"#;
        let user = |wanted| understand(text, wanted).map(|login| login.user).map_err(|refusal| refusal.hint);
        assert_eq!(user(None), Ok("owner".to_owned()));
        assert_eq!(user(Some("reader")), Ok("reader".to_owned()));
    }

    #[test]
    fn an_object_without_a_password_is_refused_without_showing_it() {
        let refusal = understand(r#"{"password":99887766}"#, Some("u")).map(|_| ()).expect_err("no text");
        assert!(!refusal.cause.to_string().contains("99887766"));
    }

    #[test]
    fn an_arn_says_its_region() {
        assert_eq!(
            region_of("arn:aws:secretsmanager:eu-west-1:1:secret:db-AbCdEf").as_deref(),
            Some("eu-west-1")
        );
        assert_eq!(region_of("a:b:c:d:e"), None);
        assert!(secret_arn("db", Some("us-east-1")).ends_with(":secret:db-??????"));
    }
}
