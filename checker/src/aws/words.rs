//! A rule in AWS's own words: for the command line and for the API, so that both say the same.

use serde_json::{Map, Value, json};

use crate::network::{Peer, PortSet, Protocol, ProtocolMatch, SecurityGroupRule};

/// As security groups write it: they have names for the protocols that they know.
fn group_protocol(matched: ProtocolMatch) -> String {
    match matched {
        ProtocolMatch::All => "-1".into(),
        ProtocolMatch::One(Protocol::Number(number)) => number.to_string(),
        ProtocolMatch::One(named) => named.to_string(),
    }
}

/// As network ACLs write it: by its number.
pub fn acl_protocol(matched: ProtocolMatch) -> String {
    match matched {
        ProtocolMatch::All => "-1".into(),
        ProtocolMatch::One(Protocol::Icmp) => "1".into(),
        ProtocolMatch::One(Protocol::Tcp) => "6".into(),
        ProtocolMatch::One(Protocol::Udp) => "17".into(),
        ProtocolMatch::One(Protocol::Icmpv6) => "58".into(),
        ProtocolMatch::One(Protocol::Number(number)) => number.to_string(),
    }
}

/// The first and the last port.
pub fn bounds(ports: &PortSet) -> Option<(u16, u16)> {
    let first = ports.first()?;
    ports.ranges().last().map(|(_, last)| (first, last))
}

fn ports(rule: &SecurityGroupRule, into: &mut Map<String, Value>) {
    let any = |part: Option<u8>| part.map_or(-1, i64::from);
    let range = match (rule.ip_protocol, bounds(&rule.ports)) {
        (ProtocolMatch::One(Protocol::Tcp | Protocol::Udp), Some((first, last))) => {
            Some((i64::from(first), i64::from(last)))
        }
        (ProtocolMatch::One(Protocol::Icmp | Protocol::Icmpv6), _) => {
            Some((any(rule.icmp.icmp_type), any(rule.icmp.code)))
        }
        _ => None,
    };
    if let Some((from, to)) = range {
        into.insert("FromPort".into(), from.into());
        into.insert("ToPort".into(), to.into());
    }
}

/// A rule as `IpPermission` has it.
pub fn permission(rule: &SecurityGroupRule) -> Value {
    let mut written = Map::new();
    written.insert("IpProtocol".into(), group_protocol(rule.ip_protocol).into());
    ports(rule, &mut written);
    let (list, name, peer) = match &rule.peer {
        Peer::Cidr(block) if block.addr().is_ipv6() => ("Ipv6Ranges", "CidrIpv6", block.to_string()),
        Peer::Cidr(block) => ("IpRanges", "CidrIp", block.to_string()),
        Peer::PrefixList(id) => ("PrefixListIds", "PrefixListId", id.to_string()),
        Peer::Group { id, .. } => ("UserIdGroupPairs", "GroupId", id.to_string()),
        Peer::Unreadable(text) => ("IpRanges", "CidrIp", text.clone()),
    };
    let mut row = Map::new();
    row.insert(name.into(), peer.into());
    if let Some(about) = &rule.description {
        row.insert("Description".into(), about.clone().into());
    }
    written.insert(list.into(), json!([row]));
    written.into()
}

/// A rule as `SecurityGroupRuleRequest` has it. A description that is left out would be lost.
pub fn described(rule: &SecurityGroupRule) -> Value {
    let mut written = Map::new();
    written.insert("IpProtocol".into(), group_protocol(rule.ip_protocol).into());
    ports(rule, &mut written);
    let (name, peer) = match &rule.peer {
        Peer::Cidr(block) if block.addr().is_ipv6() => ("CidrIpv6", block.to_string()),
        Peer::Cidr(block) => ("CidrIpv4", block.to_string()),
        Peer::PrefixList(id) => ("PrefixListId", id.to_string()),
        Peer::Group { id, .. } => ("ReferencedGroupId", id.to_string()),
        Peer::Unreadable(text) => ("CidrIpv4", text.clone()),
    };
    written.insert(name.into(), peer.into());
    if let Some(about) = &rule.description {
        written.insert("Description".into(), about.clone().into());
    }
    written.into()
}
