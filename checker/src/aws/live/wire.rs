//! One signed request to a service of AWS's, and what came back: for whoever has something to ask. It knows nothing of
//! what is asked; rooms that may only read have words for nothing else.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tokio::sync::OnceCell;

use super::client::Patience;
use super::door::{self, Reply};
use super::failure::Failure;
use super::sign::{self, Question};
use super::xml::{self, Refusal};

/// How EC2, RDS and STS are spoken to.
pub(in crate::aws) const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Where AWS is, and who asks it.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// `eu-central-1`.
    pub region: String,
    /// Where the services are, if not where they always are.
    pub endpoints: Endpoints,
    /// Certificates in PEM to trust besides the system's.
    pub ca_bundle: Option<PathBuf>,
    /// Whose credentials.
    pub credentials: SharedCredentialsProvider,
    /// How long AWS is waited for.
    pub patience: Patience,
}

/// Endpoints that somebody named: `http://127.0.0.1:5000`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a service")]
pub struct Endpoints {
    pub ec2: Option<String>,
    pub rds: Option<String>,
    pub sts: Option<String>,
    pub ssm: Option<String>,
}

impl Endpoints {
    /// One for all.
    pub fn all(url: &str) -> Self {
        let url = Some(url.to_owned());
        Self { ec2: url.clone(), rds: url.clone(), sts: url.clone(), ssm: url }
    }

    fn of(&self, service: &str) -> Option<&str> {
        match service {
            "ec2" => self.ec2.as_deref(),
            "rds" => self.rds.as_deref(),
            "ssm" => self.ssm.as_deref(),
            _ => self.sts.as_deref(),
        }
    }
}

/// The way to AWS.
#[derive(Debug)]
pub(in crate::aws) struct Wire {
    settings: ClientSettings,
    http: reqwest::Client,
    /// Asked for once: a check is shorter than any credentials live.
    credentials: OnceCell<Credentials>,
    /// How often a question may still be put again.
    repeats: AtomicU32,
}

/// What came back.
#[derive(Debug)]
pub(in crate::aws) struct Answered {
    pub(in crate::aws) status: u16,
    pub(in crate::aws) body: String,
    /// By how many seconds this machine's clock is ahead of AWS's, where AWS said its time.
    pub(in crate::aws) ahead: Option<i64>,
}

impl Wire {
    pub(in crate::aws) fn new(settings: ClientSettings) -> Result<Self, Failure> {
        let endpoint = endpoint(&settings, "ec2");
        let unreached = |because| Failure::NotReached { endpoint, because, meant: None };
        let http = door::client(settings.ca_bundle.as_deref()).map_err(unreached)?;
        let repeats = AtomicU32::new(settings.patience.repeats);
        Ok(Self { settings, http, credentials: OnceCell::new(), repeats })
    }

    pub(in crate::aws) fn region(&self) -> &str {
        &self.settings.region
    }

    pub(in crate::aws) fn patience(&self) -> Patience {
        self.settings.patience
    }

    /// Whether a question that was refused for a moment is put again after so many attempts; takes one of the repeats.
    pub(in crate::aws) fn is_worth_another(&self, attempt: u32) -> bool {
        let take = |left: u32| left.checked_sub(1);
        attempt + 1 < self.settings.patience.attempts
            && self.repeats.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Sends it once. `headers` are besides those of the content and the signature.
    pub(in crate::aws) async fn send(
        &self,
        service: &str,
        content_type: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answered, Failure> {
        let url = endpoint(&self.settings, service);
        let provided =
            self.credentials.get_or_try_init(|| self.settings.credentials.provide_credentials()).await;
        let credentials =
            provided.map_err(|error| Failure::NoCredentials(credentials_story(&error)))?.clone();
        let region = &self.settings.region;
        let question = Question { service, region, url: &url, content_type, headers, body };
        let now = door::now();
        let mut signed = sign::headers(&question, credentials, now)
            .map_err(|error| Failure::NotUnderstood(format!("signing for {url}: {error}")))?;
        signed.push(("content-type".to_owned(), content_type.to_owned()));
        signed.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let reply = door::post(&self.http, &url, &signed, body.to_owned()).await;
        let reply = reply.map_err(|because| not_reached(url, because, region))?;
        let ahead = ahead(&reply, now);
        Ok(Answered { status: reply.status, body: reply.body, ahead })
    }
}

impl Answered {
    /// What AWS says instead of an answer in XML, or that somebody else answers in its place.
    pub(in crate::aws) fn refusal(&self) -> Option<Result<Refusal, Failure>> {
        if self.status == 200 {
            return None;
        }
        Some(match xml::refusal(&self.body) {
            Some(refusal) => Ok(refusal),
            None if self.status >= 500 => Err(Failure::Unavailable(format!("status {}", self.status))),
            None => Err(Failure::Garbled(format!("status {} without an error of AWS's", self.status))),
        })
    }
}

/// By how many seconds this machine's clock is ahead of AWS's.
fn ahead(reply: &Reply, now: SystemTime) -> Option<i64> {
    let theirs = jiff::fmt::rfc2822::parse(reply.date.as_deref()?).ok()?.timestamp();
    let ours = jiff::Timestamp::try_from(now).ok()?;
    Some(ours.as_second() - theirs.as_second())
}

fn endpoint(settings: &ClientSettings, service: &str) -> String {
    match settings.endpoints.of(service) {
        Some(url) => format!("{}/", url.trim_end_matches('/')),
        None => format!("https://{service}.{}.{}/", settings.region, suffix(&settings.region)),
    }
}

/// The partitions of AWS have names of their own.
fn suffix(region: &str) -> &'static str {
    const PARTITIONS: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("us-iso-", "c2s.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("eusc-", "amazonaws.eu"),
    ];
    PARTITIONS.iter().find(|(begin, _)| region.starts_with(begin)).map_or("amazonaws.com", |(_, end)| end)
}

fn not_reached(endpoint: String, because: String, region: &str) -> Failure {
    Failure::NotReached { meant: crate::aws::profile::meant_region(region), endpoint, because }
}

/// The chain tells all that it tried; what it tried last is what matters.
fn credentials_story(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string().lines().last().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_have_their_own_names() {
        assert_eq!(suffix("us-gov-west-1"), "amazonaws.com");
        assert_eq!(suffix("cn-north-1"), "amazonaws.com.cn");
        assert_eq!(suffix("us-isob-east-1"), "sc2s.sgov.gov");
    }
}
