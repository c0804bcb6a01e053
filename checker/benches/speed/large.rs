//! A Region as large as its quotas let it be: 10,000 interfaces, each with five of 5,000 groups, each group with 60
//! rules inwards and 60 outwards; network ACLs of 20 rules a direction, route tables of 50 routes. The same each time.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// How many there are.
pub const INTERFACES: usize = 10_000;
/// The same.
pub const GROUPS: usize = 5_000;
/// A group, each way.
pub const RULES: usize = 60;
const GROUPS_EACH: usize = 5;
const SUBNETS: usize = 40;
const EACH: usize = INTERFACES / SUBNETS;
const VPC: &str = "vpc-0a1b2c3d4e5f60718";

/// Writes the folder, as the AWS CLI prints it, unless it is there.
pub fn write(folder: &Path) -> io::Result<()> {
    if folder.join("complete").exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let vpc = format!(r#""VpcId": "{VPC}", "CidrBlock": "10.0.0.0/16", "State": "available""#);
    file(folder, "vpcs", "Vpcs", &[vpc])?;
    let gateway = format!(
        r#""InternetGatewayId": "igw-1", "Attachments": [{{"State": "available", "VpcId": "{VPC}"}}]"#
    );
    file(folder, "internet-gateways", "InternetGateways", &[gateway])?;
    let rows = |count: usize, row: fn(usize) -> String| (0..count).map(row).collect::<Vec<_>>();
    file(folder, "subnets", "Subnets", &rows(SUBNETS, subnet))?;
    file(folder, "network-acls", "NetworkAcls", &rows(SUBNETS, network_acl))?;
    file(folder, "route-tables", "RouteTables", &rows(SUBNETS, route_table))?;
    file(folder, "network-interfaces", "NetworkInterfaces", &rows(INTERFACES, interface))?;
    file(folder, "instances", "Instances", &rows(INTERFACES, instance))?;
    file(folder, "security-groups", "SecurityGroups", &rows(GROUPS, group))?;
    let off =
        r#"{"VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "off", "State": "update-complete"}}"#;
    fs::write(folder.join("describe-vpc-block-public-access-options.json"), off)?;
    fs::write(folder.join("complete"), "")
}

fn file(folder: &Path, kind: &str, key: &str, rows: &[String]) -> io::Result<()> {
    let mut text = format!("{{\n    \"{key}\": [\n");
    for (index, row) in rows.iter().enumerate() {
        let comma = if index == 0 { "" } else { ",\n" };
        // Indented as the CLI does it, near enough: what a reader has to skip is part of the load.
        let _ = write!(
            text,
            "{comma}        {{\n            {}\n        }}",
            row.replace(", \"", ",\n            \"")
        );
    }
    fs::write(folder.join(format!("describe-{kind}.json")), text + "\n    ]\n}\n")
}

/// Where the interface of this number is: in the order of subnets, from their eleventh address on.
pub fn address(number: usize) -> String {
    let (subnet, host) = (number / EACH, number % EACH + 11);
    format!("10.0.{}.{}", subnet * 4 + host / 256, host % 256)
}

/// The instance of this number.
pub fn instance_id(number: usize) -> String {
    format!("i-{number:017x}")
}

fn group_id(number: usize) -> String {
    format!("sg-{:017x}", number % GROUPS)
}

fn subnet(number: usize) -> String {
    format!(
        r#""SubnetId": "subnet-{number}", "VpcId": "{VPC}", "CidrBlock": "10.0.{}.0/22", "AvailabilityZone": "us-east-1a""#,
        number * 4
    )
}

fn network_acl(number: usize) -> String {
    let entry = |egress: bool, rule: usize| {
        let (action, block) = match rule {
            19 => ("allow", "0.0.0.0/0".to_owned()),
            _ if rule.is_multiple_of(3) => ("deny", format!("198.18.{rule}.0/24")),
            _ => ("allow", format!("10.0.{}.0/22", (number + rule) % SUBNETS * 4)),
        };
        format!(
            r#"{{"CidrBlock": "{block}", "Egress": {egress}, "Protocol": "-1", "RuleAction": "{action}", "RuleNumber": {}}}"#,
            rule * 10
        )
    };
    let entries: Vec<String> =
        [true, false].into_iter().flat_map(|egress| (1..20).map(move |rule| entry(egress, rule))).collect();
    format!(
        r#""NetworkAclId": "acl-{number}", "VpcId": "{VPC}", "IsDefault": false, "Associations": [{{"NetworkAclId": "acl-{number}", "SubnetId": "subnet-{number}"}}], "Entries": [{}]"#,
        entries.join(", ")
    )
}

fn route_table(number: usize) -> String {
    let mut routes = vec![
        r#"{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}"#.to_owned(),
    ];
    routes
        .push(r#"{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}"#.to_owned());
    routes.extend((0..48).map(|route| {
        format!(
            r#"{{"DestinationCidrBlock": "198.19.{route}.0/24", "GatewayId": "igw-1", "State": "active"}}"#
        )
    }));
    format!(
        r#""RouteTableId": "rtb-{number}", "VpcId": "{VPC}", "Associations": [{{"Main": {}, "SubnetId": "subnet-{number}"}}], "Routes": [{}]"#,
        number == 0,
        routes.join(", ")
    )
}

fn interface(number: usize) -> String {
    let groups: Vec<String> = (0..GROUPS_EACH)
        .map(|step| format!(r#"{{"GroupId": "{}"}}"#, group_id(number * 7 + step * 1009)))
        .collect();
    let address = address(number);
    let public =
        format!(r#", "Association": {{"PublicIp": "198.51.{}.{}"}}"#, number / 256 % 256, number % 256);
    let public = if number.is_multiple_of(4) { public.as_str() } else { "" };
    format!(
        r#""NetworkInterfaceId": "eni-{number:017x}", "SubnetId": "subnet-{}", "VpcId": "{VPC}", "Status": "in-use", "SourceDestCheck": true, "PrivateIpAddress": "{address}"{public}, "PrivateIpAddresses": [{{"Primary": true, "PrivateIpAddress": "{address}"{public}}}], "Groups": [{}], "Attachment": {{"DeviceIndex": 0, "InstanceId": "{}", "Status": "attached"}}"#,
        number / EACH,
        groups.join(", "),
        instance_id(number),
    )
}

fn instance(number: usize) -> String {
    format!(
        r#""InstanceId": "{}", "State": {{"Code": 16, "Name": "running"}}, "SubnetId": "subnet-{}", "VpcId": "{VPC}", "PrivateIpAddress": "{}", "Tags": [{{"Key": "Name", "Value": "worker-{number}"}}]"#,
        instance_id(number),
        number / EACH,
        address(number),
    )
}

/// Half of the rules name blocks and half name groups; the last one is what lets the questions of the bench through.
fn group(number: usize) -> String {
    let rule = |rule: usize| {
        let (from, to) = if rule == RULES - 1 { (22, 22) } else { (2000 + rule * 10, 2009 + rule * 10) };
        let peer = match rule {
            _ if rule == RULES - 1 => {
                r#""IpRanges": [{"CidrIp": "0.0.0.0/0"}], "UserIdGroupPairs": []"#.to_owned()
            }
            _ if rule.is_multiple_of(2) => format!(
                r#""IpRanges": [{{"CidrIp": "10.{}.{}.0/24"}}], "UserIdGroupPairs": []"#,
                rule,
                number % 256
            ),
            _ => format!(
                r#""IpRanges": [], "UserIdGroupPairs": [{{"GroupId": "{}", "UserId": "123456789012"}}]"#,
                group_id(number + rule)
            ),
        };
        format!(
            r#"{{"IpProtocol": "tcp", "FromPort": {from}, "ToPort": {to}, {peer}, "Ipv6Ranges": [], "PrefixListIds": []}}"#
        )
    };
    let rules: Vec<String> = (0..RULES).map(rule).collect();
    let rules = rules.join(", ");
    format!(
        r#""GroupId": "{}", "GroupName": "group-{number}", "VpcId": "{VPC}", "OwnerId": "123456789012", "Description": "made", "IpPermissions": [{rules}], "IpPermissionsEgress": [{rules}]"#,
        group_id(number)
    )
}
