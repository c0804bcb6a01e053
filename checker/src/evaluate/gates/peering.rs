//! Peering connections: between two VPCs, and not a step further (R15).

use crate::evaluate::code::Code;
use crate::evaluate::trace::{GateKind, Packet, Rule};
use crate::evaluate::walk::{At, Walk};
use crate::network::{Kind, PeeringId, VpcId};

impl<'n> Walk<'n> {
    /// The VPC on the other side.
    pub(in crate::evaluate) fn peering(
        &mut self,
        id: &PeeringId,
        at: At<'n>,
        packet: &Packet,
    ) -> Option<&'n VpcId> {
        let kind = GateKind::PeeringConnection;
        let connection = match self.network.peering_connections.find(Kind::VpcPeeringConnections, id) {
            Ok(connection) => connection,
            Err(missing) => {
                self.unknown(kind, id, packet, missing);
                return None;
            }
        };
        match connection.status.get() {
            Ok(status) if status == "active" => self.allow(kind, packet, Rule::of(id, "it is active")),
            Ok(status) => {
                let rule = Rule::of(id, format!("it is {status}"));
                self.deny(kind, packet, Code::PeeringNotActive, rule);
            }
            Err(missing) => self.unknown(kind, id, packet, missing),
        }
        let Some(side) = connection.other_side(at.vpc) else {
            let rule = Rule::of(id, format!("{} is neither of its VPCs", at.vpc));
            self.deny(kind, packet, Code::PeeringAddress, rule);
            return None;
        };
        let blocks = &side.cidr_blocks;
        if !blocks.is_empty() && !blocks.iter().any(|block| block.contains(&packet.destination)) {
            let rule = Rule::of(id, format!("{} is not an address of {}", packet.destination, side.vpc));
            self.deny(kind, packet, Code::PeeringAddress, rule);
        }
        Some(&side.vpc)
    }
}
