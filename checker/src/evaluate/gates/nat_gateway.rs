//! NAT gateways: let connections of their own VPC out, under an address and ports of their own.

use crate::evaluate::code::Code;
use crate::evaluate::flow::ephemeral;
use crate::evaluate::trace::{GateKind, Packet, Rule};
use crate::evaluate::walk::{At, Walk};
use crate::network::{Kind, NatGateway, NatGatewayId, Protocol};

use super::block_public_access::Passage;

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

    /// A regional gateway stands in no subnet: the packet meets no network ACL behind the client's own, and leaves
    /// by the VPC's internet gateway.
    pub(in crate::evaluate) fn regional(
        &mut self,
        gateway: &'n NatGateway,
        at: At<'n>,
        packet: &Packet,
    ) -> Packet {
        let public = gateway.addresses.iter().find_map(|row| row.public_ip);
        let attached =
            self.network.internet_gateways.values().find(|candidate| candidate.is_attached_to(&gateway.vpc));
        match attached {
            Some(internet) => self.way_out(&internet.id, &gateway.vpc, (gateway.id.as_str(), public), packet),
            None if self.network.internet_gateways.is_read() => {
                let rule = Rule::of(&gateway.vpc, "no internet gateway is attached to it");
                self.deny(GateKind::InternetGateway, packet, Code::NoInternetGateway, rule);
            }
            None => {
                let missing = self.network.internet_gateways.unread(Kind::InternetGateways);
                self.unknown(GateKind::InternetGateway, &gateway.vpc, packet, missing);
            }
        }
        self.block_public_access(at, Passage::OutboundOnlyGateway, packet);
        Packet {
            source: public.unwrap_or(packet.source),
            source_ports: ephemeral::internet(),
            ..packet.clone()
        }
    }
}
