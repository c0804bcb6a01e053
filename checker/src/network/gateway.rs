//! What stands between VPCs, and between a VPC and the rest of the world.

use std::net::IpAddr;

use ipnet::IpNet;

use super::collection::Known;
use super::id::{
    AccountId, InternetGatewayId, NatGatewayId, NetworkInterfaceId, PeeringId, SubnetId, VpcEndpointId, VpcId,
};

/// An internet gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct InternetGateway {
    pub id: InternetGatewayId,
    pub attachments: Vec<GatewayAttachment>,
}

/// The VPC that a gateway is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayAttachment {
    /// The VPC.
    pub vpc: VpcId,
    /// `available` or `attached` where it works.
    pub state: String,
}

impl InternetGateway {
    /// Whether it works for this VPC.
    pub fn is_attached_to(&self, vpc: &VpcId) -> bool {
        self.attachments
            .iter()
            .any(|row| &row.vpc == vpc && matches!(row.state.as_str(), "available" | "attached"))
    }
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct NatGateway {
    pub id: NatGatewayId,
    pub vpc: VpcId,
    /// Absent for a regional one.
    pub subnet: Option<SubnetId>,
    pub state: Known<String>,
    pub is_private: bool,
    /// Whether it stands in no subnet, but in all zones of its VPC.
    pub is_regional: bool,
    pub addresses: Vec<NatGatewayAddress>,
}

/// An address that a NAT gateway puts in place of others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct NatGatewayAddress {
    pub private_ip: Option<IpAddr>,
    pub public_ip: Option<IpAddr>,
    pub network_interface: Option<NetworkInterfaceId>,
}

/// A peering connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct VpcPeeringConnection {
    pub id: PeeringId,
    pub status: Known<String>,
    pub requester: PeeringSide,
    pub accepter: PeeringSide,
}

/// One of the two VPCs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct PeeringSide {
    pub vpc: VpcId,
    pub region: Option<String>,
    pub owner: Option<AccountId>,
    pub cidr_blocks: Vec<IpNet>,
    /// Whether this side's private names resolve to private addresses on the other side.
    pub allow_dns_resolution_from_remote_vpc: Known<bool>,
}

impl VpcPeeringConnection {
    /// The side that is not this VPC, if this VPC is one of the two.
    pub fn other_side(&self, vpc: &VpcId) -> Option<&PeeringSide> {
        if &self.requester.vpc == vpc {
            Some(&self.accepter)
        } else if &self.accepter.vpc == vpc {
            Some(&self.requester)
        } else {
            None
        }
    }

    /// Whether both VPCs are in one Region, as far as it says.
    pub fn is_within_a_region(&self) -> bool {
        self.requester.region == self.accepter.region
    }
}

/// A VPC endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct VpcEndpoint {
    pub id: VpcEndpointId,
    pub kind: EndpointKind,
    pub vpc: VpcId,
    pub service_name: String,
    pub state: Known<String>,
    pub network_interfaces: Vec<NetworkInterfaceId>,
    pub subnets: Vec<SubnetId>,
}

/// How an endpoint is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointKind {
    /// By a route to a prefix list.
    Gateway,
    /// By its own interfaces.
    Interface,
    /// By a route, and through an appliance.
    GatewayLoadBalancer,
    /// Another, in AWS's words.
    Other(String),
}
