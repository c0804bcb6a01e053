//! VPCs, subnets, instances, interfaces, Elastic IPs.

use std::net::IpAddr;

use super::Documents;
use crate::aws::row::Row;
use crate::network::{
    Address, Instance, InstanceState, InterfaceAttachment, InterfaceStatus, IpNet, Known, NetworkInterface,
    NetworkInterfaceId, PrivateAddress, SecurityGroupId, Subnet, Vpc, VpcId,
};

pub(super) fn vpc(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<VpcId>("VpcId") else { return row.note("a VPC without VpcId was passed over") };
    let mut cidr_blocks: Vec<IpNet> = row.block("CidrBlock").into_iter().collect();
    cidr_blocks.extend(associated(row, "CidrBlockAssociationSet", "CidrBlock", "CidrBlockState"));
    cidr_blocks.extend(associated(row, "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock", "Ipv6CidrBlockState"));
    cidr_blocks.sort_unstable();
    cidr_blocks.dedup();
    let vpc = Vpc {
        id: id.clone(),
        name: row.name_tag(),
        owner: row.id("OwnerId"),
        cidr_blocks,
        enable_dns_support: row.known_flag("EnableDnsSupport"),
        enable_dns_hostnames: row.known_flag("EnableDnsHostnames"),
        block_public_access: super::access::mode(row.within("BlockPublicAccessStates")),
    };
    documents.network.vpcs.insert(id, vpc);
}

fn associated<'a>(
    row: Row<'a>,
    list: &'static str,
    block: &'static str,
    state: &'static str,
) -> impl Iterator<Item = IpNet> + 'a {
    row.rows(list)
        .filter(move |entry| entry.within(state).text("State").is_none_or(|state| state == "associated"))
        .filter_map(move |entry| entry.block(block))
}

pub(super) fn subnet(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.text("SubnetId") else { return row.note("a subnet without SubnetId was passed over") };
    let mut cidr_blocks: Vec<IpNet> = row.block("CidrBlock").into_iter().collect();
    cidr_blocks.extend(associated(row, "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock", "Ipv6CidrBlockState"));
    let subnet = Subnet {
        id: id.into(),
        name: row.name_tag(),
        vpc: row.id_or_say("VpcId"),
        availability_zone: row.id("AvailabilityZone"),
        cidr_blocks,
        block_public_access: super::access::mode(row.within("BlockPublicAccessStates")),
    };
    documents.network.subnets.insert(id.into(), subnet);
}

/// `describe-vpc-attribute` answers with one attribute of one VPC.
pub(super) fn vpc_attribute(documents: &mut Documents, row: Row<'_>) -> bool {
    let Some(id) = row.id::<VpcId>("VpcId") else { return false };
    let support = row.within("EnableDnsSupport").flag("Value");
    let hostnames = row.within("EnableDnsHostnames").flag("Value");
    if let Some(flag) = support {
        documents.dns_support.insert(id.clone(), flag);
    }
    if let Some(flag) = hostnames {
        documents.dns_hostnames.insert(id, flag);
    }
    support.is_some() || hostnames.is_some()
}

pub(super) fn reservation(documents: &mut Documents, row: Row<'_>) {
    for row in row.rows("Instances") {
        instance(documents, row);
    }
}

pub(super) fn instance(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.text("InstanceId") else {
        return row.note("an instance without InstanceId was passed over");
    };
    let state = row.field("State").and_then(state);
    let reason = row.within("StateReason").string("Message").or_else(|| row.string("StateTransitionReason"));
    let instance = Instance {
        id: id.into(),
        name: row.name_tag(),
        state: row.known("State", state),
        state_reason: reason,
        public_dns_name: row.string("PublicDnsName"),
        private_dns_name: row.string("PrivateDnsName"),
        platform: row.string("Platform").map(|platform| platform.to_ascii_lowercase()),
        instance_type: row.string("InstanceType"),
        key_name: row.string("KeyName"),
        launch_time: row.time("LaunchTime"),
    };
    documents.network.instances.insert(id.into(), instance);
    let before = documents.repeated.len();
    for part in row.rows("NetworkInterfaces") {
        if let Some(mut interface) = interface(part) {
            attach(&mut interface, id);
            documents.repeated.push(interface);
        }
    }
    if documents.repeated.len() == before {
        documents.repeated.extend(only_interface(row, id));
    }
}

/// Somebody's tool may have made its word of the object.
fn state(value: &serde_json::Value) -> Option<InstanceState> {
    match value.get("Name") {
        Some(name) => name.as_str().map(InstanceState::from),
        None => {
            value.as_str().map(InstanceState::from).filter(|state| !matches!(state, InstanceState::Other(_)))
        }
    }
}

