//! VPC Block Public Access: overrides everything at internet gateways (R13).

use crate::evaluate::code::Code;
use crate::evaluate::trace::{GateKind, Packet, Rule};
use crate::evaluate::walk::{At, Walk};
use crate::network::{BlockMode, Exclusion, ExclusionMode, ExclusionScope, Kind, Missing};

/// What is about to pass the internet gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::evaluate) enum Passage {
    /// A connection from the internet.
    Inbound,
    /// A connection to it, from a public address of the host's own.
    Outbound,
    /// A connection to it through a NAT gateway or an egress-only internet gateway.
    OutboundOnlyGateway,
}

impl<'n> Walk<'n> {
    pub(in crate::evaluate) fn block_public_access(&mut self, at: At<'n>, passage: Passage, packet: &Packet) {
        let kind = GateKind::BlockPublicAccess;
        match self.network.block_public_access.get() {
            Ok(access) if access.mode == BlockMode::Off => {
                self.allow(kind, packet, Rule::of("VPC Block Public Access", "it is off"));
            }
            Ok(access) => match access.exclusions.get() {
                Ok(exclusions) => {
                    let exempt = exemption(exclusions, at);
                    self.blocked(&access.mode, exempt, passage, packet);
                }
                Err(missing) => self.unknown(kind, "VPC Block Public Access", packet, missing),
            },
            Err(missing) => match self.mode_of_subnet(at) {
                Some(mode) => self.blocked(mode, None, passage, packet),
                None => self.assume(kind, "VPC Block Public Access", packet, missing),
            },
        }
    }

    /// Subnets and VPCs repeat the mode that holds for them.
    fn mode_of_subnet(&self, at: At<'n>) -> Option<&'n BlockMode> {
        let of_subnet =
            self.network.subnets.get(at.subnet).and_then(|subnet| subnet.block_public_access.as_ref());
        of_subnet.or_else(|| self.network.vpcs.get(at.vpc)?.block_public_access.as_ref())
    }

    fn blocked(&mut self, mode: &BlockMode, exempt: Option<&Exclusion>, passage: Passage, packet: &Packet) {
        let kind = GateKind::BlockPublicAccess;
        let element = exempt.map_or("VPC Block Public Access", |exclusion| exclusion.id.as_str());
        // With allow-egress what may leave is what may leave while ingress is blocked.
        let egress_only = exempt.is_some_and(|exclusion| exclusion.mode == ExclusionMode::AllowEgress);
        let exempt_wholly =
            exempt.is_some_and(|exclusion| exclusion.mode == ExclusionMode::AllowBidirectional);
        let word = match mode {
            BlockMode::Off => "off",
            BlockMode::BlockIngress => "block-ingress",
            BlockMode::BlockBidirectional => "block-bidirectional",
            BlockMode::Other(other) => other,
        };
        if exempt_wholly || *mode == BlockMode::Off {
            return self.allow(
                kind,
                packet,
                Rule::of(element, format!("it is {word}, with an exclusion for this subnet")),
            );
        }
        match (mode, passage) {
            (BlockMode::Other(_), _) => {
                let missing = Missing::new(format!("what the mode {word} blocks"), "it is not known here")
                    .shown_by(Kind::BlockPublicAccess);
                self.unknown(kind, element, packet, missing);
            }
            (BlockMode::BlockIngress, Passage::OutboundOnlyGateway) => {
                self.allow(kind, packet, Rule::of(element, "block-ingress lets NAT gateways through"));
            }
            (_, Passage::OutboundOnlyGateway) if egress_only => {
                self.allow(kind, packet, Rule::of(element, "an exclusion lets connections out"));
            }
            (_, Passage::Outbound) if egress_only => {
                let because =
                    "an exclusion for egress only may or may not cover public addresses of the host's own";
                self.unknown(kind, element, packet, Missing::new("VPC Block Public Access", because));
            }
            _ => self.deny(
                kind,
                packet,
                Code::BlockPublicAccess,
                Rule::of("VPC Block Public Access", format!("it is {word}, without an exclusion for this")),
            ),
        }
    }
}

/// The subnet's own exclusion, or else its VPC's.
fn exemption<'e>(exclusions: &'e [Exclusion], at: At<'_>) -> Option<&'e Exclusion> {
    let in_force = || exclusions.iter().filter(|exclusion| exclusion.in_force);
    let of_subnet = |row: &&Exclusion| matches!(&row.scope, ExclusionScope::Subnet(id) if id == at.subnet);
    let of_vpc = |row: &&Exclusion| matches!(&row.scope, ExclusionScope::Vpc(id) if id == at.vpc);
    in_force().find(of_subnet).or_else(|| in_force().find(of_vpc))
}
