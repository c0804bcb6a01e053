//! Internet gateways: translate one address to one, and only for public ones (R6 to R8, R11).

use std::net::IpAddr;

use crate::evaluate::code::Code;
use crate::evaluate::party::{Host, is_on_premises};
use crate::evaluate::trace::{GateKind, Outcome, Packet, Rule};
use crate::evaluate::walk::{At, Walk};
use crate::network::{
    InternetGateway, InternetGatewayId, Kind, Missing, RouteDestination, RouteState, Target, VpcId, is_shared,
};

impl<'n> Walk<'n> {
    /// Whether the gateway works for the VPC.
    pub(in crate::evaluate) fn gateway_is_attached(
        &mut self,
        id: &InternetGatewayId,
        vpc: &VpcId,
        packet: &Packet,
    ) {
        let kind = GateKind::InternetGateway;
        let gateways = &self.network.internet_gateways;
        match gateways.find(Kind::InternetGateways, id) {
            Ok(gateway) if gateway.is_attached_to(vpc) => {
                self.allow(kind, packet, Rule::of(id, format!("it is attached to {vpc}")));
            }
            Ok(gateway) => {
                let rule = Rule::of(id, attachments(gateway, vpc));
                self.deny(kind, packet, Code::InternetGatewayNotAttached, rule);
            }
            // A route to a gateway that is not attached here would be a blackhole.
            Err(missing) if !missing.refused => {
                let rule = Rule::of(id, format!("an active route of {vpc} leads to it, so it is attached"));
                self.allow(kind, packet, rule);
            }
            Err(missing) => self.unknown(kind, id, packet, missing),
        }
    }

    /// The way in: which gateway brings packets to the VPC.
    pub(in crate::evaluate) fn way_in(&mut self, at: At<'n>, packet: &Packet) {
        let kind = GateKind::InternetGateway;
        let attached: Option<&InternetGateway> =
            self.network.internet_gateways.values().find(|gateway| gateway.is_attached_to(at.vpc));
        if let Some(gateway) = attached {
            self.allow(kind, packet, Rule::of(&gateway.id, format!("it is attached to {}", at.vpc)));
            self.edge(gateway.id.as_str(), packet);
        } else if self.network.internet_gateways.is_read() {
            let near = self
                .network
                .internet_gateways
                .values()
                .find(|row| row.attachments.iter().any(|a| &a.vpc == at.vpc));
            if let Some(gateway) = near {
                let rule = Rule::of(&gateway.id, attachments(gateway, at.vpc));
                self.deny(kind, packet, Code::InternetGatewayNotAttached, rule);
            } else {
                let rule = Rule::of(at.vpc, "no internet gateway is attached to it");
                self.deny(kind, packet, Code::NoInternetGateway, rule);
            }
        } else if let Some(Target::InternetGateway(id)) = self.active_route(at, packet.source) {
            self.gateway_is_attached(id, at.vpc, packet);
        } else {
            let missing = self.network.internet_gateways.unread(Kind::InternetGateways);
            self.unknown(kind, at.vpc, packet, missing);
        }
        self.source_is_public(at.vpc, packet);
    }

