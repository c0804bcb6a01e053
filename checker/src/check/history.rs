//! After a run in which a target worked, what was found is kept; in one in which it does not, what has changed since
//! then is told. Neither ever changes a verdict.

use super::configuration::Configuration;
use super::keep::{self, Findings};
use super::record::{Question, Record};
use super::{Answer, Surroundings};
use crate::evaluate::{self, Trace};
use crate::exit::Exit;
use crate::network::Network;
use crate::save::last_good::{self, LastGood, VERSION};
use crate::since::{Moment, Since, changes};

/// Keeps what worked, and tells what changed since where it does not.
pub fn hold(findings: &mut Findings, surroundings: &Surroundings) {
    if surroundings.variable("HOME").is_none() && surroundings.variable("XDG_STATE_HOME").is_none() {
        return;
    }
    // Where nothing was tried, nothing has worked.
    if findings.records.iter().all(|record| record.round.is_none()) {
        return;
    }
    let answers: Vec<Answer> = findings.answers();
    // What is kept is without what is nobody's business, and like is held against like.
    let Ok(redacted) = keep::redacted(findings, surroundings) else { return };
    let Ok(plain) = keep::understood(redacted.clone(), "what was found") else { return };
    for (number, answer) in answers.iter().enumerate() {
        let record = &mut findings.records[number];
        let Some(round) = &record.round else { continue };
        let (worked, folder) = (round.name.at, folder(&record.question, surroundings));
        if answer.exit == Exit::Reachable {
            let mut saved = redacted.clone();
            saved.records = redacted.records[number..=number].to_vec();
            let answers = std::mem::take(&mut saved.answers);
            let good = LastGood { version: VERSION, worked, saved, answers };
            if let Err(error) = last_good::write(&folder, &good) {
                let why =
                    format!("keeping what worked in {}: {error}; --no-history leaves it", folder.display());
                record.notes.push(why);
            }
            continue;
        }
        match since(&folder, &plain.records[number], plain.configuration.network.as_ref()) {
            Ok(since) => record.since = since,
            Err(why) => {
                record.notes.push(format!(
                    "what changed since it worked is not known: reading {}: {why}",
                    folder.display()
                ));
            }
        }
    }
}

fn folder(question: &Question, surroundings: &Surroundings) -> std::path::PathBuf {
    let target = format!("{}-{}-{}", question.service, question.target, question.port);
    last_good::folder(&surroundings.state(), &target)
}

/// What changed, or nothing where it never worked.
fn since(folder: &std::path::Path, now: &Record, network: Option<&Network>) -> Result<Option<Since>, String> {
    let Some(good) = last_good::read(folder).map_err(|error| error.to_string())? else { return Ok(None) };
    let mut saved = good.saved;
    saved.answers = good.answers;
    let then = keep::understood(saved, "it").map_err(|trouble| trouble.to_string().trim().to_owned())?;
    let Some(before) = then.records.first() else { return Err("it holds no record".into()) };
    let Configuration { network: network_then, .. } = then.configuration;
    let of = |record: &Record, network: Option<&Network>| {
        network.map(|network| evaluate::evaluate(&record.question.flow(), network))
    };
    let traces = (of(before, network_then.as_ref()), of(now, network));
    let then = moment(before, network_then.as_ref(), traces.0.as_ref());
    let changes = changes(&then, &moment(now, network, traces.1.as_ref()));
    Ok(Some(Since { worked: good.worked, changes }))
}

fn moment<'a>(record: &'a Record, network: Option<&'a Network>, trace: Option<&'a Trace>) -> Moment<'a> {
    let mut keys = record.round.iter().flat_map(|round| &round.ssh);
    let host_key = keys.find_map(|one| one.ssh()?.host_key.as_ref());
    Moment {
        to: &record.question.to,
        client: &record.client,
        address: record.address(),
        host_key: host_key.map(|key| key.fingerprint.as_str()),
        network,
        trace,
    }
}
