//! Transit gateways: what is attached, and where their tables lead.

use super::collection::Known;
use super::id::{AttachmentId, SubnetId, TransitGatewayId, TransitRouteTableId, VpcId};
use super::route::{RouteDestination, RouteState};

/// A transit gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct TransitGateway {
    pub id: TransitGatewayId,
    /// Whether references to security groups hold through it at all.
    pub security_group_referencing: Known<bool>,
}

/// Something attached to a transit gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct TransitAttachment {
    pub id: AttachmentId,
    pub transit_gateway: TransitGatewayId,
    /// `vpc`, `vpn`, `direct-connect-gateway`, `peering`, `connect`.
    pub resource_type: String,
    /// The VPC, where it is one.
    pub vpc: Option<VpcId>,
    pub state: Known<String>,
    /// The table that traffic from it is looked up in.
    pub route_table: Option<TransitRouteTableId>,
    /// One a zone; known only from describe-transit-gateway-vpc-attachments.
    pub subnets: Known<Vec<SubnetId>>,
    /// Whether references to security groups hold through it.
    pub security_group_referencing: Known<bool>,
}

/// A table of a transit gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct TransitRouteTable {
    pub id: TransitRouteTableId,
    pub transit_gateway: Option<TransitGatewayId>,
    pub routes: Known<Vec<TransitRoute>>,
    /// Attachments that it learns from without our knowing what.
    pub propagating: Vec<AttachmentId>,
}

/// A route of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct TransitRoute {
    pub destination: RouteDestination,
    pub attachment: Option<AttachmentId>,
    pub is_static: bool,
    pub state: RouteState,
}
