//! The calls that change something: no more than the fixes and their undoing need.

/// A call of EC2's or RDS's that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is a call of AWS's, under its own name")]
pub enum Write {
    AuthorizeSecurityGroupIngress,
    AuthorizeSecurityGroupEgress,
    RevokeSecurityGroupIngress,
    RevokeSecurityGroupEgress,
    ModifySecurityGroupRules,
    CreateNetworkAclEntry,
    ReplaceNetworkAclEntry,
    DeleteNetworkAclEntry,
    CreateRoute,
    ReplaceRoute,
    DeleteRoute,
    AttachInternetGateway,
    DetachInternetGateway,
    StartInstances,
    StopInstances,
    AllocateAddress,
    AssociateAddress,
    DisassociateAddress,
    ReleaseAddress,
    ModifyVpcAttribute,
    CreateVpcBlockPublicAccessExclusion,
    DeleteVpcBlockPublicAccessExclusion,
    AcceptVpcPeeringConnection,
    DeleteVpcPeeringConnection,
    ModifyNetworkInterfaceAttribute,
    StartDBInstance,
    StopDBInstance,
}

impl Write {
    /// As AWS names it.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// Whose it is: `ec2`.
    pub fn service(self) -> &'static str {
        match self {
            Self::StartDBInstance | Self::StopDBInstance => "rds",
            _ => "ec2",
        }
    }

    /// The version of the service's interface.
    pub fn version(self) -> &'static str {
        match self.service() {
            "rds" => "2014-10-31",
            _ => "2016-11-15",
        }
    }

    /// As a policy names it: `ec2:CreateRoute`.
    pub fn permission(self) -> String {
        format!("{}:{}", self.service(), self.name())
    }
}