fn attach(interface: &mut NetworkInterface, instance: &str) {
    let attachment = interface.attachment.get_or_insert(InterfaceAttachment {
        instance: None,
        device_index: 0,
        status: None,
    });
    attachment.instance = Some(instance.into());
}

/// What an instance says of its one interface where nobody has written the interface itself down.
fn only_interface(row: Row<'_>, instance: &str) -> Option<NetworkInterface> {
    let address = row.address("PrivateIpAddress")?;
    let groups: Option<Vec<SecurityGroupId>> = row.ids("SecurityGroups", "GroupId");
    Some(NetworkInterface {
        id: NetworkInterfaceId::from(format!("the interface of {instance}")),
        description: String::new(),
        interface_type: None,
        requester: None,
        vpc: row.id_or_say("VpcId"),
        subnet: row.id_or_say("SubnetId"),
        status: Known::Known(InterfaceStatus::InUse),
        attachment: Some(InterfaceAttachment {
            instance: Some(instance.into()),
            device_index: 0,
            status: None,
        }),
        private_addresses: vec![PrivateAddress {
            address,
            primary: true,
            public: row.address("PublicIpAddress"),
        }],
        ipv6_addresses: row.address("Ipv6Address").into_iter().collect(),
        groups: row.known("SecurityGroups", groups),
        source_dest_check: row.known_flag("SourceDestCheck"),
    })
}

pub(super) fn network_interface(documents: &mut Documents, row: Row<'_>) {
    match interface(row) {
        Some(interface) => {
            documents.network.network_interfaces.insert(interface.id.clone(), interface);
        }
        None => row.note("an interface without NetworkInterfaceId was passed over"),
    }
}

fn interface(row: Row<'_>) -> Option<NetworkInterface> {
    let id = row.id("NetworkInterfaceId")?;
    let groups: Option<Vec<SecurityGroupId>> = row.ids("Groups", "GroupId");
    Some(NetworkInterface {
        id,
        description: row.string("Description").unwrap_or_default(),
        interface_type: row.string("InterfaceType"),
        requester: row.string("RequesterId"),
        vpc: row.id_or_say("VpcId"),
        subnet: row.id_or_say("SubnetId"),
        status: row.known("Status", row.text("Status").map(status)),
        attachment: row.has("Attachment").then(|| attachment(row.within("Attachment"))),
        private_addresses: private_addresses(row),
        ipv6_addresses: row.rows("Ipv6Addresses").filter_map(|entry| entry.address("Ipv6Address")).collect(),
        groups: row.known("Groups", groups),
        source_dest_check: row.known_flag("SourceDestCheck"),
    })
}

fn status(text: &str) -> InterfaceStatus {
    match text {
        "in-use" | "associated" => InterfaceStatus::InUse,
        "available" => InterfaceStatus::Available,
        other => InterfaceStatus::Other(other.into()),
    }
}

fn attachment(row: Row<'_>) -> InterfaceAttachment {
    InterfaceAttachment {
        instance: row.id("InstanceId"),
        device_index: row.number("DeviceIndex").and_then(|index| u32::try_from(index).ok()).unwrap_or(0),
        status: row.string("Status"),
    }
}

fn private_addresses(row: Row<'_>) -> Vec<PrivateAddress> {
    let public = |row: Row<'_>| row.within("Association").address("PublicIp");
    let mut addresses: Vec<PrivateAddress> = row
        .rows("PrivateIpAddresses")
        .filter_map(|entry| {
            let address = entry.address("PrivateIpAddress")?;
            Some(PrivateAddress {
                address,
                primary: entry.flag("Primary").unwrap_or(false),
                public: public(entry),
            })
        })
        .collect();
    if let Some(address) = row.address("PrivateIpAddress") {
        add_primary(&mut addresses, address, public(row));
    }
    addresses
}

/// The interface's own fields repeat its first address.
fn add_primary(addresses: &mut Vec<PrivateAddress>, address: IpAddr, public: Option<IpAddr>) {
    match addresses.iter_mut().find(|row| row.address == address) {
        Some(row) => row.public = row.public.or(public),
        None => addresses.insert(0, PrivateAddress { address, primary: true, public }),
    }
}

pub(super) fn address(documents: &mut Documents, row: Row<'_>) {
    let Some(public_ip) = row.address("PublicIp") else {
        return row.note("an address without PublicIp was passed over");
    };
    let address = Address {
        public_ip,
        allocation: row.id("AllocationId"),
        association: row.string("AssociationId"),
        instance: row.id("InstanceId"),
        network_interface: row.id("NetworkInterfaceId"),
        private_ip: row.address("PrivateIpAddress"),
    };
    documents.network.addresses.insert(public_ip, address);
}
