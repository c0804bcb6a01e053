//! Who is meant: from the words of a question to interfaces and addresses.

use std::net::IpAddr;

use super::flow::End;
use super::trace::{GateKind, Outcome, Rule};
use super::{Code, named, place};
use crate::network::{
    CidrSet, DbInstance, Family, InstanceId, Kind, Known, Missing, Network, NetworkInterface,
    SecurityGroupId, SubnetId, VpcId, is_private, is_shared,
};

/// Something in a VPC that sends or receives.
#[derive(Debug, Clone)]
pub(super) struct Host<'n> {
    /// Its interface; none for a database whose interface was not read.
    pub interface: Option<&'n NetworkInterface>,
    pub database: Option<&'n DbInstance>,
    pub instance: Option<&'n InstanceId>,
    pub vpc: &'n VpcId,
    pub subnet: &'n SubnetId,
    pub groups: Known<Vec<SecurityGroupId>>,
    /// The address inside the VPC.
    pub address: IpAddr,
    /// The public IPv4 address that stands for it.
    pub public: Option<IpAddr>,
    /// Whether the question names its public address, so that the packets do too.
    pub by_public: bool,
    /// Whether the question names the private address itself, so that the packets do too.
    pub by_private: bool,
    /// Whether the question names it by a name that has to be resolved.
    pub by_name: bool,
}

impl Host<'_> {
    pub(super) fn label(&self) -> String {
        let ids = [
            self.database.map(|database| database.id.to_string()),
            self.instance.map(ToString::to_string),
            self.interface.map(|interface| interface.id.to_string()),
            Some(self.address.to_string()),
        ];
        ids.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// One end of a flow.
#[derive(Debug, Clone)]
pub(super) enum Party<'n> {
    Host(Box<Host<'n>>),
    /// Addresses that no VPC holds.
    Outside(CidrSet),
}

/// How the verdicts about several parties become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// The question is about each of them.
    Each,
    /// One that works will do.
    Any,
    /// It is one of them, and nobody knows which.
    OneOf,
}

/// Who is meant, or why nobody can be.
pub(super) enum Resolved<'n> {
    Parties(Choice, Vec<Party<'n>>),
    Nobody(GateKind, String, Outcome),
}

/// What is known of the flow when one of its ends is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'n> {
    pub family: Family,
    /// Whether the other end is beyond all VPCs.
    pub from_outside: bool,
    /// The VPC of the other end: private addresses are meant as it has them.
    pub home: Option<&'n VpcId>,
}

/// Who an end of a flow is.
pub(super) fn resolve<'n>(network: &'n Network, end: &End, asked: Asked<'n>) -> Resolved<'n> {
    let beyond = |choice| Resolved::Parties(choice, vec![Party::Outside(CidrSet::internet(asked.family))]);
    match end {
        End::Instance(id) => instance(network, id, asked, false),
        End::NetworkInterface(id) => match network.network_interfaces.find(Kind::NetworkInterfaces, id) {
            Ok(interface) => hosts(network, vec![interface], asked, false),
            Err(missing) => nobody(GateKind::NetworkInterface, id, missing),
        },
        End::Database(id) => match network.db_instances.find(Kind::DbInstances, id) {
            Ok(database) => place::database(network, database),
            Err(missing) => nobody(GateKind::Database, id, missing),
        },
        End::Address(address) => by_address(network, *address, asked),
        // All addresses there are: who says so means the internet.
        End::Cidr(block) if block.prefix_len() == 0 => beyond(Choice::Each),
        End::Cidr(block) => outside_or_inside(network, CidrSet::from(*block)),
        End::Internet => beyond(Choice::Each),
        End::InternetGateway(_) => beyond(Choice::Any),
        End::Name(name) => named::resolve(network, name, asked),
    }
}

/// IPv6 where the question names an address of it, or an interface that has no other; else IPv4.
pub(super) fn family(network: &Network, source: &End, destination: &End) -> Family {
    let said = |end: &End| match end {
        End::Address(address) => Some(Family::of(*address)),
        End::Cidr(block) => Some(Family::of(block.addr())),
        _ => None,
    };
    let only_ipv6 = |end: &End| {
        let interfaces = named::interfaces(network, end);
        let has_none = |interface: &&NetworkInterface| interface.private_addresses.is_empty();
        !interfaces.is_empty() && interfaces.iter().all(has_none)
    };
    let told = said(source).or_else(|| said(destination));
    let six = || only_ipv6(source) || only_ipv6(destination);
    told.unwrap_or_else(|| if six() { Family::Ipv6 } else { Family::Ipv4 })
}

#[expect(clippy::needless_pass_by_value, reason = "ids and texts alike, as they come")]
pub(super) fn nobody<'n>(kind: GateKind, element: impl ToString, missing: Missing) -> Resolved<'n> {
    Resolved::Nobody(kind, element.to_string(), Outcome::Unknown { missing })
}

pub(super) fn instance<'n>(
    network: &'n Network,
    id: &InstanceId,
    asked: Asked<'n>,
    by_name: bool,
) -> Resolved<'n> {
    let interfaces = named::interfaces_of(network, id);
    if !interfaces.is_empty() {
        return hosts(network, interfaces, asked, by_name);
    }
    match network.instances.find(Kind::Instances, id) {
        Err(missing) => nobody(GateKind::Instance, id, missing),
        Ok(found) if !network.network_interfaces.is_read() && !is_over(found) => {
            nobody(GateKind::NetworkInterface, id, network.network_interfaces.unread(Kind::NetworkInterfaces))
        }
        Ok(found) => {
            let state = found.state.value().map_or_else(|| "unknown".into(), ToString::to_string);
            let by = Rule::of(id, format!("it has no network interface; its state is {state}"));
            let outcome = Outcome::Denied { code: Code::NoNetworkInterface, by };
            Resolved::Nobody(GateKind::Instance, id.to_string(), outcome)
        }
    }
}

