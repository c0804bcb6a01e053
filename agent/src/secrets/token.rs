//! The token that RDS takes for a password: a signed address of the database, good for fifteen minutes.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningError, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use reqwest::Url;
use vivarium_bootstrap::host::clock;

use super::Refusal;
use crate::aws::{AwsFailure, statement};
use crate::secret::Secret;

const LIFETIME: Duration = Duration::from_mins(15);

/// A token for this database and role, by the credentials at hand. Nothing is asked of RDS yet.
pub(super) async fn sign_with(host: &str, port: u16, user: &str, aws: &SdkConfig) -> Result<Secret, Refusal> {
    let region = aws.region().map(|region| region.as_ref().to_owned());
    let region =
        region.ok_or_else(|| Refusal::new("no Region is known", "set aws.region in the settings"))?;
    let credentials = match aws.credentials_provider() {
        Some(provider) => provider.provide_credentials().await.map_err(|error| error.to_string()),
        None => Err("no provider".to_owned()),
    };
    let credentials = credentials.map_err(|why| {
        let failure = AwsFailure::NoCredentials(why);
        let connect = statement("rds-db:connect", &format!("arn:aws:rds-db:{region}:*:dbuser:*/{user}"));
        let hint = format!("{}; to use the token the role also needs {connect}", failure.hint());
        Refusal::new(failure, hint)
    })?;
    let now = SystemTime::from(clock::now());
    token(host, port, user, &region, credentials, now)
        .map_err(|error| Refusal::new(error, "see database.host in the settings"))
}

fn token(
    host: &str,
    port: u16,
    user: &str,
    region: &str,
    credentials: Credentials,
    now: SystemTime,
) -> Result<Secret, Box<dyn std::error::Error>> {
    let mut url = Url::parse(&format!("https://{host}:{port}/"))?;
    url.query_pairs_mut().append_pair("Action", "connect").append_pair("DBUser", user);
    for (name, value) in signature(url.as_str(), region, credentials, now)? {
        url.query_pairs_mut().append_pair(name, &value);
    }
    let address = url.as_str().strip_prefix("https://").unwrap_or_default();
    // Forms write a space as a plus; a plus that is meant is %2B by now.
    Ok(Secret::new(address.replace('+', "%20")))
}

fn signature(
    url: &str,
    region: &str,
    credentials: Credentials,
    now: SystemTime,
) -> Result<Vec<(&'static str, String)>, SigningError> {
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(LIFETIME);
    settings.signature_location = SignatureLocation::QueryParams;
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("rds-db")
        .time(now)
        .settings(settings)
        .build()
        .expect("everything that it needs is given")
        .into();
    let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (instructions, _signature) = sign(request, &parameters)?.into_parts();
    let (_headers, query) = instructions.into_parts();
    Ok(query.into_iter().map(|(name, value)| (name, value.into_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_signed_as_amazons_own_python_signs_it() {
        let session = Some("session/token+with=signs".to_owned());
        let credentials =
            Credentials::new("ASIALABLABLABLABLAB1", "lab+secret/of/nobody", session, None, "lab");
        let noon: jiff::Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
        let host = "mydb.aaaaaaaaaa.us-east-1.rds.amazonaws.com";
        let token = token(host, 5432, "db admin", "us-east-1", credentials, noon.into()).expect("a token");
        let query = token.reveal().split_once('?').expect("a query").1;
        assert!(
            token.reveal().starts_with(&format!("{host}:5432/?Action=connect&DBUser=db%20admin&")),
            "{query}"
        );
        assert!(
            query.contains("X-Amz-Expires=900") && query.contains("X-Amz-Date=20261123T120000Z"),
            "{query}"
        );
        assert!(
            query
                .contains("X-Amz-Signature=7b8fa58b748d5841ce349e1d0586542f9dabfc91297d208e0f3da49ba2cb7850"),
            "{query}"
        );
    }
}
