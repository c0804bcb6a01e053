//! What every AWS client of this program shares: region, endpoint, credentials, and the names of its failures.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::imds::Client as ImdsClient;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder as HttpClientBuilder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

const CONNECT: Duration = Duration::from_secs(4);
const ANSWER: Duration = Duration::from_secs(10);

/// Where AWS is, and who to be there.
#[derive(Debug, Clone, Default)]
pub struct AwsSettings {
    /// From the settings, else from the metadata service.
    pub region: Option<String>,
    /// One endpoint for every service, in labs and private installations.
    pub endpoint: Option<String>,
    /// Where the metadata service is, if not where it always is.
    pub metadata_endpoint: Option<String>,
    /// Instead of looking for credentials in the environment, in files and in the metadata service.
    pub credentials: Option<SharedCredentialsProvider>,
}

/// The configuration of every client. Makes no request yet; retries are the callers' business.
pub async fn sdk_config(settings: &AwsSettings) -> SdkConfig {
    let region = settings.region.clone().map(Region::new);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).operation_timeout(ANSWER).build());
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader = match &settings.credentials {
        Some(credentials) => loader.credentials_provider(credentials.clone()),
        None => loader.credentials_provider(credentials_chain(settings, region).await),
    };
    loader.load().await
}

/// The environment, then files (as Default Host Management names them), then the instance's role.
async fn credentials_chain(settings: &AwsSettings, region: Option<Region>) -> DefaultCredentialsChain {
    let direct = ProviderConfig::without_region().with_http_client(client_without_proxy());
    let mut metadata =
        ImdsClient::builder().configure(&direct).max_attempts(2).connect_timeout(Duration::from_secs(1));
    metadata = match settings.metadata_endpoint.as_deref().map(|endpoint| metadata.clone().endpoint(endpoint))
    {
        Some(Ok(at_endpoint)) => at_endpoint,
        Some(Err(_)) | None => metadata,
    };
    let mut chain = DefaultCredentialsChain::builder().imds_client(metadata.build());
    chain.set_region(region);
    chain.build().await
}

/// A proxy that the environment names is for the way out; the metadata service would not be found behind it.
fn client_without_proxy() -> SharedHttpClient {
    HttpClientBuilder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::disabled());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build_http()
    })
}

/// What was asked of AWS, in IAM's words: `ssm:PutInventory` on an ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `ssm:PutInventory`.
    pub action: &'static str,
    /// The ARN that a policy would name, or `*`.
    pub resource: String,
}

impl Request {
    /// A request to be made.
    pub fn new(action: &'static str, resource: impl Into<String>) -> Self {
        Self { action, resource: resource.into() }
    }
}

/// Why AWS did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsFailure {
    /// Too often; later is fine.
    Throttled,
    /// The role may not.
    AccessDenied {
        /// `ssm:PutParameter`.
        action: String,
        /// The ARN.
        resource: String,
    },
    /// Systems Manager does not know this instance (yet).
    NotRegistered,
    /// Nobody gave this program credentials.
    NoCredentials(String),
    /// The credentials have ended.
    ExpiredCredentials,
    /// The service was not reached.
    NoNetwork(String),
    /// It is out of order for a moment.
    Unavailable(String),
    /// This host's clock is too far from AWS's.
    ClockSkew(String),
    /// What was asked for is not there.
    NotFound(String),
    /// AWS finds the request wrong.
    Invalid(String),
    /// Anything else, in AWS's words.
    Other(String),
}

