//! Ids are types, so that a subnet's is never taken for a VPC's.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$about:meta])* $name:ident;)*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Box<str>);

        impl $name {
            /// The id as AWS writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// Twelve digits.
    AccountId;
    /// `eipalloc-…`
    AllocationId;
    /// `tgw-attach-…`
    AttachmentId;
    /// `eu-west-1a`
    AvailabilityZone;
    /// The name that its owner gave a database instance.
    DbInstanceId;
    /// `i-…`
    InstanceId;
    /// `igw-…`
    InternetGatewayId;
    /// `nat-…`
    NatGatewayId;
    /// `acl-…`
    NetworkAclId;
    /// `eni-…`
    NetworkInterfaceId;
    /// `pcx-…`
    PeeringId;
    /// `pl-…`
    PrefixListId;
    /// `rtb-…`
    RouteTableId;
    /// `sg-…`
    SecurityGroupId;
    /// `sgr-…`
    SecurityGroupRuleId;
    /// `subnet-…`
    SubnetId;
    /// `tgw-…`
    TransitGatewayId;
    /// `tgw-rtb-…`
    TransitRouteTableId;
    /// `vpce-…`
    VpcEndpointId;
    /// `vpc-…`
    VpcId;
}
