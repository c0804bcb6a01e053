//! Gateway endpoints: a route to a service of AWS's, for connections out of the VPC.

use crate::evaluate::code::Code;
use crate::evaluate::trace::{GateKind, Outcome, Packet, Rule};
use crate::evaluate::walk::Walk;
use crate::network::{EndpointKind, Kind, Missing, Protocol, VpcEndpointId};

impl Walk<'_> {
    pub(in crate::evaluate) fn endpoint(&mut self, id: &VpcEndpointId, packet: &Packet) {
        let kind = GateKind::VpcEndpoint;
        let endpoint = match self.network.vpc_endpoints.find(Kind::VpcEndpoints, id) {
            Ok(endpoint) => endpoint,
            Err(missing) => return self.unknown(kind, id, packet, missing),
        };
        match endpoint.state.get() {
            Ok(state) if state == "available" => self.allow(kind, packet, Rule::of(id, "it is available")),
            Ok(state) => {
                let rule = Rule::of(id, format!("it is {state}"));
                self.deny(kind, packet, Code::EndpointNotAvailable, rule);
            }
            Err(missing) => self.unknown(kind, id, packet, missing),
        }
        match endpoint.kind {
            EndpointKind::Gateway => {
                if !matches!(packet.protocol, Protocol::Tcp | Protocol::Icmp) {
                    let rule = Rule::of(id, "it carries TCP and ICMP echo only");
                    self.deny(kind, packet, Code::EndpointProtocol, rule);
                }
            }
            EndpointKind::GatewayLoadBalancer | EndpointKind::Interface | EndpointKind::Other(_) => {
                let missing = Missing::new(format!("the appliance behind {id}"), "what it does is not seen");
                self.push(GateKind::Appliance, id, packet, Outcome::Unknown { missing });
            }
        }
    }
}
