//! Source ports that were sampled: some answered and some not is a rule that forgot a part of the range (H8).

use super::case::Case;
use super::diagnosis::{Confidence, Finding, Kind, Side};
use super::seen::concerns;
use crate::probe::observation::{Asked, Observation, Outcome};
use crate::probe::source_ports::stretches;

/// Where one attempt was answered and another was not, luck is a word for a port that nobody asked about.
pub fn note(case: &Case) -> Option<String> {
    let sampled = case.observations.iter().any(|one| matches!(one.asked, Asked::PortFrom { .. }));
    let of_target = || case.observations.iter().filter(|one| concerns(case, one));
    let some = of_target().any(Observation::connected);
    let not_all = of_target().any(|one| one.outcome == Outcome::TimedOut);
    (!sampled && some && not_all && case.address.is_some()).then(|| {
        format!(
            "{} answered one attempt and not another: --sample-ports tells whether that hangs on the port that one \
             comes from",
            case.target()
        )
    })
}

/// The findings and what a sample tells, which ends the word that nothing can be told.
pub fn merged(case: &Case, found: Vec<Finding>) -> Vec<Finding> {
    let Some(finding) = finding(case) else { return found };
    found.into_iter().filter(|finding| finding.kind != Kind::Unknown).chain([finding]).collect()
}

/// What the sample shows beside what the configuration says.
fn finding(case: &Case) -> Option<Finding> {
    let told = stretches(case.observations);
    let (lost, kept): (Vec<_>, Vec<_>) = told.iter().partition(|stretch| !stretch.answered);
    let said = case.trace.is_some_and(|trace| !trace.blockers.is_empty());
    if lost.is_empty() || kept.is_empty() || said {
        return None;
    }
    let ports = |list: &[&crate::probe::source_ports::Stretch]| {
        list.iter().map(|row| format!("{}-{}", row.first, row.last)).collect::<Vec<_>>().join(", ")
    };
    let verdict = format!("it answers some of your ports and not others: {} are lost", ports(&lost));
    Some(
        Finding::new(case.symptom("H8", "P7").or(Some("H8")), Side::Configuration, verdict)
            .confidence(Confidence::Likely)
            .read(format!("answered: {}; lost: {}", ports(&kept), ports(&lost)))
            .refuted_by("the same ports come to something else a second time")
            .hint("let the network ACL's outbound rules reach all of 1024-65535 for the client's address"),
    )
}
