//! Fixes for what stands on the way and is off, not there, or in the way: machines, addresses, names, switches.

use super::{Change, Proposal};
use crate::evaluate::Gate;
use crate::explain::case::Case;
use crate::network::{
    DbInstanceId, InstanceId, InstanceState, Network, NetworkInterface, NetworkInterfaceId, PeeringId, VpcId,
};

/// Starts an instance that is stopped; one that is on its way somewhere is left alone.
pub fn start_instance(gate: &Gate, network: &Network) -> Option<Proposal> {
    let id: InstanceId = gate.element.as_str().into();
    let row = network.instances.get(&id)?;
    let stopped = row.state.value() == Some(&InstanceState::Stopped);
    let proposal = Proposal::new(format!("start {id}"), Change::StartInstance(id));
    stopped.then(|| {
        proposal.caution("unless it has an Elastic IP address, its public address will be another one")
    })
}

/// Starts a database that is stopped.
pub fn start_database(gate: &Gate, network: &Network) -> Option<Proposal> {
    let id: DbInstanceId = gate.element.as_str().into();
    let row = network.db_instances.get(&id)?;
    let stopped = row.status.value().is_some_and(|status| status == "stopped");
    let proposal = Proposal::new(format!("start {id}"), Change::StartDatabase(id));
    stopped.then(|| proposal.caution("it takes some minutes, and costs again from now on"))
}

/// Gives the interface an Elastic IP address: one that stands for nothing, or a new one.
pub fn associate(gate: &Gate, network: &Network, case: &Case) -> Option<Proposal> {
    let interface = interface(gate, network, case)?;
    let private = interface.primary().filter(|row| row.public.is_none())?.address;
    let spare = network.addresses.values().find(|row| row.association.is_none());
    let allocation = spare.and_then(|row| Some((row.allocation.clone()?, row.public_ip)));
    let id = interface.id.clone();
    let what = match &allocation {
        Some((_, address)) => format!("let {address} stand for {private} of {id}"),
        None => format!("allocate an Elastic IP address, and let it stand for {private} of {id}"),
    };
    Some(Proposal::new(what, Change::Associate { allocation, interface: id, private }))
}

/// The interface that is to be reached.
fn interface<'a>(gate: &Gate, network: &'a Network, case: &Case) -> Option<&'a NetworkInterface> {
    let own: NetworkInterfaceId = gate.element.as_str().into();
    let wanted = case.trace.map(|trace| trace.flow.to.as_str()).unwrap_or_default();
    let of_instance = |id: &str| {
        let id: InstanceId = id.into();
        network.network_interfaces.values().find(|row| row.instance() == Some(&id))
    };
    network
        .network_interfaces
        .get(&own)
        .or_else(|| of_instance(&gate.element))
        .or_else(|| of_instance(wanted))
        .or_else(|| network.network_interfaces.get::<NetworkInterfaceId>(&wanted.into()))
}

/// Turns the VPC's resolver on.
pub fn resolver(gate: &Gate, network: &Network) -> Option<Proposal> {
    let mut named = gate.rule().map(|rule| rule.element.as_str()).into_iter().chain([gate.element.as_str()]);
    let vpc = named.find_map(|id| network.vpcs.get::<VpcId>(&id.into()))?;
    let off = vpc.enable_dns_support.value() == Some(&false);
    let what = format!("turn the resolver of {} on", vpc.id);
    off.then(|| Proposal::new(what, Change::EnableDnsSupport(vpc.id.clone())))
}

/// Exempts the subnet from Block Public Access.
pub fn exclude(gate: &Gate, network: &Network) -> Option<Proposal> {
    let ends = [gate.packet.destination, gate.packet.source];
    let interface = ends.iter().find_map(|address| super::group::interface_of(*address, network));
    let public = |row: &&NetworkInterface| {
        row.private_addresses.iter().any(|row| row.public.is_some_and(|public| ends.contains(&public)))
    };
    let interface = interface.or_else(|| network.network_interfaces.values().find(public))?;
    let subnet = interface.subnet.clone();
    let what = format!("exempt {subnet} from Block Public Access");
    let caution = "somebody turned Block Public Access on for a reason: ask them first";
    Some(Proposal::new(what, Change::Exclude(subnet)).caution(caution))
}

/// Accepts a peering connection that waits for it.
pub fn accept(gate: &Gate, network: &Network) -> Option<Proposal> {
    let id: PeeringId = gate.element.as_str().into();
    let row = network.peering_connections.get(&id)?;
    let waits = row.status.value().is_some_and(|status| status == "pending-acceptance");
    let proposal = Proposal::new(format!("accept {id}"), Change::AcceptPeering(id));
    waits.then(|| {
        proposal.caution("it cannot wait again: undoing ends the connection, and it has to be asked for anew")
    })
}

/// Lets an interface pass on what is not its own, as a router must.
pub fn pass_on(gate: &Gate, network: &Network) -> Option<Proposal> {
    let id: NetworkInterfaceId = gate.element.as_str().into();
    network.network_interfaces.get(&id)?;
    let what = format!("turn the source/destination check of {id} off");
    Some(Proposal::new(what, Change::PassOn(id)))
}
