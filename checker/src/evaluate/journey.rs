//! The way there and the way back: which gates come after which. A way is a row of legs; at the joints an address
//! is translated. The reply goes the legs backwards and meets the same translators, but routes of its own.

use std::net::IpAddr;

use super::code::Code;
use super::flow::ephemeral;
use super::gates::block_public_access::Passage;
use super::gates::host::is_same_machine;
use super::gates::route_table;
use super::gates::security_group::Seen;
use super::gates::transit_gateway::Beyond;
use super::party::{Host, is_on_premises};
use super::place;
use super::trace::{Direction, GateKind, Packet, Rule};
use super::walk::{At, Walk, reply};
use crate::network::{Known, Missing, NatGateway, RouteState, Target, VpcId};

/// More translators in a row than anybody has.
const MOST_LEGS: usize = 6;

/// One stretch of the way, between two subnets, or between one and the outside.
#[derive(Debug, Clone)]
struct Leg<'n> {
    from: Option<At<'n>>,
    to: Option<At<'n>>,
    packet: Packet,
    by: By<'n>,
}

/// What a leg goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
enum By<'n> {
    /// Neighbours in one subnet: neither network ACL nor route.
    SameSubnet,
    /// Routes between and within VPCs.
    Inside,
    /// Out to, or in from, the internet.
    Internet,
    /// A VPN or the like.
    OnPremises,
    /// A service of AWS's.
    Service,
    /// Routed through this interface.
    Appliance(&'n crate::network::NetworkInterfaceId),
}

/// How the packet comes to the destination.
struct Arrival {
    packet: Packet,
    translated: bool,
}

impl<'n> Walk<'n> {
    /// From a host to a host.
    pub(super) fn between(&mut self, source: &Host<'n>, destination: &Host<'n>, port: u16) {
        let by_public = destination.by_public || self.resolves_to_public(source.vpc, destination);
        let target = match destination.public {
            Some(public) if by_public => public,
            _ => destination.address,
        };
        let packet = self.packet(source.address, target, port);
        if target == destination.address && is_same_machine(source, destination) {
            return self.stay(source, destination, &packet);
        }
        let references = self.references(source, destination);
        let seen = if target == destination.address {
            Seen::host(destination, references.clone())
        } else {
            Seen::stranger(target)
        };
        self.leave(source, &packet, &seen, Some(destination));
        let mut legs = Vec::new();
        let arrival = self.depart(at(source), source, &packet, Some(destination), &mut legs);
        let seen = if arrival.translated {
            Seen::stranger(arrival.packet.source)
        } else {
            Seen::host(source, references)
        };
        self.arrive(destination, &arrival.packet, &seen);
        self.come_back(legs);
    }

    /// From a host to the world.
    pub(super) fn outwards(&mut self, source: &Host<'n>, destination: IpAddr, port: u16) {
        let packet = self.packet(source.address, destination, port);
        self.leave(source, &packet, &Seen::stranger(destination), None);
        let mut legs = Vec::new();
        self.depart(at(source), source, &packet, None, &mut legs);
        self.come_back(legs);
    }

    /// From the world to a host.
    pub(super) fn inwards(&mut self, source: IpAddr, destination: &Host<'n>, port: u16) {
        let packet = self.packet(source, destination.address, port);
        let mut legs = Vec::new();
        self.enter(destination, &packet, &mut legs);
        self.arrive(destination, &packet, &Seen::stranger(source));
        self.come_back(legs);
    }

    fn leave(&mut self, source: &Host<'n>, packet: &Packet, seen: &Seen, destination: Option<&Host<'n>>) {
        self.host(source, packet);
        if destination.is_some_and(|host| host.by_name && host.database.is_some()) {
            self.name_resolution(source.vpc, packet);
        }
        self.security_groups(source, true, packet, seen);
    }

