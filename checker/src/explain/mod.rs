//! Holds what was seen against what was read, and says what is wrong, what shows it, and what to type. Pure: the
//! same case gives the same diagnosis.

mod blocked;
mod case;
mod client;
mod condition;
mod database;
mod diagnosis;
pub mod fix;
mod gate;
mod host;
mod inside;
mod keys;
mod name;
mod path;
mod postgres;
mod sampled;
mod seen;
mod ssh;
mod subject;
mod table;
mod tunnel;
mod warn;

pub use case::{Case, KnownHost, Own, OwnKey, OwnProblem, Service, Vantage};
pub use diagnosis::{
    Confidence, DIAGNOSIS_VERSION, Diagnosis, Evidence, Finding, Kind, Side, Suspect, Verdict, Warning,
};
pub use fix::{Change, Fix};
pub use gate::line as gate_in_a_line;
pub use path::{Mark, Path, Station};
pub use seen::Seen;
pub use table::Configured;

use crate::evaluate;
use crate::network::Missing;

/// Explains a case.
pub fn explain(case: &Case) -> Diagnosis {
    let (seen, one) = seen::seen(case);
    let mut findings = inside::merged(case, seen, one, table::findings(case, seen, one));
    if matches!(seen, Seen::Spoke | Seen::Connected | Seen::TimedOut) {
        findings = sampled::merged(case, findings);
    }
    let verdict = table::verdict(seen, Configured::of(case), &findings);
    Diagnosis {
        version: DIAGNOSIS_VERSION,
        verdict,
        headline: headline(case, seen, verdict, &findings),
        from: case.from.clone(),
        to: case.to.clone(),
        service: case.service().to_string(),
        since: case.since.clone(),
        left_after_fixes: fix::left_after(findings.iter().filter_map(|finding| finding.fix.as_ref()), case),
        warnings: warn::warnings(case),
        tunnel: if verdict == Verdict::Reachable { None } else { tunnel::line(case) },
        unknowns: unknowns(case).into_iter().chain(condition::unread(case, seen)).collect(),
        notes: postgres::notes(case)
            .into_iter()
            .chain(keys::notes(case))
            .chain(inside::notes(case, seen))
            .chain(sampled::note(case))
            .collect(),
        path: path::path(case, seen, &findings),
        findings,
        seen: observations(case),
        inside: case.inside.cloned(),
        trace: case.trace.cloned(),
    }
}

fn observations(case: &Case) -> Vec<crate::probe::observation::Observation> {
    let controls = case.controls.into_iter().flat_map(crate::probe::controls::Controlled::all);
    case.observations.iter().chain(controls).cloned().collect()
}

/// What was not read and might have told.
fn unknowns(case: &Case) -> Vec<Missing> {
    let of_trace = case.trace.into_iter().flat_map(|trace| trace.unknowns.clone());
    let not_read = case.not_read.clone().into_iter().chain(inside::unknown(case));
    let mut all: Vec<Missing> = not_read.chain(of_trace).collect();
    all.dedup();
    all
}

fn headline(case: &Case, seen: Seen, verdict: Verdict, findings: &[Finding]) -> String {
    let (from, target) = (&case.from, case.target());
    let partly = Configured::of(case) == Configured::Partly
        && !case.source_is_unknown()
        && !matches!(seen, Seen::Refused | Seen::NoWay | Seen::Unresolved);
    match (verdict, seen) {
        (Verdict::Reachable, Seen::NotProbed) => {
            format!("reachable: the configuration lets {from} open {target}")
        }
        (Verdict::Reachable, _) => format!("reachable: {from} opens {target}"),
        (Verdict::CannotTell, _) => format!("cannot tell whether {from} can open {target}"),
        (Verdict::NotReachableExplained, _) if partly => {
            let share = case.trace.map_or(0.0, |trace| trace.failing_share);
            format!(
                "not always reachable: {from} fails to open {target} in {} of cases",
                evaluate::percent(share)
            )
        }
        (Verdict::NotReachableExplained, Seen::Spoke | Seen::Connected) => {
            let first = findings.first().map(|finding| finding.verdict.as_str()).unwrap_or_default();
            format!("not usable: {from} opens {target}, but {first}")
        }
        (Verdict::NotReachableExplained, _) => format!("not reachable: {from} cannot open {target}"),
    }
}

/// Whether the configuration lets it through, for who asks about a path and tries nothing.
pub fn of_trace(trace: &evaluate::Trace) -> Verdict {
    match trace.verdict {
        evaluate::Verdict::Reachable => Verdict::Reachable,
        evaluate::Verdict::NotReachable | evaluate::Verdict::Partly => Verdict::NotReachableExplained,
        evaluate::Verdict::Unknown => Verdict::CannotTell,
    }
}
