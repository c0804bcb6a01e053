//! What a gate that does not let all through means to a person: one finding for each.

use std::net::IpAddr;

use super::case::{Case, Service};
use super::diagnosis::{Confidence, Finding, Side};
use super::gate::name;
use super::{database, fix};
use crate::evaluate::{Code, Direction, Gate, GateKind, Outcome, percent};
use crate::network::{Family, Peer, SecurityGroupId, SecurityGroupRule};
use crate::probe::observation::Observation;

/// One finding for each gate that blocks, in the order of the way.
pub fn findings(case: &Case, seen: Option<&Observation>) -> Vec<Finding> {
    let gates =
        || case.trace.into_iter().flat_map(|trace| &trace.blockers).filter(|gate| matters(gate, case));
    let remedies = fix::for_gates(gates(), case);
    gates().zip(remedies).map(|(gate, remedy)| finding(gate, case, seen, remedy)).collect()
}

fn finding(gate: &Gate, case: &Case, seen: Option<&Observation>, remedy: fix::Remedy) -> Finding {
    let hint = match &remedy {
        fix::Remedy::Fix(fix) => fix.what.clone(),
        fix::Remedy::Before => "nothing more: what is to be typed above opens this too".to_owned(),
        fix::Remedy::None => hint(gate, case),
    };
    let sure = if from_anywhere(gate, case) { Confidence::Possible } else { Confidence::Certain };
    let finding = Finding::new(symptom(gate, case), side(gate), verdict(gate, case))
        .confidence(sure)
        .seen(seen)
        .gate(gate);
    let finding = database::events_of_gate(gate, case)
        .fold(finding, Finding::read)
        .refuted_by(refuted_by(gate))
        .hint(hint);
    match remedy {
        fix::Remedy::Fix(fix) => finding.fix(Some(*fix)),
        _ => finding,
    }
}

/// To a database without a public address no rule opens a way from outside: which ones would deny is beside the point,
/// and to change them would only weaken its network.
fn matters(gate: &Gate, case: &Case) -> bool {
    let blockers = case.trace.into_iter().flat_map(|trace| &trace.blockers);
    let is_private = blockers.map(Gate::code).any(|code| code == Some(Code::DatabaseNotPublic));
    let of_itself = matches!(gate.kind, GateKind::Database | GateKind::NameResolution | GateKind::Instance);
    !is_private || of_itself || gate.code() == Some(Code::DatabaseNotPublic)
}

/// Whether the gate looks at where a probe comes from, and nobody could say that: then it may let this machine in.
fn from_anywhere(gate: &Gate, case: &Case) -> bool {
    let looks = matches!(gate.kind, GateKind::SecurityGroup | GateKind::NetworkAcl | GateKind::RouteTable);
    looks && case.source_is_unknown()
}

fn side(gate: &Gate) -> Side {
    match gate.kind {
        GateKind::Instance => Side::Host,
        GateKind::Database => Side::Service,
        GateKind::NameResolution => Side::Name,
        _ => Side::Configuration,
    }
}

/// The row of the table of symptoms.
fn symptom(gate: &Gate, case: &Case) -> Option<&'static str> {
    match gate.code()? {
        Code::NoRuleAllows | Code::NoRulesAtAll => group_symptom(gate, case),
        Code::NetworkAclDenies => acl_symptom(gate, case),
        Code::InstanceNotRunning | Code::NoNetworkInterface => Some("H15"),
        Code::DatabaseNotAvailable => Some(database::symptom_of_state(gate, case)),
        Code::DatabaseNotPublic => Some("P1"),
        Code::DatabasePort => Some("P8"),
        Code::NameNotResolved => Some("P30"),
        Code::NoPublicAddress | Code::PrivateAddressFromOutside => case.symptom("H11", "P1"),
        Code::AddressNotAssociated | Code::InterfaceNotAttached => Some("H12"),
        Code::NoSuchAddress => Some("H13"),
        Code::RouteBlackhole | Code::InternetGatewayNotAttached | Code::NoInternetGateway => {
            case.symptom("H10", "P3")
        }
        Code::NoRoute | Code::ReplyLeavesElsewhere | Code::RouteLeadsElsewhere | Code::LocalRouteOnly => {
            case.symptom("H9", "P3")
        }
        Code::BlockPublicAccess => Some("H16"),
        Code::PeeringNotActive | Code::PeeringAddress => Some("P38"),
        _ => None,
    }
}