    fn arrive(&mut self, destination: &Host<'n>, packet: &Packet, seen: &Seen) {
        self.security_groups(destination, false, packet, seen);
        self.host(destination, packet);
        self.database(destination, packet);
        let of_nat = destination.interface.filter(|interface| interface.is_of_a_nat_gateway());
        if let Some(interface) = of_nat {
            let rule = Rule::of(&interface.id, "a NAT gateway takes no connections of its own");
            self.deny(GateKind::NatGateway, packet, Code::OutboundOnly, rule);
        }
    }

    /// Whether a security group may name another one across this way (S9, S11, S13).
    fn references(&self, source: &Host<'n>, destination: &Host<'n>) -> Known<bool> {
        let route = route_table::lookup(self.network, at(source), destination.address);
        match route.ok().and_then(|lookup| lookup.route).map(|route| &route.target) {
            Some(Target::PeeringConnection(id)) => match self.network.peering_connections.get(id) {
                Some(connection) => Known::Known(connection.is_within_a_region()),
                None => Known::Known(true),
            },
            Some(Target::TransitGateway(id)) => self.references_through(id, &[source.vpc, destination.vpc]),
            Some(Target::NetworkInterface { .. } | Target::Endpoint(_)) => Known::Known(false),
            _ => Known::Known(true),
        }
    }

    /// Out there it has arrived, unless it is for somebody in here.
    fn in_the_world(
        &mut self,
        destination: Option<&Host<'n>>,
        public: Option<IpAddr>,
        packet: Packet,
        legs: &mut Vec<Leg<'n>>,
    ) -> Arrival {
        match destination {
            None => Arrival { packet, translated: true },
            Some(host) => self.come_in_again(host, public, &packet, legs),
        }
    }

    /// Follows the routes out of a subnet until the packet arrives or is lost.
    fn depart(
        &mut self,
        start: At<'n>,
        source: &Host<'n>,
        packet: &Packet,
        destination: Option<&Host<'n>>,
        legs: &mut Vec<Leg<'n>>,
    ) -> Arrival {
        let (mut here, mut packet) = (start, packet.clone());
        let mut leaver = (source.label(), source.public.or(Some(source.address).filter(IpAddr::is_ipv6)));
        let mut translated = false;
        let mut passage = Passage::Outbound;
        while legs.len() < MOST_LEGS {
            let direct = destination.filter(|host| host.address == packet.destination);
            if let Some(host) = direct
                && at(host) == here
            {
                legs.push(Leg {
                    from: Some(here),
                    to: Some(here),
                    packet: packet.clone(),
                    by: By::SameSubnet,
                });
                return Arrival { packet, translated };
            }
            self.network_acl(here.subnet, true, &packet);
            let Some(target) = self.route(here, &packet) else { break };
            let leg = |to, by| Leg { from: Some(here), to, packet: packet.clone(), by };
            match target {
                Target::NatGateway(id) => {
                    let Some(gateway) = self.nat_gateway(id, here, &packet) else { break };
                    if gateway.is_regional {
                        legs.push(leg(None, By::Internet));
                        packet = self.regional(gateway, here, &packet);
                        let public = gateway.addresses.iter().find_map(|row| row.public_ip);
                        return self.in_the_world(destination, public, packet, legs);
                    }
                    let Some(there) = self.nat_subnet(gateway, &packet) else { break };
                    if there != here {
                        self.network_acl(there.subnet, false, &packet);
                    }
                    legs.push(leg(Some(there), if there == here { By::SameSubnet } else { By::Inside }));
                    let Some(own) = gateway.addresses.iter().find_map(|row| row.private_ip) else { break };
                    leaver = (id.to_string(), gateway.addresses.iter().find_map(|row| row.public_ip));
                    passage = Passage::OutboundOnlyGateway;
                    packet = Packet { source: own, source_ports: ephemeral::internet(), ..packet };
                    (here, translated) = (there, true);
                }
                Target::NetworkInterface { id, .. } => {
                    let Some(middle) = self.middle(id, &packet) else { break };
                    let there = at(&middle);
                    if there != here {
                        self.network_acl(there.subnet, false, &packet);
                    }
                    let seen = if translated {
                        Seen::stranger(packet.source)
                    } else {
                        Seen::host(source, Known::Known(true))
                    };
                    self.appliance(&middle, &packet, &seen);
                    legs.push(leg(
                        Some(there),
                        if there == here { By::SameSubnet } else { By::Appliance(id) },
                    ));
                    if direct.is_none() {
                        // To the world it can only forward under its own address.
                        packet =
                            Packet { source: middle.address, source_ports: ephemeral::internet(), ..packet };
                        leaver = (middle.label(), middle.public);
                        translated = true;
                    }
                    self.security_groups(&middle, true, &packet, &Seen::stranger(packet.destination));
                    here = there;
                }
                Target::InternetGateway(id) => {
                    self.way_out(id, here.vpc, (&leaver.0, leaver.1), &packet);
                    self.block_public_access(here, passage, &packet);
                    legs.push(leg(None, By::Internet));
                    return self.in_the_world(destination, leaver.1, packet, legs);
                }
                Target::EgressOnlyInternetGateway(id) => {
                    self.allow(
                        GateKind::EgressOnlyInternetGateway,
                        &packet,
                        Rule::of(id, "it lets connections out"),
                    );
                    self.block_public_access(here, Passage::OutboundOnlyGateway, &packet);
                    legs.push(leg(None, By::Internet));
                    return self.in_the_world(destination, leaver.1, packet, legs);
                }
                other => {
                    let way = self.cross(other, here, &packet);
                    return self.land(way, here, packet, translated, direct, legs);
                }
            }
        }
        if legs.len() >= MOST_LEGS {
            self.deny(
                GateKind::RouteTable,
                &packet,
                Code::RouteLoop,
                Rule::of(here.subnet, "its routes lead in circles"),
            );
        }
        self.as_if_arrived(here, packet, translated, destination, legs)
    }

