//! Fixes for routes and internet gateways: the most specific route that brings this peer back, and no more.

use std::net::IpAddr;

use super::{Change, Proposal, peer};
use crate::evaluate::{Code, Gate, Which};
use crate::explain::case::Case;
use crate::network::{
    InternetGateway, InternetGatewayId, IpNet, Known, Network, Route, RouteDestination, RouteTable,
    RouteTableId, Target, VpcId, is_private,
};

/// What opens the gate of a route table.
pub fn propose(gate: &Gate, network: &Network, case: &Case) -> Option<Proposal> {
    let table = table(gate, network)?;
    let address = gate.packet.destination;
    let (destination, target, attach) = if is_private(address) {
        let (block, target) = peering(address, table, network)?;
        (block, target, None)
    } else {
        let gateway = gateway(&table.vpc, network)?;
        let attach = (!gateway.is_attached_to(&table.vpc)).then(|| gateway.id.clone());
        (peer_block(gate, case)?, Target::InternetGateway(gateway.id.clone()), attach)
    };
    Some(with_attachment(attach, table, route(gate, table, destination, target)).caution(shared(table)))
}

fn peer_block(gate: &Gate, case: &Case) -> Option<IpNet> {
    // A route table has no sides: what it looks at is where the packet goes.
    let outbound = Gate { side: Some("outbound"), ..gate.clone() };
    peer::block(&outbound, case)
}

/// A dead route is led another way; beside one that works a more specific one is put.
fn route(gate: &Gate, table: &RouteTable, block: IpNet, target: Target) -> Proposal {
    let id = table.id.clone();
    match dead_route(gate, table) {
        Some(old) if old.target == target => {
            Proposal { what: format!("make {} of {id} work again", old.destination), ..Proposal::default() }
        }
        Some(old) => {
            let what = format!("lead {} of {id} to {target}", old.destination);
            Proposal::new(what, Change::ReplaceRoute { table: id, old: Box::new(old.clone()), target }).caution(
                "a route to what is gone cannot be made again: to undo it is to have no such route at all",
            )
        }
        None => {
            let what = format!("route {block} to {target} in {id}");
            let destination = RouteDestination::Cidr(block);
            Proposal::new(what, Change::AddRoute { table: id, destination, target })
        }
    }
}

fn with_attachment(attach: Option<InternetGatewayId>, table: &RouteTable, then: Proposal) -> Proposal {
    let Some(gateway) = attach else { return then };
    let what = format!("attach {gateway} to {}, and {}", table.vpc, then.what);
    let mut changes = vec![Change::AttachGateway { gateway, vpc: table.vpc.clone() }];
    changes.extend(then.changes);
    Proposal { what, changes, cautions: then.cautions }
}

fn shared(table: &RouteTable) -> String {
    if table.is_main {
        format!(
            "{} is the main route table: every subnet without a table of its own gets the route",
            table.id
        )
    } else {
        format!("every subnet of {} gets the route", table.id)
    }
}

fn table<'a>(gate: &Gate, network: &'a Network) -> Option<&'a RouteTable> {
    let id: RouteTableId = match gate.rule().map(|rule| &rule.which) {
        Some(Which::Route { table, .. } | Which::NoRoute(table)) => table.clone(),
        _ => gate.element.as_str().into(),
    };
    network.route_tables.get(&id)
}

fn dead_route<'a>(gate: &Gate, table: &'a RouteTable) -> Option<&'a Route> {
    let Some(Which::Route { destination, .. }) = gate.rule().map(|rule| &rule.which) else { return None };
    let Known::Known(routes) = &table.routes else { return None };
    let dead = gate.code() == Some(Code::RouteBlackhole);
    let row = routes.iter().find(|route| &route.destination == destination)?;
    (dead && matches!(row.destination, RouteDestination::Cidr(_))).then_some(row)
}

/// The VPC's gateway, or one that is attached to nothing.
fn gateway<'a>(vpc: &VpcId, network: &'a Network) -> Option<&'a InternetGateway> {
    let all = || network.internet_gateways.values();
    let own = all().find(|gateway| gateway.is_attached_to(vpc));
    own.or_else(|| all().find(|gateway| gateway.attachments.is_empty()))
}

fn peering(address: IpAddr, table: &RouteTable, network: &Network) -> Option<(IpNet, Target)> {
    network.peering_connections.values().find_map(|row| {
        let other = row.other_side(&table.vpc)?;
        let block = other.cidr_blocks.iter().find(|block| block.contains(&address))?;
        let active = row.status.value().is_some_and(|status| status == "active");
        active.then(|| (*block, Target::PeeringConnection(row.id.clone())))
    })
}

/// What opens the gate of an internet gateway: attaching the one that is there.
pub fn propose_gateway(gate: &Gate, network: &Network, case: &Case) -> Option<Proposal> {
    let vpc = vpc(gate, network, case)?;
    let named = network.internet_gateways.get::<InternetGatewayId>(&gate.element.as_str().into());
    let gateway = match named {
        Some(gateway) if gateway.attachments.is_empty() => gateway,
        _ => gateway(&vpc, network).filter(|gateway| gateway.attachments.is_empty())?,
    };
    let what = format!("attach {} to {vpc}", gateway.id);
    let change = Change::AttachGateway { gateway: gateway.id.clone(), vpc };
    Some(Proposal::new(what, change))
}

/// The VPC of the interface that the flow ends at or comes from.
fn vpc(gate: &Gate, network: &Network, case: &Case) -> Option<VpcId> {
    let at = |id: &str| {
        let interface: crate::network::NetworkInterfaceId = id.into();
        let of_interface = network.network_interfaces.get(&interface).map(|row| row.vpc.clone());
        let vpc: VpcId = id.into();
        of_interface.or_else(|| network.vpcs.get(&vpc).map(|row| row.id.clone()))
    };
    let own = [Some(gate.element.as_str()), gate.rule().map(|rule| rule.element.as_str())];
    let others = case.trace.into_iter().flat_map(|trace| &trace.gates).map(|gate| gate.element.as_str());
    own.into_iter().flatten().chain(others).find_map(at)
}
