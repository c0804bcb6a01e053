//! Security groups: the stateful filter at each network interface. Allows only; all rules of all groups together.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::collection::Known;
use super::id::{AccountId, PeeringId, PrefixListId, SecurityGroupId, SecurityGroupRuleId, VpcId};
use super::protocol::{IcmpMatch, ProtocolMatch};
use super::ranges::PortSet;

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct SecurityGroup {
    pub id: SecurityGroupId,
    pub name: Option<String>,
    pub vpc: Option<VpcId>,
    pub owner: Option<AccountId>,
    pub inbound: Known<Vec<SecurityGroupRule>>,
    pub outbound: Known<Vec<SecurityGroupRule>>,
}

/// One rule for one peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct SecurityGroupRule {
    /// Only describe-security-group-rules tells it.
    pub id: Option<SecurityGroupRuleId>,
    pub ip_protocol: ProtocolMatch,
    /// All of them where the protocol has none or the rule names none.
    pub ports: PortSet,
    pub icmp: IcmpMatch,
    pub peer: Peer,
    pub description: Option<String>,
}

/// Who may come, or be gone to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Peer {
    /// A block of either family.
    Cidr(IpNet),
    /// The entries of a prefix list.
    PrefixList(PrefixListId),
    /// The private addresses of the interfaces that carry a group.
    Group {
        /// The group.
        id: SecurityGroupId,
        /// Whose it is, where AWS says so.
        account: Option<AccountId>,
        /// The VPC it is in, where AWS says so.
        vpc: Option<VpcId>,
        /// The peering connection that the reference goes through.
        peering: Option<PeeringId>,
        /// `active`, `deleted`, …: a reference through a peering that is gone matches nothing.
        peering_status: Option<String>,
    },
    /// Something that could not be read: it may match anything.
    Unreadable(String),
}