    /// The way there is blocked: what comes after it is judged as if it were not, so that all that is wrong is found.
    fn as_if_arrived(
        &mut self,
        here: At<'n>,
        packet: Packet,
        translated: bool,
        destination: Option<&Host<'n>>,
        legs: &mut Vec<Leg<'n>>,
    ) -> Arrival {
        let Some(host) = destination.filter(|host| host.address == packet.destination) else {
            return Arrival { packet, translated };
        };
        let there = at(host);
        self.network_acl(there.subnet, false, &packet);
        legs.push(Leg { from: Some(here), to: Some(there), packet: packet.clone(), by: By::Inside });
        Arrival { packet, translated }
    }

    /// Out through one gateway and in through another: the destination sees a public address (S9).
    fn come_in_again(
        &mut self,
        host: &Host<'n>,
        public: Option<IpAddr>,
        packet: &Packet,
        legs: &mut Vec<Leg<'n>>,
    ) -> Arrival {
        let outside =
            Packet { source: public.unwrap_or(packet.source), destination: host.address, ..packet.clone() };
        self.enter(host, &outside, legs);
        Arrival { packet: outside, translated: true }
    }

    /// What the gateways between VPCs, and to premises and services, make of it.
    fn cross(&mut self, target: &'n Target, here: At<'n>, packet: &Packet) -> Way<'n> {
        match target {
            Target::Local => Way::Vpc(here.vpc),
            Target::PeeringConnection(id) => self.peering(id, here, packet).map_or(Way::Lost, Way::Vpc),
            Target::TransitGateway(id) => match self.transit_gateway(id, here, packet) {
                Some(Beyond::Vpc(vpc)) => Way::Vpc(vpc),
                Some(Beyond::Elsewhere) => Way::OnPremises,
                None => Way::Lost,
            },
            Target::Endpoint(id) => {
                self.endpoint(id, packet);
                Way::Service
            }
            Target::VirtualPrivateGateway(id) => {
                let missing =
                    Missing::new(format!("the VPN or Direct Connect behind {id}"), "it was not read");
                self.unknown(GateKind::VirtualPrivateGateway, id, packet, missing);
                Way::OnPremises
            }
            other => {
                let missing = Missing::new(other.to_string(), "what lies behind it is not known here");
                self.unknown(GateKind::RouteTable, other, packet, missing);
                Way::Lost
            }
        }
    }

    fn land(
        &mut self,
        way: Way<'n>,
        here: At<'n>,
        packet: Packet,
        translated: bool,
        direct: Option<&Host<'n>>,
        legs: &mut Vec<Leg<'n>>,
    ) -> Arrival {
        let leg = |to, by| Leg { from: Some(here), to, packet: packet.clone(), by };
        match (way, direct) {
            (Way::Vpc(vpc), Some(host)) if vpc == host.vpc => {
                self.out_of_transit(host, here, &packet);
                self.network_acl(host.subnet, false, &packet);
                legs.push(leg(Some(at(host)), By::Inside));
            }
            (Way::Vpc(vpc), None) => {
                let because = format!("no interface of {vpc} with this address was read");
                let missing = Missing::new(packet.destination.to_string(), because);
                self.unknown(GateKind::Destination, packet.destination, &packet, missing);
            }
            (Way::OnPremises, None) => legs.push(leg(None, By::OnPremises)),
            (Way::Service, None) => legs.push(leg(None, By::Service)),
            (Way::Lost, _) => return self.as_if_arrived(here, packet, translated, direct, legs),
            (Way::Vpc(_) | Way::OnPremises | Way::Service, Some(_)) => {
                self.leads_elsewhere(here, &packet, Code::RouteLeadsElsewhere);
                return self.as_if_arrived(here, packet, translated, direct, legs);
            }
        }
        Arrival { packet, translated }
    }

    /// Out of a transit gateway the packet leaves the attachment's subnet before it enters the host's.
    fn out_of_transit(&mut self, host: &Host<'n>, here: At<'n>, packet: &Packet) {
        let route =
            route_table::lookup(self.network, here, packet.destination).ok().and_then(|found| found.route);
        let Some(Target::TransitGateway(id)) = route.map(|route| &route.target) else { return };
        let attachments = &self.network.transit_attachments;
        let there =
            attachments.values().find(|row| &row.transit_gateway == id && row.vpc.as_ref() == Some(host.vpc));
        if let Some(attachment) = there
            && let Some(subnet) = self.attachment_subnet(attachment, host.subnet, packet)
        {
            self.network_acl(subnet, true, packet);
        }
    }

    /// In from the internet, or from premises behind a private gateway.
    fn enter(&mut self, host: &Host<'n>, packet: &Packet, legs: &mut Vec<Leg<'n>>) {
        let there = at(host);
        let mut by = By::Internet;
        let private_way = is_on_premises(packet.source)
            .then(|| route_table::lookup(self.network, there, packet.source).ok()?.route)
            .flatten()
            .map(|route| (&route.target, route.state.value()));
        match private_way {
            Some((Target::VirtualPrivateGateway(id), _)) => {
                let missing =
                    Missing::new(format!("the VPN or Direct Connect behind {id}"), "it was not read");
                self.unknown(GateKind::VirtualPrivateGateway, id, packet, missing);
                by = By::OnPremises;
            }
            Some((Target::TransitGateway(id), _)) => {
                let missing = Missing::new(format!("how {} comes to {id}", packet.source), "it was not read");
                self.unknown(GateKind::TransitGateway, id, packet, missing);
                by = By::OnPremises;
            }
            Some((Target::PeeringConnection(id), Some(RouteState::Active))) => {
                let missing =
                    Missing::new(format!("{} behind {id}", packet.source), "the other VPC was not read");
                self.unknown(GateKind::PeeringConnection, id, packet, missing);
                by = By::OnPremises;
            }
            _ => {
                self.public_address(host, packet);
                self.way_in(there, packet);
                self.block_public_access(there, Passage::Inbound, packet);
            }
        }
        self.network_acl(there.subnet, false, packet);
        legs.push(Leg { from: None, to: Some(there), packet: packet.clone(), by });
    }

    fn come_back(&mut self, legs: Vec<Leg<'n>>) {
        self.direction = Direction::Return;
        let passed: Vec<By<'n>> = legs.iter().map(|leg| leg.by.clone()).collect();
        for leg in legs.into_iter().rev().filter(|leg| leg.by != By::SameSubnet) {
            self.back(&leg, &passed);
        }
    }

    fn back(&mut self, leg: &Leg<'n>, passed: &[By<'n>]) {
        let packet = reply(&leg.packet);
        if let Some(there) = leg.to {
            self.network_acl(there.subnet, true, &packet);
            self.back_by_route(there, leg, passed, &packet);
        }
        if let Some(here) = leg.from {
            self.network_acl(here.subnet, false, &packet);
        }
    }

    fn back_by_route(&mut self, there: At<'n>, leg: &Leg<'n>, passed: &[By<'n>], packet: &Packet) {
        let Some(target) = self.route(there, packet) else { return };
        match (&leg.by, target) {
            (By::Internet, Target::InternetGateway(id)) => self.gateway_is_attached(id, there.vpc, packet),
            (
                By::OnPremises,
                Target::VirtualPrivateGateway(_) | Target::TransitGateway(_) | Target::PeeringConnection(_),
            ) => {}
            // The appliance that saw the request.
            (_, Target::NetworkInterface { id, .. }) if passed.contains(&By::Appliance(id)) => {}
            // What arrives through a gateway's interface goes back within the VPC.
            (_, Target::NetworkInterface { id, .. }) => {
                let missing = Missing::new(
                    format!("what {id} makes of a reply whose request it did not see"),
                    "it is an appliance",
                );
                self.unknown(GateKind::Appliance, id, packet, missing);
            }
            (
                By::Inside | By::Appliance(_),
                Target::Local | Target::PeeringConnection(_) | Target::TransitGateway(_),
            ) => {
                let way = self.cross(target, there, packet);
                let home = leg.from.map(|from| from.vpc);
                match way {
                    Way::Vpc(vpc) if Some(vpc) == home => {}
                    Way::Lost => {}
                    Way::Vpc(_) | Way::OnPremises | Way::Service => {
                        self.leads_elsewhere(there, packet, Code::ReplyLeavesElsewhere);
                    }
                }
            }
            (_, Target::Endpoint(id)) => self.endpoint(id, packet),
            _ => self.leads_elsewhere(there, packet, Code::ReplyLeavesElsewhere),
        }
    }

    fn nat_subnet(&mut self, gateway: &'n NatGateway, packet: &Packet) -> Option<At<'n>> {
        if let Some(subnet) = &gateway.subnet {
            return Some(At { vpc: &gateway.vpc, subnet });
        }
        let missing = Missing::new(format!("the subnet of {}", gateway.id), "the answer names none");
        self.unknown(GateKind::NatGateway, &gateway.id, packet, missing);
        None
    }

    fn middle(&mut self, id: &crate::network::NetworkInterfaceId, packet: &Packet) -> Option<Host<'n>> {
        let kind = crate::network::Kind::NetworkInterfaces;
        match self.network.network_interfaces.find(kind, id) {
            Ok(interface) => {
                let address = interface.primary().map(|row| row.address)?;
                Some(place::host(self.network, interface, address))
            }
            Err(missing) => {
                self.unknown(GateKind::NetworkInterface, id, packet, missing);
                None
            }
        }
    }
}

/// Where a gateway between VPCs leads.
enum Way<'n> {
    Vpc(&'n VpcId),
    OnPremises,
    Service,
    Lost,
}

fn at<'n>(host: &Host<'n>) -> At<'n> {
    At { vpc: host.vpc, subnet: host.subnet }
}
