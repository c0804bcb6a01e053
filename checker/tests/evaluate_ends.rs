//! Who is meant by the words of a question, and what follows for the answer: families of addresses, several addresses
//! and interfaces, names, interfaces that AWS keeps for itself.

mod fixtures;

use fixtures::{Answers, entry, everything, open, route_to, tcp};
use serde_json::{Value, json};
use vivarium_checker::evaluate::{Code, Gate, Trace, Verdict};

const LAPTOP: &str = "203.0.113.10";

fn with(change: impl FnOnce(&mut Answers)) -> Answers {
    let mut answers = open();
    change(&mut answers);
    answers
}

#[track_caller]
fn reachable(trace: &Trace) {
    assert_eq!(trace.verdict, Verdict::Reachable, "{}", trace.summary);
}

/// That it is denied, and why first.
#[track_caller]
fn denied(trace: &Trace, code: Code) {
    assert_eq!(trace.verdict, Verdict::NotReachable, "{}", trace.summary);
    assert_eq!(trace.deciding.as_ref().and_then(Gate::code), Some(code), "{}", trace.summary);
}

fn inbound(answers: &mut Answers, group: &str, rules: Vec<Value>) {
    answers.thing("SecurityGroups", group)["IpPermissions"] = Value::Array(rules);
}

/// `i-0web` has an IPv6 address and no other.
fn without_ipv4(answers: &mut Answers) {
    answers.rows("Addresses").clear();
    let web = answers.thing("NetworkInterfaces", "eni-web");
    for field in ["PrivateIpAddress", "PrivateIpAddresses", "Association"] {
        web[field] = json!(null);
    }
    web["Ipv6Addresses"] = json!([{ "Ipv6Address": "2001:db8::10" }]);
    let to_all = json!({ "DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active" });
    answers.route("rtb-a", to_all);
    for egress in [false, true] {
        answers.acl_rule("acl-a", entry(101, egress, "allow", "::/0", None));
    }
    let mut rule = tcp(22, 22, &[]);
    rule["Ipv6Ranges"] = json!([{ "CidrIpv6": "::/0" }]);
    inbound(answers, "sg-web", vec![rule]);
    let mut out = everything();
    out["Ipv6Ranges"] = json!([{ "CidrIpv6": "::/0" }]);
    answers.thing("SecurityGroups", "sg-web")["IpPermissionsEgress"] = json!([out]);
}

#[test]
fn an_instance_with_ipv6_alone_is_asked_for_over_ipv6() {
    let answers = with(without_ipv4);
    let trace = answers.ask("internet", "i-0web", 22);
    reachable(&trace);
    assert!(trace.gates.iter().all(|gate| gate.packet.source.is_ipv6() == gate.packet.destination.is_ipv6()));
    reachable(&answers.ask("::/0", "i-0web", 22));
    reachable(&answers.ask("i-0web", "internet", 443));
    denied(&answers.ask("i-0web", "i-0app", 8080), Code::NoAddressOfFamily);
    denied(&answers.ask(LAPTOP, "i-0web", 22), Code::NoAddressOfFamily);
}

#[test]
fn an_elastic_address_of_a_second_private_one_is_a_way_in() {
    let answers = with(|answers| {
        answers.rows("Addresses").clear();
        let web = answers.thing("NetworkInterfaces", "eni-web");
        web["Association"] = json!(null);
        web["PrivateIpAddresses"] = json!([
            { "PrivateIpAddress": "10.0.1.10", "Primary": true },
            { "PrivateIpAddress": "10.0.1.11", "Primary": false, "Association": { "PublicIp": "198.51.100.21" } }]);
    });
    let trace = answers.ask(LAPTOP, "i-0web", 22);
    reachable(&trace);
    assert_eq!(trace.gates[0].packet.destination.to_string(), "10.0.1.11");
    // It leaves from the first one, which nothing stands for outside.
    denied(&answers.ask("i-0web", "192.0.2.80", 443), Code::NoPublicAddressToLeaveWith);
}

#[test]
fn a_private_address_is_not_what_the_internet_asks_for() {
    let trace = open().ask(LAPTOP, "10.0.1.10", 22);
    denied(&trace, Code::PrivateAddressFromOutside);
    assert!(trace.summary.contains("198.51.100.20 stands for it"), "{}", trace.summary);
}

