//! Reports against an AWS with the real limits, the stock role's policy, and bad days.

mod parts;

use std::collections::BTreeSet;
use std::future::ready;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use parts::Service;
use serde_json::{Value, json};
use vivarium_agent::aws::{AwsSettings, sdk_config};
use vivarium_agent::deliver::queue::Queue;
use vivarium_agent::deliver::retry::RetryRule;
use vivarium_agent::deliver::{Delivery, Destination, Node, Options, RungOutcome, deliver, flush};
use vivarium_bootstrap::report::{Outcome, Report, StepReport, Verdict};

const INSTANCE: &str = "i-0123456789abcdef0";
const BRISK: RetryRule = RetryRule {
    base: Duration::from_millis(2),
    cap: Duration::from_millis(8),
    budget: Duration::from_mins(1),
};

/// An AWS, an instance that reports to it, and the disk that the reports wait on.
struct Scene {
    aws: Service,
    folder: tempfile::TempDir,
    options: Options,
}

impl Scene {
    fn new() -> Self {
        let options = Options { retry: BRISK, ..Options::default() };
        Self { aws: Service::start("aws.py", &[]), folder: tempfile::tempdir().expect("a folder"), options }
    }

    fn queue(&self) -> Queue {
        Queue::at(self.folder.path().join("queue"))
    }

    async fn deliver(&self, run: u32) -> Delivery {
        let node = node(&self.aws.endpoint, Some(role())).await;
        deliver(&report(run), &self.queue(), ready(node), &self.options).await
    }

    async fn flush(&self) -> Option<Delivery> {
        let node = node(&self.aws.endpoint, Some(role())).await;
        flush(&self.queue(), ready(node), &self.options).await.expect("a queue that can be read")
    }

    /// The runs in any `PutInventory` that was accepted.
    async fn arrived(&self) -> BTreeSet<String> {
        let received = self.aws.read("received").await;
        let calls = received["calls"].as_array().expect("calls").clone();
        let accepted = calls
            .into_iter()
            .filter(|call| call["action"] == "PutInventory" && call["outcome"] == "accepted");
        let rows = accepted.filter_map(|call| call["body"]["Items"][0]["Content"].as_array().cloned());
        rows.flatten().map(|row| row["run_id"].as_str().expect("a run").to_owned()).collect()
    }
}

/// As the metadata service gives them: the lab's AWS binds whoever has such a key to the role's policy.
fn role() -> SharedCredentialsProvider {
    let session = Some("session".to_owned());
    SharedCredentialsProvider::new(Credentials::new("ASIALABLABLABLABLAB1", "secret", session, None, "lab"))
}

/// What the chain says where no one gives credentials.
#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("no providers in chain")))
    }
}

async fn node(endpoint: &str, credentials: Option<SharedCredentialsProvider>) -> Destination {
    let settings = AwsSettings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
        credentials,
        ..AwsSettings::default()
    };
    node_by(&settings).await
}

async fn node_by(settings: &AwsSettings) -> Destination {
    Destination::SystemsManager(Node {
        client: aws_sdk_ssm::Client::new(&sdk_config(settings).await),
        instance: INSTANCE.to_owned(),
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
    })
}

fn report(run: u32) -> Report {
    let step = |name: &str, outcome, summary: &str| StepReport {
        name: name.to_owned(),
        outcome,
        summary: summary.to_owned(),
        hint: String::new(),
        milliseconds: 7,
        facts: [("volume_id".to_owned(), "vol-0123456789abcdef0".to_owned())].into(),
    };
    Report {
        version: 1,
        run: format!("run-{run:03}"),
        caller: "ssm".to_owned(),
        started: format!("2026-11-23T10:00:00.{run:03}Z"),
        ended: "2026-11-23T10:01:00Z".to_owned(),
        verdict: Verdict::Failed,
        exit_code: 8,
        steps: vec![
            step("volume", Outcome::Unchanged, "vol-0123456789abcdef0 is /dev/nvme1n1"),
            step("database", Outcome::Failed, "asking 10.0.2.20:5432 for the time: connection refused"),
        ],
    }
}

/// Why a rung refused, and the hint.
fn refusal(delivery: &Delivery, name: &str) -> (String, String) {
    let rung = delivery.rungs.iter().find(|rung| rung.name == name).expect("the rung");
    match &rung.outcome {
        RungOutcome::Refused { why, hint } => (why.clone(), hint.clone()),
        other => panic!("{name}: {other:?}"),
    }
}

