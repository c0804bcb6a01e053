//! From the words of a person to a host that can be probed and an end that the model knows.

use std::net::IpAddr;

use crate::evaluate::End;
use crate::local::target::Place;
use crate::network::{DbInstance, Instance, Network, NetworkInterface};

/// Where to send probes, and what the model is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// A name or an address.
    pub host: String,
    /// Its port, where the configuration says it.
    pub port: Option<u16>,
    /// As `path --to` takes it; nothing where only the address will tell.
    pub end: Option<String>,
}

/// Where a place is, as far as the words and the network say; nothing where only AWS could say it.
pub fn reach(place: &Place, network: Option<&Network>, inside: bool) -> Option<Reach> {
    match place {
        Place::Address(address) => Some(Reach::at(address.to_string())),
        Place::Instance(id) => of_instance(network?, network?.instances.get(&id.as_str().into())?, inside),
        Place::Database(id) => of_database(network?, id),
        Place::HostName(name) => Some(
            network
                .and_then(|network| of_name(network, name, inside))
                .unwrap_or_else(|| Reach::at(name.clone())),
        ),
        Place::Word(word) => Some(
            network
                .and_then(|network| of_name(network, word, inside))
                .unwrap_or_else(|| Reach::at(word.clone())),
        ),
        Place::Url(_) => None,
    }
}

/// Whether only AWS can say where it is.
pub fn only_aws_knows(place: &Place) -> bool {
    matches!(place, Place::Instance(_) | Place::Database(_))
}

impl Reach {
    fn at(host: String) -> Self {
        Self { host, port: None, end: None }
    }
}

fn of_name(network: &Network, name: &str, inside: bool) -> Option<Reach> {
    of_database(network, name).or_else(|| {
        let named = |instance: &&Instance| {
            let names = [&instance.name, &instance.public_dns_name, &instance.private_dns_name];
            names.into_iter().flatten().any(|known| known == name)
        };
        let mut instances = network.instances.values().filter(named);
        match (instances.next(), instances.next()) {
            (Some(instance), None) => of_instance(network, instance, inside),
            // Of two with one name the model says that there are two.
            (Some(_), Some(_)) => Some(Reach { end: Some(name.to_owned()), ..Reach::at(name.to_owned()) }),
            _ => None,
        }
    })
}

fn of_instance(network: &Network, instance: &Instance, inside: bool) -> Option<Reach> {
    let interface = first_interface(network, instance)?;
    let address = address(interface, inside)?;
    Some(Reach { end: Some(instance.id.to_string()), ..Reach::at(address.to_string()) })
}

fn first_interface<'n>(network: &'n Network, instance: &Instance) -> Option<&'n NetworkInterface> {
    let own = network.network_interfaces.values().filter(|one| one.instance() == Some(&instance.id));
    own.min_by_key(|one| one.attachment.as_ref().map(|attachment| attachment.device_index))
}

/// From outside the public address, if it has one; from within the private one.
fn address(interface: &NetworkInterface, inside: bool) -> Option<IpAddr> {
    let own = interface.primary();
    let public = own.and_then(|own| own.public).filter(|_| !inside);
    public.or(own.map(|own| own.address)).or(interface.ipv6_addresses.first().copied())
}

fn of_database(network: &Network, name: &str) -> Option<Reach> {
    let is_it = |endpoint: &Option<(String, u16)>| endpoint.as_ref().is_some_and(|(host, _)| host == name);
    let database =
        network.db_instances.values().find(|one| one.id.as_str() == name || is_it(&one.endpoint))?;
    let end = Some(database.id.to_string());
    let (host, port) = match &database.endpoint {
        Some((host, port)) => (host.clone(), Some(*port)),
        // It has no endpoint while it is being made: the model says so, and the name leads nowhere.
        None => (name.to_owned(), None),
    };
    Some(Reach { host, port, end })
}

/// The instance that is meant: by the first of these words that names one, else by its address.
pub fn instance<'n, 'w>(
    network: &'n Network,
    words: impl IntoIterator<Item = &'w str>,
    address: Option<IpAddr>,
) -> Option<&'n Instance> {
    let mut words = words.into_iter();
    let named = words.find_map(|word| match End::parse(word) {
        End::Instance(id) => network.instances.get(&id),
        End::NetworkInterface(id) => network.instances.get(network.network_interfaces.get(&id)?.instance()?),
        End::Address(address) => instance_at(network, address),
        End::Name(name) => network.instances.values().find(|row| row.name.as_ref() == Some(&name)),
        _ => None,
    });
    named.or_else(|| instance_at(network, address?))
}

/// The instance that has this address, or for which it stands.
fn instance_at(network: &Network, address: IpAddr) -> Option<&Instance> {
    let has = |row: &&NetworkInterface| {
        row.has(address) || row.private_addresses.iter().any(|row| row.public == Some(address))
    };
    network.instances.get(network.network_interfaces.values().find(has)?.instance()?)
}

/// The database that one of these words names: by its identifier or its endpoint.
pub fn database<'n, 'w>(
    network: &'n Network,
    words: impl IntoIterator<Item = &'w str>,
) -> Option<&'n DbInstance> {
    let is = |row: &&DbInstance, name: &str| {
        row.id.as_str() == name || row.endpoint.as_ref().is_some_and(|(host, _)| host == name)
    };
    words.into_iter().find_map(|name| network.db_instances.values().find(|row| is(row, name)))
}

/// Whether an address is that of an interface in the network: then this machine is one of its instances.
pub fn is_inside(network: &Network, address: IpAddr) -> bool {
    network.network_interfaces.values().any(|interface| interface.has(address))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::aws::folder;
    use crate::local::target;

    fn network() -> Network {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/lab/vpc/example");
        folder::read(&example).expect("the lab's network").network
    }

    fn reached(word: &str, network: Option<&Network>, inside: bool) -> Option<Reach> {
        reach(&target::parse(word).expect("a target").place, network, inside)
    }

    #[test]
    fn an_instance_is_met_at_its_public_address_from_outside_and_at_its_private_one_from_within() {
        let network = network();
        let instance = network.instances.values().next().expect("the instance");
        let id = instance.id.to_string();
        let (outside, inside) = (reached(&id, Some(&network), false), reached(&id, Some(&network), true));
        let (outside, inside) = (outside.expect("an address"), inside.expect("an address"));
        assert_ne!(outside.host, inside.host);
        assert!(is_inside(&network, inside.host.parse().expect("an address")));
        assert!(!is_inside(&network, outside.host.parse().expect("an address")));
        let name = instance.name.clone().expect("a name");
        assert_eq!(reached(&name, Some(&network), false), Some(outside), "the same by its name");
        assert_eq!(reached(&id, None, false), None, "only AWS knows");
    }

    #[test]
    fn a_database_is_met_at_its_endpoint_by_either_name() {
        let network = network();
        let database = network.db_instances.values().next().expect("the database");
        let (host, port) = database.endpoint.clone().expect("an endpoint");
        let wanted = Reach { host: host.clone(), port: Some(port), end: Some(database.id.to_string()) };
        assert_eq!(reached(database.id.as_str(), Some(&network), false), Some(wanted.clone()));
        assert_eq!(reached(&host, Some(&network), false), Some(wanted));
    }

    #[test]
    fn a_name_that_nobody_knows_is_left_to_the_resolver() {
        let wanted = Some(Reach { host: "db.example.com".into(), port: None, end: None });
        assert_eq!(reached("db.example.com", Some(&network()), false), wanted);
        assert_eq!(reached("db.example.com", None, false), wanted);
    }
}
