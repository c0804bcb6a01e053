//! The table: what was seen against what the configuration says. Every cell is written out; nothing is hidden where
//! the two do not fit.

use super::case::Case;
use super::diagnosis::{Confidence, Finding, Kind, Side, Verdict};
use super::seen::Seen;
use super::{blocked, client, condition, host, name, postgres, ssh};
use crate::evaluate::{self, Outcome};
use crate::explain::case::Service;
use crate::probe::observation::Observation;

/// The columns of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configured {
    /// Every gate lets it through.
    Allows,
    /// A gate lets nothing through.
    Denies,
    /// A gate lets some through.
    Partly,
    /// It hangs on something that was not read.
    Unknown,
    /// Nothing was read.
    NotRead,
}

impl Configured {
    /// Every column.
    pub const ALL: [Self; 5] = [Self::Allows, Self::Denies, Self::Partly, Self::Unknown, Self::NotRead];

    /// The column of a case.
    pub fn of(case: &Case) -> Self {
        match case.trace.map(|trace| trace.verdict) {
            Some(evaluate::Verdict::Reachable) => Self::Allows,
            Some(evaluate::Verdict::NotReachable) => Self::Denies,
            Some(evaluate::Verdict::Partly) => Self::Partly,
            Some(evaluate::Verdict::Unknown) => Self::Unknown,
            None => Self::NotRead,
        }
    }
}

/// The findings of one cell, the causes on the way first.
pub fn findings(case: &Case, seen: Seen, one: Option<&Observation>) -> Vec<Finding> {
    use Configured as C;
    let own = || client::findings(case, seen, one);
    let gates = || blocked::findings(case, one);
    let machine = || condition::findings(case, seen, one);
    match (seen, Configured::of(case)) {
        (Seen::Spoke, C::Allows | C::Unknown | C::NotRead) => service(case, seen),
        (Seen::Spoke, C::Denies) => joined([service(case, seen), vec![contradiction(case, one)]]),
        (Seen::Spoke, C::Partly) => joined([gates(), service(case, seen)]),

        (Seen::Connected, C::Allows | C::Unknown | C::NotRead) => {
            joined([own(), machine(), service(case, seen)])
        }
        (Seen::Connected, C::Denies) => {
            joined([own(), machine(), service(case, seen), vec![contradiction(case, one)]])
        }
        (Seen::Connected, C::Partly) => joined([own(), gates(), machine(), service(case, seen)]),

        (Seen::Refused, C::Allows | C::Unknown | C::NotRead) => {
            own_or(joined([own(), machine()]), || host::refused(case, one))
        }
        (Seen::Refused, C::Denies) => joined([refused_and_denied(case, own(), one), machine()]),
        (Seen::Refused, C::Partly) => {
            joined([own_or(joined([own(), machine()]), || host::refused(case, one)), gates()])
        }

        (Seen::NoWay, C::Denies | C::Partly) => joined([own(), gates(), no_way(case, seen, one)]),
        (Seen::NoWay, C::Allows | C::Unknown | C::NotRead) => joined([own(), no_way(case, seen, one)]),

        (Seen::TimedOut, C::Allows) => {
            own_or(joined([own(), name::findings(case, seen, one), machine()]), || host::silent(case, one))
        }
        (Seen::TimedOut, C::Denies | C::Partly) => joined([own(), gates(), machine()]),
        (Seen::TimedOut, C::Unknown | C::NotRead) => {
            own_or(joined([own(), name::findings(case, seen, one), machine()]), || cannot_tell(case, one))
        }

        (Seen::Unresolved, C::Allows | C::Unknown | C::NotRead) => {
            joined([own(), name::findings(case, seen, one)])
        }
        // The name is what stops it now; what stands behind it is said as well.
        (Seen::Unresolved, C::Denies | C::Partly) => {
            joined([own(), gates_of_the_name(gates(), name::findings(case, seen, one))])
        }

        (Seen::NotProbed, C::Allows) => Vec::new(),
        (Seen::NotProbed, C::Denies | C::Partly) => gates(),
        (Seen::NotProbed, C::Unknown | C::NotRead) => vec![cannot_tell(case, one)],
    }
}

/// What follows for the verdict.
pub fn verdict(seen: Seen, configured: Configured, findings: &[Finding]) -> Verdict {
    let cause = findings.iter().any(|finding| finding.kind == Kind::Cause);
    match (seen, configured) {
        (_, _) if cause => Verdict::NotReachableExplained,
        (Seen::Spoke, _) | (Seen::NotProbed, Configured::Allows) => Verdict::Reachable,
        _ => Verdict::CannotTell,
    }
}

