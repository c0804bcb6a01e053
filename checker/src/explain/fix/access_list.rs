//! Fixes for network ACLs: an entry for this peer, numbered before what denies it, within the quota.

use super::group::is_egress;
use super::{Change, Proposal, peer};
use crate::evaluate::{Direction, Gate, Which};
use crate::explain::case::Case;
use crate::network::{
    AclMatch, Family, IcmpMatch, IpNet, Known, Network, NetworkAcl, NetworkAclEntry, NetworkAclId, PortSet,
    ProtocolMatch, RuleAction,
};

/// Entries in each direction besides `*`, unless AWS has raised the quota of 20 (N17).
pub const ENTRIES_A_LIST: usize = 19;
/// The highest number that a person may give (N3).
const HIGHEST: u32 = 32766;

/// What opens the gate.
pub fn propose(gate: &Gate, network: &Network, case: &Case) -> Option<Proposal> {
    let acl = acl(gate, network)?;
    let Known::Known(entries) = &acl.entries else { return None };
    let wanted = wanted(gate, case)?;
    let list: Vec<&NetworkAclEntry> =
        entries.iter().filter(|entry| entry.egress == is_egress(gate) && !entry.is_asterisk()).collect();
    let proposal = if is_full(&list, wanted.cidr_block) {
        widen(&acl.id, &list, &wanted)?
    } else {
        insert(&acl.id, &list, is_egress(gate), &wanted)?
    };
    Some(proposal.caution("a network ACL applies to its whole subnet, and at once, to open connections too"))
}

/// The ACL that the gate is.
pub fn acl<'a>(gate: &Gate, network: &'a Network) -> Option<&'a NetworkAcl> {
    let id = match gate.rule().map(|rule| &rule.which) {
        Some(Which::NetworkAclEntry { acl, .. }) => acl.clone(),
        _ => gate.element.as_str().into(),
    };
    network.network_acls.get::<NetworkAclId>(&id)
}

/// On the way back the ports are the client's. Behind anybody's NAT they can be any of the ephemeral ones, and the
/// gate was asked about all that can come (N13).
fn wanted(gate: &Gate, case: &Case) -> Option<AclMatch> {
    let cidr_block = peer::block(gate, case)?;
    let ports = &gate.packet.destination_ports;
    let (first, last) = (ports.first()?, ports.ranges().last()?.1);
    let protocol = ProtocolMatch::One(gate.packet.protocol);
    Some(AclMatch { protocol, cidr_block, ports: PortSet::range(first, last), icmp: IcmpMatch::default() })
}

fn is_full(list: &[&NetworkAclEntry], block: IpNet) -> bool {
    let family = Family::of(block.addr());
    let counts = |entry: &&&NetworkAclEntry| match &entry.matches {
        Known::Known(matches) => Family::of(matches.cidr_block.addr()) == family,
        Known::Unknown(_) => true,
    };
    list.iter().filter(counts).count() >= ENTRIES_A_LIST
}

fn insert(
    acl: &NetworkAclId,
    list: &[&NetworkAclEntry],
    egress: bool,
    wanted: &AclMatch,
) -> Option<Proposal> {
    let what = said(acl, egress, wanted);
    let allow = |rule_number| NetworkAclEntry {
        rule_number,
        egress,
        rule_action: RuleAction::Allow,
        matches: Known::Known(wanted.clone()),
    };
    if let Some(number) = free_number(list, wanted) {
        let change = Change::AddEntry { acl: acl.clone(), entry: Box::new(allow(number)) };
        return Some(Proposal::new(what, change));
    }
    let (old, moved) = room_at_the_front(list, wanted)?;
    let new = allow(old.rule_number);
    let caution = format!("the rule {} that denies moves to {}", old.rule_number, moved.rule_number);
    let mut proposal = Proposal::new(what, Change::AddEntry { acl: acl.clone(), entry: Box::new(moved) });
    let replaced = Change::ReplaceEntry { acl: acl.clone(), old: Box::new(old), new: Box::new(new) };
    proposal.changes.push(replaced);
    Some(proposal.caution(caution))
}

fn said(acl: &NetworkAclId, egress: bool, wanted: &AclMatch) -> String {
    let (way, protocol) = (if egress { "out to" } else { "in from" }, wanted.protocol);
    format!("let {protocol} {} {way} {} through {acl}", wanted.ports, wanted.cidr_block)
}

