//! The slice of a Region that one flow can meet, in EC2's words. Imports nothing: who reads it from where is
//! `aws`, what it lets through is `evaluate`.

mod access;
mod acl;
mod address;
mod change;
mod cidr;
mod collection;
mod condition;
mod database;
mod gateway;
mod group;
mod id;
mod instance;
mod interface;
mod prefix;
mod protocol;
mod ranges;
mod route;
mod transit;
mod vpc;

pub use access::{BlockMode, BlockPublicAccess, Exclusion, ExclusionMode, ExclusionScope};
pub use acl::{AclMatch, NetworkAcl, NetworkAclEntry, RuleAction};
pub use address::Address;
pub use change::Change;
pub use cidr::{CidrSet, Family, is_private, is_shared};
pub use collection::{Collection, Kind, Known, Missing, Reading};
pub use condition::{
    ConsoleOutput, ConsoleTrouble, ConsoleTroubleKind, DbEvent, DbParameterGroup, InstanceStatus, KeyPair,
    ScheduledEvent,
};
pub use database::{DbCluster, DbInstance, DbSubnetGroup};
pub use gateway::{
    EndpointKind, GatewayAttachment, InternetGateway, NatGateway, NatGatewayAddress, PeeringSide,
    VpcEndpoint, VpcPeeringConnection,
};
pub use group::{Peer, SecurityGroup, SecurityGroupRule};
pub use id::{
    AccountId, AllocationId, AttachmentId, AvailabilityZone, DbInstanceId, InstanceId, InternetGatewayId,
    NatGatewayId, NetworkAclId, NetworkInterfaceId, PeeringId, PrefixListId, RouteTableId, SecurityGroupId,
    SecurityGroupRuleId, SubnetId, TransitGatewayId, TransitRouteTableId, VpcEndpointId, VpcId,
};
pub use instance::{Instance, InstanceState};
pub use interface::{InterfaceAttachment, InterfaceStatus, NetworkInterface, PrivateAddress};
pub use ipnet::IpNet;
pub use prefix::PrefixList;
pub use protocol::{IcmpMatch, Protocol, ProtocolMatch};
pub use ranges::{PortSet, RangeSet};
pub use route::{Route, RouteDestination, RouteOrigin, RouteState, RouteTable, Target};
pub use transit::{TransitAttachment, TransitGateway, TransitRoute, TransitRouteTable};
pub use vpc::{Subnet, Vpc};

/// What was read of one Region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a kind of EC2's or RDS's, under its own name")]
pub struct Network {
    pub vpcs: Collection<VpcId, Vpc>,
    pub subnets: Collection<SubnetId, Subnet>,
    pub route_tables: Collection<RouteTableId, RouteTable>,
    pub internet_gateways: Collection<InternetGatewayId, InternetGateway>,
    pub network_acls: Collection<NetworkAclId, NetworkAcl>,
    pub security_groups: Collection<SecurityGroupId, SecurityGroup>,
    pub network_interfaces: Collection<NetworkInterfaceId, NetworkInterface>,
    pub instances: Collection<InstanceId, Instance>,
    pub addresses: Collection<std::net::IpAddr, Address>,
    pub nat_gateways: Collection<NatGatewayId, NatGateway>,
    pub peering_connections: Collection<PeeringId, VpcPeeringConnection>,
    pub vpc_endpoints: Collection<VpcEndpointId, VpcEndpoint>,
    pub prefix_lists: Collection<PrefixListId, PrefixList>,
    pub transit_attachments: Collection<AttachmentId, TransitAttachment>,
    pub transit_gateways: Collection<TransitGatewayId, TransitGateway>,
    pub transit_route_tables: Collection<TransitRouteTableId, TransitRouteTable>,
    pub db_instances: Collection<DbInstanceId, DbInstance>,
    pub db_clusters: Collection<String, DbCluster>,
    pub db_subnet_groups: Collection<String, DbSubnetGroup>,
    pub instance_statuses: Collection<InstanceId, InstanceStatus>,
    pub console_outputs: Collection<InstanceId, ConsoleOutput>,
    pub key_pairs: Collection<String, KeyPair>,
    pub db_events: Collection<DbInstanceId, Vec<DbEvent>>,
    pub db_parameter_groups: Collection<String, DbParameterGroup>,
    /// The Region's setting; one a Region.
    pub block_public_access: Known<BlockPublicAccess>,
}
