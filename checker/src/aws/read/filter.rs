//! Security groups and network ACLs.

use super::Documents;
use crate::aws::row::Row;
use crate::network::{
    AclMatch, IcmpMatch, Known, NetworkAcl, NetworkAclEntry, NetworkAclId, Peer, PortSet, Protocol,
    ProtocolMatch, RuleAction, SecurityGroup, SecurityGroupId, SecurityGroupRule,
};

pub(super) fn security_group(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<SecurityGroupId>("GroupId") else {
        return row.note("a security group without GroupId was passed over");
    };
    let group = SecurityGroup {
        id: id.clone(),
        name: row.string("GroupName"),
        vpc: row.id("VpcId"),
        owner: row.id("OwnerId"),
        inbound: permissions(row, "IpPermissions"),
        outbound: permissions(row, "IpPermissionsEgress"),
    };
    documents.network.security_groups.insert(id, group);
}

fn permissions(row: Row<'_>, list: &str) -> Known<Vec<SecurityGroupRule>> {
    let rules = row.list(list).map(|_| row.rows(list).flat_map(permission).collect());
    row.known(list, rules)
}

/// One permission has a list of peers of each kind: a rule for each.
fn permission(row: Row<'_>) -> Vec<SecurityGroupRule> {
    let cidr = |peer: Row<'_>, name: &'static str| match peer.block(name) {
        Some(block) => Peer::Cidr(block),
        None => Peer::Unreadable(peer.missing(name).to_string()),
    };
    let v4 = row.rows("IpRanges").map(|peer| (peer, cidr(peer, "CidrIp")));
    let v6 = row.rows("Ipv6Ranges").map(|peer| (peer, cidr(peer, "CidrIpv6")));
    let lists = row.rows("PrefixListIds").map(|peer| (peer, list(peer, "PrefixListId")));
    let groups = row.rows("UserIdGroupPairs").map(|peer| (peer, group(peer)));
    let peers: Vec<(Row<'_>, Peer)> = v4.chain(v6).chain(lists).chain(groups).collect();
    peers.into_iter().map(|(about, peer)| rule(row, peer, about.string("Description"))).collect()
}

fn list(row: Row<'_>, name: &str) -> Peer {
    match row.id(name) {
        Some(id) => Peer::PrefixList(id),
        None => Peer::Unreadable(row.missing(name).to_string()),
    }
}

fn group(row: Row<'_>) -> Peer {
    match row.id("GroupId") {
        Some(id) => Peer::Group {
            id,
            account: row.id("UserId"),
            vpc: row.id("VpcId"),
            peering: row.id("VpcPeeringConnectionId"),
            peering_status: row.string("PeeringStatus"),
        },
        None => Peer::Unreadable(row.missing("GroupId").to_string()),
    }
}

fn rule(row: Row<'_>, peer: Peer, description: Option<String>) -> SecurityGroupRule {
    let protocol = row.field("IpProtocol").and_then(|value| match value {
        serde_json::Value::Number(number) => ProtocolMatch::parse(&number.to_string()),
        other => ProtocolMatch::parse(other.as_str()?),
    });
    let Some(ip_protocol) = protocol else {
        let peer = Peer::Unreadable(row.missing("IpProtocol").to_string());
        return SecurityGroupRule {
            id: None,
            ip_protocol: ProtocolMatch::All,
            ports: PortSet::all(),
            icmp: IcmpMatch::default(),
            peer,
            description,
        };
    };
    let (ports, icmp) = ports(row, ip_protocol);
    let peer =
        if ports_are_readable(row) { peer } else { Peer::Unreadable(row.missing("FromPort").to_string()) };
    SecurityGroupRule { id: None, ip_protocol, ports, icmp, peer, description }
}

fn ports_are_readable(row: Row<'_>) -> bool {
    ["FromPort", "ToPort"].iter().all(|name| !row.has(name) || row.number(name).is_some())
}

/// S4 to S7: ports count for TCP and UDP, type and code for ICMP, nothing for the others.
fn ports(row: Row<'_>, protocol: ProtocolMatch) -> (PortSet, IcmpMatch) {
    let (from, to) = (row.number("FromPort").unwrap_or(-1), row.number("ToPort").unwrap_or(-1));
    match protocol {
        ProtocolMatch::One(Protocol::Tcp | Protocol::Udp) => (port_range(from, to), IcmpMatch::default()),
        ProtocolMatch::One(Protocol::Icmp | Protocol::Icmpv6) => (PortSet::all(), IcmpMatch::of(from, to)),
        ProtocolMatch::All | ProtocolMatch::One(Protocol::Number(_)) => {
            (PortSet::all(), IcmpMatch::default())
        }
    }
}

/// S5: a bound that is missing or -1 is no bound.
fn port_range(from: i64, to: i64) -> PortSet {
    let first = if from < 0 { 0 } else { u16::try_from(from).unwrap_or(u16::MAX) };
    let last = if to < 0 { u16::MAX } else { u16::try_from(to).unwrap_or(u16::MAX) };
    PortSet::range(first, last)
}

pub(super) fn security_group_rule(documents: &mut Documents, row: Row<'_>) {
    let (Some(group_id), Some(egress)) = (row.id::<SecurityGroupId>("GroupId"), row.flag("IsEgress")) else {
        return row.note("a security group rule without GroupId or IsEgress was passed over");
    };
    let peer = if let Some(block) = row.block("CidrIpv4").or_else(|| row.block("CidrIpv6")) {
        Peer::Cidr(block)
    } else if row.has("PrefixListId") {
        list(row, "PrefixListId")
    } else {
        group(row.within("ReferencedGroupInfo"))
    };
    let rule =
        SecurityGroupRule { id: row.id("SecurityGroupRuleId"), ..rule(row, peer, row.string("Description")) };
    documents.rules.push((group_id, egress, rule));
}

pub(super) fn network_acl(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<NetworkAclId>("NetworkAclId") else {
        return row.note("a network ACL without NetworkAclId was passed over");
    };
    // One rule without its number or action could stand anywhere, and do anything.
    let entries: Option<Vec<NetworkAclEntry>> =
        row.list("Entries").and_then(|_| row.rows("Entries").map(entry).collect());
    let mut acl = NetworkAcl {
        id: id.clone(),
        vpc: row.id_or_say("VpcId"),
        is_default: row.flag("IsDefault").unwrap_or(false),
        subnets: row.rows("Associations").filter_map(|entry| entry.id("SubnetId")).collect(),
        entries: row.known("Entries", entries),
    };
    if let Some(before) = documents.network.network_acls.remove(&id) {
        // The same one twice is two accounts' view of a shared VPC: each sees the subnets that it may see.
        acl.subnets.extend(before.subnets);
        acl.subnets.sort();
        acl.subnets.dedup();
    }
    documents.network.network_acls.insert(id, acl);
}

fn entry(row: Row<'_>) -> Option<NetworkAclEntry> {
    let rule_action = match row.text("RuleAction")? {
        "allow" => RuleAction::Allow,
        "deny" => RuleAction::Deny,
        _ => return None,
    };
    let rule_number = row.number("RuleNumber").and_then(|number| u32::try_from(number).ok())?;
    Some(NetworkAclEntry { rule_number, egress: row.flag("Egress")?, rule_action, matches: matches(row) })
}

fn matches(row: Row<'_>) -> Known<AclMatch> {
    let protocol = row.field("Protocol").and_then(|value| match value {
        serde_json::Value::Number(number) => ProtocolMatch::parse(&number.to_string()),
        other => ProtocolMatch::parse(other.as_str()?),
    });
    let Some(protocol) = protocol else { return Known::Unknown(row.missing("Protocol")) };
    let Some(cidr_block) = row.block("CidrBlock").or_else(|| row.block("Ipv6CidrBlock")) else {
        return Known::Unknown(row.missing("CidrBlock"));
    };
    let mut matches = AclMatch { protocol, cidr_block, ports: PortSet::all(), icmp: IcmpMatch::default() };
    match protocol {
        ProtocolMatch::One(Protocol::Tcp | Protocol::Udp) if row.has("PortRange") => {
            let range = row.within("PortRange");
            let (Some(from), Some(to)) = (range.number("From"), range.number("To")) else {
                return Known::Unknown(row.missing("PortRange"));
            };
            matches.ports = port_range(from, to);
        }
        ProtocolMatch::One(Protocol::Icmp) => matches.icmp = icmp(row),
        // N9: 58 with an IPv4 block counts for all types.
        ProtocolMatch::One(Protocol::Icmpv6)
            if matches!(matches.cidr_block, crate::network::IpNet::V6(_)) =>
        {
            matches.icmp = icmp(row);
        }
        _ => {}
    }
    Known::Known(matches)
}

fn icmp(row: Row<'_>) -> IcmpMatch {
    let pair = row.within("IcmpTypeCode");
    IcmpMatch::of(pair.number("Type").unwrap_or(-1), pair.number("Code").unwrap_or(-1))
}
