//! Whom a question is about: the instance or the database at its far end, as far as it was read.

use std::net::IpAddr;

use super::case::Case;
use crate::evaluate::End;
use crate::network::{DbInstance, Instance, Network};

/// The words that name the far end, the most exact first.
fn words<'a>(case: &'a Case) -> impl Iterator<Item = &'a str> {
    case.trace.into_iter().map(|trace| trace.flow.to.as_str()).chain([case.to.as_str()])
}

/// The instance.
pub fn instance<'a>(case: &Case<'a>) -> Option<&'a Instance> {
    let network = case.network?;
    let named = words(case).find_map(|word| match End::parse(word) {
        End::Instance(id) => network.instances.get(&id),
        End::NetworkInterface(id) => network.instances.get(network.network_interfaces.get(&id)?.instance()?),
        End::Address(address) => at(network, address),
        End::Name(name) => network.instances.values().find(|row| row.name.as_ref() == Some(&name)),
        _ => None,
    });
    named.or_else(|| at(network, case.address?.ip()))
}

/// The instance that has this address, or for which it stands.
pub fn at(network: &Network, address: IpAddr) -> Option<&Instance> {
    let has = |row: &&crate::network::NetworkInterface| {
        row.has(address) || row.private_addresses.iter().any(|row| row.public == Some(address))
    };
    let interface = network.network_interfaces.values().find(has)?;
    network.instances.get(interface.instance()?)
}

/// The database.
pub fn database<'a>(case: &Case<'a>) -> Option<&'a DbInstance> {
    let network = case.network?;
    let is = |row: &&DbInstance, name: &str| {
        row.id.as_str() == name || row.endpoint.as_ref().is_some_and(|(host, _)| host == name)
    };
    words(case).find_map(|name| network.db_instances.values().find(|row| is(row, name)))
}
