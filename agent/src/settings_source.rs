//! Settings from where UserData points to: a parameter of Systems Manager or an object in S3.

use std::fmt;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use vivarium_bootstrap::host::clock;
use vivarium_bootstrap::host::http::Http;

use crate::aws::{AwsFailure, Request};
use crate::config::SettingsSource;

/// More than any settings are long.
const MOST: usize = 1 << 20;

/// Why there are no settings to be had from there, and what to do.
#[derive(Debug)]
pub struct SourceError {
    cause: String,
    hint: String,
}

impl SourceError {
    fn new(cause: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self { cause: cause.to_string(), hint: hint.into() }
    }

    fn aws(failure: &AwsFailure) -> Self {
        Self::new(failure, failure.hint())
    }

    /// What to do.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

/// The text that is kept there.
pub async fn fetch(source: &SettingsSource, aws: &SdkConfig, http: &Http) -> Result<String, SourceError> {
    match source {
        SettingsSource::Parameter(name) => parameter(name, aws).await,
        SettingsSource::Object { bucket, key } => object(bucket, key, aws, http).await,
    }
}

async fn parameter(name: &str, aws: &SdkConfig) -> Result<String, SourceError> {
    let region = aws.region().map_or("*", |region| region.as_ref());
    let path = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
    let request = Request::new("ssm:GetParameter", format!("arn:aws:ssm:{region}:*:parameter{path}"));
    let call = aws_sdk_ssm::Client::new(aws).get_parameter().name(name).with_decryption(true);
    let answer =
        call.send().await.map_err(|error| SourceError::aws(&AwsFailure::from_sdk(&request, &error)))?;
    let text = answer.parameter().and_then(|parameter| parameter.value()).map(str::to_owned);
    text.ok_or_else(|| SourceError::new("it is empty", "store the settings in it"))
}

async fn object(bucket: &str, key: &str, aws: &SdkConfig, http: &Http) -> Result<String, SourceError> {
    let region = aws.region().map(|region| region.as_ref().to_owned());
    let region = region.ok_or_else(|| SourceError::new("no Region is known", "set AWS_REGION"))?;
    let url = address(aws.endpoint_url(), &region, bucket, key);
    let headers = signed(&url, &region, aws).await?;
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut answer =
        http.get(&url, &headers).await.map_err(|error| SourceError::new(&error, error.hint()))?;
    if answer.status() != 200 {
        let there = answer.header("x-amz-bucket-region").map(str::to_owned);
        return Err(refused(answer.status(), there.as_deref(), bucket, key));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| SourceError::new(&error, error.hint()))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST {
            return Err(SourceError::new("it is longer than settings are", "see what is kept there"));
        }
    }
    String::from_utf8(bytes)
        .map_err(|error| SourceError::new(error, "store the settings there, as UTF-8 text"))
}

/// With the bucket in the path: a bucket's name may have dots, which certificates do not cover.
fn address(endpoint: Option<&str>, region: &str, bucket: &str, key: &str) -> String {
    let of_china = if region.starts_with("cn-") { ".cn" } else { "" };
    let usual = format!("https://s3.{region}.amazonaws.com{of_china}");
    format!("{}/{bucket}/{key}", endpoint.map_or(usual.as_str(), |endpoint| endpoint.trim_end_matches('/')))
}

fn refused(status: u16, region: Option<&str>, bucket: &str, key: &str) -> SourceError {
    match (status, region) {
        (301, Some(region)) => {
            SourceError::new(format!("the bucket is in {region}"), format!("set AWS_REGION={region}"))
        }
        (403, _) => SourceError::aws(&AwsFailure::AccessDenied {
            action: "s3:GetObject".to_owned(),
            resource: format!("arn:aws:s3:::{bucket}/{key}"),
        }),
        (404, _) => SourceError::new("there is no such object", "look for it in this account"),
        _ => SourceError::new(
            format!("S3 answers {status}"),
            "run again; if it happens again, look at the bucket",
        ),
    }
}

async fn signed(url: &str, region: &str, aws: &SdkConfig) -> Result<Vec<(String, String)>, SourceError> {
    let none = |why: String| SourceError::aws(&AwsFailure::NoCredentials(why));
    let provider = aws.credentials_provider().ok_or_else(|| none("no provider".to_owned()))?;
    let credentials = provider.provide_credentials().await.map_err(|error| none(error.to_string()))?;
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    // S3 signs the path as it is sent, and wants to be told what is in the body, even where there is none.
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(SystemTime::from(clock::now()))
        .settings(settings)
        .build()
        .expect("everything that it needs is given")
        .into();
    let wrong = |error| SourceError::new(error, "see the bucket's name and the key");
    let request =
        SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(&[])).map_err(wrong)?;
    let (instructions, _signature) = sign(request, &parameters).map_err(wrong)?.into_parts();
    let (headers, _query) = instructions.into_parts();
    Ok(headers.into_iter().map(|header| (header.name().to_owned(), header.value().to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_found_where_its_region_keeps_it() {
        assert_eq!(address(None, "eu-west-1", "a.b", "c/d"), "https://s3.eu-west-1.amazonaws.com/a.b/c/d");
        assert_eq!(address(None, "cn-north-1", "a", "c"), "https://s3.cn-north-1.amazonaws.com.cn/a/c");
        assert_eq!(address(Some("http://lab/"), "eu-west-1", "a", "c"), "http://lab/a/c");
    }

    #[test]
    fn a_refusal_says_what_would_allow_it() {
        let denied = refused(403, None, "bucket", "agent.toml");
        assert!(
            denied.hint().contains(r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/agent.toml""#)
        );
        assert_eq!(refused(301, Some("eu-west-1"), "b", "k").hint(), "set AWS_REGION=eu-west-1");
    }
}
