//! A folder is seldom tidy: rows without the answer around them, other services' answers that speak of the same
//! things, one thing told twice. None of it may change what the network is.

mod fixtures;

use std::fs;
use std::path::Path;

use fixtures::{ask, open};
use serde_json::{Value, json};
use vivarium_checker::aws::folder;
use vivarium_checker::evaluate::Verdict;
use vivarium_checker::network::Network;

fn write(folder: &Path, name: &str, document: &Value) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, document.to_string()).expect("a file");
}

fn read(folder: &Path) -> Network {
    folder::read(folder).unwrap_or_else(|error| panic!("{error}")).network
}

/// The clean network in a folder, a file for each kind.
fn saved() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (key, rows) in &open().0 {
        write(folder.path(), &format!("{key}.json"), &json!({ *key: rows }));
    }
    folder
}

/// What `--query` leaves: `Vpcs[]` is a list of rows, `Reservations[].Instances[]` one of instances, and
/// `Vpcs[0]` a row by itself.
#[test]
fn rows_that_query_left_alone_are_the_rows_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    for (key, rows) in &open().0 {
        let mut rows = rows.clone();
        if *key == "Reservations" {
            rows = rows.iter().map(|row| row["Instances"][0].clone()).collect();
            // As AWS tells it: the instance names its groups and repeats its interface.
            rows[0]["SecurityGroups"] = json!([{ "GroupId": "sg-web", "GroupName": "sg-web" }]);
            rows[0]["SubnetId"] = json!("subnet-a");
            rows[0]["VpcId"] = json!("vpc-1");
        }
        match rows.as_slice() {
            [one] => write(folder.path(), &format!("{key}.json"), one),
            several => write(folder.path(), &format!("{key}.json"), &json!(several)),
        }
    }
    assert_eq!(read(folder.path()), open().network());
}

/// Each of them lists something under a name that EC2's answers have too, and comes after them by name.
#[test]
fn what_other_answers_mention_never_takes_the_place_of_what_is_told() {
    let folder = saved();
    let company = [
        json!({ "LoadBalancerDescriptions": [{ "LoadBalancerName": "old", "Instances": [{ "InstanceId": "i-0web" }],
            "SecurityGroups": ["sg-web"], "Subnets": ["subnet-a"], "VPCId": "vpc-1" }] }),
        json!({ "AutoScalingGroups": [{ "AutoScalingGroupName": "a", "Instances": [{ "InstanceId": "i-0web",
            "InstanceType": "t3.micro", "LifecycleState": "InService" }] }] }),
        json!({ "Volumes": [{ "VolumeId": "vol-0a", "Attachments": [{ "InstanceId": "i-0web", "State": "attached" }] }] }),
        json!({ "IamInstanceProfileAssociations": [{ "InstanceId": "i-0web", "State": "associated" }] }),
        json!({ "LaunchTemplateVersions": [{ "LaunchTemplateData": {
            "NetworkInterfaces": [{ "DeviceIndex": 0, "Groups": ["sg-web"] }] } }] }),
        json!({ "SpotInstanceRequests": [{ "InstanceId": "i-0web", "State": "active", "LaunchSpecification": {
            "SecurityGroups": [{ "GroupId": "sg-web", "GroupName": "sg-web" }] } }] }),
        json!({ "MountTargets": [{ "MountTargetId": "fsmt-1", "SubnetId": "subnet-a", "VpcId": "vpc-1",
            "NetworkInterfaceId": "eni-web", "IpAddress": "10.0.1.10" }] }),
        json!({ "CacheSubnetGroups": [{ "CacheSubnetGroupName": "c", "VpcId": "vpc-1",
            "Subnets": [{ "SubnetIdentifier": "subnet-a" }] }] }),
        json!({ "Vpcs": [{ "VpcId": "vpc-1", "ClassicLinkEnabled": false, "Tags": [] }] }),
        json!({ "Addresses": [{ "PublicIp": "198.51.100.20", "AllocationId": "eipalloc-1", "PtrRecord": "web.example." }] }),
        json!({ "DBSnapshots": [{ "DBInstanceIdentifier": "mydb", "Status": "available", "VpcId": "vpc-1" }] }),
        json!({ "TransitGatewayPeeringAttachments": [{ "TransitGatewayAttachmentId": "tgw-attach-1", "State": "available" }] }),
        json!({ "DhcpOptions": [{ "DhcpOptionsId": "dopt-1", "DhcpConfigurations": [] }] }),
        json!({ "ResponseMetadata": { "HTTPStatusCode": 200 }, "NextToken": null }),
    ];
    for (index, document) in company.iter().enumerate() {
        write(folder.path(), &format!("zz/{index}.json"), document);
        // Both before and after what tells.
        write(folder.path(), &format!("0/{index}.json"), document);
    }
    assert_eq!(read(folder.path()), open().network());
}

#[test]
fn mentions_alone_do_not_count_as_having_asked() {
    let folder = saved();
    fs::remove_file(folder.path().join("NetworkInterfaces.json")).expect("it was there");
    fs::remove_file(folder.path().join("SecurityGroups.json")).expect("it was there");
    write(
        folder.path(),
        "zz.json",
        &json!({ "LaunchTemplateVersions": [{ "LaunchTemplateData": {
        "NetworkInterfaces": [{ "DeviceIndex": 0 }], "SecurityGroups": [] } }] }),
    );
    let network = read(folder.path());
    assert!(!network.network_interfaces.is_read() && !network.security_groups.is_read());
    assert_eq!(ask(&network, "203.0.113.10", "i-0web", 22).verdict, Verdict::Unknown);
}

