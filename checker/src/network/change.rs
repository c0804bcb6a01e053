//! The changes that a fix is made of: data, so that the model, the command line, the API and what is kept on disk
//! mean the same one.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::acl::NetworkAclEntry;
use super::group::SecurityGroupRule;
use super::id::{
    AllocationId, DbInstanceId, InstanceId, InternetGatewayId, NetworkAclId, NetworkInterfaceId, PeeringId,
    RouteTableId, SecurityGroupId, SubnetId, VpcId,
};
use super::route::{Route, RouteDestination, Target};

/// One change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A rule of a security group lets another block in or out.
    EditRule {
        /// The group.
        group: SecurityGroupId,
        /// Of which list.
        egress: bool,
        /// The rule as it is.
        rule: Box<SecurityGroupRule>,
        /// The block that it will name.
        block: IpNet,
    },
    /// A security group gets a rule.
    AddRule {
        /// The group.
        group: SecurityGroupId,
        /// In which list.
        egress: bool,
        /// The rule.
        rule: Box<SecurityGroupRule>,
    },
    /// A network ACL gets an entry.
    AddEntry {
        /// The ACL.
        acl: NetworkAclId,
        /// The entry.
        entry: Box<NetworkAclEntry>,
    },
    /// An entry of a network ACL is replaced.
    ReplaceEntry {
        /// The ACL.
        acl: NetworkAclId,
        /// As it is.
        old: Box<NetworkAclEntry>,
        /// As it will be.
        new: Box<NetworkAclEntry>,
    },
    /// An entry of a network ACL goes.
    RemoveEntry {
        /// The ACL.
        acl: NetworkAclId,
        /// The entry.
        entry: Box<NetworkAclEntry>,
    },
    /// A route table gets a route.
    AddRoute {
        /// The table.
        table: RouteTableId,
        /// Where to.
        destination: RouteDestination,
        /// By way of what.
        target: Target,
    },
    /// A route leads another way.
    ReplaceRoute {
        /// The table.
        table: RouteTableId,
        /// As it is.
        old: Box<Route>,
        /// By way of what it will lead.
        target: Target,
    },
    /// An internet gateway is attached.
    AttachGateway {
        /// The gateway.
        gateway: InternetGatewayId,
        /// To this VPC.
        vpc: VpcId,
    },
    /// An instance is started.
    StartInstance(InstanceId),
    /// A database instance is started.
    StartDatabase(DbInstanceId),
    /// A public address comes to stand for a private one.
    Associate {
        /// The Elastic IP address: one that is there, or `None` for a new one.
        allocation: Option<(AllocationId, IpAddr)>,
        /// The interface.
        interface: NetworkInterfaceId,
        /// Its private address.
        private: IpAddr,
    },
    /// The VPC's resolver answers.
    EnableDnsSupport(VpcId),
    /// A subnet is exempt from Block Public Access.
    Exclude(SubnetId),
    /// A peering connection is accepted.
    AcceptPeering(PeeringId),
    /// An interface passes on what is not its own.
    PassOn(NetworkInterfaceId),
}
