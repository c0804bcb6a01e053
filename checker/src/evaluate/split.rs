//! Parts a set of addresses into classes that no rule of the network tells apart, so that one address of each
//! stands for all of its class.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::network::{CidrSet, IpNet, Network, Peer, RouteDestination, SecurityGroup, SecurityGroupId};

/// The classes, ascending. A class is a range.
/// Of security groups only the rules of `groups` count; all where it is `None`.
pub(super) fn classes(
    network: &Network,
    addresses: &CidrSet,
    groups: Option<&[SecurityGroupId]>,
) -> Vec<CidrSet> {
    if addresses.count() <= 1 {
        return vec![addresses.clone()];
    }
    let mut starts = BTreeSet::new();
    let mut cut = |block: &IpNet| {
        let whole = CidrSet::from(*block);
        if !whole.intersection(addresses).is_empty() {
            starts.insert(block.network());
            starts.extend(after(block.broadcast()));
        }
    };
    blocks(network, groups, &mut cut);
    addresses.ranges().flat_map(|(first, last)| pieces(&starts, first, last)).collect()
}

fn pieces(starts: &BTreeSet<IpAddr>, first: IpAddr, last: IpAddr) -> Vec<CidrSet> {
    let mut pieces = Vec::new();
    let mut begin = first;
    for start in starts.range(first..=last).filter(|start| **start > first) {
        pieces.extend(before(*start).map(|end| CidrSet::range(begin, end)));
        begin = *start;
    }
    pieces.push(CidrSet::range(begin, last));
    pieces
}

/// Every block that a rule or route of the network names.
fn blocks(network: &Network, groups: Option<&[SecurityGroupId]>, cut: &mut impl FnMut(&IpNet)) {
    for acl in network.network_acls.values() {
        let entries = acl.entries.value().into_iter().flatten();
        entries.filter_map(|entry| entry.matches.value()).for_each(|entry| cut(&entry.cidr_block));
    }
    for table in network.route_tables.values() {
        for route in table.routes.value().into_iter().flatten() {
            if let RouteDestination::Cidr(block) = &route.destination {
                cut(block);
            }
        }
    }
    network
        .prefix_lists
        .values()
        .flat_map(|list| list.entries.value().into_iter().flatten())
        .for_each(&mut *cut);
    let counts = |group: &&SecurityGroup| groups.is_none_or(|groups| groups.contains(&group.id));
    for group in network.security_groups.values().filter(counts) {
        for rule in [&group.inbound, &group.outbound].into_iter().filter_map(|rules| rules.value()).flatten()
        {
            if let Peer::Cidr(block) = &rule.peer {
                cut(block);
            }
        }
    }
    for table in network.transit_route_tables.values() {
        for route in table.routes.value().into_iter().flatten() {
            if let RouteDestination::Cidr(block) = &route.destination {
                cut(block);
            }
        }
    }
    network.vpcs.values().flat_map(|vpc| &vpc.cidr_blocks).for_each(cut);
}

fn after(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => v4.to_bits().checked_add(1).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(v6) => v6.to_bits().checked_add(1).map(|bits| IpAddr::V6(bits.into())),
    }
}

fn before(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => v4.to_bits().checked_sub(1).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(v6) => v6.to_bits().checked_sub(1).map(|bits| IpAddr::V6(bits.into())),
    }
}
