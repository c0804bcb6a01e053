//! Which of this side's ports a server answers to. A reply to a port that a network ACL forgot is lost, so a
//! connection may work from one source port and not from the next. A few ports are sampled, politely.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::observation::{Asked, Observation, Outcome};
use super::tcp;
use super::together::together;

/// The ports that a client, or a translation between it and the server, may use.
pub const EPHEMERAL: RangeInclusive<u16> = 1024..=65535;
/// Where common ranges begin and end: Windows, NAT gateways and load balancers, Linux, the IANA's, and what people
/// write into rules. On both sides of each edge there is something to learn.
const EDGES: [u16; 8] = [1024, 10_000, 16_384, 32_768, 49_152, 61_000, 64_512, 65_535];
/// Never more than so many connections for one answer.
pub const MOST: usize = 64;
/// So many at a time: a server that counts who has not logged in yet begins to refuse at ten.
const AT_A_TIME: usize = 4;

/// What neighbouring ports came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The first port that was tried.
    pub first: u16,
    /// The last one that came to the same.
    pub last: u16,
    /// How many between them were tried.
    pub tried: usize,
    /// Whether an answer came back to them: an agreement, or a refusal.
    pub answered: bool,
}

/// Tries the address from about `count` ports of its range.
pub async fn sample(
    address: SocketAddr,
    range: RangeInclusive<u16>,
    count: usize,
    deadline: Duration,
) -> Vec<Observation> {
    let attempts = chosen(range, count).into_iter().map(|port| tcp::attempt_from(port, address, deadline));
    together(AT_A_TIME, attempts).await
}

/// The ports to try: the ends of the range, some spread evenly, both sides of the usual edges, and more spread evenly.
/// The same for the same question, so that two runs can be compared.
pub fn chosen(range: RangeInclusive<u16>, count: usize) -> Vec<u16> {
    let count = count.clamp(1, MOST);
    let ends = [*range.start(), *range.end()].into_iter();
    let edges = EDGES.iter().flat_map(|edge| [edge.saturating_sub(1), *edge]);
    let mut ports = BTreeSet::new();
    for port in ends.chain(spread(&range, count / 2)).chain(edges).chain(spread(&range, count)) {
        if ports.len() < count && range.contains(&port) {
            ports.insert(port);
        }
    }
    ports.into_iter().collect()
}

fn spread(range: &RangeInclusive<u16>, count: usize) -> impl Iterator<Item = u16> {
    let (first, width) = (usize::from(*range.start()), range.len());
    (0..count).filter_map(move |step| u16::try_from(first + width * step / count).ok())
}

/// What was seen, gathered into stretches of neighbouring ports that came to the same. Ports that could not be tried are
/// left out: nothing is known of them.
pub fn stretches(seen: &[Observation]) -> Vec<Stretch> {
    let mut tried: Vec<(u16, bool)> = seen.iter().filter_map(answer).collect();
    tried.sort_unstable();
    let mut stretches: Vec<Stretch> = Vec::new();
    for (port, answered) in tried {
        match stretches.last_mut() {
            Some(stretch) if stretch.answered == answered => {
                (stretch.last, stretch.tried) = (port, stretch.tried + 1);
            }
            _ => stretches.push(Stretch { first: port, last: port, tried: 1, answered }),
        }
    }
    stretches
}

fn answer(seen: &Observation) -> Option<(u16, bool)> {
    match (&seen.asked, &seen.outcome) {
        (_, Outcome::NotTried { .. }) => None,
        // A refusal came back to that port as well as an agreement would have.
        (Asked::PortFrom { local_port }, Outcome::Refused) => Some((*local_port, true)),
        (Asked::PortFrom { local_port }, _) => Some((*local_port, seen.connected())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::clock::Watch;

    #[test]
    fn the_ends_and_the_usual_edges_are_among_the_ports() {
        let ports = chosen(EPHEMERAL, 32);
        assert_eq!(ports.len(), 32);
        for port in [1024, 32_767, 32_768, 49_151, 49_152, 65_535] {
            assert!(ports.contains(&port), "{port} of {ports:?}");
        }
        assert!(ports.is_sorted());
    }

    #[test]
    fn few_ports_are_spread_and_many_are_bounded() {
        let few = chosen(EPHEMERAL, 6);
        assert_eq!((few.len(), few[0], few[5]), (6, 1024, 65_535));
        assert!(few.iter().any(|port| (20_000..50_000).contains(port)), "{few:?}");
        assert_eq!(chosen(EPHEMERAL, 10_000).len(), MOST);
        assert_eq!(chosen(5000..=5002, 64), [5000, 5001, 5002]);
        assert_eq!(chosen(7..=7, 3), [7]);
        #[expect(clippy::reversed_empty_ranges, reason = "a caller may ask for nothing")]
        let nothing = chosen(9..=3, 3);
        assert!(nothing.is_empty());
    }

    #[test]
    fn neighbours_that_came_to_the_same_are_one_stretch() {
        let seen = |local_port, outcome| {
            let address = "203.0.113.9:22".parse().expect("an address");
            Observation::of(Asked::PortFrom { local_port }, address, &Watch::start(), outcome)
        };
        let taken = || Outcome::NotTried { why: "in use".to_owned() };
        let told = stretches(&[
            seen(61_000, Outcome::TimedOut),
            seen(1024, Outcome::TimedOut),
            seen(32_768, Outcome::Connected),
            seen(40_000, taken()),
            seen(50_000, Outcome::Refused),
        ]);
        let stretch = |first, last, tried, answered| Stretch { first, last, tried, answered };
        let wanted = [
            stretch(1024, 1024, 1, false),
            stretch(32_768, 50_000, 2, true),
            stretch(61_000, 61_000, 1, false),
        ];
        assert_eq!(told, wanted);
    }
}
