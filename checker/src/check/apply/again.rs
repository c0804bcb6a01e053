//! Looks again after a change, with longer and longer waits: AWS says that a change may take a little while.

use std::time::Duration;

use super::Hands;
use crate::check::conclude::conclude;
use crate::check::configuration::Configuration;
use crate::check::wanted::Wanted;
use crate::check::{self, Answer, Trouble};
use crate::exit::Exit;
use crate::network::Change;
use crate::probe::clock::Watch;
use crate::save::changes::Kept;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Reads the network once more.
pub async fn configuration(wanted: &Wanted, hands: &Hands<'_>) -> Result<Configuration, Trouble> {
    let one = std::slice::from_ref(wanted);
    check::configuration(one, hands.cli, hands.settings, hands.surroundings).await
}

/// Looks until it is reachable, or until what was changed had its time to work.
pub async fn look(wanted: &Wanted, kept: &Kept, hands: &Hands<'_>) -> Result<Answer, Trouble> {
    let due = hands.settings.settle.map_or_else(|| settles(kept), |given| Duration::from_secs(given.into()));
    let (watch, mut wait) = (Watch::start(), FIRST_WAIT);
    loop {
        let answer = once(wanted, hands).await;
        let is_open = answer.as_ref().is_ok_and(|answer| answer.exit == Exit::Reachable);
        if is_open || kept.standing().is_empty() || watch.elapsed() >= due {
            return answer;
        }
        let left = due.saturating_sub(watch.elapsed());
        let wait_now = wait.min(left);
        hands
            .terminal
            .tell(&format!("not reachable yet; looking again in {} s\n", wait_now.as_secs().max(1)));
        tokio::time::sleep(wait_now).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn once(wanted: &Wanted, hands: &Hands<'_>) -> Result<Answer, Trouble> {
    let one = std::slice::from_ref(wanted);
    let findings = check::look(one, hands.cli, hands.settings, hands.surroundings).await?;
    let record = findings.records.first();
    let none = || Trouble::unknown("looking again: nothing was seen", "run the same without --apply");
    record.map(|record| conclude(record, findings.configuration.network.as_ref())).ok_or_else(none)
}

/// How long the slowest of the changes may take to work.
fn settles(kept: &Kept) -> Duration {
    let of = |change: &Change| match change {
        Change::StartDatabase(_) => 900,
        Change::Exclude(_) => 600,
        Change::StartInstance(_) => 180,
        Change::AcceptPeering(_) | Change::Associate { .. } => 60,
        _ => 30,
    };
    let longest = kept.plan.steps.iter().map(|step| of(&step.change)).max();
    Duration::from_secs(longest.unwrap_or_default())
}
