//! The calls that are made. All of them describe; there is no other kind here, so none can be made by mistake.

use crate::network::Kind;

/// A call of EC2's, RDS's or STS's that only describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is a call of AWS's, under its own name")]
pub enum Action {
    DescribeInstances,
    DescribeInstanceStatus,
    DescribeNetworkInterfaces,
    DescribeSubnets,
    DescribeRouteTables,
    DescribeNetworkAcls,
    DescribeSecurityGroups,
    DescribeSecurityGroupRules,
    DescribeInternetGateways,
    DescribeEgressOnlyInternetGateways,
    DescribeNatGateways,
    DescribeVpcEndpoints,
    DescribeVpcPeeringConnections,
    DescribeVpcs,
    DescribeVpcAttribute,
    DescribeAddresses,
    DescribeManagedPrefixLists,
    GetManagedPrefixListEntries,
    DescribeKeyPairs,
    DescribeInstanceConnectEndpoints,
    DescribeVpcBlockPublicAccessOptions,
    DescribeVpcBlockPublicAccessExclusions,
    DescribeTransitGatewayAttachments,
    DescribeTransitGatewayVpcAttachments,
    SearchTransitGatewayRoutes,
    GetConsoleOutput,
    DescribeDBInstances,
    DescribeDBSubnetGroups,
    DescribeDBParameters,
    DescribeEvents,
    GetCallerIdentity,
}

use Action as A;

/// Every action: its service, its name, and the kind of noun that is not known without it.
const ACTIONS: [(Action, &str, &str, Option<Kind>); 31] = [
    (A::DescribeInstances, "ec2", "DescribeInstances", Some(Kind::Instances)),
    (A::DescribeInstanceStatus, "ec2", "DescribeInstanceStatus", Some(Kind::InstanceStatuses)),
    (A::DescribeNetworkInterfaces, "ec2", "DescribeNetworkInterfaces", Some(Kind::NetworkInterfaces)),
    (A::DescribeSubnets, "ec2", "DescribeSubnets", Some(Kind::Subnets)),
    (A::DescribeRouteTables, "ec2", "DescribeRouteTables", Some(Kind::RouteTables)),
    (A::DescribeNetworkAcls, "ec2", "DescribeNetworkAcls", Some(Kind::NetworkAcls)),
    (A::DescribeSecurityGroups, "ec2", "DescribeSecurityGroups", Some(Kind::SecurityGroups)),
    (A::DescribeSecurityGroupRules, "ec2", "DescribeSecurityGroupRules", None),
    (A::DescribeInternetGateways, "ec2", "DescribeInternetGateways", Some(Kind::InternetGateways)),
    (A::DescribeEgressOnlyInternetGateways, "ec2", "DescribeEgressOnlyInternetGateways", None),
    (A::DescribeNatGateways, "ec2", "DescribeNatGateways", Some(Kind::NatGateways)),
    (A::DescribeVpcEndpoints, "ec2", "DescribeVpcEndpoints", Some(Kind::VpcEndpoints)),
    (
        A::DescribeVpcPeeringConnections,
        "ec2",
        "DescribeVpcPeeringConnections",
        Some(Kind::VpcPeeringConnections),
    ),
    (A::DescribeVpcs, "ec2", "DescribeVpcs", Some(Kind::Vpcs)),
    (A::DescribeVpcAttribute, "ec2", "DescribeVpcAttribute", Some(Kind::VpcAttributes)),
    (A::DescribeAddresses, "ec2", "DescribeAddresses", Some(Kind::Addresses)),
    (A::DescribeManagedPrefixLists, "ec2", "DescribeManagedPrefixLists", Some(Kind::PrefixLists)),
    (A::GetManagedPrefixListEntries, "ec2", "GetManagedPrefixListEntries", Some(Kind::PrefixListEntries)),
    (A::DescribeKeyPairs, "ec2", "DescribeKeyPairs", Some(Kind::KeyPairs)),
    (A::DescribeInstanceConnectEndpoints, "ec2", "DescribeInstanceConnectEndpoints", None),
    (
        A::DescribeVpcBlockPublicAccessOptions,
        "ec2",
        "DescribeVpcBlockPublicAccessOptions",
        Some(Kind::BlockPublicAccess),
    ),
    (
        A::DescribeVpcBlockPublicAccessExclusions,
        "ec2",
        "DescribeVpcBlockPublicAccessExclusions",
        Some(Kind::BlockPublicAccessExclusions),
    ),
    (
        A::DescribeTransitGatewayAttachments,
        "ec2",
        "DescribeTransitGatewayAttachments",
        Some(Kind::TransitGatewayAttachments),
    ),
    (A::DescribeTransitGatewayVpcAttachments, "ec2", "DescribeTransitGatewayVpcAttachments", None),
    (
        A::SearchTransitGatewayRoutes,
        "ec2",
        "SearchTransitGatewayRoutes",
        Some(Kind::TransitGatewayRouteTables),
    ),
    (A::GetConsoleOutput, "ec2", "GetConsoleOutput", Some(Kind::ConsoleOutput)),
    (A::DescribeDBInstances, "rds", "DescribeDBInstances", Some(Kind::DbInstances)),
    (A::DescribeDBSubnetGroups, "rds", "DescribeDBSubnetGroups", Some(Kind::DbSubnetGroups)),
    (A::DescribeDBParameters, "rds", "DescribeDBParameters", Some(Kind::DbParameters)),
    (A::DescribeEvents, "rds", "DescribeEvents", Some(Kind::DbEvents)),
    (A::GetCallerIdentity, "sts", "GetCallerIdentity", None),
];

