//! A thousand instances that boot within a minute share what Systems Manager takes of one account in a second. The
//! deliverers are the real ones, with the SDK and a queue on disk; the API is in this process, and the clock is tokio's,
//! which passes over the time in which everybody waits.

#![expect(clippy::print_stdout, reason = "it says what it measured")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::ready;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use vivarium_agent::aws::{AwsSettings, sdk_config};
use vivarium_agent::deliver::follow::{FollowRule, Left, follow};
use vivarium_agent::deliver::queue::Queue;
use vivarium_agent::deliver::retry::RetryRule;
use vivarium_agent::deliver::{Delivery, Destination, Node, Options, deliver, flush};
use vivarium_bootstrap::report::{Outcome, Report, StepReport, Verdict};

const FLEET: u32 = 1000;
const MINUTE: Duration = Duration::from_mins(1);
/// What a call takes, there and back.
const LATENCY: Duration = Duration::from_millis(50);
/// The rate that AWS's support has named for writes of parameters, and the lowest known of this service.
const LOWEST: f64 = 3.0;

/// What one account may do of one call: so many in a second, and those of one second at once.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Systems Manager, as far as an account's agents see it.
#[derive(Debug)]
struct Api {
    per_second: f64,
    buckets: Mutex<BTreeMap<String, Bucket>>,
    accepted: Mutex<Vec<(Instant, String, Value)>>,
    throttled: Mutex<usize>,
}

impl Api {
    fn new(per_second: f64) -> Arc<Self> {
        let (buckets, accepted) = (Mutex::default(), Mutex::default());
        Arc::new(Self { per_second, buckets, accepted, throttled: Mutex::default() })
    }

    fn answer(&self, action: &str, body: Value) -> HttpResponse {
        if !self.spend(action) {
            *self.throttled.lock().expect("a lock") += 1;
            return said(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
        }
        self.accepted.lock().expect("a lock").push((Instant::now(), action.to_owned(), body));
        said(200, "{}")
    }

    fn spend(&self, action: &str) -> bool {
        let (now, most) = (Instant::now(), self.per_second.max(1.0));
        let mut buckets = self.buckets.lock().expect("a lock");
        let bucket = buckets.entry(action.to_owned()).or_insert(Bucket { tokens: most, at: now });
        bucket.tokens = most.min(bucket.tokens + (now - bucket.at).as_secs_f64() * self.per_second);
        bucket.at = now;
        let is_enough = bucket.tokens >= 1.0;
        bucket.tokens -= if is_enough { 1.0 } else { 0.0 };
        is_enough
    }

    /// What an action was told, each instance by its id.
    fn told(&self, action: &str, instance: fn(&Value) -> &Value) -> BTreeSet<String> {
        let accepted = self.accepted.lock().expect("a lock");
        let of_action = accepted.iter().filter(|(_, name, _)| name == action);
        of_action.map(|(_, _, body)| instance(body).as_str().expect("an id").to_owned()).collect()
    }

    /// The most that were accepted of an action within any one second.
    fn most_in_a_second(&self, action: &str) -> usize {
        let accepted = self.accepted.lock().expect("a lock");
        let times: Vec<Instant> =
            accepted.iter().filter(|(_, name, _)| name == action).map(|(at, ..)| *at).collect();
        let second = Duration::from_secs(1);
        let within = |from: Instant| times.iter().filter(|at| **at >= from && **at - from < second).count();
        times.iter().map(|from| within(*from)).max().unwrap_or(0)
    }
}

fn said(status: u16, body: &str) -> HttpResponse {
    HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body))
}

/// The SDK's way to it.
#[derive(Debug)]
struct Wire(Arc<Api>);

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let api = Arc::clone(&self.0);
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let action = target.trim_start_matches("AmazonSSM.").to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        HttpConnectorFuture::new(async move {
            sleep(LATENCY).await;
            Ok(api.answer(&action, body))
        })
    }
}

async fn client(api: &Arc<Api>) -> aws_sdk_ssm::Client {
    let credentials = Credentials::new("ASIAFLEET", "secret", None, None, "fleet");
    let settings = AwsSettings {
        region: Some("us-east-1".to_owned()),
        credentials: Some(SharedCredentialsProvider::new(credentials)),
        ..AwsSettings::default()
    };
    let wire = SharedHttpConnector::new(Wire(Arc::clone(api)));
    let http = http_client_fn(move |_, _| wire.clone());
    aws_sdk_ssm::Client::new(&sdk_config(&settings).await.into_builder().http_client(http).build())
}

