//! A prefix list: blocks under one id, for routes and for rules of security groups.

use ipnet::IpNet;

use super::collection::Known;
use super::id::PrefixListId;

/// A prefix list of AWS's or of a customer's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct PrefixList {
    pub id: PrefixListId,
    pub name: Option<String>,
    /// Whether AWS keeps it, for a service of its own.
    pub is_of_aws: Option<bool>,
    pub entries: Known<Vec<IpNet>>,
}
