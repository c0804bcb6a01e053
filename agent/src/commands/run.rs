//! `run`: take the lock, carry out the steps, record the report, send it on its way.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use vivarium_bootstrap::host::clock;
use vivarium_bootstrap::journal::Event;
use vivarium_bootstrap::lock::{LockError, PATH, RunLock};
use vivarium_bootstrap::report::{Report, Verdict};
use vivarium_bootstrap::run::{self, Ran, Stop, Stopped};
use vivarium_bootstrap::step::State;

use crate::again::Again;
use crate::cli::{Caller, Run};
use crate::config::RunSettings;
use crate::deliver::retry::RetryRule;
use crate::deliver::{self, Delivery, Options};
use crate::exit::Exit;
use crate::world::World;
use crate::{record, render};

use super::plan;

/// The version of the report's shape.
const VERSION: u32 = 1;

/// Brings the host to what the settings ask; what is printed begins with the verdict.
/// Reports that may still arrive later are left to `again`, which goes on when this has ended.
pub async fn run(world: &World, options: &Run, again: &Again) -> (String, Exit) {
    if options.dry_run {
        return plan::plan(world, options.only.as_deref(), options.json).await;
    }
    let id = uuid::Uuid::new_v4().simple().to_string()[..12].to_owned();
    let wait = patience(options.caller, &world.config.run);
    let mut lock = match RunLock::acquire(&world.host.path(PATH), &id, wait).await {
        Ok(lock) => lock,
        Err(error) => return locked_out(&error, wait),
    };
    if let Some(refusal) = off_the_volume(world, options.only.as_deref()).await {
        return refusal;
    }
    let mut steps = plan::chosen(world, options.only.as_deref());
    // An image has no database, and the reports of its instances are theirs.
    steps.retain(|step| !options.bake || step.name() != "database");
    if let Some(agreed) = &options.plan {
        let hash = run::plan_hash(&run::plan(&steps, &world.host).await);
        if hash != *agreed {
            return plan_changed(agreed, &hash);
        }
    }
    let started = clock::text();
    note(world, Event::RunStarted { run: id.clone(), caller: options.caller.as_str().to_owned() });
    let ran = run::run(&id, &steps, &world.host, &mut lock, stopped(world.config.run.budget)).await;
    let report = report(&id, options.caller, started, ran);
    note(world, Event::RunEnded { run: id, verdict: report.verdict.as_str().to_owned() });
    if options.bake {
        return (answer(&report, options.json, render::baked), exit(&report, false));
    }
    if let Err(error) = record::keep(&world.host, &report) {
        tracing::warn!("the report was not kept on disk: {error}");
    }
    let delivery = deliver(world, &report).await;
    let waits = delivery.as_ref().is_some_and(|delivery| delivery.queued > 0);
    let exit = exit(&report, waits && (options.caller == Caller::Person || world.config.run.strict));
    // What this process starts would hold the lock with it.
    drop(lock);
    if delivery.as_ref().is_some_and(|delivery| delivery.later) {
        again.start();
    }
    (answer(&report, options.json, |report| render::report(report, delivery.as_ref())), exit)
}

/// How long to wait for another run. Where nobody is there to try again, as long as that run may take.
fn patience(caller: Caller, settings: &RunSettings) -> Duration {
    match caller {
        Caller::Userdata | Caller::Boot => settings.lock_wait.max(settings.budget),
        Caller::Person | Caller::Ssm => settings.lock_wait,
    }
}

/// A step of its own must not fill the root disk where the volume is not mounted yet.
async fn off_the_volume(world: &World, only: Option<&str>) -> Option<(String, Exit)> {
    let only = only?;
    if !plan::chosen(world, Some(only)).iter().any(|step| step.writes_to_the_volume()) {
        return None;
    }
    for step in plan::chosen(world, Some("mount")) {
        if !matches!(step.inspect(&world.host).await, Ok(State::Done(_))) {
            let point = world.config.host.mount.point.display();
            let text = format!(
                "failed: step {only}: it writes to the volume, and that is not mounted on {point} as it should be\n\
                 hint: run without --only, so that the steps filesystem and mount come first; see `vivarium-agent plan`\n"
            );
            return Some((text, Exit::Precondition));
        }
    }
    None
}