impl AwsFailure {
    /// What an SDK error means.
    pub fn from_sdk<E, R>(request: &Request, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: fmt::Debug + 'static,
    {
        match error {
            SdkError::ServiceError(service) => {
                let refused = service.err();
                Self::from_service(
                    request,
                    refused.code().unwrap_or_default(),
                    refused.message().unwrap_or_default(),
                )
            }
            SdkError::TimeoutError(_) => Self::NoNetwork("no answer in time".to_owned()),
            SdkError::DispatchFailure(dispatch) => Self::from_dispatch(
                dispatch.as_connector_error().map(|cause| cause as &(dyn Error + 'static)),
            ),
            SdkError::ConstructionFailure(_) => Self::from_dispatch(error.source()),
            other => Self::Unavailable(last_cause(other)),
        }
    }

    fn from_dispatch(cause: Option<&(dyn Error + 'static)>) -> Self {
        let mut next = cause;
        while let Some(error) = next {
            if error.is::<CredentialsError>() {
                return Self::NoCredentials(last_line(&last_cause(error)));
            }
            next = error.source();
        }
        match cause.map_or_else(|| "no reason given".to_owned(), last_cause) {
            words if words.contains("credential") => Self::NoCredentials(last_line(&words)),
            words => Self::NoNetwork(words),
        }
    }

    /// What an error code and its message mean.
    pub fn from_service(request: &Request, code: &str, message: &str) -> Self {
        let name = code.strip_suffix("Exception").unwrap_or(code);
        match name {
            "Throttling"
            | "Throttled"
            | "RequestThrottled"
            | "RequestLimitExceeded"
            | "TooManyRequests"
            | "TooManyUpdates"
            | "SlowDown" => Self::Throttled,
            "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized" => denied(request, message),
            "InvalidInstanceId" | "InvalidResourceId" => Self::NotRegistered,
            "ExpiredToken" => Self::ExpiredCredentials,
            "MissingAuthenticationToken" | "UnrecognizedClient" | "InvalidClientTokenId" => {
                Self::NoCredentials(message.to_owned())
            }
            "RequestExpired" | "RequestTimeTooSkewed" => Self::ClockSkew(message.to_owned()),
            "InvalidSignature" | "SignatureDoesNotMatch" if is_about_time(message) => {
                Self::ClockSkew(message.to_owned())
            }
            "ResourceNotFound" | "ParameterNotFound" => Self::NotFound(message.to_owned()),
            "InternalServerError"
            | "InternalServiceError"
            | "InternalFailure"
            | "ServiceUnavailable"
            | "RequestTimeout"
            | "" => Self::Unavailable(or_code(message, code)),
            _ if name.starts_with("Invalid") || name.ends_with("LimitExceeded") || name == "Validation" => {
                Self::Invalid(format!("{code}: {message}"))
            }
            _ => Self::Other(format!("{code}: {message}")),
        }
    }

    /// Whether the same request may succeed a moment later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable(_) | Self::NoNetwork(_) | Self::ExpiredCredentials)
    }

    /// Whether it may succeed some minutes later, without anybody doing anything about it.
    pub fn passes_with_time(&self) -> bool {
        self.may_pass() || matches!(self, Self::NotRegistered | Self::ClockSkew(_))
    }

    /// Whether every other request would fail in the same way, so that trying is a waste of time.
    pub fn concerns_all(&self) -> bool {
        matches!(
            self,
            Self::NoCredentials(_) | Self::ExpiredCredentials | Self::NoNetwork(_) | Self::ClockSkew(_)
        )
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Throttled => "AWS limits this call per account; reports are sent again within the hour, and \
                the next run tries the rest"
                .to_owned(),
            Self::AccessDenied { action, resource } => {
                format!("add to the instance's role: {}", statement(action, resource))
            }
            Self::NotRegistered => "Systems Manager does not know this instance: see that amazon-ssm-agent runs, \
                that the role has AmazonSSMManagedInstanceCore and that the ssm endpoint is reached; \
                the report is sent again within the hour, and by the next run"
                .to_owned(),
            Self::NoCredentials(_) => "give the instance a role with AmazonSSMManagedInstanceCore; under Default Host \
                Management only runs through Systems Manager have credentials, and they bring older reports along"
                .to_owned(),
            Self::ExpiredCredentials => "the credentials have ended; new ones come with the next run".to_owned(),
            Self::NoNetwork(_) => "open a way to the service: a NAT gateway, or interface endpoints for ssm (and \
                secretsmanager, where used), port 443; vivarium-agent doctor shows how far it gets"
                .to_owned(),
            Self::ClockSkew(_) => "set this host's clock: chronyc makestep".to_owned(),
            Self::Unavailable(_) => "AWS is out of order for the moment; reports are sent again within the hour, and \
                the next run tries the rest"
                .to_owned(),
            Self::NotFound(_) => "look for it in this account and Region".to_owned(),
            Self::Invalid(_) | Self::Other(_) => String::new(),
        }
    }
}

impl fmt::Display for AwsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttled => f.write_str("throttled (Rate exceeded)"),
            Self::AccessDenied { action, resource } => write!(f, "access denied: {action} on {resource}"),
            Self::NotRegistered => f.write_str("this instance is not registered with Systems Manager"),
            Self::NoCredentials(why) => write!(f, "no credentials: {why}"),
            Self::ExpiredCredentials => f.write_str("the credentials have expired"),
            Self::NoNetwork(why) => write!(f, "not reached: {why}"),
            Self::Unavailable(why) => write!(f, "out of order: {why}"),
            Self::ClockSkew(why) => write!(f, "this host's clock is wrong: {why}"),
            Self::NotFound(what) => write!(f, "not found: {what}"),
            Self::Invalid(why) | Self::Other(why) => f.write_str(why),
        }
    }
}

