//! Network ACLs: stateless, at the edge of the subnet, in the order of their numbers, the first match wins (N1 to
//! N19). A reply needs a rule of its own, to each of the client's ports.

use crate::evaluate::code::Code;
use crate::evaluate::trace::{Direction, GateKind, Outcome, Packet, Rule, Which};
use crate::evaluate::walk::{Walk, share};
use crate::network::{
    AclMatch, Kind, Missing, Network, NetworkAcl, NetworkAclEntry, PortSet, Protocol, RuleAction, SubnetId,
};

impl Walk<'_> {
    pub(in crate::evaluate) fn network_acl(&mut self, subnet: &SubnetId, egress: bool, packet: &Packet) {
        let side = Some(if egress { "outbound" } else { "inbound" });
        match acl_of(self.network, subnet) {
            Err(missing) => {
                let outcome = Outcome::Unknown { missing };
                self.push_side(GateKind::NetworkAcl, subnet, side, packet, outcome);
            }
            Ok(acl) => {
                let outcome = judge(acl, egress, packet, self.direction);
                if self.direction == Direction::Return
                    && let Outcome::Partial { passing_ports, .. } = &outcome
                {
                    let (passing, of) = (passing_ports.clone(), packet.destination_ports.clone());
                    self.let_through(&passing, &of);
                }
                self.push_side(GateKind::NetworkAcl, &acl.id, side, packet, outcome);
            }
        }
    }
}

/// N1: the subnet's own, or else the VPC's default one.
fn acl_of<'n>(network: &'n Network, subnet: &SubnetId) -> Result<&'n NetworkAcl, Missing> {
    let acls = &network.network_acls;
    if let Some(own) = acls.values().find(|acl| acl.subnets.contains(subnet)) {
        return Ok(own);
    }
    let vpc = network.subnets.get(subnet).map(|subnet| &subnet.vpc).or_else(|| {
        network.network_interfaces.values().find(|row| &row.subnet == subnet).map(|row| &row.vpc)
    });
    let default = acls.values().find(|acl| acl.is_default && Some(&acl.vpc) == vpc);
    default.filter(|_| acls.is_read()).ok_or_else(|| {
        let mut missing = acls.unread(Kind::NetworkAcls);
        if acls.is_read() {
            missing.because = "none of those that were read is associated with it".into();
        }
        missing.what = format!("the network ACL of {subnet}");
        missing
    })
}

fn judge(acl: &NetworkAcl, egress: bool, packet: &Packet, direction: Direction) -> Outcome {
    let entries = match acl.entries.get() {
        Ok(entries) => entries,
        Err(missing) => return Outcome::Unknown { missing },
    };
    let mut sorted: Vec<&NetworkAclEntry> = entries.iter().filter(|entry| entry.egress == egress).collect();
    // N2: the order in which an answer lists them means nothing.
    sorted.sort_by_key(|entry| entry.rule_number);
    let peer = if egress { packet.destination } else { packet.source };
    let mut rest = packet.destination_ports.clone();
    let (mut passing, mut allowing, mut denying) = (PortSet::default(), None, None);
    for entry in sorted {
        if rest.is_empty() {
            break;
        }
        let matches = match entry.matches.get() {
            Ok(matches) => matches,
            Err(missing) => return Outcome::Unknown { missing },
        };
        if !matches.cidr_block.contains(&peer) {
            continue;
        }
        let hit = rest.intersection(&ports(matches, packet.protocol, direction));
        if hit.is_empty() {
            continue;
        }
        rest = rest.difference(&hit);
        match entry.rule_action {
            RuleAction::Allow => {
                passing = passing.union(&hit);
                allowing = allowing.or(Some(entry));
            }
            RuleAction::Deny => denying = denying.or(Some(entry)),
        }
    }
    // N3: what no rule matches is denied, also where nobody has written the rule `*` down.
    match allowing {
        Some(entry) if passing == packet.destination_ports => {
            Outcome::Allowed { by: said(acl, egress, Some(entry)) }
        }
        Some(_) => Outcome::Partial {
            code: Code::NetworkAclDenies,
            by: said(acl, egress, denying),
            failing_share: 1.0 - share(&passing, &packet.destination_ports),
            passing_ports: passing,
        },
        None => Outcome::Denied { code: Code::NetworkAclDenies, by: said(acl, egress, denying) },
    }
}

/// The ports a rule speaks of, for a packet of this protocol; all or none where the protocol has no ports (N9).
fn ports(matches: &AclMatch, protocol: Protocol, direction: Direction) -> PortSet {
    let (echo, echo6) = if direction == Direction::Forward { (8, 128) } else { (0, 129) };
    let speaks = matches.protocol.admits(protocol)
        && match protocol {
            Protocol::Icmp => matches.icmp.admits(echo, 0),
            Protocol::Icmpv6 => matches.icmp.admits(echo6, 0),
            Protocol::Tcp | Protocol::Udp | Protocol::Number(_) => true,
        };
    match (speaks, protocol.has_ports()) {
        (false, _) => PortSet::default(),
        (true, true) => matches.ports.clone(),
        (true, false) => PortSet::all(),
    }
}

fn said(acl: &NetworkAcl, egress: bool, entry: Option<&NetworkAclEntry>) -> Rule {
    let side = if egress { "outbound" } else { "inbound" };
    let numbered = entry.filter(|entry| !entry.is_asterisk());
    let which = Which::NetworkAclEntry {
        acl: acl.id.clone(),
        egress,
        rule_number: numbered.map(|entry| entry.rule_number),
    };
    let rule = match numbered {
        None => format!("{side} rule * denies what no other rule matches"),
        Some(entry) => {
            let action = if entry.rule_action == RuleAction::Allow { "allows" } else { "denies" };
            let what = entry.matches.value().map(|matches| words(matches, egress)).unwrap_or_default();
            format!("{side} rule {} {action} {what}", entry.rule_number)
        }
    };
    Rule { element: acl.id.to_string(), rule, which }
}

fn words(matches: &AclMatch, egress: bool) -> String {
    let way = if egress { "to" } else { "from" };
    match matches.protocol {
        crate::network::ProtocolMatch::One(protocol) if protocol.has_ports() => {
            format!("{protocol} {} {way} {}", matches.ports, matches.cidr_block)
        }
        other => format!("{other} {way} {}", matches.cidr_block),
    }
}
