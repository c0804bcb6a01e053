//! Asks the instance metadata service who this instance is. Version 2 only, never through a proxy.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

/// Where every instance finds it.
pub const ENDPOINT: &str = "http://169.254.169.254";

const TOKEN: &str = "X-aws-ec2-metadata-token";
const TOKEN_LIFETIME: &str = "X-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_SECONDS: &str = "21600";
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Who this instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `i-0123456789abcdef0`.
    pub id: String,
    /// `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// `us-east-1a`.
    pub availability_zone: String,
    /// `t3.large`.
    pub instance_type: String,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection: the service is one hop away.
    pub connect: Duration,
    /// For one answer.
    pub read: Duration,
    /// In all, retries included.
    pub budget: Duration,
}

impl Patience {
    /// Under UserData: the service may start later than we do.
    pub const BOOTING: Self = Self::within(Duration::from_mins(2));
    /// For a person who waits.
    pub const INTERACTIVE: Self = Self::within(Duration::from_secs(6));

    /// The usual time for each request, and this much in all.
    pub const fn within(budget: Duration) -> Self {
        Self { connect: Duration::from_secs(1), read: Duration::from_secs(5), budget }
    }
}

/// Why the service did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diagnosis {
    /// It says 403 or refuses connections: switched off for this instance.
    Disabled,
    /// It takes connections, but the token never arrives: one hop too far away, or a proxy between.
    HopLimitOrProxy,
    /// Nothing is at that address: not an EC2 instance, or no route to it.
    NotOnEc2,
    /// It answers "later".
    Throttled,
    /// It answers what no metadata service should.
    Unintelligible(String),
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("it is switched off for this instance"),
            Self::HopLimitOrProxy => f.write_str("it takes connections, but the session token never arrives"),
            Self::NotOnEc2 => f.write_str("nothing is at its address"),
            Self::Throttled => f.write_str("it is busy"),
            Self::Unintelligible(what) => f.write_str(what),
        }
    }
}

impl Diagnosis {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Disabled => {
                "enable it: aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled; \
                 a firewall on this host that rejects 169.254.169.254 looks the same"
            }
            Self::HopLimitOrProxy => {
                "in a container the reply is one hop too far: aws ec2 modify-instance-metadata-options \
                 --instance-id ID --http-put-response-hop-limit 2; or something between swallows PUT requests"
            }
            Self::NotOnEc2 => {
                "if this is an EC2 instance, look for a route or a firewall rule for 169.254.169.254"
            }
            Self::Throttled => "something on this instance asks it too often; try again in a minute",
            Self::Unintelligible(_) => "see what answers at 169.254.169.254 on this host",
        }
    }

    /// Whether asking again may help: services start late, tokens do not arrive by asking twice.
    fn may_pass(&self) -> bool {
        !matches!(self, Self::Unintelligible(_))
    }
}

/// The service did not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImdsError {
    /// Why.
    pub diagnosis: Diagnosis,
    doing: String,
}

impl fmt::Display for ImdsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.diagnosis)
    }
}

impl Error for ImdsError {}

/// A way to the metadata service, with a session token once one was needed.
pub struct Imds {
    client: Client,
    endpoint: String,
    patience: Patience,
    token: Option<String>,
}

/// What one request came to, before anyone decides what that means.
enum Reply {
    Text(String),
    Status(StatusCode),
    Broken(reqwest::Error),
}

impl Imds {
    /// `endpoint` is [`ENDPOINT`] but for labs and for instances that are reached by IPv6.
    #[expect(clippy::disallowed_methods, reason = "this is the agent's metadata door")]
    pub fn new(endpoint: &str, patience: Patience) -> Self {
        let client = Client::builder()
            .no_proxy()
            .connect_timeout(patience.connect)
            .timeout(patience.read)
            .build()
            .expect("a client without options of its own is always made");
        Self { client, endpoint: endpoint.trim_end_matches('/').to_owned(), patience, token: None }
    }

    /// Who this instance is, from its identity document.
    pub async fn instance(&mut self) -> Result<Instance, ImdsError> {
        let path = "dynamic/instance-identity/document";
        let document = self.get(path).await?;
        document.as_deref().and_then(parse_document).ok_or_else(|| ImdsError {
            diagnosis: Diagnosis::Unintelligible("no instance identity document in its answer".to_owned()),
            doing: self.doing(path),
        })
    }

    /// The value at a path such as `meta-data/iam/security-credentials/`; `None` where there is none.
    pub async fn get(&mut self, path: &str) -> Result<Option<String>, ImdsError> {
        let url = format!("{}/latest/{path}", self.endpoint);
        let deadline = Instant::now() + self.patience.budget;
        let mut refreshed = false;
        loop {
            let token = self.token(deadline).await?;
            match self.retried(Method::GET, &url, (TOKEN, &token), deadline).await? {
                Reply::Text(text) => return Ok(Some(text)),
                Reply::Status(StatusCode::NOT_FOUND) => return Ok(None),
                Reply::Status(StatusCode::UNAUTHORIZED) if !refreshed => {
                    refreshed = true;
                    self.token = None;
                }
                other => return Err(ImdsError { diagnosis: diagnose(&other), doing: self.doing(path) }),
            }
        }
    }

