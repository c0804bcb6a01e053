//! Route tables and prefix lists.

use super::{Documents, id_in};
use crate::aws::row::Row;
use crate::network::{
    IpNet, Known, PrefixList, PrefixListId, Route, RouteDestination, RouteOrigin, RouteState, RouteTable,
    RouteTableId, Target,
};

pub(super) fn route_table(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<RouteTableId>("RouteTableId") else {
        return row.note("a route table without RouteTableId was passed over");
    };
    let held: Vec<Row<'_>> = row.rows("Associations").filter(|entry| holds(*entry)).collect();
    let routes = row.list("Routes").map(|_| row.rows("Routes").map(route).collect());
    let mut table = RouteTable {
        id: id.clone(),
        vpc: row.id_or_say("VpcId"),
        is_main: held.iter().any(|entry| entry.flag("Main").unwrap_or(false)),
        subnets: held.iter().filter_map(|entry| entry.id("SubnetId")).collect(),
        gateways: held.iter().filter_map(|entry| entry.string("GatewayId")).collect(),
        routes: row.known("Routes", routes),
    };
    if let Some(before) = documents.network.route_tables.remove(&id) {
        // The same table twice is a page or a second save: its associations are those of both.
        table.is_main |= before.is_main;
        table.subnets.extend(before.subnets);
        table.subnets.sort();
        table.subnets.dedup();
    }
    documents.network.route_tables.insert(id, table);
}

/// Whether an association is in force.
fn holds(row: Row<'_>) -> bool {
    let state = row.within("AssociationState").text("State");
    state.is_none_or(|state| matches!(state, "associated" | "associating"))
}

fn route(row: Row<'_>) -> Route {
    let destination = if let Some(block) =
        row.block("DestinationCidrBlock").or_else(|| row.block("DestinationIpv6CidrBlock"))
    {
        RouteDestination::Cidr(block)
    } else if let Some(list) = row.id("DestinationPrefixListId") {
        RouteDestination::PrefixList(list)
    } else {
        RouteDestination::Unreadable(row.missing("DestinationCidrBlock").to_string())
    };
    let origin = match row.text("Origin") {
        Some("EnableVgwRoutePropagation") => RouteOrigin::Propagated,
        _ => RouteOrigin::Static,
    };
    Route {
        destination,
        target: target(row),
        // Answers that somebody has cut down do not tell it.
        state: if row.has("State") {
            row.known("State", row.text("State").map(state))
        } else {
            Known::Known(RouteState::Untold)
        },
        origin,
    }
}

pub(super) fn state(text: &str) -> RouteState {
    match text {
        "active" => RouteState::Active,
        "blackhole" => RouteState::Blackhole,
        other => RouteState::Other(other.into()),
    }
}

fn target(row: Row<'_>) -> Target {
    // An instance's route names its interface as well: the interface is what the packet meets.
    if let Some(id) = row.id("NetworkInterfaceId") {
        return Target::NetworkInterface { id, instance: row.id("InstanceId") };
    }
    if let Some(id) = row.text("GatewayId") {
        return gateway(id);
    }
    let by_own_field = [
        row.id("NatGatewayId").map(Target::NatGateway),
        row.id("TransitGatewayId").map(Target::TransitGateway),
        row.id("VpcPeeringConnectionId").map(Target::PeeringConnection),
        row.id("VpcEndpointId").map(Target::Endpoint),
        row.string("EgressOnlyInternetGatewayId").map(Target::EgressOnlyInternetGateway),
        row.id("InstanceId").map(Target::Instance),
    ];
    let others = ["CarrierGatewayId", "LocalGatewayId", "CoreNetworkArn", "OdbNetworkArn"];
    by_own_field
        .into_iter()
        .flatten()
        .next()
        .or_else(|| others.iter().find_map(|name| row.string(name)).map(Target::Other))
        .unwrap_or(Target::Missing)
}

/// `GatewayId` holds gateways of several kinds, by their prefix.
fn gateway(id: &str) -> Target {
    match id.split_once('-').map_or(id, |(prefix, _)| prefix) {
        "local" => Target::Local,
        "igw" => Target::InternetGateway(id.into()),
        "nat" => Target::NatGateway(id.into()),
        "vpce" => Target::Endpoint(id.into()),
        "vgw" => Target::VirtualPrivateGateway(id.into()),
        "tgw" => Target::TransitGateway(id.into()),
        "pcx" => Target::PeeringConnection(id.into()),
        "eigw" => Target::EgressOnlyInternetGateway(id.into()),
        _ => Target::Other(id.into()),
    }
}

/// Both `describe-managed-prefix-lists` and the older `describe-prefix-lists`, which tells the blocks as well.
pub(super) fn prefix_list(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<PrefixListId>("PrefixListId") else {
        return row.note("a prefix list without PrefixListId was passed over");
    };
    let blocks: Option<Vec<IpNet>> =
        row.list("Cidrs").map(|_| row.texts("Cidrs").filter_map(crate::aws::row::block).collect());
    let is_of_aws = row.text("OwnerId").map(|owner| owner == "AWS").or(blocks.is_some().then_some(true));
    let list = list(documents, &id);
    list.name = row.string("PrefixListName").or(list.name.take());
    list.is_of_aws = is_of_aws.or(list.is_of_aws);
    if let Some(blocks) = blocks {
        list.entries = Known::Known(blocks);
    } else if list.entries.value().is_none() {
        list.entries =
            Known::Unknown(row.missing("Entries").shown_by(crate::network::Kind::PrefixListEntries));
    }
}

fn list<'a>(documents: &'a mut Documents, id: &PrefixListId) -> &'a mut PrefixList {
    let lists = &mut documents.network.prefix_lists;
    if lists.get(id).is_none() {
        let new = PrefixList { id: id.clone(), name: None, is_of_aws: None, entries: Known::default() };
        lists.insert(id.clone(), new);
    }
    lists.get_mut(id).expect("it was put there just now")
}

/// `get-managed-prefix-list-entries` does not say whose entries they are: the file's name does.
pub(super) fn prefix_list_entries(documents: &mut Documents, row: Row<'_>, source: &str) -> bool {
    let Some(entries) = row.list("Entries") else { return false };
    if !entries.iter().all(|entry| entry.get("Cidr").is_some()) {
        return false;
    }
    let id = row.string("PrefixListId").or_else(|| id_in(source, "pl-"));
    let Some(id) = id else {
        row.note("entries of a prefix list were passed over: name the file for it, pl-….json");
        return true;
    };
    let blocks: Option<Vec<IpNet>> = row.rows("Entries").map(|entry| entry.block("Cidr")).collect();
    let entries = row.known("Entries", blocks);
    let list = list(documents, &PrefixListId::from(id));
    list.entries = match (entries, list.entries.value()) {
        // Pages of one list add up.
        (Known::Known(mut more), Some(before)) => {
            more.extend(before);
            more.sort_unstable();
            more.dedup();
            Known::Known(more)
        }
        (entries, _) => entries,
    };
    documents.read.insert(crate::network::Kind::PrefixListEntries);
    true
}
