//! The way there and back as stations in a row, each with what became of the packet there: what is drawn.

use std::net::IpAddr;

use serde::Serialize;

use super::case::{Case, Service, Vantage};
use super::diagnosis::{Finding, Kind, Side};
use super::gate;
use super::seen::Seen;
use crate::evaluate::{Direction, Gate, GateKind, Outcome};
use crate::network::Subnet;

const SUBNET: &str = "subnet";

/// The way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Path {
    /// From who asks to who is asked.
    pub stations: Vec<Station>,
}

/// One place on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Station {
    /// What it is: `security group`.
    pub what: &'static str,
    /// Which: its id, its address.
    pub name: String,
    /// What it does on the way there.
    pub forward: Mark,
    /// What it does on the way back.
    pub back: Mark,
    /// Why, where it lets not all through.
    pub note: Option<String>,
}

/// What becomes of a packet at a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It passes.
    Passes,
    /// It ends here.
    Blocked,
    /// Some pass.
    Partly,
    /// It is not known.
    Unknown,
    /// The station has no say in this direction.
    None,
}

/// Draws the way of a case.
pub fn path(case: &Case, seen: Seen, findings: &[Finding]) -> Path {
    let mut stations = vec![client(case, findings)];
    if case.vantage == Vantage::Outside && case.trace.is_none() {
        stations.push(station("internet", "", Mark::Unknown, Mark::Unknown));
    }
    stations.extend(gates(case, seen));
    stations.extend(ends(case, seen, findings));
    Path { stations }
}

fn station(what: &'static str, name: impl Into<String>, forward: Mark, back: Mark) -> Station {
    Station { what, name: name.into(), forward, back, note: None }
}

fn blamed(findings: &[Finding], side: Side) -> Option<&Finding> {
    findings.iter().find(|finding| finding.kind == Kind::Cause && finding.side == side)
}

fn client(case: &Case, findings: &[Finding]) -> Station {
    let what = match (case.vantage, case.service()) {
        (Vantage::Instance, _) => "this instance",
        (Vantage::Outside, Service::Port) => "from",
        (Vantage::Outside, _) => "you",
    };
    let blame = blamed(findings, Side::Client).or_else(|| blamed(findings, Side::Name));
    let mark = if blame.is_some() { Mark::Blocked } else { Mark::Passes };
    let note = blame.map(|finding| finding.verdict.clone());
    Station { note, ..station(what, case.from.clone(), mark, Mark::None) }
}

fn gates(case: &Case, seen: Seen) -> Vec<Station> {
    let Some(trace) = case.trace else { return Vec::new() };
    let mut stations: Vec<Station> = Vec::new();
    for gate in trace.direction(Direction::Forward) {
        place(&mut stations, gate, None);
    }
    // The way back is walked from its end, so that a station that only replies meet finds its place in the row.
    let back: Vec<&Gate> = trace.direction(Direction::Return).collect();
    let mut after = 0;
    for gate in back.into_iter().rev() {
        after = place(&mut stations, gate, Some(after)) + 1;
    }
    trace.gates.iter().for_each(|gate| edge(&mut stations, gate, case));
    let answered = matches!(seen, Seen::Spoke | Seen::Connected);
    stations.into_iter().map(|station| if answered { told_otherwise(station) } else { station }).collect()
}

/// Puts the subnet before the network ACL that stands at its edge.
fn edge(stations: &mut Vec<Station>, gate: &Gate, case: &Case) {
    let Some((network, own)) = case.network.zip(own_address(gate)) else { return };
    let acl = network.network_acls.values().find(|acl| acl.id.as_str() == gate.element);
    let its = |subnet: &&Subnet| acl.is_some_and(|acl| acl.subnets.contains(&subnet.id));
    let around = || network.subnets.values().filter(|subnet| subnet.contains(own));
    let Some(subnet) = around().find(its).or_else(|| around().next()) else { return };
    let name = subnet.id.to_string();
    if stations.iter().any(|row| row.what == SUBNET && row.name == name) {
        return;
    }
    let at = stations.iter().position(|row| row.what == what(gate.kind) && row.name == gate.element);
    stations.insert(at.unwrap_or(stations.len()), station(SUBNET, name, Mark::None, Mark::None));
}

