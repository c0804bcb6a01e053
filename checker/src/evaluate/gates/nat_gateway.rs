//! NAT gateways: let connections of their own VPC out, under an address and ports of their own.

use crate::evaluate::code::Code;
use crate::evaluate::trace::{GateKind, Packet, Rule};
use crate::evaluate::walk::{At, Walk};
use crate::network::{Kind, NatGateway, NatGatewayId, Protocol};

impl<'n> Walk<'n> {
    /// The gateway, if packets may enter it.
    pub(in crate::evaluate) fn nat_gateway(
        &mut self,
        id: &NatGatewayId,
        at: At<'n>,
        packet: &Packet,
    ) -> Option<&'n NatGateway> {
        let kind = GateKind::NatGateway;
        let gateway = match self.network.nat_gateways.find(Kind::NatGateways, id) {
            Ok(gateway) => gateway,
            Err(missing) => {
                self.unknown(kind, id, packet, missing);
                return None;
            }
        };
        match gateway.state.get() {
            Ok(state) if state == "available" => self.allow(kind, packet, Rule::of(id, "it is available")),
            Ok(state) => {
                let rule = Rule::of(id, format!("it is {state}"));
                self.deny(kind, packet, Code::NatGatewayNotAvailable, rule);
            }
            Err(missing) => self.unknown(kind, id, packet, missing),
        }
        if &gateway.vpc != at.vpc {
            let rule = Rule::of(id, format!("it serves {} only", gateway.vpc));
            self.deny(kind, packet, Code::NatGatewayOfAnotherVpc, rule);
        }
        if matches!(packet.protocol, Protocol::Number(_)) {
            let rule = Rule::of(id, "it carries TCP, UDP and ICMP only");
            self.deny(kind, packet, Code::ProtocolNotCarried, rule);
        }
        Some(gateway)
    }
}
