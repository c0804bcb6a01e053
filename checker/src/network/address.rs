//! An Elastic IP address.

use std::net::IpAddr;

use super::id::{AllocationId, InstanceId, NetworkInterfaceId};

/// An Elastic IP address, associated or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct Address {
    pub public_ip: IpAddr,
    pub allocation: Option<AllocationId>,
    /// Absent where it is associated with nothing.
    pub association: Option<String>,
    pub instance: Option<InstanceId>,
    pub network_interface: Option<NetworkInterfaceId>,
    pub private_ip: Option<IpAddr>,
}