fn report(number: u32) -> Report {
    let step = |name: &str| StepReport {
        name: name.to_owned(),
        outcome: Outcome::Changed,
        summary: "done".to_owned(),
        hint: String::new(),
        milliseconds: 7,
        facts: BTreeMap::new(),
    };
    Report {
        version: 1,
        run: format!("run-{number}"),
        caller: "userdata".to_owned(),
        started: "2026-11-23T10:00:00.000Z".to_owned(),
        ended: "2026-11-23T10:01:00.000Z".to_owned(),
        verdict: Verdict::Ok,
        exit_code: 0,
        steps: ["volume", "filesystem", "mount", "database"].map(step).to_vec(),
    }
}

/// What became of one instance.
struct Booted {
    /// For how long its run waited for the delivery.
    held: Duration,
    /// After how long all of it had arrived; nothing where it has not.
    arrived: Option<Duration>,
}

fn instance(number: u32) -> String {
    format!("i-{number:017x}")
}

/// As `vivarium-agent run` and, where a report waits, the `report --keep-trying` that it leaves behind.
async fn boot(number: u32, client: aws_sdk_ssm::Client, folder: &Path) -> Booted {
    sleep(MINUTE * number / FLEET).await;
    let queue = Queue::at(folder.join(number.to_string()));
    let there = || {
        let (instance, region, account) =
            (instance(number), "us-east-1".to_owned(), "123456789012".to_owned());
        ready(Destination::SystemsManager(Node { client: client.clone(), instance, region, account }))
    };
    let began = Instant::now();
    let delivery = deliver(&report(number), &queue, there(), &Options::default()).await;
    let held = began.elapsed();
    if delivery.later {
        let options = Options { retry: FollowRule::default().within(), ..Options::default() };
        follow(FollowRule::default(), async || {
            let delivery = flush(&queue, there(), &options).await.expect("a queue");
            if delivery.is_some_and(|delivery: Delivery| delivery.later) {
                Left::ForLater
            } else {
                Left::Nothing
            }
        })
        .await;
    }
    let is_empty = queue.waiting().expect("a queue").is_empty() && queue.owed().is_none();
    Booted { held, arrived: is_empty.then(|| began.elapsed()) }
}

/// A fleet, and what it met.
struct Fleet {
    api: Arc<Api>,
    booted: Vec<Booted>,
}

async fn fleet(per_second: f64) -> Fleet {
    let api = Api::new(per_second);
    let client = client(&api).await;
    // Queues are synced to disk: a thousand of them in memory, where there is some.
    let shared = Path::new("/dev/shm");
    let folder = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    let folder = folder.expect("a folder");
    let booted = join_all((0..FLEET).map(|number| boot(number, client.clone(), folder.path()))).await;
    Fleet { api, booted }
}

impl Fleet {
    fn longest_held(&self) -> Duration {
        self.booted.iter().map(|one| one.held).max().unwrap_or_default()
    }

    /// So many of a hundred had arrived after this time.
    fn arrived(&self, percent: usize) -> Duration {
        let mut times: Vec<Duration> = self.booted.iter().filter_map(|one| one.arrived).collect();
        times.sort();
        times[(times.len() * percent / 100).clamp(1, times.len()) - 1]
    }
}

impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.booted.iter().filter(|one| one.arrived.is_some()).count();
        let [half, most, all] = [50, 90, 100].map(|percent| self.arrived(percent).as_secs_f64());
        let held = self.longest_held().as_secs_f64();
        let (rate, throttled) = (self.api.per_second, self.api.throttled.lock().expect("a lock"));
        write!(
            f,
            "{rate:>4}/s: {count} of {FLEET} arrived, half in {half:.0} s, 90% in {most:.0} s, all in {all:.0} s; \
             no run waited longer than {held:.1} s; {throttled} calls were throttled"
        )
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_agents_that_boot_within_a_minute_lose_no_report_and_hold_no_run() {
    let fleet = fleet(LOWEST).await;
    let all: BTreeSet<String> = (0..FLEET).map(instance).collect();
    assert_eq!(fleet.api.told("PutInventory", |body| &body["InstanceId"]), all);
    assert_eq!(fleet.api.told("PutComplianceItems", |body| &body["ResourceId"]), all);
    assert!(fleet.booted.iter().all(|one| one.arrived.is_some()), "{fleet}");
    // Nobody begins a call after the budget, and the last one is answered.
    assert!(fleet.longest_held() <= RetryRule::default().budget + 2 * LATENCY, "{fleet}");
    assert!(fleet.arrived(100) < FollowRule::default().patience, "{fleet}");
    // The limit was one: what a second brings, and as much again that was saved up.
    for action in ["PutInventory", "PutComplianceItems"] {
        assert!(fleet.api.most_in_a_second(action) <= 6, "{action}");
    }
    assert!(*fleet.api.throttled.lock().expect("a lock") > 1000, "{fleet}");
}

#[tokio::test(start_paused = true)]
#[ignore = "this measures: make fleet"]
async fn measure() {
    for per_second in [LOWEST, 10.0, 30.0] {
        println!("{}", fleet(per_second).await);
    }
}
