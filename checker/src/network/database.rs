//! Database instances and clusters of RDS, as far as the network cares.

use jiff::Timestamp;

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
    /// Its DB parameter groups.
    pub parameter_groups: Vec<String>,
    /// The authority that signed its certificate: `rds-ca-rsa2048-g1`.
    pub ca_certificate: Option<String>,
    /// Until when its certificate is valid.
    pub certificate_valid_till: Option<Timestamp>,
    /// Whether it takes tokens of IAM in place of passwords.
    pub iam_authentication: Option<bool>,
    /// `15.14`.
    pub engine_version: Option<String>,
    /// The database that was made with it; none but `postgres` where there is no such name.
    pub database_name: Option<String>,
    /// `IPV4`, `DUAL`.
    pub network_type: Option<String>,
}

/// The subnets in which RDS may put a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "RDS's own words")]
pub struct DbSubnetGroup {
    pub name: String,
    pub vpc: Option<VpcId>,
    pub subnets: Vec<SubnetId>,
}

/// Several database instances under names of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "RDS's own words")]
pub struct DbCluster {
    pub id: String,
    pub endpoint: Option<String>,
    pub reader_endpoint: Option<String>,
    pub writers: Vec<DbInstanceId>,
    pub readers: Vec<DbInstanceId>,
}