#[test]
fn all_addresses_there_are_mean_the_internet() {
    let answers = with(|answers| inbound(answers, "sg-web", vec![tcp(22, 22, &["0.0.0.0/0"])]));
    let (all, internet) = (answers.ask("0.0.0.0/0", "i-0web", 22), answers.ask("internet", "i-0web", 22));
    reachable(&all);
    assert_eq!(all.gates, internet.gates);
}

#[test]
fn an_address_that_two_vpcs_have_is_meant_as_the_other_end_has_it() {
    let answers = with(|answers| {
        // Another account's VPC with the same block, in the same tree of answers.
        let mut vpc = answers.thing("Vpcs", "vpc-1").clone();
        vpc["VpcId"] = json!("vpc-0other");
        answers.rows("Vpcs").push(vpc);
        let mut twin = answers.thing("NetworkInterfaces", "eni-app").clone();
        twin["NetworkInterfaceId"] = json!("eni-0other");
        twin["Attachment"]["InstanceId"] = json!(null);
        twin["VpcId"] = json!("vpc-0other");
        twin["SubnetId"] = json!("subnet-0other");
        answers.rows("NetworkInterfaces").push(twin);
    });
    let there = answers.ask("i-0web", "10.0.3.30", 8080);
    reachable(&there);
    assert_eq!(there.cases, []);
    let back = answers.ask("10.0.3.30", "i-0web", 22);
    denied(&back, Code::NoRuleAllows);
    assert_eq!(back.cases, []);
    // What the source's own VPC does not have is not looked for in the other.
    let answers = with(|answers| {
        answers.rows("NetworkInterfaces").retain(|row| row["NetworkInterfaceId"] != "eni-app");
        let mut twin = answers.thing("NetworkInterfaces", "eni-peer").clone();
        twin["NetworkInterfaceId"] = json!("eni-0other");
        twin["PrivateIpAddress"] = json!("10.0.3.30");
        twin["PrivateIpAddresses"] = json!([{ "PrivateIpAddress": "10.0.3.30", "Primary": true }]);
        answers.rows("NetworkInterfaces").push(twin);
    });
    denied(&answers.ask("i-0web", "10.0.3.30", 8080), Code::NoSuchAddress);
}

fn nat_interface(answers: &mut Answers) {
    let mut nat = answers.thing("NetworkInterfaces", "eni-web").clone();
    nat["NetworkInterfaceId"] = json!("eni-nat");
    nat["InterfaceType"] = json!("nat_gateway");
    nat["Groups"] = json!([]);
    nat["SourceDestCheck"] = json!(false);
    nat["PrivateIpAddress"] = json!("10.0.1.5");
    let association = json!({ "PublicIp": "198.51.100.5" });
    nat["Association"] = association.clone();
    nat["PrivateIpAddresses"] =
        json!([{ "PrivateIpAddress": "10.0.1.5", "Primary": true, "Association": association }]);
    nat["Attachment"] = json!({ "Status": "attached", "InstanceOwnerId": "amazon-aws", "DeviceIndex": 1 });
    answers.rows("NetworkInterfaces").push(nat);
}

#[test]
fn nobody_connects_to_a_nat_gateway() {
    let answers = with(nat_interface);
    denied(&answers.ask(LAPTOP, "198.51.100.5", 80), Code::OutboundOnly);
    denied(&answers.ask("i-0web", "10.0.1.5", 80), Code::OutboundOnly);
    // And of a subnet's members it is none.
    let trace = answers.ask("10.0.1.0/24", "mydb", 5432);
    reachable(&trace);
    assert_eq!(trace.cases, []);
}

#[test]
fn an_interface_that_aws_runs_without_groups_is_not_filtered() {
    let answers = with(|answers| {
        let app = answers.thing("NetworkInterfaces", "eni-app");
        app["InterfaceType"] = json!("network_load_balancer");
        app["Groups"] = json!([]);
        app["Attachment"] =
            json!({ "Status": "attached", "InstanceOwnerId": "amazon-elb", "DeviceIndex": 1 });
    });
    reachable(&answers.ask("i-0web", "eni-app", 443));
    let answers = with(|answers| answers.thing("NetworkInterfaces", "eni-app")["Groups"] = json!([]));
    denied(&answers.ask("i-0web", "eni-app", 8080), Code::NoRulesAtAll);
}

