//! The `ssh -L` line that reaches a private database through an instance of its VPC (P1, P41).

use std::net::IpAddr;

use super::case::{Case, Service};
use super::subject;
use crate::network::{
    DbInstance, Instance, InstanceState, Network, NetworkInterface, Peer, SecurityGroup, SecurityGroupId,
};

/// The line, where a database cannot be reached from outside and an instance that its groups let in can.
pub fn line(case: &Case) -> Option<String> {
    if case.service() != Service::Postgres {
        return None;
    }
    let network = case.network?;
    let database = subject::database(case)?;
    let (host, port) = database.endpoint.as_ref()?;
    let (instance, public) = through(database, *port, network)?;
    // The user of the question is the database's; who logs in to the instance is its image's.
    let user = if instance.platform.is_some() { "Administrator" } else { "ec2-user" };
    Some(format!("ssh -N -L {local}:{host}:{port} {user}@{public}", local = free(*port)))
}

/// A local PostgreSQL may have the usual port already (P31, P32).
fn free(port: u16) -> u16 {
    if port == 5432 { 15432 } else { port }
}

fn through<'a>(database: &DbInstance, port: u16, network: &'a Network) -> Option<(&'a Instance, IpAddr)> {
    let groups: Vec<&SecurityGroup> =
        database.groups.value()?.iter().filter_map(|id| network.security_groups.get(id)).collect();
    let mut interfaces = network.network_interfaces.values().filter(|row| lets_in(&groups, port, row));
    interfaces.find_map(|row| {
        let public = row.private_addresses.iter().find_map(|row| row.public)?;
        let instance = network.instances.get(row.instance()?)?;
        let runs = instance.state.value() == Some(&InstanceState::Running);
        runs.then_some((instance, public))
    })
}

fn lets_in(groups: &[&SecurityGroup], port: u16, from: &NetworkInterface) -> bool {
    let own: &[SecurityGroupId] = from.groups.value().map_or(&[], Vec::as_slice);
    let rules = groups.iter().filter_map(|group| group.inbound.value()).flatten();
    rules.into_iter().any(|rule| {
        let peer = match &rule.peer {
            Peer::Group { id, .. } => own.contains(id),
            Peer::Cidr(block) => from.primary().is_some_and(|row| block.contains(&row.address)),
            Peer::PrefixList(_) | Peer::Unreadable(_) => false,
        };
        peer && rule.ports.contains(port) && rule.ip_protocol.admits(crate::network::Protocol::Tcp)
    })
}
