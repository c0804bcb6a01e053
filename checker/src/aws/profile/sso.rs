//! IAM Identity Center: exchanges the token that `aws sso login` left for credentials of a role.
//!
//! Written here because the SDK's way of it brings two more SDKs to compile, for one request.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use serde::Deserialize;
use sha1::{Digest, Sha1};

use super::file::{Profiles, Section};
use crate::aws::live::door;

/// What a profile says of how to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// The name of the session, or the address of the start page: what the token is filed under.
    key: String,
    region: String,
    account: String,
    role: String,
}

impl Login {
    /// Where the profile is one of Identity Center's.
    pub(super) fn of(section: &Section, profiles: &Profiles) -> Option<Self> {
        let session = section.get("sso_session");
        let shared = session.and_then(|name| profiles.session(name));
        let said = |name: &str| section.get(name).or_else(|| shared?.get(name)).cloned();
        Some(Self {
            key: session.cloned().or_else(|| said("sso_start_url"))?,
            region: said("sso_region")?,
            account: said("sso_account_id")?,
            role: said("sso_role_name")?,
        })
    }
}

/// Gives the credentials of a role to who has logged in.
#[derive(Debug)]
pub(super) struct Sso {
    login: Login,
    cache: PathBuf,
    profile: String,
    ca_bundle: Option<PathBuf>,
    portal: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    access_token: String,
    expires_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    role_credentials: Role,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Role {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    /// Milliseconds since 1970.
    expiration: u64,
}

impl Sso {
    /// For this login, with the tokens that are filed in this home.
    pub(super) fn new(login: Login, home: &Path, profile: &str, ca_bundle: Option<PathBuf>) -> Self {
        let portal = format!("https://portal.sso.{}.amazonaws.com", login.region);
        let cache = home.join(".aws/sso/cache");
        Self { login, cache, profile: profile.to_owned(), ca_bundle, portal }
    }

    async fn exchange(&self) -> Result<Credentials, String> {
        let log_in = format!("run `aws sso login --profile {}`", self.profile);
        let token = self.token().ok_or_else(|| format!("nobody has logged in: {log_in}"))?;
        let until = token.expires_at.replace("UTC", "Z").parse::<jiff::Timestamp>();
        let now = jiff::Timestamp::try_from(door::now()).map_err(|error| error.to_string())?;
        if until.is_ok_and(|until| until <= now) {
            return Err(format!("the login has ended: {log_in}"));
        }
        let client = door::client(self.ca_bundle.as_deref())?;
        let headers = [("x-amz-sso_bearer_token", token.access_token.as_str())];
        let reply = door::get(&client, &self.url(), &headers).await?;
        if reply.status != 200 {
            let Login { role, account, .. } = &self.login;
            return Err(format!("no credentials of {role} in {account} (status {}): {log_in}", reply.status));
        }
        credentials(&reply.body)
    }

    fn token(&self) -> Option<Token> {
        let name = Sha1::digest(self.login.key.as_bytes());
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = std::fs::read(self.cache.join(format!("{name}.json"))).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn url(&self) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("role_name", &self.login.role).append_pair("account_id", &self.login.account);
        format!("{}/federation/credentials?{}", self.portal, form.finish())
    }
}

impl ProvideCredentials for Sso {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let exchanged = async { self.exchange().await.map_err(CredentialsError::not_loaded) };
        future::ProvideCredentials::new(exchanged)
    }
}

/// The answer is a secret: no error repeats it.
fn credentials(body: &str) -> Result<Credentials, String> {
    let answer: Answer = serde_json::from_str(body).map_err(|_| "the portal's answer has no credentials")?;
    let role = answer.role_credentials;
    let until = UNIX_EPOCH + Duration::from_millis(role.expiration);
    let (key, secret) = (role.access_key_id, role.secret_access_key);
    Ok(Credentials::new(key, secret, Some(role.session_token), Some(until), "IAM Identity Center"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        let config = "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Read Only\n\
            [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n";
        let profiles = Profiles::parse(config, "");
        Login::of(profiles.profile("work").expect("a profile"), &profiles).expect("a login")
    }

    fn asked(home: &Path) -> String {
        let sso = Sso::new(login(), home, "work", None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(sso.exchange()).expect_err("nobody is asked in this test")
    }

    #[test]
    fn a_session_is_shared_between_profiles() {
        let sso = Sso::new(login(), Path::new("/home/me"), "work", None);
        assert_eq!(
            sso.url(),
            "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?role_name=Read+Only&account_id=123456789012"
        );
    }

    #[test]
    fn who_has_not_logged_in_or_no_more_is_told_to() {
        let home = tempfile::tempdir().expect("a folder");
        let error = asked(home.path());
        assert_eq!(error, "nobody has logged in: run `aws sso login --profile work`");
        let cache = home.path().join(".aws/sso/cache");
        std::fs::create_dir_all(&cache).expect("made");
        let name: String = Sha1::digest(b"corp").iter().map(|byte| format!("{byte:02x}")).collect();
        let token = r#"{"accessToken": "planted-token", "expiresAt": "2020-06-17T10:02:08UTC"}"#;
        std::fs::write(cache.join(format!("{name}.json")), token).expect("written");
        let error = asked(home.path());
        assert_eq!(error, "the login has ended: run `aws sso login --profile work`");
    }

    #[test]
    fn an_answer_of_the_portal_is_credentials_and_no_error_repeats_it() {
        let body = r#"{"roleCredentials": {"accessKeyId": "ASIA1", "secretAccessKey": "planted", "sessionToken": "t",
            "expiration": 1795000000000}}"#;
        assert_eq!(credentials(body).expect("credentials").access_key_id(), "ASIA1");
        let error = credentials(&body.replace("expiration", "planted-too")).expect_err("incomplete");
        assert!(!error.contains("planted"), "{error}");
    }
}