#[test]
fn what_an_instance_sends_to_itself_meets_no_filter() {
    let answers = with(|answers| {
        inbound(answers, "sg-web", vec![]);
        answers.acl_rules("acl-a", vec![]);
    });
    reachable(&answers.ask("i-0web", "i-0web", 22));
    reachable(&answers.ask("i-0web", "10.0.1.10", 22));
    // By its public address the packet goes out and comes in again.
    assert_eq!(answers.ask("i-0web", "198.51.100.20", 22).verdict, Verdict::NotReachable);
}

#[test]
fn a_cluster_is_reached_where_its_instances_are() {
    let answers = with(|answers| {
        answers.rows("DBClusters").push(json!({
            "DBClusterIdentifier": "orders", "Status": "available", "Port": 5432,
            "Endpoint": "orders.cluster-abc123.eu-west-1.rds.amazonaws.com",
            "ReaderEndpoint": "orders.cluster-ro-abc123.eu-west-1.rds.amazonaws.com",
            "DBClusterMembers": [{ "DBInstanceIdentifier": "mydb", "IsClusterWriter": true }] }));
    });
    for name in [
        "orders",
        "orders.cluster-abc123.eu-west-1.rds.amazonaws.com",
        "orders.cluster-ro-abc123.eu-west-1.rds.amazonaws.com",
    ] {
        let trace = answers.ask("i-0web", name, 5432);
        reachable(&trace);
        assert!(trace.gates.iter().any(|gate| gate.element == "mydb"), "{name}");
    }
    let mut answers = answers;
    answers.0.remove("DBInstances");
    let trace = answers.ask("i-0web", "orders", 5432);
    assert_eq!(trace.verdict, Verdict::Unknown);
    assert_eq!(trace.unknowns[0].what, "mydb");
}

#[test]
fn a_subnet_is_all_who_are_in_it_and_an_endpoint_its_interfaces() {
    let answers = with(|answers| {
        inbound(answers, "sg-app", vec![tcp(443, 443, &["10.0.0.0/16"])]);
        answers.rows("VpcEndpoints").extend([
            json!({ "VpcEndpointId": "vpce-0ssm", "VpcEndpointType": "Interface", "State": "available",
                    "VpcId": "vpc-1", "ServiceName": "com.amazonaws.eu-west-1.ssm", "NetworkInterfaceIds": ["eni-app"] }),
            json!({ "VpcEndpointId": "vpce-0s3", "VpcEndpointType": "Gateway", "State": "available",
                    "VpcId": "vpc-1", "ServiceName": "com.amazonaws.eu-west-1.s3" }),
        ]);
    });
    reachable(&answers.ask("subnet-a", "subnet-c", 443));
    denied(&answers.ask("subnet-a", "subnet-c", 80), Code::NoRuleAllows);
    reachable(&answers.ask("i-0web", "vpce-0ssm", 443));
    let trace = answers.ask("i-0web", "vpce-0s3", 443);
    assert_eq!(trace.verdict, Verdict::Unknown);
    assert!(trace.summary.contains("by a route"), "{}", trace.summary);
}

