//! Why a gate denies: our own names, with Reachability Analyzer's beside them where it has one.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

macro_rules! codes {
    ($($(#[$about:meta])* $code:ident = $ours:literal, $theirs:expr;)*) => {
        /// Why a gate denies.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$about])* $code,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// Our name for it: frozen, as JSON has it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$code => $ours,)* }
            }

            /// Reachability Analyzer's, where it has one.
            pub fn reachability_analyzer(self) -> Option<&'static str> {
                match self { $(Self::$code => $theirs,)* }
            }
        }
    };
}

codes! {
    /// The instance is not running.
    InstanceNotRunning = "instance_not_running", Some("BAD_STATE");
    /// The interface is attached to nothing that works.
    InterfaceNotAttached = "interface_not_attached", Some("BAD_STATE_ATTACHMENT");
    /// The instance has no interface: it is terminated or not yet made.
    NoNetworkInterface = "no_network_interface", Some("UNASSOCIATED_COMPONENT");
    /// The interface has no address of the family that is asked for.
    NoAddressOfFamily = "no_address_of_family", Some("UNASSOCIATED_COMPONENT");
    /// The database's status is one in which it does not answer.
    DatabaseNotAvailable = "database_not_available", Some("BAD_STATE");
    /// The database has no public address.
    DatabaseNotPublic = "database_not_publicly_accessible", Some("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS");
    /// The database listens on another port.
    DatabasePort = "database_listens_on_another_port", None;
    /// The VPC's resolver is off, so that the database's name has no answer.
    NameNotResolved = "name_not_resolved", None;
    /// What is connected to from the internet has no public address.
    NoPublicAddress = "no_public_address", Some("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS");
    /// The public address belongs to nothing.
    AddressNotAssociated = "address_not_associated", Some("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS");
    /// A private address, asked for from outside.
    PrivateAddressFromOutside = "private_address_from_outside", Some("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS");
    /// No interface has the address.
    NoSuchAddress = "no_interface_has_the_address", Some("NO_POSSIBLE_DESTINATION");
    /// What connects to the internet through an internet gateway has no public address.
    NoPublicAddressToLeaveWith = "no_public_address_to_leave_with", Some("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS");
    /// No rule of the interface's groups allows it.
    NoRuleAllows = "no_security_group_rule_allows", Some("ENI_SG_RULES_MISMATCH");
    /// The interface's groups have no rules in that direction at all.
    NoRulesAtAll = "security_groups_have_no_rules", Some("SG_HAS_NO_RULES");
    /// The first rule of the network ACL that matches denies, or none matches.
    NetworkAclDenies = "network_acl_denies", Some("SUBNET_ACL_RESTRICTION");
    /// No route of the table leads there.
    NoRoute = "no_route", Some("NO_ROUTE_TO_DESTINATION");
    /// The most specific route's target is gone.
    RouteBlackhole = "route_is_a_blackhole", Some("BAD_STATE_ROUTE");
    /// The most specific route leads somewhere from where the destination is not reached.
    RouteLeadsElsewhere = "route_leads_elsewhere", Some("CANNOT_ROUTE");
    /// The reply does not leave through the gateway that the request came by.
    ReplyLeavesElsewhere = "reply_leaves_by_another_way", Some("CANNOT_ROUTE");
    /// The local route is only for addresses of the VPC.
    LocalRouteOnly = "local_route_is_for_the_vpc_only", Some("VPC_LOCAL_ROUTE_CIDR_RESTRICTION");
    /// Packets go round in circles.
    RouteLoop = "route_loop", None;
    /// The VPC has no internet gateway.
    NoInternetGateway = "no_internet_gateway", Some("NO_PATH");
    /// The internet gateway is not attached to this VPC.
    InternetGatewayNotAttached = "internet_gateway_not_attached", Some("BAD_STATE_ATTACHMENT");
    /// Internet gateways carry nothing to private addresses.
    PrivateDestination = "private_destination_at_internet_gateway", Some("IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS");
    /// Nor to shared ones.
    SharedDestination = "shared_destination_at_internet_gateway", Some("IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS");
    /// Nor from private addresses.
    PrivateSource = "private_source_at_internet_gateway", Some("IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS");
    /// Nor from shared ones.
    SharedSource = "shared_source_at_internet_gateway", Some("IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS");
    /// VPC Block Public Access is on.
    BlockPublicAccess = "vpc_block_public_access", Some("VPC_BLOCK_PUBLIC_ACCESS_ENABLED");
    /// The gateway lets connections out only.
    OutboundOnly = "gateway_is_outbound_only", None;
    /// The NAT gateway does not work.
    NatGatewayNotAvailable = "nat_gateway_not_available", Some("BAD_STATE");
    /// NAT gateways serve their own VPC only.
    NatGatewayOfAnotherVpc = "nat_gateway_of_another_vpc", Some("NGW_REQUIRES_SOURCE_IN_VPC");
    /// NAT gateways carry TCP, UDP and ICMP only.
    ProtocolNotCarried = "protocol_not_carried", Some("PROTOCOL_RESTRICTION");
    /// The peering connection is not active.
    PeeringNotActive = "peering_not_active", Some("BAD_STATE");
    /// Peering carries only what is between addresses of its two VPCs.
    PeeringAddress = "address_not_in_the_peered_vpcs", Some("PCX_REQUIRES_ADDRESS_IN_VPC_CIDR");
    /// Only what the interface sends or receives itself passes it.
    SourceDestCheck = "source_dest_check", Some("ENI_SOURCE_DEST_CHECK_RESTRICTION");
    /// The VPC endpoint does not work.
    EndpointNotAvailable = "vpc_endpoint_not_available", Some("BAD_STATE");
    /// Gateway endpoints carry TCP and ICMP echo only.
    EndpointProtocol = "vpc_endpoint_protocol", Some("VPCE_GATEWAY_PROTOCOL_RESTRICTION");
    /// The transit gateway is not attached to this VPC.
    TransitNotAttached = "transit_gateway_not_attached", Some("TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT");
    /// The attachment does not work.
    TransitAttachmentState = "transit_attachment_not_available", Some("BAD_STATE_ATTACHMENT");
    /// The attachment is not in the zone that the traffic comes from.
    TransitZone = "transit_attachment_not_in_zone", Some("TGW_ATTACH_VPC_AZ_RESTRICTION");
    /// The transit gateway's table has no route there.
    TransitNoRoute = "transit_gateway_no_route", Some("TGW_RTB_CANNOT_ROUTE");
    /// The transit gateway's route is a blackhole.
    TransitBlackhole = "transit_gateway_route_is_a_blackhole", Some("TGW_RTB_BAD_STATE_ROUTE");
    /// The transit gateway's route leads to another attachment.
    TransitElsewhere = "transit_gateway_route_leads_elsewhere", Some("TGW_RTB_MORE_SPECIFIC_ROUTE");
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reachability_analyzer().unwrap_or(self.name()))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("code", self.name())?;
        map.serialize_entry("reachability_analyzer", &self.reachability_analyzer())?;
        map.end()
    }
}