fn is_over(instance: &crate::network::Instance) -> bool {
    instance.state.value().is_some_and(crate::network::InstanceState::is_over)
}

/// Of several interfaces, or several addresses of one, any that works will do.
pub(super) fn hosts<'n>(
    network: &'n Network,
    interfaces: Vec<&'n NetworkInterface>,
    asked: Asked<'n>,
    by_name: bool,
) -> Resolved<'n> {
    let label = interfaces.first().map(|interface| interface.id.to_string()).unwrap_or_default();
    let parties: Vec<Party<'n>> = interfaces
        .into_iter()
        .flat_map(|interface| {
            addresses(interface, asked).into_iter().map(move |address| (interface, address))
        })
        .map(|(interface, address)| {
            let host = place::host(network, interface, address);
            Party::Host(Box::new(Host { by_name, ..host }))
        })
        .collect();
    if parties.is_empty() {
        let word = if asked.family == Family::Ipv4 { "IPv4" } else { "IPv6" };
        let by = Rule::of(&label, format!("it has no {word} address"));
        let outcome = Outcome::Denied { code: Code::NoAddressOfFamily, by };
        return Resolved::Nobody(GateKind::NetworkInterface, label, outcome);
    }
    Resolved::Parties(Choice::Any, parties)
}

/// The addresses that are meant: the first one, and from outside each that a public one stands for.
fn addresses(interface: &NetworkInterface, asked: Asked<'_>) -> Vec<IpAddr> {
    if asked.family == Family::Ipv6 {
        return interface.ipv6_addresses.first().copied().into_iter().collect();
    }
    let rows = &interface.private_addresses;
    let public: Vec<IpAddr> = rows.iter().filter(|row| row.public.is_some()).map(|row| row.address).collect();
    if asked.from_outside && !public.is_empty() {
        return public;
    }
    interface.primary().map(|row| row.address).into_iter().collect()
}

fn by_address<'n>(network: &'n Network, address: IpAddr, asked: Asked<'n>) -> Resolved<'n> {
    let home = asked.home.and_then(|id| network.vpcs.get(id)).filter(|vpc| vpc.contains(address));
    let inside: Vec<Party<'_>> = network
        .network_interfaces
        .values()
        .filter(|interface| interface.has(address) && home.is_none_or(|vpc| vpc.id == interface.vpc))
        .map(|interface| {
            let host = place::host(network, interface, address);
            Party::Host(Box::new(Host { by_private: address.is_ipv4(), ..host }))
        })
        .collect();
    if !inside.is_empty() {
        // VPCs may overlap: then the address is several, and the one that answers is as good as any.
        return Resolved::Parties(Choice::Any, inside);
    }
    for interface in network.network_interfaces.values() {
        if let Some(row) = interface.private_addresses.iter().find(|row| row.public == Some(address)) {
            let host = place::host(network, interface, row.address);
            return Resolved::Parties(
                Choice::Any,
                vec![Party::Host(Box::new(Host { by_public: true, ..host }))],
            );
        }
    }
    if let Some(row) = network.addresses.get(&address)
        && row.association.is_none()
        && row.instance.is_none()
    {
        let by = Rule::of(address, "the Elastic IP address is allocated but associated with nothing");
        let outcome = Outcome::Denied { code: Code::AddressNotAssociated, by };
        return Resolved::Nobody(GateKind::Address, address.to_string(), outcome);
    }
    match home {
        Some(_) => nobody_has(network, &CidrSet::one(address)),
        None => outside_or_inside(network, CidrSet::one(address)),
    }
}

/// Addresses of no interface: outside where no VPC has them, nobody's where one does.
fn outside_or_inside(network: &Network, addresses: CidrSet) -> Resolved<'_> {
    let vpcs: CidrSet = network.vpcs.values().flat_map(|vpc| vpc.cidr_blocks.iter().copied()).collect();
    if addresses.intersection(&vpcs).is_empty() {
        return Resolved::Parties(Choice::Each, vec![Party::Outside(addresses)]);
    }
    let mut parties: Vec<Party<'_>> = network
        .network_interfaces
        .values()
        .filter(|interface| !interface.is_of_a_gateway())
        .flat_map(|interface| {
            let v4 = interface.private_addresses.iter().map(|row| row.address);
            v4.chain(interface.ipv6_addresses.iter().copied()).map(move |address| (interface, address))
        })
        .filter(|(_, address)| addresses.contains(*address))
        .map(|(interface, address)| Party::Host(Box::new(place::host(network, interface, address))))
        .collect();
    let outside = addresses.difference(&vpcs);
    if !outside.is_empty() {
        parties.push(Party::Outside(outside));
    }
    if !parties.is_empty() {
        return Resolved::Parties(Choice::Each, parties);
    }
    nobody_has(network, &addresses)
}

fn nobody_has<'n>(network: &'n Network, addresses: &CidrSet) -> Resolved<'n> {
    let text = addresses.to_string();
    if network.network_interfaces.is_read() {
        let by = Rule::of(&text, "the VPC has these addresses, but no network interface has one of them");
        let outcome = Outcome::Denied { code: Code::NoSuchAddress, by };
        return Resolved::Nobody(GateKind::Address, text, outcome);
    }
    nobody(GateKind::Address, text, network.network_interfaces.unread(Kind::NetworkInterfaces))
}

/// Whether an address is one that only a private network beyond a VPN can have.
pub(super) fn is_on_premises(address: IpAddr) -> bool {
    is_private(address) || is_shared(address)
}