/// Whether an entry stops some of what is wanted, or may.
fn stops(entry: &NetworkAclEntry, wanted: &AclMatch) -> bool {
    let Known::Known(matches) = &entry.matches else { return true };
    let ProtocolMatch::One(protocol) = wanted.protocol else { return true };
    let overlaps = matches.cidr_block.contains(&wanted.cidr_block.addr())
        || wanted.cidr_block.contains(&matches.cidr_block.addr());
    entry.rule_action == RuleAction::Deny
        && overlaps
        && matches.protocol.admits(protocol)
        && !matches.ports.intersection(&wanted.ports).is_empty()
}

/// A number that nobody has, before the first entry that stops it; after all others where none does. Tens are left
/// between numbers, as people do.
fn free_number(list: &[&NetworkAclEntry], wanted: &AclMatch) -> Option<u32> {
    let is_free = |number: &u32| list.iter().all(|entry| entry.rule_number != *number);
    let stopping = list.iter().filter(|entry| stops(entry, wanted)).map(|entry| entry.rule_number).min();
    if let Some(first) = stopping {
        let tens = (1..first).rev().filter(|number| number % 10 == 0);
        return tens.chain((1..first).rev()).find(is_free);
    }
    let highest = list.iter().map(|entry| entry.rule_number).max().unwrap_or(0);
    let next = (highest / 100 + 1) * 100;
    (next..=HIGHEST).chain((1..=HIGHEST).rev()).find(is_free)
}

/// Where the first entry that stops it stands at the front: it moves one place back.
fn room_at_the_front(
    list: &[&NetworkAclEntry],
    wanted: &AclMatch,
) -> Option<(NetworkAclEntry, NetworkAclEntry)> {
    let first = list.iter().filter(|entry| stops(entry, wanted)).min_by_key(|entry| entry.rule_number)?;
    let next = first.rule_number + 1;
    let is_free = next <= HIGHEST && list.iter().all(|entry| entry.rule_number != next);
    is_free.then(|| ((*first).clone(), NetworkAclEntry { rule_number: next, ..(*first).clone() }))
}

/// Where the list is full, an entry that lets some of it through is made to let all of it through.
fn widen(acl: &NetworkAclId, list: &[&NetworkAclEntry], wanted: &AclMatch) -> Option<Proposal> {
    let fits = |entry: &&&NetworkAclEntry| {
        matches!(&entry.matches, Known::Known(matches) if matches.protocol == wanted.protocol
            && matches.cidr_block.contains(&wanted.cidr_block.addr())
            && !matches.ports.intersection(&wanted.ports).is_empty())
            && entry.rule_action == RuleAction::Allow
    };
    let old = list.iter().find(fits)?;
    let Known::Known(matches) = &old.matches else { return None };
    let all = matches.ports.union(&wanted.ports);
    let ports = PortSet::range(all.first()?, all.ranges().last()?.1);
    let new = NetworkAclEntry {
        matches: Known::Known(AclMatch { ports: ports.clone(), ..matches.clone() }),
        ..(*old).clone()
    };
    let number = old.rule_number;
    let what = format!("widen rule {number} of {acl} to ports {ports}: the list is full");
    let (old, new) = (Box::new((*old).clone()), Box::new(new));
    Some(Proposal::new(what, Change::ReplaceEntry { acl: acl.clone(), old, new }))
}

/// What to know where nothing can be typed.
pub fn obstacle(gate: &Gate, network: &Network) -> Option<String> {
    let acl = acl(gate, network)?;
    let Known::Known(entries) = &acl.entries else { return None };
    let list: Vec<&NetworkAclEntry> =
        entries.iter().filter(|entry| entry.egress == is_egress(gate) && !entry.is_asterisk()).collect();
    is_full(&list, IpNet::from(peer::address(gate))).then(|| {
        format!(
            "{} already has {ENTRIES_A_LIST} rules in that direction, the quota: take one away that nobody needs",
            acl.id
        )
    })
}

/// Whether the gate stands on the way back.
pub fn is_reply(gate: &Gate) -> bool {
    gate.direction == Direction::Return
}
