//! Fixes for security groups: edit the rule that holds the old address, else add one for this peer alone.

use std::net::IpAddr;

use super::{Change, Proposal, peer};
use crate::evaluate::{Gate, Which};
use crate::explain::case::Case;
use crate::network::{
    Family, IcmpMatch, IpNet, Known, Network, NetworkInterface, Peer, PortSet, Protocol, ProtocolMatch,
    SecurityGroup, SecurityGroupId, SecurityGroupRule, is_private,
};

/// Rules in each direction, for each family, unless AWS has raised the quota (S23).
pub const RULES_A_GROUP: usize = 60;

/// What opens the gate.
pub fn propose(gate: &Gate, network: &Network, case: &Case) -> Option<Proposal> {
    let egress = is_egress(gate);
    let block = peer::block(gate, case)?;
    if !egress && let Some((group, rule)) = the_stale_rule(gate, network) {
        return Some(edit(group, rule, block));
    }
    let peer = the_group_of(peer::address(gate), gate, network).unwrap_or(Peer::Cidr(block));
    let group = with_room(gate, network, Family::of(block.addr()))?;
    let rule = one_port(gate.packet.protocol, gate.packet.destination_ports.first()?, peer);
    let (way, who) = (if egress { "out to" } else { "in from" }, named(&rule.peer));
    let port = rule.ports.clone();
    let what = format!("let {} {port} {way} {who} through {group}", gate.packet.protocol);
    let change = Change::AddRule { group: group.clone(), egress, rule: Box::new(rule) };
    Some(Proposal::new(what, change).caution("a change of a rule may take a few seconds to work"))
}

/// A rule that lets one peer use one port.
fn one_port(protocol: Protocol, port: u16, peer: Peer) -> SecurityGroupRule {
    SecurityGroupRule {
        id: None,
        ip_protocol: ProtocolMatch::One(protocol),
        ports: PortSet::one(port),
        icmp: IcmpMatch::default(),
        peer,
        description: None,
    }
}

fn edit(group: SecurityGroupId, rule: &SecurityGroupRule, block: IpNet) -> Proposal {
    let what = format!("let {block} in where {group} still names {}", named(&rule.peer));
    let caution = format!(
        "whoever still connects from {} will no longer be let in; if that is somebody else, add a rule for {block} instead",
        named(&rule.peer)
    );
    let change = Change::EditRule { group, egress: false, rule: Box::new(rule.clone()), block };
    Proposal::new(what, change).caution(caution)
}

fn named(peer: &Peer) -> String {
    match peer {
        Peer::Cidr(block) => block.to_string(),
        Peer::PrefixList(id) => id.to_string(),
        Peer::Group { id, .. } => id.to_string(),
        Peer::Unreadable(text) => text.clone(),
    }
}

/// Whether the gate is about what leaves.
pub fn is_egress(gate: &Gate) -> bool {
    gate.side == Some("outbound")
}

/// The groups of the interface.
fn groups<'a>(gate: &Gate, network: &'a Network) -> Vec<&'a SecurityGroup> {
    let of_rule = match gate.rule().map(|rule| &rule.which) {
        Some(Which::NoSecurityGroupRule(groups)) => groups.clone(),
        _ => Vec::new(),
    };
    let of_interface = || {
        let id = gate.element.as_str().into();
        network.network_interfaces.get::<crate::network::NetworkInterfaceId>(&id)?.groups.value().cloned()
    };
    let ids = if of_rule.is_empty() { of_interface().unwrap_or_default() } else { of_rule };
    ids.iter().filter_map(|id| network.security_groups.get(id)).collect()
}

fn list(group: &SecurityGroup, egress: bool) -> &[SecurityGroupRule] {
    match if egress { &group.outbound } else { &group.inbound } {
        Known::Known(rules) => rules,
        Known::Unknown(_) => &[],
    }
}

/// The one rule that lets a single other public address in on this port: somebody's old one (H2). Where there are
/// several, each may be somebody's.
pub fn the_stale_rule<'a>(
    gate: &Gate,
    network: &'a Network,
) -> Option<(SecurityGroupId, &'a SecurityGroupRule)> {
    let client = peer::address(gate);
    let port = gate.packet.destination_ports.first()?;
    if is_egress(gate) || is_private(client) {
        return None;
    }
    let mut stale = groups(gate, network).into_iter().flat_map(|group| {
        let rules = list(group, false).iter();
        rules.filter(move |rule| is_stale(rule, client, port, network)).map(|rule| (group.id.clone(), rule))
    });
    let first = stale.next()?;
    stale.next().is_none().then_some(first)
}

fn is_stale(rule: &SecurityGroupRule, client: IpAddr, port: u16, network: &Network) -> bool {
    let Peer::Cidr(block) = &rule.peer else { return false };
    let single = block.prefix_len() == block.max_prefix_len() && block.addr() != client;
    let alike = Family::of(block.addr()) == Family::of(client) && !is_private(block.addr());
    let is_port = rule.ports.contains(port) && rule.ip_protocol.admits(Protocol::Tcp);
    single && alike && is_port && !network.addresses.iter().any(|(address, _)| *address == block.addr())
}

/// The interface that has the address, where it is one of this network's.
pub fn interface_of(address: IpAddr, network: &Network) -> Option<&NetworkInterface> {
    network.network_interfaces.values().find(|row| row.has(address))
}

/// The group of the other end, where both ends are in one VPC: a database's address changes, its group does not (D5).
fn the_group_of(address: IpAddr, gate: &Gate, network: &Network) -> Option<Peer> {
    let other = interface_of(address, network)?;
    let own: crate::network::NetworkInterfaceId = gate.element.as_str().into();
    let own = network.network_interfaces.get(&own)?;
    let id = other.groups.value()?.first()?.clone();
    let peer = Peer::Group { id, account: None, vpc: None, peering: None, peering_status: None };
    (own.vpc == other.vpc).then_some(peer)
}

fn with_room(gate: &Gate, network: &Network, family: Family) -> Option<SecurityGroupId> {
    let room = |group: &&SecurityGroup| count(group, is_egress(gate), family) < RULES_A_GROUP;
    groups(gate, network).into_iter().find(room).map(|group| group.id.clone())
}

/// How many rules of this direction count against the quota of this family.
pub fn count(group: &SecurityGroup, egress: bool, family: Family) -> usize {
    // A reference to a group counts in both.
    let counts = |rule: &&SecurityGroupRule| match &rule.peer {
        Peer::Cidr(block) => Family::of(block.addr()) == family,
        _ => true,
    };
    list(group, egress).iter().filter(counts).count()
}

/// Why nothing can be typed, where every group is full.
pub fn obstacle(gate: &Gate, network: &Network) -> Option<String> {
    let family = Family::of(peer::address(gate));
    let groups = groups(gate, network);
    let full = !groups.is_empty() && with_room(gate, network, family).is_none();
    let ids = || groups.iter().map(|group| group.id.to_string()).collect::<Vec<_>>().join(", ");
    full.then(|| {
        format!(
            "{} already has {RULES_A_GROUP} rules, the quota: take one away that nobody needs, or ask for a higher quota",
            ids()
        )
    })
}
