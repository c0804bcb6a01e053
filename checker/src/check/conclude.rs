//! From what was seen and read to an answer. Pure: the same record and network give the same answer, byte for byte.

use serde_json::Value;

use super::Answer;
use super::record::{Login, Record};
use crate::evaluate::{self, Trace};
use crate::exit::Exit;
use crate::explain::{self, Case, Diagnosis, Verdict};
use crate::network::Network;
use crate::probe::observation::Observation;
use crate::render;

/// The answer to one question.
pub fn conclude(record: &Record, network: Option<&Network>) -> Answer {
    let diagnosis = diagnose(record, network);
    let of_path = diagnosis.trace.as_ref().filter(|_| record.round.is_none());
    let json = json(&diagnosis, of_path, &record.notes);
    let page = Some(render::redact(&render::html(&diagnosis)));
    Answer { text: text(&diagnosis, &record.notes), json, page, exit: exit(diagnosis.verdict) }
}

/// The same before it is written down.
pub fn diagnose(record: &Record, network: Option<&Network>) -> Diagnosis {
    let flow = record.question.flow();
    let trace = network.map(|network| evaluate::evaluate(&flow, network));
    let again = |network: &Network| evaluate::evaluate(&flow, network);
    let seen = seen(record);
    let login = record.login.as_ref().map(Login::outcome);
    explain::explain(&Case {
        from: from(record),
        to: record.question.target.clone(),
        service: Some(record.question.service),
        port: record.question.port,
        address: record.address(),
        vantage: record.vantage,
        client: record.client.clone(),
        user: record.question.user.clone(),
        observations: &seen,
        controls: record.round.as_ref().map(|round| &round.controls),
        login: login.as_ref(),
        known_host: record.known_host.clone(),
        own: record.own.clone(),
        since: record.since.clone(),
        inside: record.inside.as_ref(),
        trace: trace.as_ref(),
        not_read: record.not_read.clone(),
        network,
        evaluate: Some(&again),
        region: record.region.clone(),
        profile: record.profile.clone(),
    })
}

/// What was seen of the target. The controls are told apart.
fn seen(record: &Record) -> Vec<Observation> {
    let Some(round) = &record.round else { return Vec::new() };
    let target = [&round.ssh, &round.keys, &round.postgres, &round.source_ports].into_iter().flatten();
    std::iter::once(&round.name).chain(target).cloned().collect()
}

fn from(record: &Record) -> String {
    let elsewhere = record.round.is_none() || record.is_seen_from_the_instance();
    if elsewhere { record.question.from.clone() } else { "this machine".into() }
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Reachable => Exit::Reachable,
        Verdict::NotReachableExplained => Exit::NotReachable,
        Verdict::CannotTell => Exit::Unknown,
    }
}

fn text(diagnosis: &Diagnosis, notes: &[String]) -> String {
    let notes: String = notes.iter().map(|note| format!("note: {note}\n")).collect();
    render::text(diagnosis) + &notes
}

/// Where no packet was sent, the trace itself is the answer, and what to do about it stands beside.
fn json(diagnosis: &Diagnosis, of_path: Option<&Trace>, notes: &[String]) -> Value {
    let mut json = serde_json::to_value(diagnosis).unwrap_or_default();
    if let (Some(trace), Value::Object(explained)) = (of_path, &mut json) {
        let mut answer = serde_json::to_value(trace).unwrap_or_default();
        for name in ["headline", "findings", "left_after_fixes", "warnings"] {
            answer[name] = explained.remove(name).unwrap_or_default();
        }
        json = answer;
    }
    if let Value::Object(fields) = &mut json {
        let all = fields.entry("notes").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(all) = all {
            all.extend(notes.iter().cloned().map(Value::String));
        }
    }
    json
}