    fn active_route(&self, at: At<'n>, address: IpAddr) -> Option<&'n Target> {
        let route = super::route_table::lookup(self.network, at, address).ok()?.route?;
        let works = matches!(route.state.value(), Some(RouteState::Active | RouteState::Untold));
        works.then_some(&route.target)
    }

    fn source_is_public(&mut self, vpc: &VpcId, packet: &Packet) {
        if is_on_premises(packet.source) {
            let code = if is_shared(packet.source) { Code::SharedSource } else { Code::PrivateSource };
            let rule = Rule::of(vpc, format!("no gateway of it brings packets from {}", packet.source));
            self.deny(GateKind::InternetGateway, packet, code, rule);
        }
    }

    /// R11: a table at the gateway's own edge may send what arrives through an appliance.
    fn edge(&mut self, gateway: &str, packet: &Packet) {
        let tables = self.network.route_tables.values();
        let Some(table) = tables.into_iter().find(|table| table.gateways.iter().any(|id| id == gateway))
        else {
            return;
        };
        let routes = table.routes.value().into_iter().flatten();
        let matching = routes.filter_map(|route| match &route.destination {
            RouteDestination::Cidr(block) if block.contains(&packet.destination) => {
                Some((block.prefix_len(), route))
            }
            _ => None,
        });
        let Some((_, route)) = matching.max_by_key(|(length, _)| *length) else { return };
        let by = super::route_table::said(table, route);
        match (&route.target, route.state.value()) {
            (_, Some(RouteState::Blackhole)) => {
                self.deny(GateKind::RouteTable, packet, Code::RouteBlackhole, by);
            }
            (Target::Local, _) => self.allow(GateKind::RouteTable, packet, by),
            (target, _) => {
                let because =
                    format!("{} sends what arrives through it, and what it does is not seen", by.element);
                let missing = Missing::new(format!("the appliance at {target}"), because);
                self.push(GateKind::Appliance, target, packet, Outcome::Unknown { missing });
            }
        }
    }

    /// Whether the host has the public address that the packet from outside is for.
    pub(in crate::evaluate) fn public_address(&mut self, host: &Host<'n>, packet: &Packet) {
        let kind = GateKind::Address;
        if host.address.is_ipv6() {
            return self.allow(kind, packet, Rule::of(host.address, "IPv6 addresses are public"));
        }
        let element = host.interface.map_or_else(|| host.label(), |interface| interface.id.to_string());
        if host.by_private && !is_on_premises(packet.source) {
            let stands =
                host.public.map(|public| format!(": outside, {public} stands for it")).unwrap_or_default();
            let rule = Rule::of(&element, format!("{} is a private address{stands}", host.address));
            return self.deny(kind, packet, Code::PrivateAddressFromOutside, rule);
        }
        match (host.public, host.database) {
            (Some(public), _) => {
                self.allow(kind, packet, Rule::of(element, format!("{public} stands for {}", host.address)));
            }
            (None, Some(database)) => match database.publicly_accessible.get() {
                Ok(false) => {
                    let rule = Rule::of(
                        &database.id,
                        "it is not publicly accessible: its name gives a private address everywhere",
                    );
                    self.deny(kind, packet, Code::DatabaseNotPublic, rule);
                }
                Ok(true) if host.interface.is_none() => {
                    self.allow(kind, packet, Rule::of(&database.id, "it is publicly accessible"));
                }
                Ok(true) => {
                    let rule = Rule::of(element, "RDS's interface has no public address");
                    self.deny(kind, packet, Code::NoPublicAddress, rule);
                }
                Err(missing) => self.unknown(kind, &database.id, packet, missing),
            },
            (None, None) => {
                let rule = Rule::of(element, format!("no public address stands for {}", host.address));
                self.deny(kind, packet, Code::NoPublicAddress, rule);
            }
        }
    }

    /// The way out: through the gateway, with a public address of one's own.
    pub(in crate::evaluate) fn way_out(
        &mut self,
        id: &InternetGatewayId,
        vpc: &VpcId,
        leaving: (&str, Option<IpAddr>),
        packet: &Packet,
    ) {
        self.gateway_is_attached(id, vpc, packet);
        let kind = GateKind::InternetGateway;
        if is_on_premises(packet.destination) {
            let shared = is_shared(packet.destination);
            let code = if shared { Code::SharedDestination } else { Code::PrivateDestination };
            let rule = Rule::of(id, format!("it carries nothing to {}", packet.destination));
            self.deny(kind, packet, code, rule);
        }
        let (element, public) = leaving;
        if let Some(public) = public {
            let rule = Rule::of(element, format!("it leaves as {public}"));
            self.allow(GateKind::Address, packet, rule);
        } else {
            let rule = Rule::of(element, format!("no public address stands for {}", packet.source));
            self.deny(GateKind::Address, packet, Code::NoPublicAddressToLeaveWith, rule);
        }
    }
}

fn attachments(gateway: &InternetGateway, vpc: &VpcId) -> String {
    match gateway.attachments.iter().find(|row| &row.vpc == vpc) {
        Some(row) => format!("its attachment to {vpc} is {}", row.state),
        None => match gateway.attachments.first() {
            Some(row) => format!("it is attached to {}, not to {vpc}", row.vpc),
            None => "it is attached to no VPC".into(),
        },
    }
}
