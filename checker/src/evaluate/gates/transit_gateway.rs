//! Transit gateways, as far as they were read: the attachment, its table, and the attachment beyond.

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::evaluate::code::Code;
use crate::evaluate::trace::{GateKind, Packet, Rule};
use crate::evaluate::walk::{At, Walk};
use crate::network::{
    Kind, Known, Missing, Network, RouteDestination, RouteState, SubnetId, TransitAttachment,
    TransitGatewayId, TransitRoute, TransitRouteTable, VpcId,
};

/// Where a transit gateway leads.
pub(in crate::evaluate) enum Beyond<'n> {
    Vpc(&'n VpcId),
    /// A VPN, Direct Connect, or a gateway of another Region.
    Elsewhere,
}

impl<'n> Walk<'n> {
    pub(in crate::evaluate) fn transit_gateway(
        &mut self,
        id: &TransitGatewayId,
        at: At<'n>,
        packet: &Packet,
    ) -> Option<Beyond<'n>> {
        let own = self.own_attachment(id, at, packet)?;
        self.attachment_state(own, packet);
        if let Some(subnet) = self.attachment_subnet(own, at.subnet, packet) {
            self.network_acl(subnet, false, packet);
        }
        let table = self.transit_table(own, packet)?;
        let beyond = self.transit_route(table, packet)?;
        self.attachment_state(beyond, packet);
        match &beyond.vpc {
            Some(vpc) => Some(Beyond::Vpc(vpc)),
            None => {
                let because = format!("what lies behind a {} attachment was not read", beyond.resource_type);
                self.unknown(
                    GateKind::TransitGateway,
                    &beyond.id,
                    packet,
                    Missing::new(beyond.id.to_string(), because),
                );
                Some(Beyond::Elsewhere)
            }
        }
    }

    /// S11: the gateway has references to groups off unless it was told otherwise; its attachments have them on.
    pub(in crate::evaluate) fn references_through(
        &self,
        id: &TransitGatewayId,
        vpcs: &[&VpcId],
    ) -> Known<bool> {
        let gateway = match self.network.transit_gateways.find(Kind::TransitGateways, id) {
            Ok(gateway) => gateway,
            Err(missing) => {
                let what = format!("whether references to groups hold through {id}");
                return Known::Unknown(Missing { what, ..missing });
            }
        };
        let ends = self.network.transit_attachments.values().filter(|row| {
            &row.transit_gateway == id && row.vpc.as_ref().is_some_and(|vpc| vpcs.contains(&vpc))
        });
        let mut all = std::iter::once(&gateway.security_group_referencing)
            .chain(ends.map(|row| &row.security_group_referencing));
        all.find(|one| one.value() != Some(&true)).cloned().unwrap_or(Known::Known(true))
    }

    fn own_attachment(
        &mut self,
        id: &TransitGatewayId,
        at: At<'n>,
        packet: &Packet,
    ) -> Option<&'n TransitAttachment> {
        let attachments = &self.network.transit_attachments;
        let own =
            attachments.values().find(|row| &row.transit_gateway == id && row.vpc.as_ref() == Some(at.vpc));
        if own.is_none() {
            if attachments.is_read() {
                let rule = Rule::of(id, format!("it has no attachment in {}", at.vpc));
                self.deny(GateKind::TransitGateway, packet, Code::TransitNotAttached, rule);
            } else {
                let missing = attachments.unread(Kind::TransitGatewayAttachments);
                self.unknown(GateKind::TransitGateway, id, packet, missing);
            }
        }
        own
    }

    fn attachment_state(&mut self, attachment: &TransitAttachment, packet: &Packet) {
        let kind = GateKind::TransitGateway;
        match attachment.state.get() {
            Ok(state) if matches!(state.as_str(), "available" | "modifying") => {
                self.allow(kind, packet, Rule::of(&attachment.id, format!("it is {state}")));
            }
            Ok(state) => {
                let rule = Rule::of(&attachment.id, format!("it is {state}"));
                self.deny(kind, packet, Code::TransitAttachmentState, rule);
            }
            Err(missing) => self.unknown(kind, &attachment.id, packet, missing),
        }
    }

    /// The attachment's own subnet in the zone of this one, whose network ACL the packet meets as well, unless it
    /// is the same one.
    pub(in crate::evaluate) fn attachment_subnet(
        &mut self,
        attachment: &'n TransitAttachment,
        subnet: &SubnetId,
        packet: &Packet,
    ) -> Option<&'n SubnetId> {
        let subnets = attachment.subnets.value()?;
        if subnets.contains(subnet) {
            return None;
        }
        let zone = |id: &SubnetId| self.network.subnets.get(id)?.availability_zone.as_ref();
        let own = zone(subnet)?;
        if subnets.iter().any(|id| zone(id).is_none()) {
            return subnets.iter().find(|id| zone(id) == Some(own));
        }
        let there = subnets.iter().find(|id| zone(id) == Some(own));
        if there.is_none() {
            let rule = Rule::of(&attachment.id, format!("it has no subnet in {own}"));
            self.deny(GateKind::TransitGateway, packet, Code::TransitZone, rule);
        }
        there
    }

    fn transit_table(
        &mut self,
        own: &'n TransitAttachment,
        packet: &Packet,
    ) -> Option<&'n TransitRouteTable> {
        let Some(id) = &own.route_table else {
            let missing = Missing::new(format!("the table of {}", own.id), "the answer names none")
                .shown_by(Kind::TransitGatewayAttachments);
            self.unknown(GateKind::TransitGateway, &own.id, packet, missing);
            return None;
        };
        match self.network.transit_route_tables.find(Kind::TransitGatewayRouteTables, id) {
            Ok(table) => Some(table),
            Err(missing) => {
                self.unknown(GateKind::TransitGateway, id, packet, missing);
                None
            }
        }
    }

    fn transit_route(
        &mut self,
        table: &'n TransitRouteTable,
        packet: &Packet,
    ) -> Option<&'n TransitAttachment> {
        let kind = GateKind::TransitGateway;
        let route =
            match table.routes.get().and_then(|routes| winner(self.network, routes, packet.destination)) {
                Ok(route) => route,
                Err(missing) => {
                    self.unknown(kind, &table.id, packet, missing);
                    return None;
                }
            };
        let Some(route) = route else {
            if let Some(attachment) = table.propagating.first() {
                let because = format!("what {} learns from it was not read", table.id);
                self.unknown(kind, &table.id, packet, Missing::new(attachment.to_string(), because));
                return None;
            }
            let rule = Rule::of(&table.id, format!("no route leads to {}", packet.destination));
            self.deny(kind, packet, Code::TransitNoRoute, rule);
            return None;
        };
        let target = route.attachment.as_ref().map_or_else(|| "nothing".into(), ToString::to_string);
        let rule = Rule::of(&table.id, format!("route {} to {target}", route.destination));
        if !matches!(route.state, RouteState::Active | RouteState::Untold) {
            self.deny(kind, packet, Code::TransitBlackhole, rule);
            return None;
        }
        self.allow(kind, packet, rule);
        let found = route
            .attachment
            .as_ref()
            .map(|id| self.network.transit_attachments.find(Kind::TransitGatewayAttachments, id));
        match found {
            Some(Ok(attachment)) => Some(attachment),
            Some(Err(missing)) => {
                self.unknown(kind, &table.id, packet, missing);
                None
            }
            None => {
                self.unknown(kind, &table.id, packet, Missing::new(target, "the route names no attachment"));
                None
            }
        }
    }
}

fn winner<'n>(
    network: &'n Network,
    routes: &'n [TransitRoute],
    address: IpAddr,
) -> Result<Option<&'n TransitRoute>, Missing> {
    let mut hits = Vec::new();
    for route in routes {
        let length = match &route.destination {
            RouteDestination::Cidr(block) => block.contains(&address).then(|| block.prefix_len()),
            RouteDestination::PrefixList(id) => {
                let list = network.prefix_lists.find(Kind::PrefixListEntries, id)?;
                list.entries
                    .get()?
                    .iter()
                    .filter(|block| block.contains(&address))
                    .map(ipnet::IpNet::prefix_len)
                    .max()
            }
            RouteDestination::Unreadable(what) => {
                return Err(Missing::new(what.clone(), "this route may lead there"));
            }
        };
        hits.extend(length.map(|length| (length, route.is_static, route)));
    }
    hits.sort_by_key(|(length, is_static, _)| Reverse((*length, *is_static)));
    Ok(hits.first().map(|(_, _, route)| *route))
}
