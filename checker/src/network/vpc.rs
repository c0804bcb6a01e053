//! A VPC and its subnets.

use ipnet::IpNet;

use super::access::BlockMode;
use super::collection::Known;
use super::id::{AccountId, AvailabilityZone, SubnetId, VpcId};

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct Vpc {
    pub id: VpcId,
    pub name: Option<String>,
    pub owner: Option<AccountId>,
    /// All blocks that are associated, of both families.
    pub cidr_blocks: Vec<IpNet>,
    pub enable_dns_support: Known<bool>,
    pub enable_dns_hostnames: Known<bool>,
    /// VPC Block Public Access as the VPC itself tells it, where it does.
    pub block_public_access: Option<BlockMode>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct Subnet {
    pub id: SubnetId,
    pub name: Option<String>,
    pub vpc: VpcId,
    pub availability_zone: Option<AvailabilityZone>,
    pub cidr_blocks: Vec<IpNet>,
    /// VPC Block Public Access as the subnet itself tells it, where it does.
    pub block_public_access: Option<BlockMode>,
}

impl Subnet {
    /// Whether the address lies in it.
    pub fn contains(&self, address: std::net::IpAddr) -> bool {
        self.cidr_blocks.iter().any(|block| block.contains(&address))
    }
}

impl Vpc {
    /// Whether the address lies in it.
    pub fn contains(&self, address: std::net::IpAddr) -> bool {
        self.cidr_blocks.iter().any(|block| block.contains(&address))
    }
}