    async fn token(&mut self, deadline: Instant) -> Result<String, ImdsError> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let url = format!("{}/latest/api/token", self.endpoint);
        match self.retried(Method::PUT, &url, (TOKEN_LIFETIME, TOKEN_SECONDS), deadline).await? {
            Reply::Text(token) => Ok(self.token.insert(token).clone()),
            other => Err(ImdsError { diagnosis: diagnose(&other), doing: self.doing("api/token") }),
        }
    }

    /// Asks until there is an answer that asking again would not change, or the time is up.
    async fn retried(
        &self,
        method: Method,
        url: &str,
        header: (&str, &str),
        deadline: Instant,
    ) -> Result<Reply, ImdsError> {
        let mut pause = Duration::from_millis(200);
        loop {
            let reply = self.ask(method.clone(), url, header).await;
            if reply.is_final() {
                return Ok(reply);
            }
            let diagnosis = diagnose(&reply);
            if !diagnosis.may_pass() || Instant::now() + pause >= deadline {
                return Err(ImdsError { diagnosis, doing: format!("asking {url}") });
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn ask(&self, method: Method, url: &str, (name, value): (&str, &str)) -> Reply {
        match self.client.request(method, url).header(name, value).send().await {
            Ok(response) if response.status() == StatusCode::OK => {
                response.text().await.map_or_else(Reply::Broken, Reply::Text)
            }
            Ok(response) => Reply::Status(response.status()),
            Err(error) => Reply::Broken(error),
        }
    }

    fn doing(&self, path: &str) -> String {
        format!("asking {}/latest/{path}", self.endpoint)
    }
}

impl Reply {
    /// An answer stands, unless it says "later".
    fn is_final(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Status(status) => !asks_for_patience(*status),
            Self::Broken(_) => false,
        }
    }
}

fn asks_for_patience(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn diagnose(reply: &Reply) -> Diagnosis {
    match reply {
        Reply::Text(_) => Diagnosis::Unintelligible("an answer that nobody asked for".to_owned()),
        Reply::Status(StatusCode::FORBIDDEN) => Diagnosis::Disabled,
        Reply::Status(status) if asks_for_patience(*status) => Diagnosis::Throttled,
        Reply::Status(status) => Diagnosis::Unintelligible(format!("it answers {status}")),
        Reply::Broken(error) => diagnose_broken(error.is_connect(), error.is_timeout(), io_kind(error)),
    }
}

/// A connection that failed says whether anything is there; a silence after it, that the way back is cut.
fn diagnose_broken(connecting: bool, timed_out: bool, kind: Option<ErrorKind>) -> Diagnosis {
    match (connecting, kind) {
        (true, Some(ErrorKind::ConnectionRefused)) => Diagnosis::Disabled,
        (true, _) => Diagnosis::NotOnEc2,
        (false, _) if timed_out => Diagnosis::HopLimitOrProxy,
        (false, _) => Diagnosis::Unintelligible("the connection broke off".to_owned()),
    }
}

fn io_kind(error: &reqwest::Error) -> Option<ErrorKind> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        next = cause.source();
    }
    None
}

fn parse_document(text: &str) -> Option<Instance> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        instance_id: String,
        region: String,
        account_id: String,
        availability_zone: String,
        instance_type: String,
    }
    let document: Document = serde_json::from_str(text).ok()?;
    Some(Instance {
        id: document.instance_id,
        region: document.region,
        account: document.account_id,
        availability_zone: document.availability_zone,
        instance_type: document.instance_type,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_document_is_read_and_what_it_has_besides_is_left() {
        let text = r#"{"accountId":"123456789012","architecture":"x86_64","availabilityZone":"us-east-1a",
            "instanceId":"i-0123456789abcdef0","instanceType":"t3.large","region":"us-east-1","version":"2017-09-30"}"#;
        let instance = parse_document(text).expect("a document");
        assert_eq!((instance.id.as_str(), instance.region.as_str()), ("i-0123456789abcdef0", "us-east-1"));
        assert_eq!(parse_document("<html>"), None);
    }

    #[test]
    fn each_way_to_break_has_its_own_name() {
        assert_eq!(diagnose_broken(true, false, Some(ErrorKind::ConnectionRefused)), Diagnosis::Disabled);
        assert_eq!(diagnose_broken(true, false, Some(ErrorKind::HostUnreachable)), Diagnosis::NotOnEc2);
        assert_eq!(diagnose_broken(true, true, None), Diagnosis::NotOnEc2);
        assert_eq!(diagnose_broken(false, true, None), Diagnosis::HopLimitOrProxy);
    }

    #[test]
    fn only_busy_and_broken_are_asked_again() {
        assert!(Reply::Status(StatusCode::NOT_FOUND).is_final());
        assert!(Reply::Status(StatusCode::FORBIDDEN).is_final());
        assert!(!Reply::Status(StatusCode::SERVICE_UNAVAILABLE).is_final());
        assert!(!Reply::Status(StatusCode::TOO_MANY_REQUESTS).is_final());
    }
}