fn rows(received: &Value, name: &str) -> Vec<Value> {
    received["inventory"][INSTANCE][name]["Content"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn with_the_stock_role_inventory_and_compliance_arrive() {
    let scene = Scene::new();
    let delivery = scene.deliver(1).await;
    assert!(delivery.is_complete(), "{delivery:?}");
    let received = scene.aws.read("received").await;
    let run = &rows(&received, "Custom:VivariumRun")[0];
    assert_eq!((&run["run_id"], &run["verdict"]), (&json!("run-001"), &json!("failed")));
    assert_eq!((&run["failed_step"], &run["latest"]), (&json!("database"), &json!("true")));
    assert_eq!(rows(&received, "Custom:VivariumStep").len(), 2);
    let items = received["compliance"][INSTANCE]["Custom:Vivarium"].as_array().expect("items");
    let statuses: Vec<_> =
        items.iter().map(|item| (&item["Id"], &item["Status"], &item["Severity"])).collect();
    let volume = (&json!("volume"), &json!("COMPLIANT"), &json!("UNSPECIFIED"));
    let database = (&json!("database"), &json!("NON_COMPLIANT"), &json!("HIGH"));
    assert_eq!(statuses, [volume, database]);
}

#[tokio::test]
async fn a_parameter_that_the_role_may_not_write_is_named_with_the_statement_that_allows_it() {
    let mut scene = Scene::new();
    scene.options.parameter = Some("/vivarium".to_owned());
    let delivery = scene.deliver(1).await;
    let (why, hint) = refusal(&delivery, "parameter");
    let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/vivarium/i-0123456789abcdef0/status";
    assert_eq!(why, format!("access denied: ssm:PutParameter on {arn}"));
    let statement = format!(r#"{{"Effect":"Allow","Action":"ssm:PutParameter","Resource":"{arn}"}}"#);
    assert!(hint.contains(&statement), "{hint}");
    assert_eq!(delivery.queued, 0, "the other rungs took it: {delivery:?}");
    scene.aws.set("policy", json!({"Statement": [
        {"Effect": "Allow", "Action": ["ssm:PutInventory", "ssm:PutComplianceItems"], "Resource": "*"},
        serde_json::from_str::<Value>(&statement).expect("the statement is JSON"),
    ]})).await;
    let delivery = scene.deliver(2).await;
    assert!(delivery.is_complete(), "the statement that was named helps: {delivery:?}");
}

#[tokio::test]
async fn a_rung_that_is_denied_does_not_stop_the_next() {
    let scene = Scene::new();
    let only =
        json!({"Statement": [{"Effect": "Allow", "Action": "ssm:PutComplianceItems", "Resource": "*"}]});
    scene.aws.set("policy", only).await;
    let delivery = scene.deliver(1).await;
    assert!(refusal(&delivery, "inventory").0.contains("ssm:PutInventory"), "{delivery:?}");
    assert_eq!(delivery.rungs[1].outcome, RungOutcome::Accepted("2 steps".to_owned()));
    assert_eq!(delivery.queued, 1, "what inventory has not taken waits");
}

#[tokio::test]
async fn a_report_of_a_run_while_systems_manager_was_down_arrives_with_the_next() {
    let mut scene = Scene::new();
    scene.options.retry.budget = Duration::from_millis(50);
    scene.aws.set("down", json!(true)).await;
    let during = scene.deliver(1).await;
    assert_eq!(during.queued, 1);
    assert!(refusal(&during, "inventory").0.contains("out of order"), "{during:?}");
    scene.aws.set("down", json!(false)).await;
    let after = scene.deliver(2).await;
    assert!(after.is_complete(), "{after:?}");
    assert_eq!(after.rungs[0].outcome, RungOutcome::Accepted("this run and 1 that had waited".to_owned()));
    let received = scene.aws.read("received").await;
    let runs: Vec<_> = rows(&received, "Custom:VivariumRun")
        .into_iter()
        .map(|row| (row["run_id"].clone(), row["latest"].clone()))
        .collect();
    assert_eq!(runs, [(json!("run-002"), json!("true")), (json!("run-001"), json!("false"))]);
    assert_eq!(rows(&received, "Custom:VivariumStep").len(), 4);
}

#[tokio::test]
async fn what_waits_is_sent_without_a_run_and_nothing_is_sent_where_nothing_waits() {
    let mut scene = Scene::new();
    scene.options.retry.budget = Duration::from_millis(50);
    assert_eq!(scene.flush().await, None);
    scene.aws.set("down", json!(true)).await;
    scene.deliver(1).await;
    scene.deliver(2).await;
    assert_eq!(scene.flush().await.expect("some wait").queued, 2);
    scene.aws.set("down", json!(false)).await;
    let sent = scene.flush().await.expect("some wait");
    assert!(sent.is_complete(), "{sent:?}");
    assert_eq!(sent.rungs[0].outcome, RungOutcome::Accepted("2 runs that had waited".to_owned()));
    assert_eq!(scene.arrived().await.len(), 2);
    assert_eq!(scene.flush().await, None);
}

#[tokio::test]
async fn what_compliance_has_not_taken_is_sent_later_and_nothing_else() {
    let mut scene = Scene::new();
    scene.options.retry.budget = Duration::ZERO;
    let puts = async |scene: &Scene, action: &str| {
        let received = scene.aws.read("received").await;
        let calls = received["calls"].as_array().expect("calls").clone();
        calls.iter().filter(|call| call["action"] == action && call["outcome"] == "accepted").count()
    };
    scene.aws.set("throttle", json!({"action": "PutComplianceItems", "refuse": 1, "of": 1})).await;
    let during = scene.deliver(1).await;
    assert_eq!((during.queued, during.later), (0, true), "inventory has it: {during:?}");
    assert!(scene.flush().await.expect("something is owed").later);
    scene.aws.set("throttle", json!({})).await;
    let after = scene.flush().await.expect("something is owed");
    assert_eq!((after.is_complete(), after.later), (true, false), "{after:?}");
    assert_eq!(puts(&scene, "PutInventory").await, 1);
    assert_eq!(puts(&scene, "PutComplianceItems").await, 1);
    assert_eq!(scene.flush().await, None);
}

#[tokio::test]
async fn what_the_role_may_not_is_not_tried_for_ever() {
    let scene = Scene::new();
    let only = json!({"Statement": [{"Effect": "Allow", "Action": "ssm:PutInventory", "Resource": "*"}]});
    scene.aws.set("policy", only).await;
    let delivery = scene.deliver(1).await;
    assert!(refusal(&delivery, "compliance").0.contains("ssm:PutComplianceItems"), "{delivery:?}");
    assert!(!delivery.later);
    assert_eq!(scene.flush().await, None);
}

#[tokio::test]
async fn an_instance_that_registers_a_little_later_is_worth_another_try() {
    let scene = Scene::new();
    scene.aws.set("registered", json!([])).await;
    assert!(scene.deliver(1).await.later);
    scene.aws.set("registered", json!([INSTANCE])).await;
    assert!(scene.flush().await.expect("it waits").is_complete());
    assert_eq!(scene.flush().await, None);
}

#[tokio::test]
async fn two_hundred_status_changes_under_throttling_lose_none() {
    let mut scene = Scene::new();
    scene.options.retry.budget = Duration::from_millis(40);
    scene.aws.set("throttle", json!({"refuse": 13, "of": 16})).await;
    for run in 0..200 {
        scene.deliver(run).await;
    }
    scene.options.retry.budget = Duration::from_mins(1);
    let last = scene.deliver(200).await;
    assert_eq!((last.queued, last.given_up), (0, 0), "{last:?}");
    let wanted: BTreeSet<String> = (0..=200).map(|run| format!("run-{run:03}")).collect();
    assert_eq!(scene.arrived().await, wanted);
    let received = scene.aws.read("received").await;
    let throttled = |call: &&Value| call["outcome"] == "ThrottlingException";
    let count = received["calls"].as_array().expect("calls").iter().filter(throttled).count();
    assert!(count > 200, "only {count} calls were throttled");
}

#[tokio::test]
async fn two_hundred_reports_that_waited_arrive_together() {
    let scene = Scene::new();
    for run in 0..200 {
        scene.queue().push(&report(run)).expect("written");
    }
    assert!(scene.deliver(200).await.is_complete());
    assert_eq!(scene.arrived().await.len(), 201);
}

#[tokio::test]
async fn an_instance_that_is_not_registered_keeps_its_reports_and_is_told_why() {
    let scene = Scene::new();
    scene.aws.set("registered", json!([])).await;
    let delivery = scene.deliver(1).await;
    let (why, hint) = refusal(&delivery, "inventory");
    assert!(why.contains("not registered") && hint.contains("amazon-ssm-agent"), "{why} {hint}");
    assert_eq!(delivery.queued, 1);
    scene.aws.set("registered", json!([INSTANCE])).await;
    assert!(scene.deliver(2).await.is_complete());
}

#[tokio::test]
async fn an_instance_reports_by_the_credentials_that_its_metadata_service_gives() {
    let scene = Scene::new();
    let metadata = Service::start("imds.py", &[]);
    let settings = AwsSettings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(scene.aws.endpoint.clone()),
        metadata_endpoint: Some(metadata.endpoint.clone()),
        credentials: None,
    };
    let destination = node_by(&settings).await;
    let delivery = deliver(&report(1), &scene.queue(), ready(destination), &scene.options).await;
    assert!(delivery.is_complete(), "{delivery:?}");
    metadata.set("faults", json!({"disabled": true})).await;
    let destination = node_by(&settings).await;
    let delivery = deliver(&report(2), &scene.queue(), ready(destination), &scene.options).await;
    assert!(refusal(&delivery, "inventory").0.starts_with("no credentials"), "{delivery:?}");
}

#[tokio::test]
async fn without_credentials_the_report_waits_and_the_other_rungs_are_not_tried() {
    let scene = Scene::new();
    let nobody = Some(SharedCredentialsProvider::new(Nobody));
    let destination = node(&scene.aws.endpoint, nobody).await;
    let delivery = deliver(&report(1), &scene.queue(), ready(destination), &scene.options).await;
    assert!(refusal(&delivery, "inventory").0.starts_with("no credentials"), "{delivery:?}");
    assert_eq!((delivery.queued, &delivery.rungs[1].outcome), (1, &RungOutcome::NotTried));
}

#[tokio::test]
async fn without_a_network_the_report_waits() {
    let scene = Scene::new();
    let destination = node("http://127.0.0.1:9", Some(role())).await;
    let delivery = deliver(&report(1), &scene.queue(), ready(destination), &scene.options).await;
    assert!(refusal(&delivery, "inventory").0.starts_with("not reached"), "{delivery:?}");
    assert_eq!(delivery.queued, 1);
}

#[tokio::test]
async fn a_wrong_clock_is_called_a_wrong_clock() {
    let scene = Scene::new();
    scene.aws.set("clock", json!(3600)).await;
    let delivery = scene.deliver(1).await;
    let (why, hint) = refusal(&delivery, "inventory");
    assert!(why.contains("clock") && hint.contains("chronyc"), "{why} {hint}");
}

#[tokio::test]
async fn outside_ec2_the_report_waits() {
    let scene = Scene::new();
    let nowhere = Destination::Nowhere { why: "not on EC2".to_owned(), hint: String::new() };
    let delivery = deliver(&report(1), &scene.queue(), ready(nowhere), &scene.options).await;
    assert_eq!((delivery.queued, refusal(&delivery, "inventory").0.as_str()), (1, "not on EC2"));
}

#[tokio::test]
async fn a_report_far_over_every_limit_still_arrives() {
    let scene = Scene::new();
    let mut long = report(1);
    long.steps = (0..300).map(|_| long.steps[1].clone()).collect();
    for step in &mut long.steps {
        step.summary = "\u{e9}{{".repeat(9000);
        step.hint = "\"".repeat(9000);
    }
    let destination = node(&scene.aws.endpoint, Some(role())).await;
    let delivery = deliver(&long, &scene.queue(), ready(destination), &scene.options).await;
    assert!(matches!(delivery.rungs[0].outcome, RungOutcome::Accepted(_)), "{delivery:?}");
}

#[tokio::test]
async fn a_disk_that_takes_nothing_costs_the_queue_and_not_the_delivery() {
    let scene = Scene::new();
    std::fs::write(scene.folder.path().join("queue"), "in the way").expect("written");
    let delivery = scene.deliver(1).await;
    assert!(refusal(&delivery, "queue").1.contains("/var/lib/vivarium"), "{delivery:?}");
    assert_eq!(delivery.rungs[1].outcome, RungOutcome::Accepted("this run".to_owned()));
}