impl Error for AwsFailure {}

/// The smallest IAM statement that allows it.
pub fn statement(action: &str, resource: &str) -> String {
    let escaped = serde_json::Value::from(resource);
    format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":{escaped}}}"#)
}

/// IAM names the action and the resource itself, which is more exact than what we meant to do.
fn denied(request: &Request, message: &str) -> AwsFailure {
    if message.contains("Access to KMS is not allowed") {
        return AwsFailure::AccessDenied { action: "kms:Decrypt".to_owned(), resource: "*".to_owned() };
    }
    let named = |before: &str| word_after(message, before).map(str::to_owned);
    AwsFailure::AccessDenied {
        action: named("to perform: ").unwrap_or_else(|| request.action.to_owned()),
        resource: named("on resource: ").unwrap_or_else(|| request.resource.clone()),
    }
}

fn word_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_whitespace().next()
}

fn is_about_time(message: &str) -> bool {
    message.contains("Signature expired") || message.contains("not yet current")
}

fn or_code(message: &str, code: &str) -> String {
    if message.is_empty() { code.to_owned() } else { message.to_owned() }
}

/// The chain lists all that it tried, a line each; the metadata service comes last and is the one that matters.
fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim().to_owned()
}

fn last_cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str, message: &str) -> AwsFailure {
        let request = Request::new("ssm:PutInventory", "arn:aws:ec2:us-east-1:1:instance/i-1");
        AwsFailure::from_service(&request, code, message)
    }

    #[test]
    fn a_denial_names_what_iam_names_and_the_statement_that_would_help() {
        let message = "User: arn:aws:sts::1:assumed-role/r/i-1 is not authorized to perform: ssm:PutParameter on \
            resource: arn:aws:ssm:us-east-1:1:parameter/vivarium/i-1 because no identity-based policy allows it";
        let denied = failure("AccessDeniedException", message);
        let wanted = r#"{"Effect":"Allow","Action":"ssm:PutParameter","Resource":"arn:aws:ssm:us-east-1:1:parameter/vivarium/i-1"}"#;
        assert!(denied.hint().ends_with(wanted), "{}", denied.hint());
    }

    #[test]
    fn a_denial_without_words_names_what_was_tried() {
        let wanted = AwsFailure::AccessDenied {
            action: "ssm:PutInventory".to_owned(),
            resource: "arn:aws:ec2:us-east-1:1:instance/i-1".to_owned(),
        };
        assert_eq!(failure("AccessDeniedException", ""), wanted);
    }

    #[test]
    fn a_key_that_may_not_be_used_is_a_denial_of_decrypting() {
        let denied = failure("AccessDeniedException", "Access to KMS is not allowed");
        assert!(denied.hint().contains("kms:Decrypt"), "{denied:?}");
    }

    #[test]
    fn every_name_for_too_often_is_throttling() {
        for code in [
            "ThrottlingException",
            "Throttling",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "TooManyUpdates",
        ] {
            assert_eq!(failure(code, "Rate exceeded"), AwsFailure::Throttled, "{code}");
        }
    }

    #[test]
    fn a_signature_is_about_the_clock_only_where_aws_says_so() {
        let late = "Signature expired: 20261123T100000Z is now earlier than 20261123T110000Z";
        assert!(matches!(failure("InvalidSignatureException", late), AwsFailure::ClockSkew(_)));
        let wrong = "The request signature we calculated does not match";
        assert!(matches!(failure("InvalidSignatureException", wrong), AwsFailure::Invalid(_)));
    }

    #[test]
    fn only_what_passes_by_itself_is_tried_again() {
        assert!(failure("ThrottlingException", "").may_pass());
        assert!(failure("InternalServerError", "").may_pass());
        for code in [
            "AccessDeniedException",
            "ValidationException",
            "InvalidInstanceId",
            "ItemSizeLimitExceededException",
        ] {
            assert!(!failure(code, "").may_pass(), "{code}");
        }
    }
}
