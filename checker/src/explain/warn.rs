//! What works now and will not always: read from the configuration of a healthy path.

use std::net::IpAddr;

use super::case::Case;
use super::diagnosis::Warning;
use super::fix::{ENTRIES_A_LIST, RULES_A_GROUP, rules_counted};
use super::{condition, database, keys};
use crate::evaluate::{Direction, Gate, GateKind, Which};
use crate::network::{Family, Network, Peer, SecurityGroupRule, is_private};

/// All of them, in the order of the way.
pub fn warnings(case: &Case) -> Vec<Warning> {
    let family: Vec<Warning> = other_family(case).into_iter().chain(keys::too_many(case)).collect();
    let (Some(trace), Some(network)) = (case.trace, case.network) else { return family };
    let ends = condition::warnings(case)
        .into_iter()
        .chain(condition::forgets_soon(case))
        .chain(database::warnings(case));
    let gates = || trace.gates.iter();
    let mut all: Vec<Warning> = gates().filter_map(|gate| moving_address(gate, network)).collect();
    all.extend(gates().filter_map(|gate| deciding_rule(gate, network)));
    all.extend(gates().filter_map(|gate| crowded(gate, network)));
    all.extend(ends);
    all.extend(family);
    let mut seen = Vec::new();
    all.retain(|warning| {
        !seen.contains(&warning.line) && {
            seen.push(warning.line.clone());
            true
        }
    });
    all
}

fn warning(symptom: &'static str, line: String, hint: &str) -> Warning {
    Warning { symptom: Some(symptom), line, hint: hint.to_owned() }
}

/// R9: a public address that is not an Elastic IP goes when the instance stops.
fn moving_address(gate: &Gate, network: &Network) -> Option<Warning> {
    let address = gate.packet.destination;
    if gate.direction == Direction::Return || !network.addresses.is_read() {
        return None;
    }
    let rows = network.network_interfaces.values();
    let row = rows.into_iter().find(|row| {
        row.has(address) || row.private_addresses.iter().any(|row| row.public == Some(address))
    })?;
    let instance = row.instance()?;
    let public = row.private_addresses.iter().find_map(|row| row.public)?;
    let elastic = network.addresses.iter().any(|(address, _)| *address == public);
    let line =
        format!("{public} is lent: {instance} gets another public address when it is stopped and started");
    (!elastic).then(|| warning("H13", line, "associate an Elastic IP address with it"))
}

/// The rule that lets it in names one address, or everybody.
fn deciding_rule(gate: &Gate, network: &Network) -> Option<Warning> {
    let Some(Which::SecurityGroupRule(group, id)) = gate.rule().map(|rule| &rule.which) else { return None };
    if gate.side != Some("inbound") || is_private(gate.packet.source) {
        return None;
    }
    let rules = network.security_groups.get(group)?.inbound.value()?;
    let client = gate.packet.source;
    let rule = rules
        .iter()
        .find(|rule| id.is_some() && &rule.id == id)
        .or_else(|| rules.iter().find(|rule| admits(rule, client, gate.packet.destination_ports.first())))?;
    let Peer::Cidr(block) = &rule.peer else { return None };
    let port = gate.packet.destination_ports.to_string();
    if block.prefix_len() == 0 {
        let line =
            format!("{group} lets everybody in on port {port}; to narrow it ends the sessions that are open");
        return Some(warning("H41", line, "keep a second session open while you change it"));
    }
    (block.prefix_len() == block.max_prefix_len()).then(|| {
        let line =
            format!("{group} lets {client} alone in on port {port}: it stops when your address changes");
        warning("H2", line, "run this again then: it prints the line that edits the rule")
    })
}

fn admits(rule: &SecurityGroupRule, client: IpAddr, port: Option<u16>) -> bool {
    let Peer::Cidr(block) = &rule.peer else { return false };
    block.contains(&client) && port.is_some_and(|port| rule.ports.contains(port))
}

/// S23 and N17: the next fix will find no room.
fn crowded(gate: &Gate, network: &Network) -> Option<Warning> {
    match (gate.kind, gate.rule().map(|rule| &rule.which)) {
        (GateKind::SecurityGroup, Some(Which::SecurityGroupRule(id, _))) => {
            let group = network.security_groups.get(id)?;
            let egress = gate.side == Some("outbound");
            let count = rules_counted(group, egress, Family::of(gate.packet.destination));
            let line = format!("{id} has {count} of {RULES_A_GROUP} rules: soon none can be added");
            (count * 10 >= RULES_A_GROUP * 9)
                .then(|| warning("H1", line, "take away rules that nobody needs"))
        }
        (GateKind::NetworkAcl, Some(Which::NetworkAclEntry { acl, egress, .. })) => {
            let entries = network.network_acls.get(acl)?.entries.value()?;
            let own = entries.iter().filter(|entry| entry.egress == *egress && !entry.is_asterisk());
            let count = own.count();
            let line = format!(
                "{acl} has {count} of {ENTRIES_A_LIST} rules in one direction: soon none can be added"
            );
            (count + 2 >= ENTRIES_A_LIST).then(|| warning("H6", line, "take away rules that nobody needs"))
        }
        _ => None,
    }
}

/// H4: the other family's address does not answer, and programs that prefer it wait for it first.
fn other_family(case: &Case) -> Vec<Warning> {
    let Some(address) = case.address else { return Vec::new() };
    let other = case.observations.iter().find(|one| {
        let of_other = one
            .address
            .is_some_and(|other| other.port() == address.port() && other.is_ipv6() != address.is_ipv6());
        of_other && !one.connected()
    });
    let connected = case.observations.iter().any(|one| one.address == Some(address) && one.connected());
    let line =
        other.filter(|_| connected).map(|one| format!("over the other family it does not work: {one}"));
    let hint = "allow that family too, or take the address out of the name";
    line.map(|line| warning("H4", line, hint)).into_iter().collect()
}