/// The address behind a network ACL.
fn own_address(gate: &Gate) -> Option<IpAddr> {
    let own = if gate.side == Some("outbound") { gate.packet.source } else { gate.packet.destination };
    (gate.kind == GateKind::NetworkAcl).then_some(own)
}

/// What was seen to pass is not drawn as unknown.
fn told_otherwise(mut station: Station) -> Station {
    for mark in [&mut station.forward, &mut station.back] {
        if *mark == Mark::Unknown {
            *mark = Mark::Passes;
        }
    }
    station
}

/// Puts a gate where its station is, or makes one; gives the place.
fn place(stations: &mut Vec<Station>, gate: &Gate, after: Option<usize>) -> usize {
    let (what, mark) = (what(gate.kind), mark(gate));
    let known = stations.iter().position(|row| row.what == what && row.name == gate.element);
    let index = known.unwrap_or_else(|| {
        let index = after.unwrap_or(stations.len()).min(stations.len());
        stations.insert(index, station(what, gate.element.clone(), Mark::None, Mark::None));
        index
    });
    let row = &mut stations[index];
    let own = if gate.direction == Direction::Forward { &mut row.forward } else { &mut row.back };
    *own = worse(*own, mark);
    if mark != Mark::Passes && row.note.is_none() {
        row.note = Some(gate::line(gate));
    }
    index
}

fn worse(one: Mark, other: Mark) -> Mark {
    let rank = |mark| match mark {
        Mark::Blocked => 4,
        Mark::Partly => 3,
        Mark::Unknown => 2,
        Mark::Passes => 1,
        Mark::None => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}

fn mark(gate: &Gate) -> Mark {
    match gate.outcome {
        Outcome::Allowed { .. } | Outcome::Assumed { .. } => Mark::Passes,
        Outcome::Denied { .. } => Mark::Blocked,
        Outcome::Partial { .. } => Mark::Partly,
        Outcome::Unknown { .. } => Mark::Unknown,
    }
}

fn what(kind: GateKind) -> &'static str {
    match kind {
        GateKind::Source => "source",
        GateKind::Destination => "destination",
        GateKind::Instance => "instance",
        GateKind::NetworkInterface => "network interface",
        GateKind::Database => "database",
        GateKind::NameResolution => "name",
        GateKind::Address => "address",
        GateKind::SecurityGroup => "security group",
        GateKind::NetworkAcl => "network ACL",
        GateKind::RouteTable => "route table",
        GateKind::InternetGateway => "internet gateway",
        GateKind::EgressOnlyInternetGateway => "egress-only gateway",
        GateKind::BlockPublicAccess => "Block Public Access",
        GateKind::NatGateway => "NAT gateway",
        GateKind::PeeringConnection => "peering connection",
        GateKind::TransitGateway => "transit gateway",
        GateKind::VpcEndpoint => "VPC endpoint",
        GateKind::VirtualPrivateGateway => "virtual private gateway",
        GateKind::SourceDestCheck => "source/destination check",
        GateKind::Appliance => "appliance",
    }
}

/// The machine and what runs on it: seen, never read.
fn ends(case: &Case, seen: Seen, findings: &[Finding]) -> [Station; 2] {
    let (host, service) = match seen {
        Seen::Spoke => (Mark::Passes, Mark::Passes),
        Seen::Connected => (Mark::Passes, Mark::Unknown),
        Seen::Refused if blamed(findings, Side::Client).is_none() => (Mark::Passes, Mark::Blocked),
        _ => (Mark::Unknown, Mark::Unknown),
    };
    let end = |what, name: String, side, mark| {
        let blame =
            blamed(findings, side).filter(|_| case.trace.is_none_or(|trace| trace.blockers.is_empty()));
        let mark = if blame.is_some() { Mark::Blocked } else { mark };
        let note = blame.map(|finding| finding.verdict.clone());
        let back = if mark == Mark::Passes { mark } else { Mark::None };
        Station { note, ..station(what, name, mark, back) }
    };
    let (machine, program) = match case.service() {
        Service::Ssh => ("host", "sshd"),
        Service::Postgres => ("host", "PostgreSQL"),
        Service::Port => ("host", "service"),
    };
    let port = format!("port {}", case.port);
    [end(machine, case.to.clone(), Side::Host, host), end(program, port, Side::Service, service)]
}
