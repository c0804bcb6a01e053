//! A database instance of RDS, as far as the network cares.

use super::collection::Known;
use super::id::{AvailabilityZone, DbInstanceId, SecurityGroupId, SubnetId, VpcId};

/// A database instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "RDS's own words")]
pub struct DbInstance {
    pub id: DbInstanceId,
    pub status: Known<String>,
    /// Absent while it is being created.
    pub endpoint: Option<(String, u16)>,
    pub publicly_accessible: Known<bool>,
    /// Those whose status is active.
    pub groups: Known<Vec<SecurityGroupId>>,
    pub availability_zone: Option<AvailabilityZone>,
    pub secondary_availability_zone: Option<AvailabilityZone>,
    pub multi_az: bool,
    /// The DB subnet group's name, or the group itself as the answer repeats it.
    pub subnet_group: Option<DbSubnetGroup>,
}

/// The subnets in which RDS may put a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "RDS's own words")]
pub struct DbSubnetGroup {
    pub name: String,
    pub vpc: Option<VpcId>,
    pub subnets: Vec<SubnetId>,
}
