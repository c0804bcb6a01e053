//! Source ports that were sampled: some answered and some not is a rule that forgot a part of the range (H8).

use super::case::Case;
use super::diagnosis::{Confidence, Finding, Side};
use crate::probe::source_ports::stretches;

/// What the sample shows beside what the configuration says.
pub fn finding(case: &Case) -> Option<Finding> {
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