fn group_symptom(gate: &Gate, case: &Case) -> Option<&'static str> {
    if gate.side == Some("outbound") {
        return case.symptom("", "P6").filter(|symptom| !symptom.is_empty());
    }
    if the_stale_rule(gate, case).is_some() {
        return case.symptom("H2", "P2");
    }
    let source = gate.packet.source;
    match case.service() {
        Service::Postgres if came_by_its_public_address(gate, case) => Some("P4"),
        Service::Postgres if crate::network::is_private(source) => Some("P5"),
        Service::Ssh if Family::of(source) == Family::Ipv6 => Some("H4"),
        _ => case.symptom("H1", "P2"),
    }
}

/// The one rule that still names another address of somebody; the internet has no other address.
fn the_stale_rule<'a>(gate: &Gate, case: &Case<'a>) -> Option<(SecurityGroupId, &'a SecurityGroupRule)> {
    let network = case.network.filter(|_| !case.stands_for_everybody(gate.packet.source))?;
    fix::the_stale_rule(gate, network)
}

/// An address in a sentence: of the whole internet it is an example.
fn who(address: IpAddr, case: &Case) -> String {
    if case.stands_for_everybody(address) {
        format!("the internet ({address} for one)")
    } else {
        address.to_string()
    }
}

/// An interface of this network, seen by its public address: references to its groups do not match it (S9).
fn came_by_its_public_address(gate: &Gate, case: &Case) -> bool {
    let public = Some(gate.packet.source);
    let rows = case.network.into_iter().flat_map(|network| network.network_interfaces.values());
    rows.flat_map(|row| &row.private_addresses).any(|row| row.public == public)
}

fn acl_symptom(gate: &Gate, case: &Case) -> Option<&'static str> {
    match (&gate.outcome, gate.direction) {
        (Outcome::Partial { .. }, _) => case.symptom("H8", "P7"),
        (_, Direction::Forward) => case.symptom("H6", "P7"),
        (_, Direction::Return) => case.symptom("H7", "P7"),
    }
}

fn verdict(gate: &Gate, case: &Case) -> String {
    let packet = &gate.packet;
    let (source, destination) = (who(packet.source, case), who(packet.destination, case));
    if from_anywhere(gate, case) {
        let by = gate.rule().map(|rule| format!(": {}", rule.element)).filter(|text| text.len() > 2);
        let by = by.unwrap_or_default();
        return format!(
            "{}{by} does not let everybody through, and where you come from is not known",
            name(gate)
        );
    }
    let ports = format!("{} {}", packet.protocol, packet.destination_ports);
    if let Outcome::Partial { passing_ports, failing_share, .. } = &gate.outcome {
        let share = percent(*failing_share);
        return format!(
            "{} lets only the client's ports {passing_ports} through, so that {share} of connections fail",
            name(gate)
        );
    }
    match gate.code() {
        Some(Code::NoRuleAllows | Code::NoRulesAtAll) => group_verdict(gate, case, &ports),
        Some(Code::NetworkAclDenies) if fix::is_reply(gate) => {
            let way = if gate.side == Some("inbound") { "in" } else { "out" };
            format!("{} does not let the reply {way} to {destination} on {ports}", gate.element)
        }
        Some(Code::NetworkAclDenies) if gate.side == Some("outbound") => {
            format!("{} does not let {source} out to {destination} on {ports}", gate.element)
        }
        Some(Code::NetworkAclDenies) => {
            format!("{} does not let {source} in on {ports}", gate.element)
        }
        Some(Code::InstanceNotRunning) => format!("{} is not running", gate.element),
        Some(Code::NoRoute) => format!("{} has no route to {destination}", gate.element),
        Some(Code::RouteBlackhole) => {
            format!("the route of {} to {destination} leads to something that is gone", gate.element)
        }
        Some(Code::BlockPublicAccess) => {
            "VPC Block Public Access is on, and overrides all the rest".to_owned()
        }
        Some(Code::DatabaseNotPublic) => {
            format!("{} has no public address: it can be reached from inside its VPC only", gate.element)
        }
        _ => gate.rule().map_or_else(|| name(gate), |rule| format!("{}: {}", name(gate), rule.rule)),
    }
}

