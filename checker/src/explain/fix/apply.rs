//! A change, made on the model. Pure.

use std::net::{IpAddr, Ipv4Addr};

use super::Change;
use crate::network::{
    BlockPublicAccess, Exclusion, ExclusionMode, ExclusionScope, GatewayAttachment, InstanceState,
    InternetGatewayId, Known, Network, NetworkAclEntry, NetworkAclId, Peer, Route, RouteOrigin, RouteState,
    SecurityGroupId, SecurityGroupRule, Target, VpcId,
};

/// Stands for an Elastic IP address that is not allocated yet: an address that belongs to nobody (RFC 5737).
const NOT_YET: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// The network after the change.
#[must_use]
pub fn apply(mut network: Network, change: &Change) -> Network {
    match change {
        Change::EditRule { .. } | Change::AddRule { .. } => rules(&mut network, change),
        Change::AddEntry { .. } | Change::ReplaceEntry { .. } | Change::RemoveEntry { .. } => {
            entries(&mut network, change);
        }
        Change::AddRoute { .. } | Change::ReplaceRoute { .. } => routes(&mut network, change),
        Change::AttachGateway { gateway, vpc } => attach(&mut network, gateway, vpc),
        Change::Associate { allocation, interface, private } => {
            let public = allocation.as_ref().map_or(NOT_YET, |(_, address)| *address);
            associate(&mut network, public, interface, *private);
        }
        other => switch(&mut network, other),
    }
    network
}

fn list<'a>(
    network: &'a mut Network,
    group: &SecurityGroupId,
    egress: bool,
) -> Option<&'a mut Vec<SecurityGroupRule>> {
    let group = network.security_groups.get_mut(group)?;
    match if egress { &mut group.outbound } else { &mut group.inbound } {
        Known::Known(rules) => Some(rules),
        Known::Unknown(_) => None,
    }
}

fn rules(network: &mut Network, change: &Change) {
    match change {
        Change::EditRule { group, egress, rule, block } => {
            let rows = list(network, group, *egress).into_iter().flatten();
            for row in rows.filter(|row| *row == rule.as_ref()) {
                row.peer = Peer::Cidr(*block);
            }
        }
        Change::AddRule { group, egress, rule } => {
            if let Some(rules) = list(network, group, *egress) {
                rules.push(rule.as_ref().clone());
            }
        }
        _ => {}
    }
}

fn acl<'a>(network: &'a mut Network, id: &NetworkAclId) -> Option<&'a mut Vec<NetworkAclEntry>> {
    match &mut network.network_acls.get_mut(id)?.entries {
        Known::Known(entries) => Some(entries),
        Known::Unknown(_) => None,
    }
}

fn entries(network: &mut Network, change: &Change) {
    match change {
        Change::AddEntry { acl: id, entry } => {
            if let Some(entries) = acl(network, id) {
                entries.push(entry.as_ref().clone());
            }
        }
        Change::ReplaceEntry { acl: id, old, new } => {
            let rows = acl(network, id).into_iter().flatten();
            rows.filter(|row| *row == old.as_ref()).for_each(|row| *row = new.as_ref().clone());
        }
        Change::RemoveEntry { acl: id, entry } => {
            if let Some(entries) = acl(network, id) {
                entries.retain(|row| row != entry.as_ref());
            }
        }
        _ => {}
    }
}

fn routes(network: &mut Network, change: &Change) {
    let (Change::AddRoute { table, .. } | Change::ReplaceRoute { table, .. }) = change else { return };
    let Some(Known::Known(routes)) = network.route_tables.get_mut(table).map(|table| &mut table.routes)
    else {
        return;
    };
    let state = Known::Known(RouteState::Active);
    match change {
        Change::AddRoute { destination, target, .. } => {
            let (destination, target) = (destination.clone(), target.clone());
            routes.push(Route { destination, target, state, origin: RouteOrigin::Static });
        }
        Change::ReplaceRoute { old, target, .. } => {
            for row in routes.iter_mut().filter(|row| *row == old.as_ref()) {
                (row.target, row.state) = (target.clone(), state.clone());
            }
        }
        _ => {}
    }
}

/// A route to a gateway works as soon as the gateway is attached.
fn attach(network: &mut Network, gateway: &InternetGatewayId, vpc: &VpcId) {
    if let Some(row) = network.internet_gateways.get_mut(gateway) {
        row.attachments = vec![GatewayAttachment { vpc: vpc.clone(), state: "available".into() }];
    }
    let wanted = Target::InternetGateway(gateway.clone());
    for table in network.route_tables.values_mut().filter(|table| &table.vpc == vpc) {
        if let Known::Known(routes) = &mut table.routes {
            for route in routes.iter_mut().filter(|route| route.target == wanted) {
                route.state = Known::Known(RouteState::Active);
            }
        }
    }
}

fn associate(
    network: &mut Network,
    public: IpAddr,
    interface: &crate::network::NetworkInterfaceId,
    private: IpAddr,
) {
    let Some(row) = network.network_interfaces.get_mut(interface) else { return };
    let instance = row.instance().cloned();
    for address in row.private_addresses.iter_mut().filter(|row| row.address == private) {
        address.public = Some(public);
    }
    if let Some(address) = network.addresses.get_mut(&public) {
        address.association = Some("eipassoc-not-yet".into());
        address.network_interface = Some(interface.clone());
        address.private_ip = Some(private);
        address.instance = instance;
    }
}

fn switch(network: &mut Network, change: &Change) {
    match change {
        Change::StartInstance(id) => {
            network
                .instances
                .get_mut(id)
                .into_iter()
                .for_each(|row| row.state = InstanceState::Running.into());
        }
        Change::StartDatabase(id) => {
            if let Some(row) = network.db_instances.get_mut(id) {
                row.status = "available".to_owned().into();
            }
        }
        Change::EnableDnsSupport(vpc) => {
            if let Some(vpc) = network.vpcs.get_mut(vpc) {
                vpc.enable_dns_support = true.into();
            }
        }
        Change::AcceptPeering(id) => {
            if let Some(row) = network.peering_connections.get_mut(id) {
                row.status = "active".to_owned().into();
            }
        }
        Change::PassOn(id) => {
            if let Some(row) = network.network_interfaces.get_mut(id) {
                row.source_dest_check = false.into();
            }
        }
        Change::Exclude(subnet) => exclude(&mut network.block_public_access, subnet),
        _ => {}
    }
}

fn exclude(access: &mut Known<BlockPublicAccess>, subnet: &crate::network::SubnetId) {
    if let Known::Known(BlockPublicAccess { exclusions: Known::Known(rows), .. }) = access {
        let scope = ExclusionScope::Subnet(subnet.clone());
        let mode = ExclusionMode::AllowBidirectional;
        rows.push(Exclusion { id: "not-yet".into(), scope, mode, in_force: true });
    }
}
