//! Route tables.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::collection::Known;
use super::id::{
    InstanceId, InternetGatewayId, NatGatewayId, NetworkInterfaceId, PeeringId, PrefixListId, RouteTableId,
    SubnetId, TransitGatewayId, VpcEndpointId, VpcId,
};

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct RouteTable {
    pub id: RouteTableId,
    pub vpc: VpcId,
    /// Whether it serves the subnets that have no table of their own.
    pub is_main: bool,
    pub subnets: Vec<SubnetId>,
    /// Internet and virtual private gateways whose arriving traffic it steers.
    pub gateways: Vec<String>,
    pub routes: Known<Vec<Route>>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct Route {
    pub destination: RouteDestination,
    pub target: Target,
    pub state: Known<RouteState>,
    pub origin: RouteOrigin,
}

impl Route {
    /// Whether what it leads to is gone, so that nobody can make the same route again.
    pub fn leads_nowhere(&self) -> bool {
        self.target == Target::Missing || self.state.value() == Some(&RouteState::Blackhole)
    }
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RouteDestination {
    /// To a block.
    Cidr(IpNet),
    /// To all blocks of a list.
    PrefixList(PrefixListId),
    /// To something that could not be read.
    Unreadable(String),
}

impl fmt::Display for RouteDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(block) => block.fmt(f),
            Self::PrefixList(list) => list.fmt(f),
            Self::Unreadable(text) => f.write_str(text),
        }
    }
}

/// By way of what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are EC2's")]
pub enum Target {
    /// Within the VPC.
    Local,
    InternetGateway(InternetGatewayId),
    EgressOnlyInternetGateway(String),
    NatGateway(NatGatewayId),
    TransitGateway(TransitGatewayId),
    PeeringConnection(PeeringId),
    Endpoint(VpcEndpointId),
    NetworkInterface {
        id: NetworkInterfaceId,
        instance: Option<InstanceId>,
    },
    /// An instance whose interface is not named.
    Instance(InstanceId),
    VirtualPrivateGateway(String),
    /// Carrier, local and Outposts gateways, Cloud WAN, and what may come.
    Other(String),
    /// The route names no target: AWS leaves it out where the target is gone.
    Missing,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::InternetGateway(id) => id.fmt(f),
            Self::NatGateway(id) => id.fmt(f),
            Self::TransitGateway(id) => id.fmt(f),
            Self::PeeringConnection(id) => id.fmt(f),
            Self::Endpoint(id) => id.fmt(f),
            Self::NetworkInterface { id, .. } => id.fmt(f),
            Self::Instance(id) => id.fmt(f),
            Self::EgressOnlyInternetGateway(id) | Self::VirtualPrivateGateway(id) | Self::Other(id) => {
                f.write_str(id)
            }
            Self::Missing => f.write_str("a target that is gone"),
        }
    }
}

/// Whether it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "EC2's own words")]
pub enum RouteState {
    Active,
    Blackhole,
    Other(String),
    /// The answer does not tell it.
    Untold,
}

/// Who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteOrigin {
    /// A person, or the table itself.
    Static,
    /// A virtual private gateway.
    Propagated,
}
