//! Brings a report to where people look, rung by rung. Never changes a run's verdict, never loses a report silently.

mod compliance;
pub mod follow;
mod inventory;
mod parameter;
pub mod queue;
pub mod retry;
pub mod schema;

use std::fmt;
use std::io;
use std::time::Duration;

use vivarium_bootstrap::host::clock;
use vivarium_bootstrap::report::Report;

use crate::aws::AwsFailure;
use queue::Queue;
use retry::{Retry, RetryRule};
use schema::Sending;

/// Where reports go.
pub enum Destination {
    /// This instance, in Systems Manager.
    SystemsManager(Node),
    /// Nowhere, as far as this run can see: no metadata service, no Region.
    Nowhere {
        /// Why.
        why: String,
        /// What to do.
        hint: String,
    },
}

/// This instance, and the way to Systems Manager.
pub struct Node {
    /// The way there, without retries of its own.
    pub client: aws_sdk_ssm::Client,
    /// `i-0123456789abcdef0`.
    pub instance: String,
    /// `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl Node {
    fn arn(&self) -> String {
        format!("arn:{}:ec2:{}:{}:instance/{}", self.partition(), self.region, self.account, self.instance)
    }

    fn partition(&self) -> &'static str {
        match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("us") if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

/// What the settings say about delivery.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Write a parameter below this prefix too: `/vivarium`.
    pub parameter: Option<String>,
    /// Wait up to so long first, at random, so that a fleet that starts at once does not report at once.
    pub start_delay: Duration,
    /// When to try again.
    pub retry: RetryRule,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Each rung, in order.
    pub rungs: Vec<Rung>,
    /// How many reports still wait on disk, this one included.
    pub queued: usize,
    /// How many reports were ever given up on this instance.
    pub given_up: u64,
    /// Whether something that did not arrive may arrive later, without anybody doing anything about it.
    pub later: bool,
}

impl Delivery {
    /// Whether everything that was asked for arrived.
    pub fn is_complete(&self) -> bool {
        self.queued == 0 && self.rungs.iter().all(|rung| matches!(rung.outcome, RungOutcome::Accepted(_)))
    }
}

/// One way to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// `queue`, `inventory`, `compliance`, `parameter`.
    pub name: &'static str,
    /// What became of it.
    pub outcome: RungOutcome,
}

/// What became of a rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RungOutcome {
    /// It arrived: what did.
    Accepted(String),
    /// It did not.
    Refused {
        /// Why.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// It was not tried, since it would have failed like the one before.
    NotTried,
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            RungOutcome::Accepted(what) => write!(f, "{}: {what}", self.name),
            RungOutcome::NotTried => write!(f, "{}: not tried", self.name),
            RungOutcome::Refused { why, hint } if hint.is_empty() => write!(f, "{}: {why}", self.name),
            RungOutcome::Refused { why, hint } => write!(f, "{}: {why}; hint: {hint}", self.name),
        }
    }
}

/// Queues the report, then brings it and all that waited before it to Systems Manager. Where that is, is
/// asked for only once the report is safe on the disk.
pub async fn deliver(
    report: &Report,
    queue: &Queue,
    destination: impl Future<Output = Destination>,
    options: &Options,
) -> Delivery {
    let mut ladder = Ladder::default();
    let reports = queued(report, queue, &mut ladder);
    let waiting = Waiting { reports, owed: Some(report.clone()) };
    send(&waiting, queue, destination, options, ladder, this_run).await
}

/// Brings what waits to Systems Manager; `None` where nothing does.
pub async fn flush(
    queue: &Queue,
    destination: impl Future<Output = Destination>,
    options: &Options,
) -> io::Result<Option<Delivery>> {
    let waiting = Waiting { reports: queue.waiting()?, owed: queue.owed() };
    if waiting.reports.is_empty() && waiting.owed.is_none() {
        return Ok(None);
    }
    Ok(Some(send(&waiting, queue, destination, options, Ladder::default(), that_waited).await))
}

/// What has not arrived yet.
struct Waiting {
    /// At inventory, oldest first.
    reports: Vec<Report>,
    /// At the rungs above it, which want the newest alone.
    owed: Option<Report>,
}

async fn send(
    waiting: &Waiting,
    queue: &Queue,
    destination: impl Future<Output = Destination>,
    options: &Options,
    mut ladder: Ladder,
    said: fn(usize) -> String,
) -> Delivery {
    match destination.await {
        Destination::SystemsManager(node) => {
            tokio::time::sleep(options.start_delay.mul_f64(fastrand::f64())).await;
            climb(&node, waiting, queue, options, &mut ladder, said).await;
        }
        Destination::Nowhere { why, hint } => {
            ladder.refused("inventory", why, hint);
        }
    }
    let queued = queue.waiting().map_or(waiting.reports.len(), |waiting| waiting.len());
    Delivery { rungs: ladder.rungs, queued, given_up: queue.given_up().runs, later: ladder.later }
}