/// Sends the report on its way, and those that wait before it.
async fn deliver(world: &World, report: &Report) -> Option<Delivery> {
    if !world.config.report.ssm {
        return None;
    }
    Some(deliver::deliver(report, &world.queue, world.cloud.destination(), &how(world)).await)
}

/// How the settings have reports sent.
pub(super) fn how(world: &World) -> Options {
    let asked = &world.config.report;
    let retry = RetryRule { budget: asked.budget, ..RetryRule::default() };
    Options { parameter: asked.parameter.clone(), start_delay: asked.spread, retry }
}

fn report(id: &str, caller: Caller, started: String, ran: Ran) -> Report {
    let exit = ran.failure.map_or(Exit::Ok, Exit::from);
    Report {
        version: VERSION,
        run: id.to_owned(),
        caller: caller.as_str().to_owned(),
        started,
        ended: clock::text(),
        verdict: if exit == Exit::Ok { Verdict::Ok } else { Verdict::Failed },
        exit_code: exit.code(),
        steps: ran.steps,
    }
}

/// A report that waits never changes a verdict; it shows in the code of a run that worked, where
/// somebody looks at it.
fn exit(report: &Report, degraded: bool) -> Exit {
    let exit = Exit::ALL.into_iter().find(|exit| exit.code() == report.exit_code).unwrap_or(Exit::Unexpected);
    if exit == Exit::Ok && degraded { Exit::Degraded } else { exit }
}

fn answer(report: &Report, as_json: bool, as_text: impl Fn(&Report) -> String) -> String {
    if as_json {
        return serde_json::to_string_pretty(report)
            .map_or_else(|error| error.to_string(), |text| text + "\n");
    }
    as_text(report)
}

pub(super) fn locked_out(error: &LockError, waited: Duration) -> (String, Exit) {
    match error {
        LockError::Held(_) => {
            let text = format!(
                "busy: taking the run lock: {error}, and {} s did not see it end\n\
                 hint: wait for it, or look at it with `vivarium-agent status`\n",
                waited.as_secs()
            );
            (text, Exit::Busy)
        }
        LockError::Io(_, _) => {
            let text = format!(
                "failed: taking the run lock: {error}\nhint: run as root, and see that /run is writable\n"
            );
            (text, Exit::Unexpected)
        }
    }
}

fn plan_changed(agreed: &str, now: &str) -> (String, Exit) {
    let text = format!(
        "refused: the plan has hash {now} now, not {agreed}: the facts have changed, and nothing was touched\n\
         hint: look at `vivarium-agent plan` and agree to what it says now\n"
    );
    (text, Exit::PlanChanged)
}

fn note(world: &World, event: Event) {
    if let Err(error) = world.host.journal.append(event) {
        tracing::warn!("the journal {} was not written: {error}", world.host.journal.path().display());
    }
}

/// Ends when the budget is used up or a signal asks for it.
fn stopped<'a>(budget: Duration) -> Stopped<'a> {
    Box::pin(async move {
        tokio::select! {
            () = tokio::time::sleep(budget) => Stop::Budget(budget),
            () = told(SignalKind::terminate()) => Stop::Signal("SIGTERM"),
            () = told(SignalKind::interrupt()) => Stop::Signal("SIGINT"),
            () = told(SignalKind::hangup()) => Stop::Signal("SIGHUP"),
        }
    })
}

async fn told(kind: SignalKind) {
    match signal(kind) {
        Ok(mut stream) => drop(stream.recv().await),
        Err(_) => std::future::pending().await,
    }
}
