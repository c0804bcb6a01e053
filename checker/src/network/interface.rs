//! A network interface: what carries addresses and security groups. An instance has one or more.

use std::net::IpAddr;

use super::collection::Known;
use super::id::{InstanceId, NetworkInterfaceId, SecurityGroupId, SubnetId, VpcId};

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct NetworkInterface {
    pub id: NetworkInterfaceId,
    pub description: String,
    pub interface_type: Option<String>,
    pub requester: Option<String>,
    pub vpc: VpcId,
    pub subnet: SubnetId,
    pub status: Known<InterfaceStatus>,
    pub attachment: Option<InterfaceAttachment>,
    pub private_addresses: Vec<PrivateAddress>,
    pub ipv6_addresses: Vec<IpAddr>,
    pub groups: Known<Vec<SecurityGroupId>>,
    pub source_dest_check: Known<bool>,
}

/// What it is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct InterfaceAttachment {
    pub instance: Option<InstanceId>,
    pub device_index: u32,
    /// `attached`, `attaching`, `detaching`, `detached`.
    pub status: Option<String>,
}

/// Whether it is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceStatus {
    /// Attached to something.
    InUse,
    /// Attached to nothing.
    Available,
    /// On its way from one to the other.
    Other(String),
}

/// A private IPv4 address and the public one that stands for it outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateAddress {
    /// The one that the operating system sees.
    pub address: IpAddr,
    /// Whether it is the interface's first.
    pub primary: bool,
    /// The Elastic or automatic public address.
    pub public: Option<IpAddr>,
}

impl NetworkInterface {
    /// Its first private IPv4 address.
    pub fn primary(&self) -> Option<&PrivateAddress> {
        self.private_addresses.iter().find(|row| row.primary).or_else(|| self.private_addresses.first())
    }

    /// The row of one of its private IPv4 addresses.
    pub fn private(&self, address: IpAddr) -> Option<&PrivateAddress> {
        self.private_addresses.iter().find(|row| row.address == address)
    }

    /// Whether it has the address as its own: private IPv4, or IPv6.
    pub fn has(&self, address: IpAddr) -> bool {
        self.private(address).is_some() || self.ipv6_addresses.contains(&address)
    }

    /// Whether RDS keeps it for a database.
    pub fn is_of_rds(&self) -> bool {
        self.description == "RDSNetworkInterface"
    }

    /// Whether it is a NAT or transit gateway's foot in a subnet, which sends and receives nothing of its own.
    pub fn is_of_a_gateway(&self) -> bool {
        self.is_of_type(&["nat_gateway", "natGateway", "transit_gateway"])
    }

    /// Whether it is a NAT gateway's.
    pub fn is_of_a_nat_gateway(&self) -> bool {
        self.is_of_type(&["nat_gateway", "natGateway"])
    }

    /// Whether it is of a kind that AWS itself runs without security groups.
    pub fn may_have_no_groups(&self) -> bool {
        self.is_of_a_gateway()
            || self.is_of_type(&[
                "network_load_balancer",
                "gateway_load_balancer",
                "gateway_load_balancer_endpoint",
            ])
    }

    fn is_of_type(&self, types: &[&str]) -> bool {
        self.interface_type.as_deref().is_some_and(|own| types.contains(&own))
    }

    /// The instance it is attached to.
    pub fn instance(&self) -> Option<&InstanceId> {
        self.attachment.as_ref().and_then(|attachment| attachment.instance.as_ref())
    }
}