fn joined<const N: usize>(lists: [Vec<Finding>; N]) -> Vec<Finding> {
    lists.into_iter().flatten().collect()
}

/// The client's own network explains it, or else this does. Two addresses are only a possibility, and explain nothing.
fn own_or(own: Vec<Finding>, other: impl FnOnce() -> Finding) -> Vec<Finding> {
    if own.iter().any(|finding| finding.confidence < Confidence::Possible) {
        own
    } else {
        [other()].into_iter().chain(own).collect()
    }
}

fn service(case: &Case, seen: Seen) -> Vec<Finding> {
    match case.service() {
        Service::Ssh => ssh::findings(case, seen),
        Service::Postgres => postgres::findings(case, seen),
        Service::Port => Vec::new(),
    }
}

/// A name without an answer is the VPC's doing where a gate says so.
fn gates_of_the_name(gates: Vec<Finding>, name: Vec<Finding>) -> Vec<Finding> {
    let (of_name, others): (Vec<_>, Vec<_>) =
        gates.into_iter().partition(|finding| matches!(finding.side, Side::Name | Side::Service));
    let name = if of_name.is_empty() { name } else { Vec::new() };
    joined([of_name, name, others])
}

fn no_way(case: &Case, seen: Seen, one: Option<&Observation>) -> Vec<Finding> {
    let own = client::findings(case, seen, one);
    let private = name::findings(case, seen, one);
    if own.is_empty() && private.is_empty() {
        one.and_then(|one| host::no_way(case, one)).into_iter().collect()
    } else {
        private
    }
}

/// H18: neither a security group nor a network ACL can refuse, so that somebody else did; or the model is wrong.
fn refused_and_denied(case: &Case, own: Vec<Finding>, one: Option<&Observation>) -> Vec<Finding> {
    let forged = Finding::new(
        "H18",
        Side::Client,
        "something on the way refuses in the target's name: the configuration drops, and what drops cannot refuse",
    )
    .confidence(Confidence::Likely)
    .seen(one)
    .refuted_by("the refusal takes as long as AWS is far, and the configuration was read before it was changed")
    .hint("try another network; then see to what the configuration denies");
    let forged = if own.is_empty() { vec![forged] } else { own };
    joined([forged, blocked::findings(case, one), vec![contradiction(case, one)]])
}

/// The model denies, and something answered.
fn contradiction(case: &Case, one: Option<&Observation>) -> Finding {
    let gates = case.trace.into_iter().flat_map(|trace| &trace.blockers);
    let finding = Finding::new(
        None,
        Side::Configuration,
        "the configuration says that this cannot be, and it was seen: one of the two is not what it seems",
    )
    .kind(Kind::Contradiction)
    .seen(one);
    gates
        .fold(finding, Finding::gate)
        .refuted_by("both are read again at the same time and agree")
        .hint(
            "see that the address is the instance's and that no VPN or proxy leads there by another way; a rule that \
             was changed a moment ago may not work yet, and open connections outlive it",
        )
}

/// Nobody answers, and what would tell why was not read.
fn cannot_tell(case: &Case, one: Option<&Observation>) -> Finding {
    let finding = Finding::new(None, Side::Configuration, missing_in_words(case))
        .kind(Kind::Unknown)
        .confidence(Confidence::Possible)
        .seen(one);
    let unknown = |gate: &&evaluate::Gate| matches!(gate.outcome, Outcome::Unknown { .. });
    let gates = case.trace.into_iter().flat_map(|trace| &trace.gates).filter(unknown);
    gates.fold(finding, Finding::gate).refuted_by("the same question with these permissions").hint(
        match permissions(case).as_slice() {
            [] => "let the checker read the configuration: give it credentials, or a saved folder".to_owned(),
            names => {
                format!("allow {} to whoever asks, all of them read-only, and ask again", names.join(", "))
            }
        },
    )
}

fn missing_in_words(case: &Case) -> String {
    let mut what: Vec<String> = super::unknowns(case).into_iter().map(|missing| missing.what).collect();
    what.dedup();
    if what.is_empty() {
        "nothing answers, and no configuration was read that would say why".to_owned()
    } else {
        format!("it hangs on what was not read: {}", what.join(", "))
    }
}

/// The permissions that would tell.
pub fn permissions(case: &Case) -> Vec<String> {
    let mut names: Vec<String> =
        super::unknowns(case).into_iter().filter_map(|missing| missing.permission).collect();
    names.sort();
    names.dedup();
    names
}
