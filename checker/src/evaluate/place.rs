//! Where a host stands: its interface, or, for a database, where RDS may have put it.

use std::net::IpAddr;

use super::party::{Choice, Host, Party, Resolved};
use super::trace::{GateKind, Outcome};
use crate::network::{
    CidrSet, DbInstance, Kind, Known, Missing, Network, NetworkInterface, SecurityGroupId, Subnet,
};

/// The host behind an interface.
pub(super) fn host<'n>(network: &'n Network, interface: &'n NetworkInterface, address: IpAddr) -> Host<'n> {
    Host {
        interface: Some(interface),
        database: interface.is_of_rds().then(|| only_database_of(network, interface)).flatten(),
        instance: interface.instance(),
        vpc: &interface.vpc,
        subnet: &interface.subnet,
        groups: interface.groups.clone(),
        address,
        public: interface.private(address).and_then(|row| row.public),
        by_public: false,
        by_private: false,
        by_name: false,
    }
}

fn only_database_of<'n>(network: &'n Network, interface: &NetworkInterface) -> Option<&'n DbInstance> {
    let mut owners = network.db_instances.values().filter(|database| may_be_of(interface, database));
    let first = owners.next()?;
    owners.next().is_none().then_some(first)
}

/// Whether RDS may keep this interface for this database: nothing in EC2's answer says it outright.
fn may_be_of(interface: &NetworkInterface, database: &DbInstance) -> bool {
    let subnets = database.subnet_group.as_ref().map(|group| &group.subnets);
    let sorted = |groups: &Known<Vec<SecurityGroupId>>| {
        groups.value().map(|groups| {
            let mut groups = groups.clone();
            groups.sort();
            groups
        })
    };
    interface.is_of_rds()
        && subnets.is_some_and(|subnets| subnets.contains(&interface.subnet))
        && sorted(&interface.groups) == sorted(&database.groups)
}

/// Where a database is: its interface, or one of several, or one of its subnets (D5, D6).
pub(super) fn database<'n>(network: &'n Network, database: &'n DbInstance) -> Resolved<'n> {
    let mut candidates: Vec<&NetworkInterface> =
        network.network_interfaces.values().filter(|interface| may_be_of(interface, database)).collect();
    narrow(network, database, &mut candidates);
    let parties: Vec<Party<'n>> = candidates
        .into_iter()
        .filter_map(|interface| {
            let address = interface.primary()?.address;
            let host = host(network, interface, address);
            Some(Party::Host(Box::new(Host { database: Some(database), by_name: true, ..host })))
        })
        .collect();
    if !parties.is_empty() {
        return Resolved::Parties(Choice::OneOf, parties);
    }
    in_subnets(network, database)
}

/// Public ones have a public address, and a database of one zone has its interface there.
fn narrow(network: &Network, database: &DbInstance, candidates: &mut Vec<&NetworkInterface>) {
    let mut keep = |is_right: &dyn Fn(&NetworkInterface) -> bool| {
        if candidates.len() > 1 && candidates.iter().any(|interface| is_right(interface)) {
            candidates.retain(|interface| is_right(interface));
        }
    };
    if let Some(public) = database.publicly_accessible.value() {
        keep(&|interface| interface.primary().is_some_and(|row| row.public.is_some()) == *public);
    }
    keep(&|interface| {
        network.subnets.get(&interface.subnet).is_some_and(|subnet| is_in_zone(subnet, database))
    });
}

fn is_in_zone(subnet: &Subnet, database: &DbInstance) -> bool {
    let zones = [&database.availability_zone, &database.secondary_availability_zone];
    subnet.availability_zone.is_some()
        && zones.into_iter().any(|zone| zone.is_some() && zone == &subnet.availability_zone)
}

fn in_subnets<'n>(network: &'n Network, database: &'n DbInstance) -> Resolved<'n> {
    let ids = database.subnet_group.iter().flat_map(|group| &group.subnets);
    let mut subnets: Vec<&Subnet> = ids.filter_map(|id| network.subnets.get(id)).collect();
    if subnets.iter().any(|subnet| is_in_zone(subnet, database)) {
        subnets.retain(|subnet| is_in_zone(subnet, database));
    }
    let parties: Vec<Party<'n>> = subnets
        .into_iter()
        .flat_map(|subnet| representatives(network, subnet).into_iter().map(move |address| (subnet, address)))
        .map(|(subnet, address)| {
            Party::Host(Box::new(Host {
                interface: None,
                database: Some(database),
                instance: None,
                vpc: &subnet.vpc,
                subnet: &subnet.id,
                groups: database.groups.clone(),
                address,
                public: None,
                by_public: false,
                by_private: false,
                by_name: true,
            }))
        })
        .collect();
    if parties.is_empty() {
        let because = "neither its network interface nor the subnets it may be in were read";
        // The one that was not read would tell; where neither was, the interface is the surer.
        let subnets = network.network_interfaces.is_read() && !network.subnets.is_read();
        let shows = if subnets { Kind::Subnets } else { Kind::NetworkInterfaces };
        let missing = Missing::new(format!("the address of {}", database.id), because).shown_by(shows);
        return Resolved::Nobody(GateKind::Database, database.id.to_string(), Outcome::Unknown { missing });
    }
    Resolved::Parties(Choice::OneOf, parties)
}

/// One address for each part of the subnet that some rule tells from the others.
fn representatives(network: &Network, subnet: &Subnet) -> Vec<IpAddr> {
    let whole: CidrSet = subnet.cidr_blocks.iter().copied().filter(|block| block.addr().is_ipv4()).collect();
    super::split::classes(network, &whole, None).into_iter().filter_map(|class| class.first()).collect()
}
