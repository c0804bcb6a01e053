//! What a database's name means to who asks from inside a VPC (D1 to D4).

use crate::evaluate::code::Code;
use crate::evaluate::party::Host;
use crate::evaluate::trace::{GateKind, Packet, Rule};
use crate::evaluate::walk::Walk;
use crate::network::{Kind, VpcId};

impl<'n> Walk<'n> {
    pub(in crate::evaluate) fn name_resolution(&mut self, asking: &VpcId, packet: &Packet) {
        let kind = GateKind::NameResolution;
        match self.network.vpcs.find(Kind::Vpcs, asking).and_then(|vpc| vpc.enable_dns_support.get()) {
            Ok(true) => self.allow(kind, packet, Rule::of(asking, "enableDnsSupport is on")),
            Ok(false) => {
                let rule = Rule::of(asking, "enableDnsSupport is off: its resolver does not answer");
                self.deny(kind, packet, Code::NameNotResolved, rule);
            }
            Err(missing) => self.assume(kind, asking, packet, missing),
        }
    }

    /// Whether the name gives the public address to who asks (D3): from a peered VPC, unless the peering says
    /// otherwise.
    pub(in crate::evaluate) fn resolves_to_public(&self, asking: &VpcId, host: &Host<'n>) -> bool {
        if !host.by_name || asking == host.vpc || host.public.is_none() {
            return false;
        }
        let side = self
            .network
            .peering_connections
            .values()
            .find_map(|connection| connection.other_side(asking).filter(|side| &side.vpc == host.vpc));
        side.and_then(|side| side.allow_dns_resolution_from_remote_vpc.value()) != Some(&true)
    }
}
