//! VPC Block Public Access: a Region's switch that overrides everything at internet gateways.

use super::id::{SubnetId, VpcId};

/// The Region's setting and who is exempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct BlockPublicAccess {
    pub mode: BlockMode,
    /// Whether exclusions were read; where they were not, a blocking mode says nothing certain.
    pub exclusions: super::collection::Known<Vec<Exclusion>>,
}

/// What is blocked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub enum BlockMode {
    Off,
    BlockBidirectional,
    BlockIngress,
    Other(String),
}

/// One exemption.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct Exclusion {
    pub id: String,
    pub scope: ExclusionScope,
    pub mode: ExclusionMode,
    /// Whether it is in force: it was created or updated, and not deleted.
    pub in_force: bool,
}

/// What is exempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub enum ExclusionScope {
    Vpc(VpcId),
    Subnet(SubnetId),
    Other(String),
}

/// From what it is exempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub enum ExclusionMode {
    AllowBidirectional,
    AllowEgress,
}