fn group_verdict(gate: &Gate, case: &Case, ports: &str) -> String {
    let packet = &gate.packet;
    let source = who(packet.source, case);
    let groups = gate.rule().map(|rule| rule.element.clone()).unwrap_or_default();
    let groups = if groups.is_empty() { gate.element.clone() } else { groups };
    if gate.side == Some("outbound") {
        return format!(
            "no rule of {groups} lets {source} out to {} on {ports}",
            who(packet.destination, case)
        );
    }
    if let Some((group, rule)) = the_stale_rule(gate, case)
        && let Peer::Cidr(old) = &rule.peer
    {
        let comes = if case.service() == Service::Port { "the question is of" } else { "you come from" };
        return format!("{group} lets {} in on {ports}, and {comes} {source}", old.addr());
    }
    format!("no rule of {groups} lets {source} in on {ports}")
}

fn refuted_by(gate: &Gate) -> String {
    let element = &gate.element;
    match gate.code() {
        Some(Code::NoRuleAllows | Code::NoRulesAtAll) => format!(
            "it connects while no rule of {element}'s groups has changed, or it was read before a rule was added"
        ),
        Some(Code::NetworkAclDenies) => {
            format!("another machine in the same subnet is reached from there through the same {element}")
        }
        Some(
            Code::NoRoute | Code::RouteBlackhole | Code::ReplyLeavesElsewhere | Code::RouteLeadsElsewhere,
        ) => {
            format!("another machine whose subnet uses {element} is reached from there")
        }
        Some(Code::InstanceNotRunning) => format!("`aws ec2 describe-instances` says that {element} runs"),
        Some(Code::DatabaseNotAvailable) => {
            format!("`aws rds describe-db-instances` says that {element} is available")
        }
        _ => format!("{element} reads otherwise when it is read again"),
    }
}

fn hint(gate: &Gate, case: &Case) -> String {
    if from_anywhere(gate, case) {
        return "say from which address this machine is seen, `from` in check.toml, and ask again".to_owned();
    }
    if let Some(obstacle) = case.network.and_then(|network| fix::obstacle(gate, network)) {
        return obstacle;
    }
    let packet = &gate.packet;
    match gate.code() {
        Some(Code::NoRuleAllows | Code::NoRulesAtAll) if came_by_its_public_address(gate, case) => {
            "connect to the private address: use the endpoint's name and the VPC's own resolver, since references \
             to security groups do not match public addresses"
                .to_owned()
        }
        Some(Code::NoRuleAllows | Code::NoRulesAtAll) => format!(
            "add a rule to one of {}'s groups: {} {} for {}",
            gate.element,
            packet.protocol,
            packet.destination_ports,
            if case.stands_for_everybody(packet.source) {
                "those who need it, and ask again with their address".to_owned()
            } else {
                packet.source.to_string()
            }
        ),
        Some(Code::NetworkAclDenies) => format!(
            "add an entry to {} that lets {} {} through, numbered before the one that denies",
            gate.element, packet.protocol, packet.destination_ports
        ),
        Some(code) => by_hand(code, gate, case),
        None => String::new(),
    }
}

fn by_hand(code: Code, gate: &Gate, case: &Case) -> String {
    let element = &gate.element;
    match code {
        Code::DatabaseNotPublic | Code::PrivateAddressFromOutside => {
            "go through an instance of its VPC, with a tunnel of SSH".into()
        }
        Code::DatabasePort => "use the port of the database's endpoint".into(),
        Code::DatabaseNotAvailable => {
            format!("see what `aws rds describe-events --source-identifier {element} --source-type db-instance` says")
        }
        Code::AddressNotAssociated => format!(
            "associate {element} with the instance: `aws ec2 associate-address --instance-id … --allocation-id …`"
        ),
        Code::NoSuchAddress => {
            "use the address that the instance has now: it gets another one at each start unless it is an Elastic IP".into()
        }
        Code::InstanceNotRunning => format!("wait until {element} is stopped or running, and look again"),
        Code::NoRoute | Code::RouteBlackhole | Code::ReplyLeavesElsewhere | Code::RouteLeadsElsewhere => {
            format!("give {element} a route to {} that works", who(gate.packet.destination, case))
        }
        Code::NoInternetGateway => "create an internet gateway, attach it to the VPC, and route to it".into(),
        _ => format!("see {element} in the console"),
    }
}
