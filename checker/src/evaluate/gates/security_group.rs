//! Security groups: stateful, allow-only, the union of all rules of the interface's own groups (S1 to S17).

use std::net::IpAddr;

use crate::evaluate::code::Code;
use crate::evaluate::party::Host;
use crate::evaluate::trace::{GateKind, Outcome, Packet, Rule, Which};
use crate::evaluate::walk::Walk;
use crate::network::{
    Kind, Known, Missing, Network, Peer, Protocol, SecurityGroup, SecurityGroupId, SecurityGroupRule,
};

/// Who is on the other side of the filter, as the filter sees it.
#[derive(Debug, Clone)]
pub(in crate::evaluate) struct Seen {
    /// Its address, after any translation.
    pub address: IpAddr,
    /// The groups of the interface that has this address privately (S9); none for everybody else.
    pub groups: Known<Vec<SecurityGroupId>>,
    /// Whether references to groups hold on the way between the two.
    pub references: Known<bool>,
}

impl Seen {
    /// An address that is no interface's own: the internet's, or a translated one.
    pub(in crate::evaluate) fn stranger(address: IpAddr) -> Self {
        Self { address, groups: Known::Known(Vec::new()), references: Known::Known(false) }
    }

    pub(in crate::evaluate) fn host(host: &Host<'_>, references: Known<bool>) -> Self {
        Self { address: host.address, groups: host.groups.clone(), references }
    }
}

impl<'n> Walk<'n> {
    pub(in crate::evaluate) fn security_groups(
        &mut self,
        host: &Host<'n>,
        outbound: bool,
        packet: &Packet,
        seen: &Seen,
    ) {
        let element = host.interface.map_or_else(|| host.label(), |interface| interface.id.to_string());
        let unfiltered = host.interface.filter(|interface| {
            interface.may_have_no_groups() && host.groups.value().is_some_and(Vec::is_empty)
        });
        let outcome = match unfiltered {
            Some(interface) => {
                Outcome::Allowed { by: Rule::of(&interface.id, "it has no security group: nothing filters") }
            }
            None => judge(self.network, &host.groups, outbound, packet, seen),
        };
        let side = Some(if outbound { "outbound" } else { "inbound" });
        self.push_side(GateKind::SecurityGroup, element, side, packet, outcome);
    }
}

fn judge(
    network: &Network,
    groups: &Known<Vec<SecurityGroupId>>,
    outbound: bool,
    packet: &Packet,
    seen: &Seen,
) -> Outcome {
    let groups = match groups.get() {
        Ok(groups) => groups,
        Err(missing) => return Outcome::Unknown { missing },
    };
    let (mut unknown, mut rules) = (None, 0);
    for id in groups {
        match rules_of(network, id, outbound) {
            Err(missing) => unknown = unknown.or(Some(missing)),
            Ok((group, list)) => {
                rules += list.len();
                for rule in list {
                    match admits(network, rule, packet, seen) {
                        Ok(true) => return Outcome::Allowed { by: said(group, rule, outbound) },
                        Ok(false) => {}
                        Err(missing) => unknown = unknown.or(Some(missing)),
                    }
                }
            }
        }
    }
    match unknown {
        Some(missing) => Outcome::Unknown { missing },
        None => denied(groups, rules, outbound, packet, seen),
    }
}

fn rules_of<'n>(
    network: &'n Network,
    id: &SecurityGroupId,
    outbound: bool,
) -> Result<(&'n SecurityGroup, &'n Vec<SecurityGroupRule>), Missing> {
    let group = network.security_groups.find(Kind::SecurityGroups, id)?;
    let rules = if outbound { &group.outbound } else { &group.inbound };
    Ok((group, rules.get()?))
}

fn denied(groups: &[SecurityGroupId], rules: usize, outbound: bool, packet: &Packet, seen: &Seen) -> Outcome {
    let names: Vec<&str> = groups.iter().map(SecurityGroupId::as_str).collect();
    let side = if outbound { "outbound" } else { "inbound" };
    let way = if outbound { "to" } else { "from" };
    let (code, text) = if rules == 0 {
        (Code::NoRulesAtAll, format!("there are no {side} rules"))
    } else {
        let text = format!(
            "no {side} rule allows {} {} {way} {}",
            packet.protocol, packet.destination_ports, seen.address
        );
        (Code::NoRuleAllows, text)
    };
    let which = Which::NoSecurityGroupRule(groups.to_vec());
    Outcome::Denied { code, by: Rule { element: names.join(", "), rule: text, which } }
}

/// Whether the rule lets the packet through. Both ports and peer must match; what cannot be told counts only
/// where the rest matches.
fn admits(
    network: &Network,
    rule: &SecurityGroupRule,
    packet: &Packet,
    seen: &Seen,
) -> Result<bool, Missing> {
    Ok(admits_service(rule, packet) && admits_peer(network, &rule.peer, seen)?)
}

fn admits_service(rule: &SecurityGroupRule, packet: &Packet) -> bool {
    rule.ip_protocol.admits(packet.protocol)
        && match packet.protocol {
            Protocol::Tcp | Protocol::Udp => rule.ports.contains_all(&packet.destination_ports),
            // An echo request: type 8 of ICMP, 128 of ICMPv6, code 0.
            Protocol::Icmp => rule.icmp.admits(8, 0),
            Protocol::Icmpv6 => rule.icmp.admits(128, 0),
            Protocol::Number(_) => true,
        }
}

fn admits_peer(network: &Network, peer: &Peer, seen: &Seen) -> Result<bool, Missing> {
    match peer {
        Peer::Cidr(block) => Ok(block.contains(&seen.address)),
        Peer::PrefixList(id) => {
            let list = network.prefix_lists.find(Kind::PrefixListEntries, id)?;
            Ok(list.entries.get()?.iter().any(|block| block.contains(&seen.address)))
        }
        Peer::Group { id, peering_status, .. } => {
            // S12: the peering that it went through is gone.
            let stale = peering_status.as_deref().is_some_and(|status| status != "active");
            if stale || matches!(&seen.groups, Known::Known(groups) if !groups.contains(id)) {
                return Ok(false);
            }
            seen.groups.get()?;
            seen.references.get().copied()
        }
        Peer::Unreadable(what) => Err(Missing::new(what.clone(), "a rule that cannot be read may allow it")),
    }
}

fn said(group: &SecurityGroup, rule: &SecurityGroupRule, outbound: bool) -> Rule {
    let side = if outbound { "outbound" } else { "inbound" };
    let way = if outbound { "to" } else { "from" };
    let id = rule.id.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
    let what = match rule.ip_protocol {
        crate::network::ProtocolMatch::One(protocol) if protocol.has_ports() => {
            format!("{protocol} {}", rule.ports)
        }
        other => other.to_string(),
    };
    let peer = match &rule.peer {
        Peer::Cidr(block) => block.to_string(),
        Peer::PrefixList(list) => list.to_string(),
        Peer::Group { id, .. } => id.to_string(),
        Peer::Unreadable(text) => text.clone(),
    };
    Rule {
        element: group.id.to_string(),
        rule: format!("{id}{side} {what} {way} {peer}"),
        which: Which::SecurityGroupRule(group.id.clone(), rule.id.clone()),
    }
}
