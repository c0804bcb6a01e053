//! What a host's own firewall does with the first packet of a connection: chains walked as the kernel walks them,
//! with three answers to every match. What cannot be decided is said to be undecided, with the rule it hangs on.

mod iptables;
mod nft;
mod walk;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::told::Told;

/// The first packet of a connection, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Who sends it.
    pub source: IpAddr,
    /// To which of this host's addresses, where that is known.
    pub destination: Option<IpAddr>,
    /// To which port of TCP.
    pub port: u16,
    /// Over which device it comes in, where that is known.
    pub device: Option<String>,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It passes.
    Passes,
    /// It is lost without a word.
    Drops(Deciding),
    /// It is turned away with an answer.
    Rejects(Deciding),
    /// It hangs on a rule that could not be decided.
    Unknown(String),
}

/// The rule that decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deciding {
    /// The rule, with its table and chain: `table ip host, chain c: tcp dport 22 drop`.
    pub rule: String,
    /// The command that takes it away, where there is one.
    pub remove: Option<String>,
}

/// Whether a match holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    Unknown,
}

impl Holds {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// What a rule does where its matches hold.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Accept,
    Drop,
    Reject,
    Jump(String),
    Goto(String),
    Return,
    Continue,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    holds: Holds,
    action: Action,
    deciding: Deciding,
}

/// A chain that the kernel calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    chain: String,
    /// 0 before routing, 1 for this host: packets meet them in this order.
    hook: u8,
    priority: i64,
    policy: Action,
    deciding: Deciding,
}

/// Chains by name, with their table in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ruleset {
    chains: BTreeMap<String, Vec<Rule>>,
    bases: Vec<Base>,
}

/// What both tools tell, decided for one packet. `nft` is the JSON of `nft -j list ruleset`, `iptables` the text of
/// `iptables-save`, or of `ip6tables-save` for a packet of version 6.
pub fn decide(nft: &Told<String>, iptables: &Told<String>, packet: &Packet) -> Told<Decision> {
    let ours = iptables.known().map(|text| iptables::read(text, packet));
    let theirs = match nft {
        Told::Known(text) => match nft::read(text, packet, ours.is_some()) {
            Ok(rules) => Some(rules),
            Err(why) => return Told::Unknown(format!("what nft says is not understood: {why}")),
        },
        Told::Unknown(_) => None,
    };
    match (theirs, ours) {
        (None, None) => {
            let why = [nft.why(), iptables.why()].into_iter().flatten().collect::<Vec<_>>().join("; ");
            Told::Unknown(why)
        }
        (theirs, ours) => Told::Known(together([theirs, ours].into_iter().flatten())),
    }
}

/// A packet must pass both.
fn together(rulesets: impl Iterator<Item = Ruleset>) -> Decision {
    let decided: Vec<Decision> = rulesets.map(|rules| walk::walk(&rules)).collect();
    let find = |wanted: fn(&Decision) -> bool| decided.iter().find(|one| wanted(one)).cloned();
    find(|one| matches!(one, Decision::Drops(_) | Decision::Rejects(_)))
        .or_else(|| find(|one| matches!(one, Decision::Unknown(_))))
        .unwrap_or(Decision::Passes)
}

/// Whether an address lies in a block such as `10.0.0.0/8`, or is it.
fn lies_in(address: IpAddr, block: &str) -> Holds {
    let found = block.parse::<IpAddr>().map(|one| one == address);
    let found = found.or_else(|_| block.parse::<ipnet::IpNet>().map(|net| net.contains(&address)));
    found.map_or_else(|_| masked(address, block), Holds::of)
}

/// The same with a mask: `10.0.0.0/255.0.0.0`.
fn masked(address: IpAddr, block: &str) -> Holds {
    let Some((base, mask)) = block.split_once('/') else { return Holds::Unknown };
    match (base.parse(), mask.parse()) {
        (Ok(base), Ok(mask)) => ipnet::IpNet::with_netmask(base, mask)
            .map_or(Holds::Unknown, |net| Holds::of(net.contains(&address))),
        _ => Holds::Unknown,
    }
}

/// The ports that a client's connection can come from.
const CLIENT_PORTS: (u64, u64) = (1024, 65535);

/// Whether a range of ports holds what the client comes from: its port is not known.
fn source_port(first: u64, last: u64) -> Holds {
    if first <= CLIENT_PORTS.0 && last >= CLIENT_PORTS.1 {
        Holds::Yes
    } else if last < CLIENT_PORTS.0 || first > CLIENT_PORTS.1 {
        Holds::No
    } else {
        Holds::Unknown
    }
}
