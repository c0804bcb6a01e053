//! The gates, a file each: what each lets through, and by which rule.

mod appliance;
pub(super) mod block_public_access;
mod database;
mod endpoint;
pub(super) mod host;
mod internet_gateway;
mod name_resolution;
mod nat_gateway;
mod network_acl;
mod peering;
pub(super) mod route_table;
pub(super) mod security_group;
pub(super) mod transit_gateway;
