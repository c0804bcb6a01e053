//! One question to AWS, asked until it is answered: signed, in all its pages, and again where AWS is too busy.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::action::Action;
use super::door::{self, Reply};
use super::failure::Failure;
use super::shapes::SHAPES;
use super::sign::{self, Question};
use super::xml;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// More pages than any account has rows for: something hands out tokens without end.
const MOST_PAGES: usize = 1000;

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
}

impl Endpoints {
    /// One for all.
    pub fn all(url: &str) -> Self {
        let url = Some(url.to_owned());
        Self { ec2: url.clone(), rds: url.clone(), sts: url }
    }

    fn of(&self, service: &str) -> Option<&str> {
        match service {
            "ec2" => self.ec2.as_deref(),
            "rds" => self.rds.as_deref(),
            _ => self.sts.as_deref(),
        }
    }
}

/// How long AWS is waited for when it is too busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often a question is put in all.
    pub attempts: u32,
    /// How often questions are put again in all, so that a throttled account is not made worse.
    pub repeats: u32,
    /// The first wait is anything up to this, the next up to twice as much.
    pub first: Duration,
    /// But never more than this.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let (first, longest) = (Duration::from_millis(200), Duration::from_secs(5));
        Self { attempts: 6, repeats: 40, first, longest }
    }
}

impl Patience {
    /// A wait of any length up to what is due ("full jitter"), so that those who were refused together do not come
    /// back together.
    fn wait(&self, attempt: u32) -> Duration {
        let due = self.first.saturating_mul(1 << attempt.min(16)).min(self.longest);
        due.mul_f64(fastrand::f64())
    }
}

/// Asks AWS.
#[derive(Debug)]
pub struct Client {
    settings: ClientSettings,
    http: reqwest::Client,
    repeats: AtomicU32,
    /// Asked for once: a check is shorter than any credentials live.
    credentials: OnceCell<Credentials>,
}

impl Client {
    /// One for this Region. Nothing is asked yet.
    pub fn new(settings: ClientSettings) -> Result<Self, Failure> {
        let endpoint = endpoint(&settings, "ec2");
        let unreached = |because| Failure::NotReached { endpoint, because, meant: None };
        let http = door::client(settings.ca_bundle.as_deref()).map_err(unreached)?;
        let repeats = AtomicU32::new(settings.patience.repeats);
        Ok(Self { settings, http, repeats, credentials: OnceCell::new() })
    }

    /// The Region that it asks about.
    pub fn region(&self) -> &str {
        &self.settings.region
    }

    /// The whole answer, of however many pages, as the AWS CLI prints it.
    pub async fn ask(&self, action: Action, parameters: &[(String, String)]) -> Result<Value, Failure> {
        let mut whole = Map::new();
        let mut token: Option<(&str, String)> = None;
        for _ in 0..MOST_PAGES {
            let page = self.page(action, parameters, token.as_ref()).await?;
            append(&mut whole, page.answer);
            match page.token {
                None => return Ok(Value::Object(whole)),
                // A token that leads to itself leads nowhere.
                next if next == token => break,
                next => token = next,
            }
        }
        Err(Failure::Garbled(format!("the pages of {} do not end", action.name())))
    }

    async fn page(
        &self,
        action: Action,
        parameters: &[(String, String)],
        token: Option<&(&str, String)>,
    ) -> Result<xml::Page, Failure> {
        let body = form(action, parameters, token);
        let mut attempt = 0;
        loop {
            match self.attempt(action, &body).await {
                Err(failure) if failure.may_pass() && self.is_worth_another(attempt) => {
                    tokio::time::sleep(self.settings.patience.wait(attempt)).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn is_worth_another(&self, attempt: u32) -> bool {
        let take = |left: u32| left.checked_sub(1);
        attempt + 1 < self.settings.patience.attempts
            && self.repeats.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    async fn attempt(&self, action: Action, body: &str) -> Result<xml::Page, Failure> {
        let url = endpoint(&self.settings, action.service());
        let provided =
            self.credentials.get_or_try_init(|| self.settings.credentials.provide_credentials()).await;
        let credentials =
            provided.map_err(|error| Failure::NoCredentials(credentials_story(&error)))?.clone();
        let region = &self.settings.region;
        let question = Question { service: action.service(), region, url: &url, content_type: FORM, body };
        let now = door::now();
        let mut headers = sign::headers(&question, credentials, now)
            .map_err(|error| Failure::NotUnderstood(format!("signing for {url}: {error}")))?;
        headers.push(("content-type".to_owned(), FORM.to_owned()));
        let reply = door::post(&self.http, &url, &headers, body.to_owned()).await;
        let reply = reply.map_err(|because| not_reached(url, because, region))?;
        understand(action, &reply, now)
    }
}

fn understand(action: Action, reply: &Reply, now: SystemTime) -> Result<xml::Page, Failure> {
    if reply.status == 200 {
        return xml::page(action, &reply.body).map_err(Failure::Garbled);
    }
    match xml::refusal(&reply.body) {
        Some(refusal) => Err(Failure::from_refusal(action, &refusal, ahead(reply, now))),
        None if reply.status >= 500 => Err(Failure::Unavailable(format!("status {}", reply.status))),
        None => Err(Failure::Garbled(format!("status {} without an error of AWS's", reply.status))),
    }
}

/// By how many seconds this machine's clock is ahead of AWS's.
fn ahead(reply: &Reply, now: SystemTime) -> Option<i64> {
    let theirs = jiff::fmt::rfc2822::parse(reply.date.as_deref()?).ok()?.timestamp();
    let ours = jiff::Timestamp::try_from(now).ok()?;
    Some(ours.as_second() - theirs.as_second())
}

fn form(action: Action, parameters: &[(String, String)], token: Option<&(&str, String)>) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action.name()).append_pair("Version", SHAPES.version(action));
    form.extend_pairs(parameters);
    form.extend_pairs(token);
    form.finish()
}

fn append(whole: &mut Map<String, Value>, page: Map<String, Value>) {
    for (name, value) in page {
        match (whole.get_mut(&name), value) {
            (Some(Value::Array(rows)), Value::Array(more)) => rows.extend(more),
            (_, value) => drop(whole.insert(name, value)),
        }
    }
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
    fn a_form_says_what_is_asked_in_which_version() {
        let parameters = [("Filter.1.Value.1".to_owned(), "a b&c".to_owned())];
        let form = form(Action::DescribeDBInstances, &parameters, Some(&("Marker", "m=".to_owned())));
        assert_eq!(
            form,
            "Action=DescribeDBInstances&Version=2014-10-31&Filter.1.Value.1=a+b%26c&Marker=m%3D"
        );
    }

    #[test]
    fn waits_grow_but_not_without_end() {
        let patience = Patience::default();
        assert!((0..50).all(|_| patience.wait(0) <= patience.first));
        assert!((0..50).all(|_| patience.wait(60) <= patience.longest));
    }

    #[test]
    fn partitions_have_their_own_names() {
        assert_eq!(suffix("us-gov-west-1"), "amazonaws.com");
        assert_eq!(suffix("cn-north-1"), "amazonaws.com.cn");
        assert_eq!(suffix("us-isob-east-1"), "sc2s.sgov.gov");
    }
}
