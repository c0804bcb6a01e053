//! Which answers there are, how one is known, and how a row of one is known where nobody has kept the answer around
//! it: `--query` leaves the rows alone, and other services' answers list instances and groups by the same names.

use serde_json::{Map, Value};

use super::{Documents, access, condition, database, filter, gateway, host, route, transit};
use crate::aws::row::Row;
use crate::network::Kind;

/// One kind of answer.
pub(super) struct Answer {
    /// The key that lists its rows.
    pub key: &'static str,
    /// What it speaks of.
    pub kind: Kind,
    /// The field that holds a row's id.
    pub id: &'static str,
    /// What only a row of it has beside that id, as a JSON pointer: a volume names an instance and a state as well.
    proof: &'static str,
    /// What a row of it tells, one of these at the least; a row with none only mentions the thing.
    tells: &'static [&'static str],
    /// Who reads a row.
    pub reader: fn(&mut Documents, Row<'_>),
}

macro_rules! answers {
    ($($key:literal $kind:ident $id:literal $proof:literal [$($tells:literal)*] $reader:path;)*) => {
        &[$(Answer {
            key: $key, kind: Kind::$kind, id: $id, proof: $proof, tells: &[$($tells),*], reader: $reader,
        }),*]
    };
}

/// All of them. A row that several would know is the first's: an instance also names its subnet and its VPC.
pub(super) const ANSWERS: &[Answer] = answers! {
    "Reservations" Instances "ReservationId" "/Instances" ["Instances"] host::reservation;
    "Instances" Instances "InstanceId" "/State/Name" ["State"] host::instance;
    "NetworkInterfaces" NetworkInterfaces "NetworkInterfaceId" "/Groups"
        ["Groups" "Status" "PrivateIpAddress" "PrivateIpAddresses"] host::network_interface;
    "NatGateways" NatGateways "NatGatewayId" "/State" ["State" "NatGatewayAddresses"] gateway::nat_gateway;
    "VpcEndpoints" VpcEndpoints "VpcEndpointId" "/ServiceName" ["State" "ServiceName"] gateway::vpc_endpoint;
    "RouteTables" RouteTables "RouteTableId" "/Routes" ["Routes"] route::route_table;
    "NetworkAcls" NetworkAcls "NetworkAclId" "/Entries" ["Entries"] filter::network_acl;
    "SecurityGroupRules" SecurityGroups "SecurityGroupRuleId" "/IsEgress" ["IsEgress"]
        filter::security_group_rule;
    "SecurityGroups" SecurityGroups "GroupId" "/IpPermissions" ["IpPermissions" "IpPermissionsEgress"]
        filter::security_group;
    "Subnets" Subnets "SubnetId" "/CidrBlock" ["CidrBlock" "Ipv6CidrBlockAssociationSet"] host::subnet;
    "InternetGateways" InternetGateways "InternetGatewayId" "/Attachments" ["Attachments"]
        gateway::internet_gateway;
    "VpcPeeringConnections" VpcPeeringConnections "VpcPeeringConnectionId" "/Status/Code"
        ["Status" "RequesterVpcInfo" "AccepterVpcInfo"] gateway::peering_connection;
    "PrefixLists" PrefixLists "PrefixListId" "/PrefixListName" ["PrefixListName" "Cidrs" "OwnerId"]
        route::prefix_list;
    "ManagedPrefixLists" PrefixLists "PrefixListId" "/PrefixListName" ["PrefixListName" "Cidrs" "OwnerId"]
        route::prefix_list;
    "TransitGatewayAttachments" TransitGatewayAttachments "TransitGatewayAttachmentId" "/TransitGatewayId"
        ["State" "TransitGatewayId"] transit::attachment;
    "TransitGatewayVpcAttachments" TransitGatewayAttachments "TransitGatewayAttachmentId" "/TransitGatewayId"
        ["State" "TransitGatewayId"] transit::attachment;
    "TransitGatewayRouteTables" TransitGatewayRouteTables "TransitGatewayRouteTableId" "/TransitGatewayId"
        ["State" "TransitGatewayId" "Routes"] transit::route_table;
    "TransitGateways" TransitGateways "TransitGatewayId" "/Options/DefaultRouteTableAssociation" ["Options"]
        transit::gateway;
    "Addresses" Addresses "PublicIp" "/AllocationId" ["Domain" "AssociationId" "InstanceId" "NetworkInterfaceId"]
        host::address;
    "DBInstances" DbInstances "DBInstanceIdentifier" "/DBInstanceStatus" ["DBInstanceStatus" "Endpoint"]
        database::instance;
    "DBClusters" DbClusters "DBClusterIdentifier" "/DBClusterMembers" ["DBClusterMembers" "Endpoint"]
        database::cluster;
    "DBSubnetGroups" DbSubnetGroups "DBSubnetGroupName" "/Subnets" ["Subnets"] database::subnet_group;
    "InstanceStatuses" InstanceStatuses "InstanceId" "/InstanceStatus" ["InstanceStatus" "SystemStatus" "InstanceState"]
        condition::instance_status;
    "KeyPairs" KeyPairs "KeyName" "/KeyFingerprint" ["KeyFingerprint" "PublicKey" "KeyPairId"] condition::key_pair;
    "Events" DbEvents "SourceIdentifier" "/SourceType" ["Message" "SourceType"] condition::db_event;
    "Parameters" DbParameters "ParameterName" "/ApplyMethod" ["ParameterName"] condition::db_parameter;
    "VpcBlockPublicAccessExclusions" BlockPublicAccessExclusions "ExclusionId" "/ResourceArn" ["ResourceArn"]
        access::exclusion;
    "Vpcs" Vpcs "VpcId" "/CidrBlock" ["CidrBlock" "CidrBlockAssociationSet"] host::vpc;
};

impl Answer {
    /// Whether a row says more of the thing than that it is there.
    pub(super) fn is_told_by(&self, row: &Value) -> bool {
        self.tells.iter().any(|field| row.get(*field).is_some_and(|value| !value.is_null()))
    }

    /// Whether it can only be a row of this answer.
    fn is_row(&self, row: &Value) -> bool {
        row.get(self.id).is_some_and(Value::is_string)
            && row.pointer(self.proof).is_some_and(|value| !value.is_null())
    }
}

/// The answers in an object, each with its rows. Deeper down other services use the same words for mere mentions, so
/// there every row has to be one, and an object that says things of itself is no answer with nothing in it.
pub(super) fn within(object: &Map<String, Value>, depth: usize) -> Vec<(&'static Answer, &[Value])> {
    let lists = ANSWERS.iter().filter_map(|answer| {
        let rows = object.get(answer.key)?.as_array()?;
        Some((answer, rows.as_slice()))
    });
    let lists: Vec<_> = lists.collect();
    let all_rows = |(answer, rows): &(&Answer, &[Value])| rows.iter().all(|row| answer.is_row(row));
    let says_things = object.values().any(|value| value.is_string() || value.is_number());
    let is_bundle =
        lists.iter().all(all_rows) && (!says_things || lists.iter().any(|(_, rows)| !rows.is_empty()));
    if depth == 0 || is_bundle { lists } else { Vec::new() }
}

/// The answer that an object by itself is a row of.
pub(super) fn of_row(row: &Value) -> Option<&'static Answer> {
    ANSWERS.iter().find(|answer| answer.is_row(row))
}
