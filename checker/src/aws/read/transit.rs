//! Transit gateways: attachments and tables.

use super::{Documents, id_in, route};
use crate::aws::row::Row;
use crate::network::{
    AttachmentId, Kind, Known, RouteDestination, RouteState, TransitAttachment, TransitGateway,
    TransitGatewayId, TransitRoute, TransitRouteTable, TransitRouteTableId,
};

/// S11: references to groups hold through a transit gateway only where it was told so; AWS's default is off, and
/// answers from before there was the option do not name it.
pub(super) fn gateway(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<TransitGatewayId>("TransitGatewayId") else {
        return row.note("a transit gateway without TransitGatewayId was passed over");
    };
    let options = row.within("Options");
    let referencing = row.has("Options").then(|| switch(options).unwrap_or(false));
    let gateway =
        TransitGateway { id: id.clone(), security_group_referencing: row.known("Options", referencing) };
    documents.network.transit_gateways.insert(id, gateway);
}

/// Both `describe-transit-gateway-attachments`, which knows the table, and `…-vpc-attachments`, which knows the
/// subnets: what one does not tell is kept from the other.
pub(super) fn attachment(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<AttachmentId>("TransitGatewayAttachmentId") else {
        return row.note("a transit gateway attachment without TransitGatewayAttachmentId was passed over");
    };
    let untold = if row.has("VpcId") { "vpc" } else { "other" };
    let resource_type = row.string("ResourceType").unwrap_or_else(|| untold.into());
    let vpc = row.id("VpcId").or_else(|| row.id("ResourceId").filter(|_| resource_type == "vpc"));
    let association = row.within("Association");
    let subnets = row.list("SubnetIds").map(|_| row.texts("SubnetIds").map(Into::into).collect());
    let mut new = TransitAttachment {
        id: id.clone(),
        transit_gateway: row.id_or_say("TransitGatewayId"),
        resource_type,
        vpc,
        state: row.known_text("State"),
        route_table: association
            .id("TransitGatewayRouteTableId")
            .filter(|_| association.text("State").is_none_or(|state| state == "associated")),
        subnets: row.known("SubnetIds", subnets),
        security_group_referencing: row
            .within("Options")
            .known("SecurityGroupReferencingSupport", switch(row.within("Options"))),
    };
    if let Some(before) = documents.network.transit_attachments.remove(&id) {
        new.vpc = new.vpc.or(before.vpc);
        new.route_table = new.route_table.or(before.route_table);
        if new.subnets.value().is_none() {
            new.subnets = before.subnets;
        }
        if new.security_group_referencing.value().is_none() {
            new.security_group_referencing = before.security_group_referencing;
        }
    }
    documents.network.transit_attachments.insert(id, new);
}

fn switch(row: Row<'_>) -> Option<bool> {
    row.text("SecurityGroupReferencingSupport").map(|text| text == "enable")
}

pub(super) fn route_table(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<TransitRouteTableId>("TransitGatewayRouteTableId") else {
        return row.note("a transit gateway route table without its id was passed over");
    };
    let routes =
        row.known("Routes", row.list("Routes").map(|_| row.rows("Routes").map(transit_route).collect()));
    let table = table(documents, &id);
    table.transit_gateway = row.id("TransitGatewayId").or(table.transit_gateway.take());
    if table.routes.value().is_none() {
        table.routes = routes;
    }
}

pub(super) fn table<'a>(documents: &'a mut Documents, id: &TransitRouteTableId) -> &'a mut TransitRouteTable {
    let tables = &mut documents.network.transit_route_tables;
    if tables.get(id).is_none() {
        let new = TransitRouteTable {
            id: id.clone(),
            transit_gateway: None,
            routes: Known::default(),
            propagating: Vec::new(),
        };
        tables.insert(id.clone(), new);
    }
    tables.get_mut(id).expect("it was put there just now")
}

/// `search-transit-gateway-routes` does not say of which table: the file's name does.
pub(super) fn routes(documents: &mut Documents, row: Row<'_>, source: &str) -> bool {
    let of_transit = |value: &serde_json::Value| {
        value.get("TransitGatewayAttachments").is_some() || value.get("Type").is_some()
    };
    let Some(rows) = row.list("Routes") else { return false };
    if row.has("RouteTableId") || (!rows.is_empty() && !rows.iter().any(of_transit)) {
        return false;
    }
    let id = row.string("TransitGatewayRouteTableId").or_else(|| id_in(source, "tgw-rtb-"));
    let Some(id) = id else {
        row.note(
            "routes of a transit gateway were passed over: name the file for their table, tgw-rtb-….json",
        );
        return true;
    };
    let mut routes: Vec<TransitRoute> = row.rows("Routes").map(transit_route).collect();
    let table = table(documents, &TransitRouteTableId::from(id));
    if let Some(before) = table.routes.value() {
        routes.extend(before.iter().filter(|route| !routes.contains(route)).cloned().collect::<Vec<_>>());
    }
    table.routes = Known::Known(routes);
    documents.read.insert(Kind::TransitGatewayRouteTables);
    true
}

fn transit_route(row: Row<'_>) -> TransitRoute {
    let destination = match (row.block("DestinationCidrBlock"), row.id("PrefixListId")) {
        (Some(block), _) => RouteDestination::Cidr(block),
        (None, Some(list)) => RouteDestination::PrefixList(list),
        (None, None) => RouteDestination::Unreadable(row.missing("DestinationCidrBlock").to_string()),
    };
    TransitRoute {
        destination,
        attachment: row
            .rows("TransitGatewayAttachments")
            .find_map(|entry| entry.id("TransitGatewayAttachmentId")),
        is_static: row.text("Type") != Some("propagated"),
        state: row.text("State").map_or(RouteState::Untold, route::state),
    }
}