#[test]
fn a_thing_that_is_only_mentioned_is_unknown_and_not_absent() {
    let folder = saved();
    write(folder.path(), "Reservations.json", &json!({ "Reservations": [] }));
    write(folder.path(), "few.json", &json!({ "Instances": [{ "InstanceId": "i-0web" }] }));
    let trace = ask(&read(folder.path()), "203.0.113.10", "i-0web", 22);
    assert_eq!(trace.verdict, Verdict::Unknown, "{}", trace.summary);
    assert_eq!(trace.unknowns[0].what, "State of i-0web");
}

/// Owner and participant of a shared VPC each see a part of what is associated with its network ACL and table.
#[test]
fn what_two_accounts_see_of_a_shared_vpc_adds_up() {
    let folder = saved();
    let mut seen = open();
    let acl = seen.thing("NetworkAcls", "acl-a");
    acl["Associations"] = json!([{ "SubnetId": "subnet-0more", "NetworkAclId": "acl-a" }]);
    write(folder.path(), "zz/acls.json", &json!({ "NetworkAcls": [acl] }));
    let network = read(folder.path());
    let acl = network.network_acls.get(&"acl-a".into()).expect("it is there");
    assert_eq!(acl.subnets, ["subnet-0more".into(), "subnet-a".into()]);
}

/// Whoever makes answers anonymous may give every interface the same id.
#[test]
fn interfaces_of_several_instances_under_one_id_are_several() {
    let folder = saved();
    fs::remove_file(folder.path().join("NetworkInterfaces.json")).expect("it was there");
    let mut answers = open();
    for mut interface in answers.0.remove("NetworkInterfaces").expect("interfaces") {
        if let Some(id) = interface["Attachment"]["InstanceId"].as_str().map(str::to_owned) {
            interface["NetworkInterfaceId"] = json!("eni-00000000");
            interface["Attachment"].as_object_mut().expect("an object").remove("InstanceId");
            answers.thing("Instances", &id)["NetworkInterfaces"] = json!([interface]);
        }
    }
    write(folder.path(), "Reservations.json", &json!({ "Reservations": answers.0["Reservations"] }));
    let network = read(folder.path());
    assert_eq!(ask(&network, "203.0.113.10", "i-0web", 22).verdict, Verdict::Reachable);
    assert_eq!(ask(&network, "i-0web", "i-0app", 8080).verdict, Verdict::Reachable);
    assert_eq!(ask(&network, "i-0web", "i-0app", 22).verdict, Verdict::NotReachable);
}

/// Static routes and propagations of a transit gateway's table, each wrapped with the table's id.
#[test]
fn what_a_transit_gateway_learns_from_vpcs_follows_from_their_blocks() {
    let folder = saved();
    let mut answers = open();
    for (table, cidr) in [("rtb-a", "10.1.0.0/16"), ("rtb-d", "10.0.0.0/16")] {
        answers.without_route(table, cidr);
        answers.route(
            table,
            json!({ "DestinationCidrBlock": cidr, "TransitGatewayId": "tgw-1", "State": "active" }),
        );
        answers.route(
            table,
            json!({ "DestinationCidrBlock": "192.168.0.0/16", "TransitGatewayId": "tgw-1",
            "State": "active" }),
        );
    }
    write(folder.path(), "RouteTables.json", &json!({ "RouteTables": answers.0["RouteTables"] }));
    let attachment = |id: &str, kind: &str, resource: &str| {
        json!({ "TransitGatewayAttachmentId": id, "TransitGatewayId": "tgw-1", "ResourceType": kind,
            "ResourceId": resource, "State": "available",
            "Association": { "TransitGatewayRouteTableId": "tgw-rtb-1", "State": "associated" } })
    };
    let attachments = [
        attachment("tgw-attach-1", "vpc", "vpc-1"),
        attachment("tgw-attach-2", "vpc", "vpc-2"),
        attachment("tgw-attach-3", "vpn", "vpn-1"),
    ];
    write(folder.path(), "tgw/a.json", &json!({ "TransitGatewayAttachments": attachments }));
    write(
        folder.path(),
        "tgw/b.json",
        &json!({ "TransitGatewayStaticRoutes": [
        { "TransitGatewayRouteTableId": "tgw-rtb-1", "Routes": [], "AdditionalRoutesAvailable": false }] }),
    );
    let propagating = |ids: &[&str]| {
        let rows: Vec<Value> =
            ids.iter().map(|id| json!({ "TransitGatewayAttachmentId": id, "State": "enabled" })).collect();
        json!({ "TransitGatewayPropagations": [
            { "TransitGatewayRouteTableId": "tgw-rtb-1", "TransitGatewayRouteTablePropagations": rows }] })
    };
    let verdict = |to: &str| ask(&read(folder.path()), "i-0web", to, 8080).verdict;
    write(folder.path(), "tgw/c.json", &propagating(&["tgw-attach-1", "tgw-attach-2"]));
    assert_eq!(verdict("i-0peer"), Verdict::Reachable);
    assert_eq!(verdict("192.168.0.1"), Verdict::NotReachable, "nothing leads there");
    write(folder.path(), "tgw/c.json", &propagating(&["tgw-attach-1", "tgw-attach-2", "tgw-attach-3"]));
    assert_eq!(verdict("192.168.0.1"), Verdict::Unknown, "the VPN may have told of it");
    write(folder.path(), "tgw/c.json", &propagating(&["tgw-attach-1"]));
    assert_eq!(verdict("i-0peer"), Verdict::NotReachable);
}
