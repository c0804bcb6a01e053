//! The engine: inspect, apply, inspect again, one step after the other, until one fails. What is cut
//! off anywhere converges at the next run, because nothing is believed that was not seen.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::host::Host;
use crate::journal::Event;
use crate::lock::RunLock;
use crate::report::{Outcome, StepReport};
use crate::step::{Evidence, Failure, State, Step, StepError};

/// Why a run is cut short from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its time is used up.
    Budget(Duration),
    /// It was told to end by this signal.
    Signal(&'static str),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget(budget) => write!(f, "the time budget of {} s is used up", budget.as_secs()),
            Self::Signal(name) => write!(f, "the run was told to end by {name}"),
        }
    }
}

impl std::error::Error for Stop {}

impl Stop {
    fn error(self, step: &str) -> StepError {
        let (failure, hint) = match self {
            Self::Budget(_) => {
                (Failure::Budget, "run again, it goes on from here; run.budget gives it more time")
            }
            Self::Signal(_) => (Failure::Unexpected, "run again, it goes on from here"),
        };
        StepError::new(failure, format!("carrying out step {step}")).because(self).hint(hint)
    }
}

/// Something that may end a run before its last step.
pub type Stopped<'a> = Pin<Box<dyn Future<Output = Stop> + 'a>>;

/// What a run left: the steps' reports and, where one failed, what sort of failure it was.
#[derive(Debug)]
pub struct Ran {
    /// Each step, in order.
    pub steps: Vec<StepReport>,
    /// What sort of failure ended it.
    pub failure: Option<Failure>,
}

/// Brings the host to what the steps want, as far as they go.
pub async fn run(
    run: &str,
    steps: &[Box<dyn Step>],
    host: &Host,
    lock: &mut RunLock,
    mut stopped: Stopped<'_>,
) -> Ran {
    if let Err((at, error)) = preflight(steps, host).await {
        return refused(run, steps, host, at, &error);
    }
    let mut ran = Ran { steps: Vec::new(), failure: None };
    for step in steps {
        let started = Instant::now();
        let report = if ran.failure.is_some() {
            not_reached(step.name())
        } else {
            let result = tokio::select! {
                biased;
                result = one(run, step.as_ref(), host, lock) => result,
                stop = &mut stopped => Err(stop.error(step.name())),
            };
            ran.failure = result.as_ref().err().map(StepError::failure);
            result.map_or_else(
                |error| failed(step.name(), &error),
                |(outcome, evidence)| reached(step.name(), outcome, evidence),
            )
        };
        ran.steps.push(told(run, host, StepReport { milliseconds: millis(started), ..report }));
    }
    ran
}

/// A run that ended before it began: the step at fault failed, the others were not reached.
fn refused(run: &str, steps: &[Box<dyn Step>], host: &Host, at: usize, error: &StepError) -> Ran {
    let mut reports = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let report = if index == at { failed(step.name(), error) } else { not_reached(step.name()) };
        reports.push(told(run, host, report));
    }
    Ran { steps: reports, failure: Some(error.failure()) }
}

/// Asks every step whether it can be carried out at all, before any of them touches the host.
async fn preflight(steps: &[Box<dyn Step>], host: &Host) -> Result<(), (usize, StepError)> {
    for (index, step) in steps.iter().enumerate() {
        step.preflight(host).await.map_err(|error| (index, error))?;
    }
    Ok(())
}

async fn one(
    run: &str,
    step: &dyn Step,
    host: &Host,
    lock: &mut RunLock,
) -> Result<(Outcome, Evidence), StepError> {
    lock.enter(run, step.name(), step.interruptible()).map_err(|error| {
        StepError::new(Failure::Unexpected, format!("noting step {} in the run lock", step.name()))
            .because(error)
            .hint("see that /run is writable and has space")
    })?;
    match step.inspect(host).await? {
        State::Done(evidence) => return Ok((Outcome::Unchanged, evidence)),
        State::Skipped(why) => {
            return Ok((Outcome::Skipped, Evidence { summary: why, ..Evidence::default() }));
        }
        State::Todo(changes) => tracing::info!("{}: {}", step.name(), changes.join("; ")),
    }
    step.apply(host).await?;
    // A step that cannot see its own work would do it again at every boot.
    match step.inspect(host).await? {
        State::Done(evidence) => Ok((Outcome::Changed, evidence)),
        State::Skipped(missing) => Err(did_not_take(step.name(), &missing)),
        State::Todo(missing) => Err(did_not_take(step.name(), &missing.join("; "))),
    }
}

fn did_not_take(step: &str, missing: &str) -> StepError {
    StepError::new(Failure::Unexpected, format!("looking at step {step} after it was carried out"))
        .because(format!("still to do: {missing}"))
        .hint("something on this host undoes it; run with --verbose and look at what the step's programs say")
}

fn reached(step: &str, outcome: Outcome, evidence: Evidence) -> StepReport {
    let facts = evidence.facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    StepReport { facts, ..plain(step, outcome, evidence.summary) }
}

fn failed(step: &str, error: &StepError) -> StepReport {
    StepReport { hint: error.hint_text().to_owned(), ..plain(step, Outcome::Failed, error.chain()) }
}

fn not_reached(step: &str) -> StepReport {
    plain(step, Outcome::NotReached, "another step failed first".to_owned())
}

fn plain(step: &str, outcome: Outcome, summary: String) -> StepReport {
    StepReport {
        name: step.to_owned(),
        outcome,
        summary,
        hint: String::new(),
        milliseconds: 0,
        facts: std::collections::BTreeMap::new(),
    }
}

/// Notes the step's end in the journal and the log.
fn told(run: &str, host: &Host, report: StepReport) -> StepReport {
    let (run, step) = (run.to_owned(), report.name.clone());
    let outcome = report.outcome.as_str().to_owned();
    tracing::info!("{step}: {outcome}: {}", report.summary);
    if let Err(error) = host.journal.append(Event::StepEnded { run, step, outcome }) {
        tracing::warn!("the journal {} was not written: {error}", host.journal.path().display());
    }
    report
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// What one step would do.
#[derive(Debug)]
pub struct Planned {
    /// Its name.
    pub step: &'static str,
    /// What it sees, or why it cannot.
    pub state: Result<State, StepError>,
}

/// Everything the steps would change, each seen for itself; nothing is touched.
pub async fn plan(steps: &[Box<dyn Step>], host: &Host) -> Vec<Planned> {
    let mut planned = Vec::new();
    for step in steps {
        let state = match step.preflight(host).await {
            Ok(()) => step.inspect(host).await,
            Err(error) => Err(error),
        };
        planned.push(Planned { step: step.name(), state });
    }
    planned
}

/// A short name for exactly these facts and changes.
pub fn plan_hash(planned: &[Planned]) -> String {
    let mut hasher = Sha256::new();
    for Planned { step, state } in planned {
        let (word, lines) = match state {
            Ok(State::Done(evidence)) => ("done", vec![evidence.summary.clone()]),
            Ok(State::Todo(changes)) => ("todo", changes.clone()),
            Ok(State::Skipped(why)) => ("skipped", vec![why.clone()]),
            Err(error) => ("cannot", vec![error.chain()]),
        };
        // Lengths, so that no two plans share their bytes.
        hasher.update(format!("{step} {word} {}\n", lines.len()));
        for line in lines {
            hasher.update(format!("{} {line}\n", line.len()));
        }
    }
    crate::settings::Sha256::from_bytes(&hasher.finalize()).as_str()[..16].to_owned()
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
