//! A network ACL: the stateless filter at the edge of a subnet.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::collection::Known;
use super::id::{NetworkAclId, SubnetId, VpcId};
use super::protocol::{IcmpMatch, ProtocolMatch};
use super::ranges::PortSet;

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct NetworkAcl {
    pub id: NetworkAclId,
    pub vpc: VpcId,
    pub is_default: bool,
    pub subnets: Vec<SubnetId>,
    /// In any order; the rule `*`, which denies what is left, may be among them or not.
    pub entries: Known<Vec<NetworkAclEntry>>,
}

/// A numbered rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct NetworkAclEntry {
    pub rule_number: u32,
    pub egress: bool,
    pub rule_action: RuleAction,
    /// What it speaks of, or which part of it could not be read.
    pub matches: Known<AclMatch>,
}

/// What a rule speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct AclMatch {
    pub protocol: ProtocolMatch,
    pub cidr_block: IpNet,
    /// All of them where the protocol has none or the rule names none.
    pub ports: PortSet,
    pub icmp: IcmpMatch,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RuleAction {
    Allow,
    Deny,
}

impl NetworkAclEntry {
    /// Whether it is one of the rules `*`, which AWS numbers 32767 (IPv4) and 32768 (IPv6).
    pub fn is_asterisk(&self) -> bool {
        self.rule_number >= 32767
    }
}