impl Action {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        ACTIONS.iter().map(|row| row.0)
    }

    /// As AWS names it: `DescribeInstances`.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// Whose it is: `ec2`.
    pub fn service(self) -> &'static str {
        self.row().1
    }

    /// As a policy names it: `ec2:DescribeInstances`.
    pub fn permission(self) -> String {
        format!("{}:{}", self.service(), self.name())
    }

    /// What is not known where it is refused.
    pub fn shows(self) -> Option<Kind> {
        self.row().3
    }

    /// Whether its answer is part of a network. Others explain a host or a database.
    pub fn tells_of_the_network(self) -> bool {
        let beside = [A::DescribeSecurityGroupRules, A::DescribeTransitGatewayVpcAttachments];
        self.shows().is_some() || beside.contains(&self)
    }

    /// As the AWS CLI names it: `describe-db-instances`.
    pub fn command(self) -> String {
        let letters: Vec<char> = self.name().chars().collect();
        let mut command = String::new();
        for (at, letter) in letters.iter().enumerate() {
            let ends_a_word = |before: &char| before.is_lowercase();
            let begins_one = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
            let before = at.checked_sub(1).and_then(|at| letters.get(at));
            if letter.is_uppercase() && before.is_some_and(|before| ends_a_word(before) || begins_one) {
                command.push('-');
            }
            command.extend(letter.to_lowercase());
        }
        command
    }

    fn row(self) -> &'static (Self, &'static str, &'static str, Option<Kind>) {
        ACTIONS.iter().find(|row| row.0 == self).expect("every action has its row; a test counts them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_action_writes() {
        for action in Action::all() {
            let reads = ["Describe", "Get", "Search"].iter().any(|word| action.name().starts_with(word));
            assert!(reads, "{action:?}");
        }
    }

    #[test]
    fn every_action_has_its_row_under_its_own_name() {
        for (number, action) in Action::all().enumerate() {
            assert_eq!(action as usize, number);
            assert_eq!(format!("{action:?}"), action.name());
        }
        assert_eq!(Action::GetCallerIdentity as usize + 1, ACTIONS.len());
    }

    #[test]
    fn commands_are_spelled_as_the_cli_spells_them() {
        assert_eq!(Action::DescribeDBSubnetGroups.command(), "describe-db-subnet-groups");
        assert_eq!(Action::GetManagedPrefixListEntries.command(), "get-managed-prefix-list-entries");
        assert_eq!(Action::DescribeNetworkAcls.command(), "describe-network-acls");
    }

    #[test]
    fn a_kind_of_noun_is_shown_by_the_permission_that_it_names() {
        for action in Action::all() {
            if let Some(kind) = action.shows() {
                assert_eq!(kind.permission(), action.permission());
            }
        }
    }
}