fn this_run(reports: usize) -> String {
    match reports {
        1 => "this run".to_owned(),
        several => format!("this run and {} that had waited", several - 1),
    }
}

fn that_waited(reports: usize) -> String {
    match reports {
        1 => "a run that had waited".to_owned(),
        several => format!("{several} runs that had waited"),
    }
}

/// All reports to deliver, oldest first. A disk that is full costs the queue, not the delivery.
fn queued(report: &Report, queue: &Queue, ladder: &mut Ladder) -> Vec<Report> {
    let waiting = queue.push(report).and_then(|()| queue.owe(report)).and_then(|()| queue.waiting());
    waiting.unwrap_or_else(|error| {
        ladder.refused(
            "queue",
            error.to_string(),
            "see that /var/lib/vivarium can be written, and has room".to_owned(),
        );
        vec![report.clone()]
    })
}

async fn climb(
    node: &Node,
    waiting: &Waiting,
    queue: &Queue,
    options: &Options,
    ladder: &mut Ladder,
    said: fn(usize) -> String,
) {
    let mut retry = Retry::begin(options.retry);
    let reports = &waiting.reports;
    if !reports.is_empty() {
        let sent = send_inventory(node, reports, queue, &mut retry).await;
        ladder.take("inventory", sent.map(|()| said(reports.len())));
    }
    let Some(latest) = &waiting.owed else { return };
    let mut owed = Ladder { useless: ladder.useless, ..Ladder::default() };
    climb_on(node, latest, options, &mut owed, &mut retry).await;
    if !owed.later
        && !owed.useless
        && let Err(error) = queue.settle()
    {
        tracing::warn!(run = latest.run, %error, "a delivered report stays owed and will arrive again");
    }
    ladder.later |= owed.later;
    ladder.rungs.extend(owed.rungs);
}

/// The rungs above inventory.
async fn climb_on(node: &Node, latest: &Report, options: &Options, ladder: &mut Ladder, retry: &mut Retry) {
    if ladder.goes_on("compliance") {
        let sent = compliance::send(node, latest, retry).await;
        ladder.take(
            "compliance",
            sent.map(|()| match latest.steps.len() {
                1 => "1 step".to_owned(),
                count => format!("{count} steps"),
            }),
        );
    }
    let Some(prefix) = &options.parameter else { return };
    if ladder.goes_on("parameter") {
        let sent = parameter::send(node, prefix, latest, retry).await;
        ladder.take("parameter", sent.map(|()| "written".to_owned()));
    }
}

/// As few calls as can carry them, the oldest first; what is accepted leaves the queue at once.
async fn send_inventory(
    node: &Node,
    reports: &[Report],
    queue: &Queue,
    retry: &mut Retry,
) -> Result<(), AwsFailure> {
    let mut rest = reports;
    while !rest.is_empty() {
        let at = clock::now();
        let checked_at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let sending = Sending { checked_at, given_up: queue.given_up().runs };
        let (now, later) = rest.split_at(inventory::fitting(rest, &sending));
        inventory::send(node, now, &sending, retry).await?;
        for report in now {
            if let Err(error) = queue.remove(&report.run) {
                tracing::warn!(run = report.run, %error, "a delivered report stays queued and will arrive again");
            }
        }
        if let Err(error) = queue.sent(&node.instance, at) {
            tracing::warn!(%error, "when it was sent is not noted; it will be sent again");
        }
        rest = later;
    }
    Ok(())
}

/// What became of each rung so far, and whether the next is worth climbing.
#[derive(Default)]
struct Ladder {
    rungs: Vec<Rung>,
    useless: bool,
    later: bool,
}

impl Ladder {
    fn take(&mut self, name: &'static str, sent: Result<String, AwsFailure>) {
        match sent {
            Ok(what) => self.rungs.push(Rung { name, outcome: RungOutcome::Accepted(what) }),
            Err(failure) => {
                self.useless = failure.concerns_all();
                self.later |= failure.passes_with_time();
                self.refused(name, failure.to_string(), failure.hint());
            }
        }
    }

    fn refused(&mut self, name: &'static str, why: String, hint: String) {
        self.rungs.push(Rung { name, outcome: RungOutcome::Refused { why, hint } });
    }

    fn goes_on(&mut self, next: &'static str) -> bool {
        if self.useless {
            self.rungs.push(Rung { name: next, outcome: RungOutcome::NotTried });
        }
        !self.useless
    }
}
