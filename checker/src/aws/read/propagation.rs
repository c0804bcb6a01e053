//! What the tables of transit gateways learn from attachments. `search-transit-gateway-routes` tells what has come of
//! it; where somebody saved the static routes and `get-transit-gateway-route-table-propagations` instead, it follows
//! from the attached VPCs.

use super::{Documents, id_in};
use crate::aws::row::Row;
use crate::network::{
    AttachmentId, IpNet, Known, Network, RouteDestination, RouteState, TransitRoute, TransitRouteTableId,
};

/// The answer does not say of which table: a wrapper around it does, or the file's name.
pub(super) fn propagations(documents: &mut Documents, row: Row<'_>, source: &str) -> bool {
    if row.list("TransitGatewayRouteTablePropagations").is_none() {
        return false;
    }
    let id = row.string("TransitGatewayRouteTableId").or_else(|| id_in(source, "tgw-rtb-"));
    let Some(id) = id else {
        row.note("propagations were passed over: name the file for their table, tgw-rtb-….json");
        return true;
    };
    let enabled = row
        .rows("TransitGatewayRouteTablePropagations")
        .filter(|entry| entry.text("State").is_none_or(|state| matches!(state, "enabled" | "enabling")));
    let attachments: Vec<AttachmentId> =
        enabled.filter_map(|entry| entry.id("TransitGatewayAttachmentId")).collect();
    super::transit::table(documents, &TransitRouteTableId::from(id)).propagating.extend(attachments);
    true
}

/// Adds what is learned from VPCs, and leaves the attachments of which nobody says what is learned from them.
pub(super) fn learn(network: &mut Network) {
    for table in network.transit_route_tables.values_mut() {
        let propagating = std::mem::take(&mut table.propagating);
        let Known::Known(routes) = &mut table.routes else { continue };
        if routes.iter().any(|route| !route.is_static) {
            // Learned routes are among them: this is the whole table.
            continue;
        }
        for id in propagating {
            let vpc = network.transit_attachments.get(&id).and_then(|attachment| attachment.vpc.as_ref());
            match vpc.and_then(|vpc| network.vpcs.get(vpc)) {
                Some(vpc) => routes.extend(vpc.cidr_blocks.iter().map(|block| learned(&id, *block))),
                None => table.propagating.push(id),
            }
        }
    }
}

fn learned(from: &AttachmentId, block: IpNet) -> TransitRoute {
    TransitRoute {
        destination: RouteDestination::Cidr(block),
        attachment: Some(from.clone()),
        is_static: false,
        state: RouteState::Active,
    }
}