#[test]
fn references_hold_through_a_transit_gateway_only_where_both_it_and_its_attachments_say_so() {
    let joined = |gateway: Option<Value>, attachment: &str| {
        with(|answers| {
            answers.rows("VpcPeeringConnections").clear();
            answers.without_route("rtb-a", "10.1.0.0/16");
            answers.without_route("rtb-d", "10.0.0.0/16");
            answers.route("rtb-a", route_to("10.1.0.0/16", "TransitGatewayId", "tgw-1"));
            answers.route("rtb-d", route_to("10.0.0.0/16", "TransitGatewayId", "tgw-1"));
            for (id, vpc, subnet) in
                [("tgw-attach-1", "vpc-1", "subnet-a"), ("tgw-attach-2", "vpc-2", "subnet-d")]
            {
                answers.rows("TransitGatewayVpcAttachments").push(json!({
                    "TransitGatewayAttachmentId": id, "TransitGatewayId": "tgw-1", "VpcId": vpc,
                    "State": "available", "SubnetIds": [subnet],
                    "Options": { "SecurityGroupReferencingSupport": attachment },
                    "Association": { "TransitGatewayRouteTableId": "tgw-rtb-1", "State": "associated" } }));
            }
            let to = |cidr: &str, id: &str| {
                json!({ "DestinationCidrBlock": cidr, "State": "active", "Type": "propagated",
                        "TransitGatewayAttachments": [{ "TransitGatewayAttachmentId": id }] })
            };
            answers
                .rows("TransitGatewayRouteTables")
                .push(json!({ "TransitGatewayRouteTableId": "tgw-rtb-1",
                "Routes": [to("10.0.0.0/16", "tgw-attach-1"), to("10.1.0.0/16", "tgw-attach-2")] }));
            if let Some(options) = gateway {
                answers
                    .rows("TransitGateways")
                    .push(json!({ "TransitGatewayId": "tgw-1", "Options": options }));
            }
            let mut rule = tcp(22, 22, &[]);
            rule["UserIdGroupPairs"] = json!([{ "GroupId": "sg-app" }]);
            inbound(answers, "sg-web", vec![rule]);
        })
        .ask("i-0peer", "i-0web", 22)
    };
    let option = |word: &str| Some(json!({ "SecurityGroupReferencingSupport": word }));
    reachable(&joined(option("enable"), "enable"));
    denied(&joined(option("disable"), "enable"), Code::NoRuleAllows);
    denied(&joined(option("enable"), "disable"), Code::NoRuleAllows);
    // An answer from before there was the option.
    denied(&joined(Some(json!({ "DnsSupport": "enable" })), "enable"), Code::NoRuleAllows);
    let unread = joined(None, "enable");
    assert_eq!(unread.verdict, Verdict::Unknown);
    assert!(unread.unknowns[0].what.contains("tgw-1"), "{:?}", unread.unknowns);
}

#[test]
fn a_regional_nat_gateway_stands_in_no_subnet() {
    let regional = |answers: &mut Answers| {
        let nat = answers.thing("NatGateways", "nat-1");
        nat["AvailabilityMode"] = json!("regional");
        nat["SubnetId"] = json!(null);
    };
    reachable(&with(regional).ask("i-0app", "192.0.2.80", 443));
    let answers = with(|answers| {
        regional(answers);
        answers.acl_rule("acl-c", entry(50, false, "deny", "192.0.2.0/24", None));
    });
    denied(&answers.ask("i-0app", "192.0.2.80", 443), Code::NetworkAclDenies);
    let answers = with(|answers| {
        regional(answers);
        answers.thing("InternetGateways", "igw-1")["Attachments"] = json!([]);
    });
    denied(&answers.ask("i-0app", "192.0.2.80", 443), Code::NoInternetGateway);
}

#[test]
fn a_route_whose_state_nobody_tells_is_taken_for_one_that_works_and_that_is_said() {
    let answers = with(|answers| {
        for table in ["rtb-a", "rtb-d"] {
            for route in answers.thing("RouteTables", table)["Routes"].as_array_mut().expect("routes") {
                route.as_object_mut().expect("an object").remove("State");
            }
        }
        answers.thing("InternetGateways", "igw-1")["Attachments"] = json!([{ "VpcId": "vpc-1" }]);
    });
    let trace = answers.ask(LAPTOP, "i-0web", 22);
    reachable(&trace);
    assert!(trace.assumptions.iter().any(|missing| missing.what.contains("the state of route 0.0.0.0/0")));
}

#[test]
fn where_the_answer_hangs_on_which_one_is_meant_that_is_what_is_unknown() {
    let answers = with(|answers| {
        answers.rows("NetworkInterfaces").retain(|row| row["NetworkInterfaceId"] != "eni-db");
        answers.thing("DBInstances", "mydb")["AvailabilityZone"] = json!(null);
        answers.acl_rule("acl-b", entry(1, false, "deny", "0.0.0.0/0", None));
    });
    let trace = answers.ask("i-0web", "mydb", 5432);
    assert_eq!(trace.verdict, Verdict::Unknown);
    assert_eq!(trace.unknowns[0].what, "where mydb is");
}
