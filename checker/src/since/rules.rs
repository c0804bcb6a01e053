//! The gates on the way, then and now: the rules of security groups, the entries of network ACLs, routes, and which of
//! them is in force.

use std::collections::{BTreeMap, BTreeSet};

use super::{Changes, Moment};
use crate::evaluate::GateKind;
use crate::network::{
    Known, Network, NetworkAcl, NetworkAclEntry, Peer, Route, RouteState, RouteTable, RuleAction,
    SecurityGroup, SecurityGroupId, SecurityGroupRule,
};

/// One moment with its network.
type Side<'a> = (&'a Moment<'a>, &'a Network);

pub(super) fn compare(all: &mut Changes, then: Side, now: Side) {
    groups(all, then, now);
    let acl = |network: &Network, id: &str| network.network_acls.get(&id.into()).map(entries);
    listed(all, GateKind::NetworkAcl, ["network ACL on the way", "network ACL entry"], acl, then, now);
    let table = |network: &Network, id: &str| network.route_tables.get(&id.into()).map(routes);
    listed(all, GateKind::RouteTable, ["route table on the way", "route"], table, then, now);
    let access =
        |network: &Network| network.block_public_access.value().map(|access| format!("{:?}", access.mode));
    all.both("VPC Block Public Access", "", access(then.1), access(now.1));
}

/// The things of a kind that the trace of a moment names. A gate that could not be read stands for something else.
fn met(moment: &Moment, kind: GateKind, known: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let gates = moment.trace.into_iter().flat_map(|trace| &trace.gates);
    let named = gates.filter(|gate| gate.kind == kind).map(|gate| gate.element.clone());
    named.filter(|element| known(element)).collect()
}

/// Another one stands in the way where the one did: a subnet was given another list, or another table.
fn replaced(all: &mut Changes, what: &str, then: &BTreeSet<String>, now: &BTreeSet<String>) {
    let listed = |words: Vec<&String>| words.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let was: Vec<&String> = then.difference(now).collect();
    let is: Vec<&String> = now.difference(then).collect();
    if !was.is_empty() && !is.is_empty() {
        all.put(what, "", Some(listed(was)), Some(listed(is)));
    }
}

/// What begins the key of a row that has no name of its own, only what it says.
const NAMELESS: char = '\0';

/// Rows by what tells them apart, with what they say.
type Rows = BTreeMap<String, String>;

fn rows(all: &mut Changes, what: &str, owner: &str, was: &Rows, is: &Rows) {
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for name in names {
        let element = if name.starts_with(NAMELESS) { owner.to_owned() } else { format!("{owner} {name}") };
        all.put(what, &element, was.get(name).cloned(), is.get(name).cloned());
    }
}

fn carried(network: &Network, element: &str) -> Option<BTreeSet<SecurityGroupId>> {
    let interface = network.network_interfaces.get(&element.into()).map(|row| &row.groups);
    let groups = interface.or_else(|| Some(&network.db_instances.get(&element.into())?.groups))?;
    groups.value().map(|groups| groups.iter().cloned().collect())
}

fn groups(all: &mut Changes, (then, before): Side, (now, after): Side) {
    let mut elements = met(then, GateKind::SecurityGroup, |_| true);
    elements.extend(met(now, GateKind::SecurityGroup, |_| true));
    let mut groups = BTreeSet::new();
    for element in &elements {
        let (was, is) = (carried(before, element), carried(after, element));
        if let (Some(was), Some(is)) = (&was, &is) {
            let words = |groups: &BTreeSet<SecurityGroupId>| {
                Some(groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            };
            all.put("security groups of", element, words(was), words(is));
        }
        groups.extend(was.into_iter().chain(is).flatten());
    }
    for id in &groups {
        if let (Some(was), Some(is)) = (before.security_groups.get(id), after.security_groups.get(id)) {
            group(all, was, is);
        }
    }
}

fn group(all: &mut Changes, was: &SecurityGroup, is: &SecurityGroup) {
    let directions = [("inbound", &was.inbound, &is.inbound), ("outbound", &was.outbound, &is.outbound)];
    for (direction, before, after) in directions {
        if let (Known::Known(before), Known::Known(after)) = (before, after) {
            // Only one of the two answers about rules knows their ids.
            let by_id = before.iter().chain(after).all(|rule| rule.id.is_some());
            let rows_of =
                |rules: &[SecurityGroupRule]| rules.iter().map(|rule| rule_row(rule, by_id)).collect();
            let owner = format!("{} {direction}", is.id);
            rows(all, "security group rule", &owner, &rows_of(before), &rows_of(after));
        }
    }
}

fn rule_row(rule: &SecurityGroupRule, by_id: bool) -> (String, String) {
    let peer = match &rule.peer {
        Peer::Cidr(block) => block.to_string(),
        Peer::PrefixList(id) => id.to_string(),
        Peer::Group { id, peering_status, .. } => match peering_status {
            Some(status) if status != "active" => format!("{id} (peering {status})"),
            _ => id.to_string(),
        },
        Peer::Unreadable(text) => text.clone(),
    };
    let words = format!("{} {} {peer}", rule.ip_protocol, rule.ports);
    let id = rule.id.as_ref().filter(|_| by_id).map(ToString::to_string);
    (id.unwrap_or_else(|| format!("{NAMELESS}{words}")), words)
}

/// A kind of list on the way: another one may stand in its place, or its rows may have changed. `of` finds one, and its
/// rows where they could be read.
fn listed(
    all: &mut Changes,
    kind: GateKind,
    [list, row]: [&'static str; 2],
    of: impl Fn(&Network, &str) -> Option<Option<Rows>>,
    (then, before): Side,
    (now, after): Side,
) {
    let was = met(then, kind, |id| of(before, id).is_some());
    let is = met(now, kind, |id| of(after, id).is_some());
    replaced(all, list, &was, &is);
    for id in was.union(&is) {
        if let (Some(was), Some(is)) = (of(before, id).flatten(), of(after, id).flatten()) {
            rows(all, row, id, &was, &is);
        }
    }
}

fn entries(acl: &NetworkAcl) -> Option<Rows> {
    let rows = acl.entries.value()?.iter().filter(|entry| !entry.is_asterisk()).map(entry_row);
    Some(rows.collect())
}

fn entry_row(entry: &NetworkAclEntry) -> (String, String) {
    let direction = if entry.egress { "outbound" } else { "inbound" };
    let action = match entry.rule_action {
        RuleAction::Allow => "allow",
        RuleAction::Deny => "deny",
    };
    let words = match entry.matches.value() {
        Some(row) => format!("{action} {} {} {}", row.protocol, row.ports, row.cidr_block),
        None => format!("{action}, which could not be read"),
    };
    (format!("{direction} rule {}", entry.rule_number), words)
}

fn routes(table: &RouteTable) -> Option<Rows> {
    Some(table.routes.value()?.iter().map(route_row).collect())
}

fn route_row(route: &Route) -> (String, String) {
    let state = match route.state.value() {
        Some(RouteState::Blackhole) => " (blackhole)",
        _ => "",
    };
    (format!("to {}", route.destination), format!("{}{state}", route.target))
}
