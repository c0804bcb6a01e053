//! Who goes by a name: databases and clusters by identifier and endpoint, instances by Name tag and DNS name,
//! endpoints and subnets by id.

use super::flow::End;
use super::party::{Asked, Choice, Party, Resolved, hosts, instance, nobody};
use super::place;
use super::trace::GateKind;
use crate::network::{
    DbCluster, DbInstance, DbInstanceId, Instance, InstanceId, Kind, Missing, Network, NetworkInterface,
    Subnet, VpcEndpoint,
};

pub(super) fn resolve<'n>(network: &'n Network, name: &str, asked: Asked<'n>) -> Resolved<'n> {
    let host = plain(name);
    let is_endpoint = |address: Option<&str>| address.is_some_and(|one| one.eq_ignore_ascii_case(&host));
    let is_database = |database: &&DbInstance| {
        let endpoint = database.endpoint.as_ref().map(|(address, _)| address.as_str());
        database.id.as_str().eq_ignore_ascii_case(name) || is_endpoint(endpoint)
    };
    if let Some(database) = network.db_instances.values().find(is_database) {
        return place::database(network, database);
    }
    for cluster in network.db_clusters.values() {
        if is_endpoint(cluster.reader_endpoint.as_deref()) && !cluster.readers.is_empty() {
            return members(network, cluster, &cluster.readers);
        }
        let names_it = cluster.id.eq_ignore_ascii_case(name) || is_endpoint(cluster.endpoint.as_deref());
        if names_it || is_endpoint(cluster.reader_endpoint.as_deref()) {
            return members(network, cluster, &cluster.writers);
        }
    }
    if let Some(endpoint) = network.vpc_endpoints.get(&name.into()) {
        return interfaces_of_endpoint(network, endpoint, asked);
    }
    if let Some(subnet) = network.subnets.get(&name.into()) {
        return everybody(network, subnet, asked);
    }
    match instances(network, name).as_slice() {
        [one] => instance(network, &one.id, asked, is_public_name(one, &host)),
        [] if network.instances.is_read() && !network.db_instances.is_read() => {
            let unread = network.db_instances.unread(Kind::DbInstances);
            nobody(GateKind::Source, name, Missing { what: name.into(), ..unread })
        }
        [] => {
            let because =
                "no instance has this Name tag and no database this identifier, among those that were read";
            nobody(GateKind::Source, name, Missing::new(name, because).shown_by(Kind::Instances))
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|instance| instance.id.as_str()).collect();
            let because = format!("several instances have this Name tag: {}; give the id", ids.join(", "));
            nobody(GateKind::Source, name, Missing::new(name, because))
        }
    }
}

/// A DNS name without the dot that ends it.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn is_public_name(instance: &Instance, host: &str) -> bool {
    instance.public_dns_name.as_deref() == Some(host)
}

/// The instances that go by this name.
fn instances<'n>(network: &'n Network, name: &str) -> Vec<&'n Instance> {
    let host = plain(name);
    if let Some(one) = network.instances.values().find(|instance| is_public_name(instance, &host)) {
        return vec![one];
    }
    let goes_by = |instance: &&Instance| {
        instance.name.as_deref() == Some(name) || instance.private_dns_name.as_deref() == Some(&*host)
    };
    let mut named: Vec<_> = network.instances.values().filter(goes_by).collect();
    // A name is often handed on to the next instance while the last one is still listed.
    if named.len() > 1 {
        named.retain(|instance| instance.state.value().is_none_or(|state| !state.is_over()));
    }
    named
}

/// The interfaces that an end of a flow names, where it names some at all.
pub(super) fn interfaces<'n>(network: &'n Network, end: &End) -> Vec<&'n NetworkInterface> {
    match end {
        End::Instance(id) => interfaces_of(network, id),
        End::NetworkInterface(id) => network.network_interfaces.get(id).into_iter().collect(),
        End::Name(name) => match instances(network, name).as_slice() {
            [one] => interfaces_of(network, &one.id),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Those of an instance, the first one first.
pub(super) fn interfaces_of<'n>(network: &'n Network, id: &InstanceId) -> Vec<&'n NetworkInterface> {
    let all = network.network_interfaces.values();
    let mut interfaces: Vec<_> = all.filter(|interface| interface.instance() == Some(id)).collect();
    interfaces.sort_by_key(|interface| interface.attachment.as_ref().map(|row| row.device_index));
    interfaces
}

/// One of a cluster's instances answers, and nobody knows which.
fn members<'n>(network: &'n Network, cluster: &DbCluster, ids: &[DbInstanceId]) -> Resolved<'n> {
    let mut parties = Vec::new();
    for id in ids {
        match network.db_instances.find(Kind::DbInstances, id) {
            Err(missing) => return nobody(GateKind::Database, id, missing),
            Ok(database) => match place::database(network, database) {
                Resolved::Parties(_, more) => parties.extend(more),
                nobody @ Resolved::Nobody(..) => return nobody,
            },
        }
    }
    if parties.is_empty() {
        let missing = Missing::new(format!("the instances of {}", cluster.id), "the answer names none");
        return nobody(GateKind::Database, &cluster.id, missing.shown_by(Kind::DbClusters));
    }
    Resolved::Parties(Choice::OneOf, parties)
}

fn interfaces_of_endpoint<'n>(
    network: &'n Network,
    endpoint: &VpcEndpoint,
    asked: Asked<'n>,
) -> Resolved<'n> {
    let mut interfaces = Vec::new();
    for id in &endpoint.network_interfaces {
        match network.network_interfaces.find(Kind::NetworkInterfaces, id) {
            Ok(interface) => interfaces.push(interface),
            Err(missing) => return nobody(GateKind::NetworkInterface, id, missing),
        }
    }
    if interfaces.is_empty() {
        let because = "it has no network interface: it is reached by a route and not by an address";
        return nobody(GateKind::VpcEndpoint, &endpoint.id, Missing::new(endpoint.id.to_string(), because));
    }
    hosts(network, interfaces, asked, false)
}

/// Every interface of a subnet that sends or receives for itself.
fn everybody<'n>(network: &'n Network, subnet: &Subnet, asked: Asked<'n>) -> Resolved<'n> {
    let all = network.network_interfaces.values();
    let there: Vec<_> =
        all.filter(|interface| interface.subnet == subnet.id && !interface.is_of_a_gateway()).collect();
    if there.is_empty() {
        let mut missing = network.network_interfaces.unread(Kind::NetworkInterfaces);
        missing.what = format!("who is in {}", subnet.id);
        if network.network_interfaces.is_read() {
            missing.because = "none of the interfaces that were read is in it".into();
        }
        return nobody(GateKind::NetworkInterface, &subnet.id, missing);
    }
    match hosts(network, there, asked, false) {
        Resolved::Parties(_, parties) => Resolved::Parties(Choice::Each, parties),
        nobody @ Resolved::Nobody(..) => nobody,
    }
}

/// The VPC that all of them are in, if it is one.
pub(super) fn home<'n>(parties: &[Party<'n>]) -> Option<&'n crate::network::VpcId> {
    let mut vpcs = parties.iter().map(|party| match party {
        Party::Host(host) => Some(host.vpc),
        Party::Outside(_) => None,
    });
    let first = vpcs.next()??;
    vpcs.all(|vpc| vpc == Some(first)).then_some(first)
}
