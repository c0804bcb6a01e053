//! Who is meant: from the words of a question to interfaces and addresses.

use std::net::IpAddr;

use super::flow::End;
use super::trace::{GateKind, Outcome, Rule};
use super::{Code, place};
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

/// Who an end of a flow is. `other` is the other end's word, for what it tells of the family of addresses.
pub(super) fn resolve<'n>(network: &'n Network, end: &End, family: Family) -> Resolved<'n> {
    match end {
        End::Instance(id) => instance(network, id, family, false),
        End::NetworkInterface(id) => match network.network_interfaces.find(Kind::NetworkInterfaces, id) {
            Ok(interface) => hosts(network, vec![interface], family, Choice::Any, false),
            Err(missing) => nobody(GateKind::NetworkInterface, id, missing),
        },
        End::Database(id) => match network.db_instances.find(Kind::DbInstances, id) {
            Ok(database) => place::database(network, database),
            Err(missing) => nobody(GateKind::Database, id, missing),
        },
        End::Address(address) => by_address(network, *address),
        End::Cidr(block) => outside_or_inside(network, CidrSet::from(*block)),
        End::Internet => Resolved::Parties(Choice::Each, vec![Party::Outside(CidrSet::internet())]),
        End::InternetGateway(_) => Resolved::Parties(Choice::Any, vec![Party::Outside(CidrSet::internet())]),
        End::Name(name) => by_name(network, name, family),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "ids and texts alike, as they come")]
fn nobody<'n>(kind: GateKind, element: impl ToString, missing: Missing) -> Resolved<'n> {
    Resolved::Nobody(kind, element.to_string(), Outcome::Unknown { missing })
}

fn instance<'n>(network: &'n Network, id: &InstanceId, family: Family, by_name: bool) -> Resolved<'n> {
    let mut interfaces: Vec<&NetworkInterface> =
        network.network_interfaces.values().filter(|interface| interface.instance() == Some(id)).collect();
    interfaces.sort_by_key(|interface| interface.attachment.as_ref().map(|row| row.device_index));
    if !interfaces.is_empty() {
        return hosts(network, interfaces, family, Choice::Any, by_name);
    }
    match network.instances.find(Kind::Instances, id) {
        Err(missing) => nobody(GateKind::Instance, id, missing),
        Ok(_) if !network.network_interfaces.is_read() => {
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

fn hosts<'n>(
    network: &'n Network,
    interfaces: Vec<&'n NetworkInterface>,
    family: Family,
    choice: Choice,
    by_name: bool,
) -> Resolved<'n> {
    let label = interfaces.first().map(|interface| interface.id.to_string()).unwrap_or_default();
    let parties: Vec<Party<'n>> = interfaces
        .into_iter()
        .filter_map(|interface| {
            let v4 = interface.primary().map(|row| row.address);
            let v6 = interface.ipv6_addresses.first().copied();
            let address = if family == Family::Ipv4 { v4.or(v6) } else { v6 }?;
            let host = place::host(network, interface, address);
            Some(Party::Host(Box::new(Host { by_name, ..host })))
        })
        .collect();
    if parties.is_empty() {
        let by = Rule::of(&label, "it has no address of this family");
        let outcome = Outcome::Denied { code: Code::NoAddressOfFamily, by };
        return Resolved::Nobody(GateKind::NetworkInterface, label, outcome);
    }
    Resolved::Parties(choice, parties)
}

fn by_address(network: &Network, address: IpAddr) -> Resolved<'_> {
    let inside: Vec<Party<'_>> = network
        .network_interfaces
        .values()
        .filter(|interface| interface.has(address))
        .map(|interface| Party::Host(Box::new(place::host(network, interface, address))))
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
    outside_or_inside(network, CidrSet::one(address))
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
    let text = addresses.to_string();
    if network.network_interfaces.is_read() {
        let by = Rule::of(&text, "the VPC has these addresses, but no network interface has one of them");
        let outcome = Outcome::Denied { code: Code::NoSuchAddress, by };
        return Resolved::Nobody(GateKind::Address, text, outcome);
    }
    nobody(GateKind::Address, text, network.network_interfaces.unread(Kind::NetworkInterfaces))
}

fn by_name<'n>(network: &'n Network, name: &str, family: Family) -> Resolved<'n> {
    let host = name.trim_end_matches('.').to_ascii_lowercase();
    let endpoint = |database: &DbInstance| {
        database.endpoint.as_ref().is_some_and(|(address, _)| address.eq_ignore_ascii_case(&host))
    };
    let database = network
        .db_instances
        .values()
        .find(|database| database.id.as_str().eq_ignore_ascii_case(name) || endpoint(database));
    if let Some(database) = database {
        return place::database(network, database);
    }
    if let Some(found) =
        network.instances.values().find(|instance| instance.public_dns_name.as_deref() == Some(&*host))
    {
        return instance(network, &found.id, family, true);
    }
    let mut named: Vec<_> = network
        .instances
        .values()
        .filter(|instance| {
            instance.name.as_deref() == Some(name) || instance.private_dns_name.as_deref() == Some(&*host)
        })
        .collect();
    // A name is often handed on to the next instance while the last one is still listed.
    if named.len() > 1 {
        named.retain(|instance| instance.state.value().is_none_or(|state| !state.is_over()));
    }
    match named.as_slice() {
        [one] => instance(network, &one.id, family, false),
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

/// Whether an address is one that only a private network beyond a VPN can have.
pub(super) fn is_on_premises(address: IpAddr) -> bool {
    is_private(address) || is_shared(address)
}
