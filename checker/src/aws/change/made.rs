//! Whether a change is to be seen in a network: what was read is the truth, and not what somebody remembers. Pure.

use crate::network::{
    Change, ExclusionScope, InstanceState, Known, Network, NetworkAclEntry, NetworkAclId, Peer,
    RouteDestination, RouteTableId, SecurityGroupId, SecurityGroupRule, SubnetId, Target,
};

/// Whether the change is made; `None` where what would tell was not read.
pub fn is_made(change: &Change, network: &Network) -> Option<bool> {
    match change {
        Change::EditRule { group, egress, rule, block } => {
            let new = SecurityGroupRule { peer: Peer::Cidr(*block), ..rule.as_ref().clone() };
            let rules = rules(network, group, *egress)?;
            Some(has(rules, &new) && !has(rules, rule))
        }
        Change::AddRule { group, egress, rule } => Some(has(rules(network, group, *egress)?, rule)),
        Change::AddEntry { acl, entry } => Some(entries(network, acl)?.contains(entry)),
        Change::ReplaceEntry { acl, new, .. } => Some(entries(network, acl)?.contains(new)),
        Change::RemoveEntry { acl, entry } => {
            Some(!entries(network, acl)?.iter().any(|row| same(row, entry)))
        }
        Change::AddRoute { table, destination, target } => leads(network, table, destination, target),
        Change::ReplaceRoute { table, old, target } => leads(network, table, &old.destination, target),
        Change::AttachGateway { gateway, vpc } => {
            Some(network.internet_gateways.get(gateway)?.is_attached_to(vpc))
        }
        Change::Associate { .. } => association(change, network),
        Change::Exclude(subnet) => is_exempt(network, subnet),
        other => switched(other, network),
    }
}

fn switched(change: &Change, network: &Network) -> Option<bool> {
    match change {
        Change::StartInstance(id) => {
            let state = network.instances.get(id)?.state.value()?;
            Some(matches!(state, InstanceState::Pending | InstanceState::Running))
        }
        Change::StartDatabase(id) => {
            let status = network.db_instances.get(id)?.status.value()?;
            Some(!["stopped", "stopping"].contains(&status.as_str()))
        }
        Change::EnableDnsSupport(vpc) => network.vpcs.get(vpc)?.enable_dns_support.value().copied(),
        Change::AcceptPeering(id) => {
            let status = network.peering_connections.get(id)?.status.value()?;
            Some(["active", "provisioning"].contains(&status.as_str()))
        }
        Change::PassOn(id) => {
            network.network_interfaces.get(id)?.source_dest_check.value().map(|checked| !checked)
        }
        _ => None,
    }
}

fn rules<'a>(network: &'a Network, group: &SecurityGroupId, egress: bool) -> Option<&'a [SecurityGroupRule]> {
    let group = network.security_groups.get(group)?;
    if egress { &group.outbound } else { &group.inbound }.value().map(Vec::as_slice)
}

/// A rule is known by its id where both have one; else by what it says. What AWS adds to the name of a group (whose
/// it is) and a description make no other rule of it.
fn has(rules: &[SecurityGroupRule], wanted: &SecurityGroupRule) -> bool {
    let peer = |one: &Peer, other: &Peer| match (one, other) {
        (Peer::Group { id, .. }, Peer::Group { id: other, .. }) => id == other,
        (one, other) => one == other,
    };
    rules.iter().any(|rule| {
        (rule.id.is_none() || wanted.id.is_none() || rule.id == wanted.id)
            && peer(&rule.peer, &wanted.peer)
            && (rule.ip_protocol, &rule.ports, rule.icmp) == (wanted.ip_protocol, &wanted.ports, wanted.icmp)
    })
}

fn entries<'a>(network: &'a Network, acl: &NetworkAclId) -> Option<&'a [NetworkAclEntry]> {
    network.network_acls.get(acl)?.entries.value().map(Vec::as_slice)
}

fn same(one: &NetworkAclEntry, other: &NetworkAclEntry) -> bool {
    (one.rule_number, one.egress) == (other.rule_number, other.egress)
}

fn leads(
    network: &Network,
    table: &RouteTableId,
    destination: &RouteDestination,
    target: &Target,
) -> Option<bool> {
    let Known::Known(routes) = &network.route_tables.get(table)?.routes else { return None };
    Some(routes.iter().any(|route| &route.destination == destination && &route.target == target))
}

fn association(change: &Change, network: &Network) -> Option<bool> {
    let Change::Associate { interface, private, .. } = change else { return None };
    let row = network.network_interfaces.get(interface)?;
    let own = row.private_addresses.iter().find(|row| row.address == *private)?;
    Some(own.public.is_some())
}

fn is_exempt(network: &Network, subnet: &SubnetId) -> Option<bool> {
    let exclusions = network.block_public_access.value()?.exclusions.value()?;
    Some(exclusions.iter().any(|row| row.scope == ExclusionScope::Subnet(subnet.clone())))
}
