//! What the probes came to, as one of the rows of the table.

use crate::probe::observation::{Asked, Observation, Outcome, Words};

use super::case::{Case, Service};

/// The rows of the table, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// It spoke the protocol that was asked for.
    Spoke,
    /// It connected, and said something else or nothing.
    Connected,
    /// A reset answered.
    Refused,
    /// Something on the way, or this side, said that there is no way.
    NoWay,
    /// Nobody said anything.
    TimedOut,
    /// The name has no address.
    Unresolved,
    /// Nothing was tried.
    NotProbed,
}

impl Seen {
    /// Every row.
    pub const ALL: [Self; 7] = [
        Self::Spoke,
        Self::Connected,
        Self::Refused,
        Self::NoWay,
        Self::TimedOut,
        Self::Unresolved,
        Self::NotProbed,
    ];
}

/// The row, and the observation that it rests on.
pub fn seen<'a>(case: &Case<'a>) -> (Seen, Option<&'a Observation>) {
    let rows = case.observations.iter().filter(|one| concerns(case, one));
    let best = rows.filter_map(|one| Some((row(case.service(), one)?, one))).min_by_key(|(row, _)| *row);
    match best {
        Some((row, one)) => (row, Some(one)),
        None => (Seen::NotProbed, None),
    }
}

/// Whether an observation is of the target itself. Single source ports are told apart.
pub fn concerns(case: &Case, one: &Observation) -> bool {
    let of_target = one.address.is_none() || case.address.is_none() || one.address == case.address;
    of_target && !matches!(one.asked, Asked::PortFrom { .. })
}

fn row(service: Service, one: &Observation) -> Option<Seen> {
    Some(match &one.outcome {
        Outcome::Spoke(words) if speaks(service, words) => Seen::Spoke,
        Outcome::Connected if service == Service::Port => Seen::Spoke,
        Outcome::Connected | Outcome::ClosedBeforeBanner | Outcome::Silent | Outcome::Spoke(_) => {
            Seen::Connected
        }
        Outcome::Reset if one.connected() => Seen::Connected,
        Outcome::Refused | Outcome::Reset => Seen::Refused,
        Outcome::TimedOut => Seen::TimedOut,
        Outcome::HostUnreachable
        | Outcome::NetworkUnreachable
        | Outcome::Prohibited
        | Outcome::Errno { .. } => Seen::NoWay,
        Outcome::Unresolved { .. } => Seen::Unresolved,
        // A name with addresses says nothing of the port, and what was not tried says nothing at all.
        Outcome::Resolved { .. } | Outcome::NotTried { .. } => return None,
    })
}

fn speaks(service: Service, words: &Words) -> bool {
    match service {
        Service::Ssh => matches!(words, Words::Ssh(_)),
        Service::Postgres => matches!(words, Words::Postgres(_)),
        Service::Port => true,
    }
}

/// The most telling observation of a service that answered wrongly or not at all: one that asked it to speak.
pub fn most_telling<'a>(case: &Case<'a>) -> Option<&'a Observation> {
    let rows = case.observations.iter().filter(|one| concerns(case, one) && one.connected());
    rows.max_by_key(|one| !matches!(one.outcome, Outcome::Connected))
}
