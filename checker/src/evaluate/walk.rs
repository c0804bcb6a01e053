//! One pair of addresses on its way: the gates it has met, and which of the client's ports got through so far.

use std::net::IpAddr;

use super::code::Code;
use super::trace::{Direction, Gate, GateKind, Outcome, Packet, Rule, Verdict};
use crate::network::{Missing, Network, PortSet, Protocol, SubnetId, VpcId};

/// A walk in progress.
pub(super) struct Walk<'n> {
    pub network: &'n Network,
    pub protocol: Protocol,
    pub gates: Vec<Gate>,
    pub direction: Direction,
    /// The client's ports.
    pub ports: PortSet,
    /// Those whose reply has come through all gates so far.
    pub passing: PortSet,
    /// The share of a translator's ports whose reply gets through.
    pub translated_share: f64,
}

/// Where a packet is: in a subnet, on its way out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At<'n> {
    pub vpc: &'n VpcId,
    pub subnet: &'n SubnetId,
}

impl<'n> Walk<'n> {
    pub(super) fn new(network: &'n Network, protocol: Protocol, ports: PortSet) -> Self {
        Self {
            network,
            protocol,
            gates: Vec::new(),
            direction: Direction::Forward,
            passing: ports.clone(),
            ports,
            translated_share: 1.0,
        }
    }

    /// The packet that opens the connection.
    pub(super) fn packet(&self, source: IpAddr, destination: IpAddr, port: u16) -> Packet {
        Packet {
            source,
            source_ports: self.ports.clone(),
            destination,
            destination_ports: PortSet::one(port),
            protocol: self.protocol,
        }
    }

    pub(super) fn push(&mut self, kind: GateKind, element: impl ToString, packet: &Packet, outcome: Outcome) {
        self.push_side(kind, element, None, packet, outcome);
    }

    #[expect(clippy::needless_pass_by_value, reason = "ids and texts alike, as they come")]
    pub(super) fn push_side(
        &mut self,
        kind: GateKind,
        element: impl ToString,
        side: Option<&'static str>,
        packet: &Packet,
        outcome: Outcome,
    ) {
        let gate = Gate {
            direction: self.direction,
            kind,
            element: element.to_string(),
            side,
            packet: packet.clone(),
            outcome,
        };
        self.gates.push(gate);
    }

    pub(super) fn allow(&mut self, kind: GateKind, packet: &Packet, by: Rule) {
        self.push(kind, by.element.clone(), packet, Outcome::Allowed { by });
    }

    pub(super) fn deny(&mut self, kind: GateKind, packet: &Packet, code: Code, by: Rule) {
        self.push(kind, by.element.clone(), packet, Outcome::Denied { code, by });
    }

    pub(super) fn unknown(
        &mut self,
        kind: GateKind,
        element: impl ToString,
        packet: &Packet,
        missing: Missing,
    ) {
        self.push(kind, element, packet, Outcome::Unknown { missing });
    }

    /// Not read: unknown where AWS refused to tell, and otherwise taken for AWS's own setting.
    pub(super) fn assume(
        &mut self,
        kind: GateKind,
        element: impl ToString,
        packet: &Packet,
        missing: Missing,
    ) {
        let refused = missing.refused;
        let outcome = if refused { Outcome::Unknown { missing } } else { Outcome::Assumed { missing } };
        self.push(kind, element, packet, outcome);
    }

    /// Keeps count of the ports that a gate let through.
    pub(super) fn let_through(&mut self, passing: &PortSet, of: &PortSet) {
        if *of == self.ports {
            self.passing = self.passing.intersection(passing);
        } else {
            self.translated_share = self.translated_share.min(share(passing, of));
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let any = |is: fn(&Outcome) -> bool| self.gates.iter().any(|gate| is(&gate.outcome));
        if any(|outcome| matches!(outcome, Outcome::Denied { .. })) || self.passing.is_empty() {
            Verdict::NotReachable
        } else if any(|outcome| matches!(outcome, Outcome::Unknown { .. })) {
            Verdict::Unknown
        } else if any(|outcome| matches!(outcome, Outcome::Partial { .. })) {
            Verdict::Partly
        } else {
            Verdict::Reachable
        }
    }

    /// The share of the client's ports that fails.
    pub(super) fn failing_share(&self) -> f64 {
        match self.verdict() {
            Verdict::NotReachable => 1.0,
            _ => 1.0 - share(&self.passing, &self.ports) * self.translated_share,
        }
    }
}

/// What part of the ports passes.
pub(super) fn share(passing: &PortSet, of: &PortSet) -> f64 {
    let count = |ports: &PortSet| f64::from(u32::try_from(ports.count()).unwrap_or(u32::MAX));
    if of.is_empty() { 0.0 } else { count(passing) / count(of) }
}

/// The reply to a packet.
pub(super) fn reply(packet: &Packet) -> Packet {
    Packet {
        source: packet.destination,
        source_ports: packet.destination_ports.clone(),
        destination: packet.source,
        destination_ports: packet.source_ports.clone(),
        protocol: packet.protocol,
    }
}
