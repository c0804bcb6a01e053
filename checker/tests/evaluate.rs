//! The clean network is reachable; break one thing, and the gate that decides is named. A test for each rule of
//! AWS's that configuration can show: S of security groups, N of network ACLs, R of routes, D of databases.
//!
//! Not here, as no configuration shows them: S16 and N15 (what no filter sees), S18 to S22 (tracking of connections,
//! and how soon a change holds), S23 and N17 (quotas: those of fixes are in `explain_fixes.rs`), N12 (there is no
//! such rule to write), N16 (what a change does to old connections), N18 (what AWS once added), D4 (a resolver of
//! the host's own), D5 (addresses that will change), D7 (ping), D8 (a setting of PostgreSQL's).

mod fixtures;

use fixtures::{Answers, entry, everything, open, route_to, tcp};
use serde_json::{Value, json};
use vivarium_checker::evaluate::{
    Code, Direction, End, Flow, Gate, GateKind, Outcome, Trace, Verdict, evaluate,
};
use vivarium_checker::network::{PortSet, Protocol};

const LAPTOP: &str = "203.0.113.10";

fn ssh(answers: &Answers) -> Trace {
    answers.ask(LAPTOP, "i-0web", 22)
}

fn postgres(answers: &Answers) -> Trace {
    answers.ask("i-0web", "mydb", 5432)
}

#[track_caller]
fn reachable(trace: &Trace) {
    assert_eq!(trace.verdict, Verdict::Reachable, "{}", trace.summary);
    assert_eq!(trace.blockers, []);
}

/// That exactly these gates deny, in this order.
#[track_caller]
fn denied(trace: &Trace, wanted: &[(Code, &str)]) {
    let denying = trace.gates.iter().filter(|gate| matches!(gate.outcome, Outcome::Denied { .. }));
    let seen: Vec<(Code, String)> =
        denying.map(|gate| (gate.code().expect("a code"), element(gate))).collect();
    let wanted: Vec<(Code, String)> =
        wanted.iter().map(|(code, element)| (*code, (*element).to_owned())).collect();
    assert_eq!(seen, wanted, "{}", trace.summary);
    assert_eq!(trace.verdict, Verdict::NotReachable);
}

fn element(gate: &Gate) -> String {
    gate.rule().map(|rule| rule.element.clone()).unwrap_or_default()
}

#[track_caller]
fn unknown(trace: &Trace, what: &str) {
    assert_eq!(trace.verdict, Verdict::Unknown, "{}", trace.summary);
    let named = trace.unknowns.iter().any(|missing| missing.to_string().contains(what));
    assert!(named, "{what} is not among {:?}", trace.unknowns);
}

/// After one change.
fn with(change: impl FnOnce(&mut Answers)) -> Answers {
    let mut answers = open();
    change(&mut answers);
    answers
}

fn group_rule(answers: &mut Answers, group: &str, rules: Vec<Value>) {
    answers.thing("SecurityGroups", group)["IpPermissions"] = Value::Array(rules);
}

/// Another instance's interface beside that of `i-0app`, with the same group.
fn neighbour(answers: &mut Answers) {
    let mut second = answers.thing("NetworkInterfaces", "eni-app").clone();
    second["NetworkInterfaceId"] = json!("eni-two");
    second["Attachment"]["InstanceId"] = json!("i-0web");
    second["PrivateIpAddress"] = json!("10.0.3.31");
    second["PrivateIpAddresses"] = json!([{ "PrivateIpAddress": "10.0.3.31", "Primary": true }]);
    answers.rows("NetworkInterfaces").push(second);
}

#[test]
fn the_clean_network_has_no_blocker() {
    let answers = open();
    reachable(&ssh(&answers));
    reachable(&postgres(&answers));
    reachable(&answers.ask("i-0app", "192.0.2.80", 443));
    reachable(&answers.ask("i-0web", "i-0app", 8080));
    reachable(&with(peer_by_reference).ask("i-0peer", "i-0web", 22));
}

#[test]
fn gates_come_in_the_order_a_packet_meets_them() {
    let order = |trace: &Trace| -> Vec<(Direction, GateKind)> {
        trace.gates.iter().map(|gate| (gate.direction, gate.kind)).collect()
    };
    let (there, back) = (Direction::Forward, Direction::Return);
    let seen = order(&postgres(&open()));
    let wanted = [
        (there, GateKind::NetworkInterface),
        (there, GateKind::Instance),
        (there, GateKind::NameResolution),
        (there, GateKind::SecurityGroup),
        (there, GateKind::NetworkAcl),
        (there, GateKind::RouteTable),
        (there, GateKind::NetworkAcl),
        (there, GateKind::SecurityGroup),
        (there, GateKind::NetworkInterface),
        (there, GateKind::Database),
        (back, GateKind::NetworkAcl),
        (back, GateKind::RouteTable),
        (back, GateKind::NetworkAcl),
    ];
    assert_eq!(seen, wanted);
}

// Security groups.

#[test]
fn s1_the_groups_of_the_interface_count_and_their_rules_add_up() {
    let answers = with(|answers| {
        group_rule(answers, "sg-web", vec![]);
        group_rule(answers, "sg-nat", vec![tcp(22, 22, &["203.0.113.0/24"])]);
        answers.thing("NetworkInterfaces", "eni-web")["Groups"] =
            json!([{ "GroupId": "sg-web" }, { "GroupId": "sg-nat" }]);
    });
    reachable(&ssh(&answers));
    // What the instance says of its groups is its first interface's, and not this one's.
    let answers = with(|answers| {
        answers.thing("NetworkInterfaces", "eni-web")["Groups"] = json!([{ "GroupId": "sg-nat" }]);
        answers.thing("Instances", "i-0web")["SecurityGroups"] = json!([{ "GroupId": "sg-web" }]);
    });
    denied(&ssh(&answers), &[(Code::NoRulesAtAll, "sg-nat")]);
}

#[test]
fn s2_a_group_without_outbound_rules_lets_nothing_be_initiated() {
    let answers =
        with(|answers| answers.thing("SecurityGroups", "sg-web")["IpPermissionsEgress"] = json!([]));
    denied(&postgres(&answers), &[(Code::NoRulesAtAll, "sg-web")]);
}

#[test]
fn s3_a_reply_needs_no_rule_of_the_group() {
    let answers =
        with(|answers| answers.thing("SecurityGroups", "sg-web")["IpPermissionsEgress"] = json!([]));
    reachable(&ssh(&answers));
}

#[test]
fn s2_outbound_rules_for_other_ports_only_are_a_cause_of_their_own() {
    let answers = with(|answers| {
        answers.thing("SecurityGroups", "sg-web")["IpPermissionsEgress"] =
            json!([tcp(443, 443, &["0.0.0.0/0"])]);
    });
    denied(&postgres(&answers), &[(Code::NoRuleAllows, "sg-web")]);
}

#[test]
fn s4_protocols_by_number_and_name_are_the_same_and_all_ignores_ports() {
    for (protocol, from, to, opens) in [
        ("6", 22, 22, true),
        ("-1", 80, 80, true),
        ("udp", 22, 22, false),
        ("17", 22, 22, false),
        ("50", 22, 22, false),
    ] {
        let mut rule = tcp(from, to, &["203.0.113.10/32"]);
        rule["IpProtocol"] = json!(protocol);
        let answers = with(|answers| group_rule(answers, "sg-web", vec![rule]));
        assert_eq!(ssh(&answers).verdict == Verdict::Reachable, opens, "protocol {protocol}");
    }
}

#[test]
fn s5_port_ranges_include_both_ends_and_have_none_where_they_name_none() {
    for (from, to, opens) in [(22, 30, true), (10, 22, true), (23, 30, false), (10, 21, false)] {
        let answers =
            with(|answers| group_rule(answers, "sg-web", vec![tcp(from, to, &["203.0.113.10/32"])]));
        assert_eq!(ssh(&answers).verdict == Verdict::Reachable, opens, "{from}-{to}");
    }
    for absent in [json!(null), json!(-1)] {
        let mut rule = tcp(0, 0, &["203.0.113.10/32"]);
        rule["FromPort"] = absent.clone();
        rule["ToPort"] = absent;
        reachable(&ssh(&with(|answers| group_rule(answers, "sg-web", vec![rule]))));
    }
}

/// An echo request, from the laptop over IPv4 or from another one over IPv6.
fn ping(answers: &Answers, protocol: Protocol) -> Trace {
    let source = if protocol == Protocol::Icmp { LAPTOP } else { "2001:db8:f::1" };
    let (source, destination) = (End::parse(source), End::parse("i-0web"));
    evaluate(&Flow { source, destination, protocol, port: 0, source_ports: None }, &answers.network())
}

/// A rule about ICMP; nothing said of type and code where there is none.
fn icmp(protocol: &str, pair: Option<(i64, i64)>, field: &str, cidr: &str) -> Value {
    let mut rule = json!({ "IpProtocol": protocol, field: [{ if field == "IpRanges" { "CidrIp" } else { "CidrIpv6" }: cidr }] });
    if let Some((icmp_type, code)) = pair {
        rule["FromPort"] = json!(icmp_type);
        rule["ToPort"] = json!(code);
    }
    rule
}

#[test]
fn s6_the_ports_of_a_rule_about_icmp_are_a_type_and_a_code_and_no_range() {
    for (pair, opens) in [
        (Some((8, 0)), true),
        (Some((8, -1)), true),
        (Some((-1, -1)), true),
        (None, true),
        (Some((0, 255)), false),
        (Some((0, 8)), false),
        (Some((8, 1)), false),
    ] {
        let rule = icmp("icmp", pair, "IpRanges", "0.0.0.0/0");
        let answers = with(|answers| group_rule(answers, "sg-web", vec![rule]));
        assert_eq!(ping(&answers, Protocol::Icmp).verdict == Verdict::Reachable, opens, "{pair:?}");
    }
}

#[test]
fn s7_a_rule_about_icmpv6_may_name_no_type_and_is_not_for_ipv4() {
    let dual = |rule: Value| {
        with(|answers| {
            answers.thing("NetworkInterfaces", "eni-web")["Ipv6Addresses"] =
                json!([{ "Ipv6Address": "2001:db8::10" }]);
            let to_all =
                json!({ "DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active" });
            answers.route("rtb-a", to_all);
            for egress in [false, true] {
                answers.acl_rule("acl-a", entry(101, egress, "allow", "::/0", None));
            }
            group_rule(answers, "sg-web", vec![rule]);
        })
    };
    for (protocol, pair, opens) in [
        ("icmpv6", None, true),
        ("58", Some((128, 0)), true),
        ("icmpv6", Some((1, -1)), false),
        ("icmp", None, false),
    ] {
        let answers = dual(icmp(protocol, pair, "Ipv6Ranges", "::/0"));
        assert_eq!(
            ping(&answers, Protocol::Icmpv6).verdict == Verdict::Reachable,
            opens,
            "{protocol} {pair:?}"
        );
    }
    let answers = dual(icmp("icmpv6", None, "IpRanges", "0.0.0.0/0"));
    denied(&ping(&answers, Protocol::Icmp), &[(Code::NoRuleAllows, "sg-web")]);
}

#[test]
fn s8_all_of_ipv4_never_matches_ipv6() {
    let dual = |answers: &mut Answers| {
        answers.thing("NetworkInterfaces", "eni-web")["Ipv6Addresses"] =
            json!([{ "Ipv6Address": "2001:db8::10" }]);
        answers.route(
            "rtb-a",
            json!({ "DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active" }),
        );
        for egress in [false, true] {
            answers.acl_rule("acl-a", entry(101, egress, "allow", "::/0", None));
        }
        group_rule(answers, "sg-web", vec![tcp(22, 22, &["0.0.0.0/0"])]);
    };
    denied(&with(dual).ask("2001:db8:f::1", "i-0web", 22), &[(Code::NoRuleAllows, "sg-web")]);
    let answers = with(|answers| {
        dual(answers);
        answers.thing("SecurityGroups", "sg-web")["IpPermissions"][0]["Ipv6Ranges"] =
            json!([{ "CidrIpv6": "::/0" }]);
    });
    reachable(&answers.ask("2001:db8:f::1", "i-0web", 22));
}

#[test]
fn s9_a_reference_to_a_group_does_not_match_its_members_public_addresses() {
    let answers = with(|answers| {
        let mut rule = tcp(80, 80, &[]);
        rule["UserIdGroupPairs"] = json!([{ "GroupId": "sg-web" }]);
        group_rule(answers, "sg-web", vec![rule]);
        let association = json!({ "PublicIp": "198.51.100.30" });
        let mut second = answers.thing("NetworkInterfaces", "eni-web").clone();
        second["NetworkInterfaceId"] = json!("eni-two");
        second["PrivateIpAddress"] = json!("10.0.1.11");
        second["Association"] = association.clone();
        second["PrivateIpAddresses"] =
            json!([{ "PrivateIpAddress": "10.0.1.11", "Primary": true, "Association": association }]);
        second["Attachment"]["InstanceId"] = json!("i-0app");
        answers.rows("NetworkInterfaces").push(second);
    });
    reachable(&answers.ask("eni-web", "eni-two", 80));
    denied(&answers.ask("eni-web", "198.51.100.30", 80), &[(Code::NoRuleAllows, "sg-web")]);
}

#[test]
fn s10_members_of_one_group_may_not_talk_unless_it_names_itself() {
    let neighbours = |answers: &mut Answers| {
        neighbour(answers);
        group_rule(answers, "sg-app", vec![]);
    };
    denied(&with(neighbours).ask("eni-app", "eni-two", 80), &[(Code::NoRulesAtAll, "sg-app")]);
    let answers = with(|answers| {
        neighbours(answers);
        let mut rule = everything();
        rule["IpRanges"] = json!([]);
        rule["UserIdGroupPairs"] = json!([{ "GroupId": "sg-app" }]);
        group_rule(answers, "sg-app", vec![rule]);
    });
    reachable(&answers.ask("eni-app", "eni-two", 80));
}

fn peer_by_reference(answers: &mut Answers) {
    let mut rule = tcp(22, 22, &[]);
    rule["UserIdGroupPairs"] =
        json!([{ "GroupId": "sg-app", "VpcPeeringConnectionId": "pcx-1", "PeeringStatus": "active" }]);
    group_rule(answers, "sg-web", vec![rule]);
}

#[test]
fn s11_references_hold_through_a_peering_within_a_region_only() {
    reachable(&with(peer_by_reference).ask("i-0peer", "i-0web", 22));
    let answers = with(|answers| {
        peer_by_reference(answers);
        answers.thing("VpcPeeringConnections", "pcx-1")["AccepterVpcInfo"]["Region"] = json!("us-east-1");
    });
    denied(&answers.ask("i-0peer", "i-0web", 22), &[(Code::NoRuleAllows, "sg-web")]);
}

#[test]
fn s12_a_reference_through_a_peering_that_is_gone_matches_nothing() {
    let answers = with(|answers| {
        peer_by_reference(answers);
        answers.thing("SecurityGroups", "sg-web")["IpPermissions"][0]["UserIdGroupPairs"][0]["PeeringStatus"] =
            json!("deleted");
    });
    denied(&answers.ask("i-0peer", "i-0web", 22), &[(Code::NoRuleAllows, "sg-web")]);
}

#[test]
fn s13_a_reference_does_not_hold_through_an_appliance() {
    let answers = with(|answers| {
        answers.route("rtb-a", route_to("10.0.2.0/24", "NetworkInterfaceId", "eni-app"));
        answers.route("rtb-main", route_to("10.0.1.0/24", "NetworkInterfaceId", "eni-app"));
        answers.thing("NetworkInterfaces", "eni-app")["SourceDestCheck"] = json!(false);
        group_rule(answers, "sg-app", vec![everything()]);
    });
    denied(&postgres(&answers), &[(Code::NoRuleAllows, "sg-db")]);
    let by_block = with(|answers| {
        answers.route("rtb-a", route_to("10.0.2.0/24", "NetworkInterfaceId", "eni-app"));
        answers.route("rtb-main", route_to("10.0.1.0/24", "NetworkInterfaceId", "eni-app"));
        answers.thing("NetworkInterfaces", "eni-app")["SourceDestCheck"] = json!(false);
        group_rule(answers, "sg-app", vec![everything()]);
        group_rule(answers, "sg-db", vec![tcp(5432, 5432, &["10.0.1.0/24"])]);
    });
    reachable(&postgres(&by_block));
}

#[test]
fn s14_a_group_of_another_vpc_counts_where_the_interface_carries_it() {
    let answers = with(|answers| answers.thing("SecurityGroups", "sg-web")["VpcId"] = json!("vpc-9"));
    reachable(&ssh(&answers));
}

#[test]
fn s15_a_prefix_list_is_its_entries_and_without_them_nobody_knows() {
    let listed = |answers: &mut Answers| {
        let mut rule = tcp(22, 22, &[]);
        rule["PrefixListIds"] = json!([{ "PrefixListId": "pl-1" }]);
        group_rule(answers, "sg-web", vec![rule]);
    };
    unknown(&ssh(&with(listed)), "pl-1");
    for (cidr, opens) in [("203.0.113.0/24", true), ("198.18.0.0/15", false)] {
        let answers = with(|answers| {
            listed(answers);
            answers.rows("PrefixLists").push(json!({ "PrefixListId": "pl-1", "Cidrs": [cidr] }));
        });
        assert_eq!(ssh(&answers).verdict == Verdict::Reachable, opens, "{cidr}");
    }
}

#[test]
fn s17_security_groups_filter_neighbours_in_one_subnet_too() {
    let answers = with(|answers| {
        neighbour(answers);
    });
    denied(&answers.ask("eni-app", "eni-two", 22), &[(Code::NoRuleAllows, "sg-app")]);
}

#[test]
fn s24_only_active_groups_of_a_database_count_and_its_port_is_its_own() {
    let answers = with(|answers| {
        answers.rows("NetworkInterfaces").retain(|row| row["NetworkInterfaceId"] != "eni-db");
        answers.thing("DBInstances", "mydb")["VpcSecurityGroups"] = json!([
            { "VpcSecurityGroupId": "sg-db", "Status": "removing" }, { "VpcSecurityGroupId": "sg-nat", "Status": "active" }]);
    });
    denied(&postgres(&answers), &[(Code::NoRulesAtAll, "sg-nat")]);
    let answers = with(|answers| answers.thing("DBInstances", "mydb")["Endpoint"]["Port"] = json!(6432));
    denied(&postgres(&answers), &[(Code::DatabasePort, "mydb")]);
}

// Network ACLs.

#[test]
fn n1_a_subnet_without_one_of_its_own_has_the_default_network_acl() {
    let answers = with(|answers| {
        answers.rows("NetworkAcls").retain(|row| row["NetworkAclId"] != "acl-a");
        answers
            .rows("NetworkAcls")
            .push(json!({ "NetworkAclId": "acl-0", "VpcId": "vpc-1", "IsDefault": true,
            "Associations": [], "Entries": [] }));
    });
    denied(&ssh(&answers), &[(Code::NetworkAclDenies, "acl-0"), (Code::NetworkAclDenies, "acl-0")]);
}

#[test]
fn n2_the_lowest_number_that_matches_decides_in_whatever_order_they_are_listed() {
    let deny_first = vec![
        entry(100, false, "allow", "0.0.0.0/0", None),
        entry(90, false, "deny", "203.0.113.0/24", Some((22, 22))),
        entry(100, true, "allow", "0.0.0.0/0", None),
    ];
    let trace = ssh(&with(|answers| answers.acl_rules("acl-a", deny_first)));
    denied(&trace, &[(Code::NetworkAclDenies, "acl-a")]);
    let rule = trace.deciding.as_ref().and_then(Gate::rule).expect("a rule");
    assert_eq!(rule.rule, "inbound rule 90 denies tcp 22 from 203.0.113.0/24");
    let allow_first = vec![
        entry(200, false, "deny", "0.0.0.0/0", None),
        entry(100, false, "allow", "0.0.0.0/0", None),
        entry(100, true, "allow", "0.0.0.0/0", None),
    ];
    reachable(&ssh(&with(|answers| answers.acl_rules("acl-a", allow_first))));
}

#[test]
fn n2_rules_for_ipv6_among_those_for_ipv4_match_nothing_of_it() {
    let answers = with(|answers| {
        for egress in [false, true] {
            answers.acl_rule("acl-a", entry(50, egress, "deny", "::/0", None));
        }
    });
    reachable(&ssh(&answers));
}

#[test]
fn n3_what_no_rule_matches_is_denied_also_where_nobody_wrote_it_down() {
    let answers = with(|answers| {
        answers.acl_rules(
            "acl-a",
            vec![
                entry(100, false, "allow", "0.0.0.0/0", Some((80, 80))),
                entry(100, true, "allow", "0.0.0.0/0", None),
            ],
        );
    });
    denied(&ssh(&answers), &[(Code::NetworkAclDenies, "acl-a")]);
    assert!(ssh(&answers).summary.contains("rule *"));
}

#[test]
fn n4_a_new_network_acl_denies_both_ways_and_both_are_said() {
    let answers = with(|answers| answers.acl_rules("acl-a", vec![]));
    let trace = ssh(&answers);
    denied(&trace, &[(Code::NetworkAclDenies, "acl-a"), (Code::NetworkAclDenies, "acl-a")]);
    assert_eq!(
        trace.blockers.iter().map(|gate| gate.side).collect::<Vec<_>>(),
        [Some("inbound"), Some("outbound")]
    );
}

#[test]
fn n5_the_reply_needs_a_rule_for_the_clients_port() {
    let answers = with(|answers| {
        answers.acl_rules(
            "acl-a",
            vec![
                entry(100, false, "allow", "0.0.0.0/0", None),
                entry(100, true, "allow", "10.0.0.0/16", None),
            ],
        );
    });
    let trace = ssh(&answers);
    denied(&trace, &[(Code::NetworkAclDenies, "acl-a")]);
    assert_eq!(trace.blockers[0].direction, Direction::Return);
}

#[test]
fn n6_neighbours_in_one_subnet_meet_no_network_acl() {
    let answers = with(|answers| {
        neighbour(answers);
        answers.acl_rules("acl-c", vec![]);
    });
    reachable(&answers.ask("eni-app", "eni-two", 8080));
}

#[test]
fn n7_each_of_the_four_passages_between_two_subnets_can_be_the_one_that_denies() {
    for (acl, egress, direction) in [
        ("acl-a", true, Direction::Forward),
        ("acl-b", false, Direction::Forward),
        ("acl-b", true, Direction::Return),
        ("acl-a", false, Direction::Return),
    ] {
        let answers = with(|answers| answers.acl_rule(acl, entry(50, egress, "deny", "10.0.0.0/16", None)));
        let trace = postgres(&answers);
        denied(&trace, &[(Code::NetworkAclDenies, acl)]);
        let gate = &trace.blockers[0];
        assert_eq!(
            (gate.direction, gate.side),
            (direction, Some(if egress { "outbound" } else { "inbound" }))
        );
    }
}

#[test]
fn n8_the_network_acl_sees_the_private_address_of_the_host_and_the_public_one_of_the_client() {
    let trace = ssh(&open());
    let gate = trace.gates.iter().find(|gate| gate.kind == GateKind::NetworkAcl).expect("a network ACL");
    assert_eq!(
        (gate.packet.source.to_string(), gate.packet.destination.to_string()),
        (LAPTOP.into(), "10.0.1.10".into())
    );
}

#[test]
fn n9_ports_count_for_tcp_and_udp_only() {
    for (protocol, opens) in [("-1", true), ("6", false), ("17", false), ("50", false)] {
        let mut rule = entry(100, false, "allow", "0.0.0.0/0", Some((443, 443)));
        rule["Protocol"] = json!(protocol);
        let answers = with(|answers| {
            answers.acl_rules("acl-a", vec![rule, entry(100, true, "allow", "0.0.0.0/0", None)]);
        });
        assert_eq!(ssh(&answers).verdict == Verdict::Reachable, opens, "protocol {protocol}");
    }
}

/// Rules of `acl-a` that let in one kind of ICMP and let everything out.
fn icmp_entry(protocol: &str, cidr: &str, pair: Value) -> Vec<Value> {
    let mut rule = entry(100, false, "allow", cidr, None);
    rule["Protocol"] = json!(protocol);
    rule["IcmpTypeCode"] = pair;
    vec![rule, entry(100, true, "allow", "0.0.0.0/0", None)]
}

#[test]
fn n9_types_of_icmpv6_mean_nothing_beside_a_block_of_ipv4() {
    // Both match all of protocol 58, and none of it is an IPv4 echo request.
    let answers = with(|answers| {
        group_rule(answers, "sg-web", vec![icmp("icmp", None, "IpRanges", "0.0.0.0/0")]);
        answers.acl_rules("acl-a", icmp_entry("58", "0.0.0.0/0", json!({ "Type": 128, "Code": 0 })));
    });
    denied(&ping(&answers, Protocol::Icmp), &[(Code::NetworkAclDenies, "acl-a")]);
}

#[test]
fn n10_a_rule_about_icmp_names_type_and_code_and_minus_one_is_any() {
    for (pair, opens) in [
        (json!({ "Type": 8, "Code": 0 }), true),
        (json!({ "Type": 8, "Code": -1 }), true),
        (json!({ "Type": -1, "Code": -1 }), true),
        (json!(null), true),
        (json!({ "Type": 3, "Code": 4 }), false),
        (json!({ "Type": 0, "Code": 0 }), false),
    ] {
        let answers = with(|answers| {
            group_rule(answers, "sg-web", vec![icmp("icmp", None, "IpRanges", "0.0.0.0/0")]);
            answers.acl_rules("acl-a", icmp_entry("1", "0.0.0.0/0", pair.clone()));
        });
        assert_eq!(ping(&answers, Protocol::Icmp).verdict == Verdict::Reachable, opens, "{pair}");
    }
    // The reply is of another type, and needs a rule of its own.
    let answers = with(|answers| {
        group_rule(answers, "sg-web", vec![icmp("icmp", None, "IpRanges", "0.0.0.0/0")]);
        let mut out = entry(100, true, "allow", "0.0.0.0/0", None);
        out["Protocol"] = json!("1");
        out["IcmpTypeCode"] = json!({ "Type": 8, "Code": 0 });
        answers.acl_rules("acl-a", vec![entry(100, false, "allow", "0.0.0.0/0", None), out]);
    });
    denied(&ping(&answers, Protocol::Icmp), &[(Code::NetworkAclDenies, "acl-a")]);
}

#[test]
fn n11_bits_behind_the_prefix_mean_nothing() {
    let answers = with(|answers| {
        answers.acl_rules(
            "acl-a",
            vec![
                entry(100, false, "allow", "203.0.113.77/24", None),
                entry(100, true, "allow", "203.0.113.77/24", None),
            ],
        );
    });
    reachable(&ssh(&answers));
}

#[test]
fn n13_n14_part_of_the_clients_ports_is_an_intermittent_fault_with_its_share() {
    let answers = with(|answers| {
        answers.acl_rules(
            "acl-a",
            vec![
                entry(100, false, "allow", "0.0.0.0/0", None),
                entry(100, true, "allow", "0.0.0.0/0", Some((32768, 60999))),
            ],
        );
    });
    let trace = ssh(&answers);
    assert_eq!(trace.verdict, Verdict::Partly, "{}", trace.summary);
    assert_eq!(trace.passing_source_ports, PortSet::range(32768, 60999));
    let share = f64::from(64512 - 28232) / 64512.0;
    assert!((trace.failing_share - share).abs() < 1e-9, "{}", trace.failing_share);
    // Linux inside the VPC picks none of the ports that are closed.
    let answers = with(|answers| {
        answers.acl_rules(
            "acl-b",
            vec![
                entry(100, false, "allow", "0.0.0.0/0", None),
                entry(100, true, "allow", "0.0.0.0/0", Some((32768, 60999))),
            ],
        );
    });
    reachable(&postgres(&answers));
}

#[test]
fn n19_the_network_acl_of_a_nat_gateways_subnet_is_met_four_times() {
    for (egress, cidr) in
        [(false, "10.0.3.0/24"), (true, "192.0.2.0/24"), (false, "192.0.2.0/24"), (true, "10.0.3.0/24")]
    {
        let answers = with(|answers| answers.acl_rule("acl-a", entry(50, egress, "deny", cidr, None)));
        let trace = answers.ask("i-0app", "192.0.2.80", 443);
        denied(&trace, &[(Code::NetworkAclDenies, "acl-a")]);
    }
    // The NAT gateway's own ports are any from 1024 on: a rule for Linux's leaves out part of them.
    let answers = with(|answers| {
        let open = |number, egress| entry(number, egress, "allow", "10.0.0.0/16", None);
        answers.acl_rules(
            "acl-a",
            vec![
                open(90, false),
                open(90, true),
                entry(100, false, "allow", "0.0.0.0/0", Some((32768, 60999))),
                entry(100, true, "allow", "0.0.0.0/0", None),
            ],
        );
    });
    assert_eq!(answers.ask("i-0app", "192.0.2.80", 443).verdict, Verdict::Partly);
}

// Routes.

#[test]
fn r1_a_subnet_without_a_table_of_its_own_has_the_main_one() {
    let answers = with(|answers| {
        answers.thing("RouteTables", "rtb-a")["Associations"] = json!([]);
    });
    denied(&ssh(&answers), &[(Code::NoRoute, "rtb-main")]);
}

#[test]
fn r2_the_longest_prefix_wins() {
    let answers = with(|answers| answers.route("rtb-a", route_to("203.0.113.0/24", "NatGatewayId", "nat-1")));
    denied(&ssh(&answers), &[(Code::ReplyLeavesElsewhere, "rtb-a")]);
    let answers = with(|answers| {
        answers.route("rtb-a", route_to("203.0.113.0/24", "NatGatewayId", "nat-1"));
        answers.route("rtb-a", route_to("203.0.113.10/32", "GatewayId", "igw-1"));
    });
    reachable(&ssh(&answers));
}

#[test]
fn r3_static_beats_list_beats_propagated() {
    let list = |answers: &mut Answers, gateway: &str| {
        answers.rows("PrefixLists").push(json!({ "PrefixListId": "pl-1", "Cidrs": ["203.0.113.0/24"] }));
        answers.route("rtb-a", json!({ "DestinationPrefixListId": "pl-1", "GatewayId": gateway, "State": "active", "Origin": "CreateRoute" }));
    };
    let propagated = |answers: &mut Answers| {
        answers.route(
            "rtb-a",
            json!({ "DestinationCidrBlock": "203.0.113.0/24", "GatewayId": "vgw-1", "State": "active",
            "Origin": "EnableVgwRoutePropagation" }),
        );
    };
    reachable(&ssh(&with(|answers| {
        propagated(answers);
        answers.route("rtb-a", route_to("203.0.113.0/24", "GatewayId", "igw-1"));
    })));
    reachable(&ssh(&with(|answers| {
        propagated(answers);
        list(answers, "igw-1");
    })));
    reachable(&ssh(&with(|answers| {
        list(answers, "vgw-1");
        answers.route("rtb-a", route_to("203.0.113.0/24", "GatewayId", "igw-1"));
    })));
    denied(&ssh(&with(propagated)), &[(Code::ReplyLeavesElsewhere, "rtb-a")]);
}

#[test]
fn r3_which_of_two_lists_wins_is_not_known_where_they_lead_apart() {
    let two = |second: &str| {
        with(|answers| {
            for list in ["pl-1", "pl-2"] {
                answers
                    .rows("PrefixLists")
                    .push(json!({ "PrefixListId": list, "Cidrs": ["203.0.113.0/24"] }));
            }
            for (list, gateway) in [("pl-1", "igw-1"), ("pl-2", second)] {
                answers.route(
                    "rtb-a",
                    json!({ "DestinationPrefixListId": list, "GatewayId": gateway, "State": "active",
                            "Origin": "CreateRoute" }),
                );
            }
        })
    };
    unknown(&ssh(&two("vgw-1")), "which of pl-1 and pl-2 wins");
    reachable(&ssh(&two("igw-1")));
}

#[test]
fn r4_a_blackhole_drops_and_does_not_fall_through_to_a_wider_route() {
    let mut gone = route_to("203.0.113.0/24", "VpcPeeringConnectionId", "pcx-9");
    gone["State"] = json!("blackhole");
    denied(&ssh(&with(|answers| answers.route("rtb-a", gone))), &[(Code::RouteBlackhole, "rtb-a")]);
}

#[test]
fn r5_a_route_more_specific_than_local_overrides_it() {
    let answers =
        with(|answers| answers.route("rtb-a", route_to("10.0.2.0/24", "NetworkInterfaceId", "eni-app")));
    denied(
        &postgres(&answers),
        &[(Code::NoRuleAllows, "sg-app"), (Code::SourceDestCheck, "eni-app"), (Code::NoRuleAllows, "sg-db")],
    );
}

#[test]
fn r6_a_gateway_that_is_detached_or_elsewhere_is_none() {
    let answers = with(|answers| answers.thing("InternetGateways", "igw-1")["Attachments"] = json!([]));
    let trace = ssh(&answers);
    denied(&trace, &[(Code::NoInternetGateway, "vpc-1"), (Code::InternetGatewayNotAttached, "igw-1")]);
    let answers = with(|answers| {
        answers.thing("InternetGateways", "igw-1")["Attachments"][0]["State"] = json!("detaching");
    });
    assert_eq!(ssh(&answers).verdict, Verdict::NotReachable);
}

#[test]
fn r7_the_reply_needs_a_route_to_the_clients_address() {
    denied(&ssh(&with(|answers| answers.without_route("rtb-a", "0.0.0.0/0"))), &[(Code::NoRoute, "rtb-a")]);
    let scoped = with(|answers| {
        answers.without_route("rtb-a", "0.0.0.0/0");
        answers.route("rtb-a", route_to("203.0.113.0/24", "GatewayId", "igw-1"));
    });
    reachable(&ssh(&scoped));
}

#[test]
fn r7_a_public_address_in_a_private_subnet_is_of_no_use() {
    let answers = with(|answers| {
        let app = answers.thing("NetworkInterfaces", "eni-app");
        app["Association"] = json!({ "PublicIp": "198.51.100.30" });
        group_rule(answers, "sg-app", vec![tcp(22, 22, &["0.0.0.0/0"])]);
    });
    denied(&answers.ask(LAPTOP, "i-0app", 22), &[(Code::ReplyLeavesElsewhere, "rtb-c")]);
}

#[test]
fn r8_r9_without_a_public_address_nobody_comes_in_and_nobody_leaves_by_the_gateway() {
    let answers = with(|answers| {
        answers.rows("Addresses").clear();
        let web = answers.thing("NetworkInterfaces", "eni-web");
        web["Association"] = json!(null);
        web["PrivateIpAddresses"][0]["Association"] = json!(null);
    });
    denied(&ssh(&answers), &[(Code::NoPublicAddress, "eni-web")]);
    let trace = answers.ask("i-0web", "192.0.2.80", 443);
    assert_eq!(
        trace.blockers.iter().filter_map(Gate::code).collect::<Vec<_>>(),
        [Code::NoPublicAddressToLeaveWith]
    );
}

#[test]
fn r10_an_elastic_address_that_is_associated_with_nothing_leads_nowhere() {
    let answers = with(|answers| {
        answers.rows("Addresses").push(json!({ "PublicIp": "198.51.100.99", "AllocationId": "eipalloc-9" }));
    });
    denied(&answers.ask(LAPTOP, "198.51.100.99", 22), &[(Code::AddressNotAssociated, "198.51.100.99")]);
}

#[test]
fn r11_a_table_at_the_gateways_edge_is_not_ignored() {
    let answers = with(|answers| {
        answers.rows("RouteTables").push(json!({ "RouteTableId": "rtb-edge", "VpcId": "vpc-1",
            "Associations": [{ "GatewayId": "igw-1", "Main": false, "AssociationState": { "State": "associated" } }],
            "Routes": [{ "DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active" },
                       { "DestinationCidrBlock": "10.0.1.0/24", "VpcEndpointId": "vpce-fw", "State": "active" }] }));
    });
    unknown(&ssh(&answers), "vpce-fw");
}

#[test]
fn r12_an_interface_that_checks_source_and_destination_forwards_for_nobody() {
    let by_instance = |check: bool| {
        with(|answers| {
            answers.without_route("rtb-c", "0.0.0.0/0");
            answers.route("rtb-c", route_to("0.0.0.0/0", "NetworkInterfaceId", "eni-web"));
            answers.thing("NetworkInterfaces", "eni-web")["SourceDestCheck"] = json!(check);
            group_rule(answers, "sg-web", vec![tcp(443, 443, &["10.0.0.0/16"])]);
        })
        .ask("i-0app", "192.0.2.80", 443)
    };
    denied(&by_instance(true), &[(Code::SourceDestCheck, "eni-web")]);
    let trace = by_instance(false);
    reachable(&trace);
    assert!(trace.assumptions.iter().any(|missing| missing.what.contains("forwards")));
}

#[test]
fn r13_block_public_access_overrides_everything_and_exclusions_override_it() {
    let blocked = |mode: &str, exclusions: Value| {
        let mut documents = vivarium_checker::aws::Documents::new();
        for (key, rows) in &open().0 {
            documents.add(key, &json!({ *key: rows }));
        }
        documents
            .add("options", &json!({ "VpcBlockPublicAccessOptions": { "InternetGatewayBlockMode": mode } }));
        documents.add("exclusions", &json!({ "VpcBlockPublicAccessExclusions": exclusions }));
        documents.finish().0
    };
    let code = [(Code::BlockPublicAccess, "VPC Block Public Access")];
    let none = blocked("block-bidirectional", json!([]));
    denied(&fixtures::ask(&none, LAPTOP, "i-0web", 22), &code);
    denied(&fixtures::ask(&none, "i-0app", "192.0.2.80", 443), &code);
    let ingress = blocked("block-ingress", json!([]));
    denied(&fixtures::ask(&ingress, LAPTOP, "i-0web", 22), &code);
    reachable(&fixtures::ask(&ingress, "i-0app", "192.0.2.80", 443));
    let excluded = blocked(
        "block-bidirectional",
        json!([{ "ExclusionId": "vpcbpa-exclude-1", "State": "create-complete",
        "InternetGatewayExclusionMode": "allow-bidirectional", "ResourceArn": "arn:aws:ec2:eu-west-1:111122223333:subnet/subnet-a" }]),
    );
    reachable(&fixtures::ask(&excluded, LAPTOP, "i-0web", 22));
    reachable(&fixtures::ask(&blocked("off", json!([])), LAPTOP, "i-0web", 22));
    // Where nobody asked, AWS's default is assumed, and that is said.
    let trace = ssh(&open());
    assert!(trace.assumptions.iter().any(|missing| missing.what.contains("Block Public Access")));
}

#[test]
fn r14_another_zone_is_no_obstacle() {
    let answers =
        with(|answers| answers.thing("Subnets", "subnet-b")["AvailabilityZone"] = json!("eu-west-1c"));
    reachable(&postgres(&answers));
}

#[test]
fn r15_peering_needs_routes_on_both_sides_and_goes_one_step_only() {
    let allowed = |change: &dyn Fn(&mut Answers)| {
        with(|answers| {
            group_rule(answers, "sg-web", vec![tcp(22, 22, &["10.1.0.0/16"])]);
            change(answers);
        })
    };
    let back = allowed(&|answers| answers.without_route("rtb-a", "10.1.0.0/16"));
    denied(&back.ask("i-0peer", "i-0web", 22), &[(Code::ReplyLeavesElsewhere, "rtb-a")]);
    let there = allowed(&|answers| answers.without_route("rtb-d", "10.0.0.0/16"));
    denied(&there.ask("i-0peer", "i-0web", 22), &[(Code::NoRoute, "rtb-d")]);
    let inactive = allowed(&|answers| {
        answers.thing("VpcPeeringConnections", "pcx-1")["Status"]["Code"] = json!("pending-acceptance");
    });
    denied(
        &inactive.ask("i-0peer", "i-0web", 22),
        &[(Code::PeeringNotActive, "pcx-1"), (Code::PeeringNotActive, "pcx-1")],
    );
    let onwards =
        allowed(&|answers| answers.route("rtb-d", route_to("0.0.0.0/0", "VpcPeeringConnectionId", "pcx-1")));
    assert_eq!(
        onwards.ask("i-0peer", "192.0.2.80", 443).blockers.iter().filter_map(Gate::code).collect::<Vec<_>>(),
        [Code::PeeringAddress]
    );
}

#[test]
fn a_gateway_endpoint_whose_list_was_not_read_does_not_take_the_internets_traffic() {
    let answers = with(|answers| {
        answers.route("rtb-a", json!({ "DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-s3", "State": "active", "Origin": "CreateRoute" }));
    });
    let trace = ssh(&answers);
    reachable(&trace);
    assert!(trace.assumptions.iter().any(|missing| missing.what.contains("pl-s3")));
}

#[test]
fn a_nat_gateway_that_failed_or_stands_in_a_private_subnet_leads_nowhere() {
    let answers = with(|answers| answers.thing("NatGateways", "nat-1")["State"] = json!("failed"));
    denied(&answers.ask("i-0app", "192.0.2.80", 443), &[(Code::NatGatewayNotAvailable, "nat-1")]);
    let answers = with(|answers| answers.thing("NatGateways", "nat-1")["SubnetId"] = json!("subnet-c"));
    denied(&answers.ask("i-0app", "192.0.2.80", 443), &[(Code::RouteLoop, "subnet-c")]);
}

#[test]
fn transit_gateways_are_followed_through_attachment_table_and_attachment() {
    let attachment = |id: &str, vpc: &str, subnet: &str| {
        json!({ "TransitGatewayAttachmentId": id, "TransitGatewayId": "tgw-1", "VpcId": vpc, "State": "available",
                "SubnetIds": [subnet], "Association": { "TransitGatewayRouteTableId": "tgw-rtb-1", "State": "associated" } })
    };
    let joined = |change: &dyn Fn(&mut Answers)| {
        with(|answers| {
            answers.rows("VpcPeeringConnections").clear();
            answers.without_route("rtb-a", "10.1.0.0/16");
            answers.without_route("rtb-d", "10.0.0.0/16");
            answers.route("rtb-a", route_to("10.1.0.0/16", "TransitGatewayId", "tgw-1"));
            answers.route("rtb-d", route_to("10.0.0.0/16", "TransitGatewayId", "tgw-1"));
            answers.rows("TransitGatewayVpcAttachments").extend([
                attachment("tgw-attach-1", "vpc-1", "subnet-a"),
                attachment("tgw-attach-2", "vpc-2", "subnet-d"),
            ]);
            let to = |cidr: &str, id: &str| {
                json!({ "DestinationCidrBlock": cidr, "State": "active", "Type": "propagated",
                "TransitGatewayAttachments": [{ "TransitGatewayAttachmentId": id }] })
            };
            answers
                .rows("TransitGatewayRouteTables")
                .push(json!({ "TransitGatewayRouteTableId": "tgw-rtb-1",
                "Routes": [to("10.0.0.0/16", "tgw-attach-1"), to("10.1.0.0/16", "tgw-attach-2")] }));
            change(answers);
        })
    };
    let ask = |answers: &Answers| answers.ask("i-0web", "i-0peer", 8080);
    reachable(&ask(&joined(&|_| {})));
    let gone = joined(&|answers| {
        answers.rows("TransitGatewayRouteTables")[0]["Routes"][1]["State"] = json!("blackhole");
    });
    denied(&ask(&gone), &[(Code::TransitBlackhole, "tgw-rtb-1")]);
    let none =
        joined(&|answers| answers.rows("TransitGatewayVpcAttachments").retain(|row| row["VpcId"] != "vpc-1"));
    assert_eq!(ask(&none).verdict, Verdict::NotReachable);
    let unread = joined(&|answers| {
        answers.0.remove("TransitGatewayRouteTables");
    });
    unknown(&ask(&unread), "tgw-rtb-1");
}

// Instances, databases, names.

#[test]
fn an_instance_that_does_not_run_is_the_first_thing_said() {
    let answers = with(|answers| {
        let instance = answers.thing("Instances", "i-0web");
        instance["State"]["Name"] = json!("stopped");
        instance["StateReason"] = json!({ "Message": "Client.UserInitiatedShutdown" });
    });
    let trace = ssh(&answers);
    denied(&trace, &[(Code::InstanceNotRunning, "i-0web")]);
    assert!(trace.summary.contains("Client.UserInitiatedShutdown"), "{}", trace.summary);
}

#[test]
fn d1_a_database_that_is_not_public_is_not_reached_from_outside() {
    let trace = open().ask(LAPTOP, "mydb", 5432);
    assert_eq!(
        trace.blockers.iter().filter_map(Gate::code).collect::<Vec<_>>(),
        [Code::DatabaseNotPublic, Code::NoRuleAllows, Code::NoRoute]
    );
}

#[test]
fn d2_a_vpc_without_a_resolver_knows_no_endpoint() {
    let answers = with(|answers| answers.thing("Vpcs", "vpc-1")["EnableDnsSupport"] = json!(false));
    denied(&postgres(&answers), &[(Code::NameNotResolved, "vpc-1")]);
    reachable(&answers.ask("i-0web", "10.0.2.20", 5432));
}

#[test]
fn d3_from_a_peered_vpc_the_name_is_private_only_where_the_peering_says_so() {
    let public = |private_names: bool| {
        with(|answers| {
            let pcx = answers.thing("VpcPeeringConnections", "pcx-1");
            for side in ["RequesterVpcInfo", "AccepterVpcInfo"] {
                pcx[side]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] = json!(private_names);
            }
            answers.thing("DBInstances", "mydb")["PubliclyAccessible"] = json!(true);
            let association = json!({ "PublicIp": "198.51.100.40" });
            let db = answers.thing("NetworkInterfaces", "eni-db");
            db["Association"] = association.clone();
            db["PrivateIpAddresses"][0]["Association"] = association;
            group_rule(answers, "sg-db", vec![tcp(5432, 5432, &["10.1.0.0/16"])]);
            answers.route("rtb-main", route_to("10.1.0.0/16", "VpcPeeringConnectionId", "pcx-1"));
        })
        .ask("i-0peer", "mydb", 5432)
    };
    reachable(&public(true));
    // The public address: and vpc-2 has no way to the internet.
    let trace = public(false);
    assert_eq!(trace.verdict, Verdict::NotReachable, "{}", trace.summary);
    assert_eq!(trace.deciding.as_ref().and_then(Gate::code), Some(Code::NoRoute));
    assert_eq!(
        trace.deciding.as_ref().map(|gate| gate.packet.destination.to_string()),
        Some("198.51.100.40".into())
    );
}

#[test]
fn d6_the_subnet_of_the_databases_interface_counts_and_not_all_of_its_group() {
    reachable(&postgres(&with(|answers| {
        answers.acl_rule("acl-c", entry(1, false, "deny", "0.0.0.0/0", None));
    })));
    // Without the interface the zone tells the subnet.
    let answers =
        with(|answers| answers.rows("NetworkInterfaces").retain(|row| row["NetworkInterfaceId"] != "eni-db"));
    reachable(&postgres(&answers));
    // Without zone and interface it is one of several, and they differ.
    let answers = with(|answers| {
        answers.rows("NetworkInterfaces").retain(|row| row["NetworkInterfaceId"] != "eni-db");
        answers.thing("DBInstances", "mydb")["AvailabilityZone"] = json!(null);
        answers.acl_rule("acl-b", entry(1, false, "deny", "0.0.0.0/0", None));
    });
    assert_eq!(postgres(&answers).verdict, Verdict::Unknown);
}

#[test]
fn d9_a_stopped_database_is_not_a_fault_of_the_network() {
    let answers = with(|answers| answers.thing("DBInstances", "mydb")["DBInstanceStatus"] = json!("stopped"));
    denied(&postgres(&answers), &[(Code::DatabaseNotAvailable, "mydb")]);
}

#[test]
fn all_blockers_are_found_and_not_the_first_only() {
    let answers = with(|answers| {
        answers.acl_rules("acl-a", vec![]);
        group_rule(answers, "sg-web", vec![]);
        answers.without_route("rtb-a", "0.0.0.0/0");
        answers.thing("Instances", "i-0web")["State"]["Name"] = json!("stopped");
    });
    denied(
        &ssh(&answers),
        &[
            (Code::NetworkAclDenies, "acl-a"),
            (Code::NoRulesAtAll, "sg-web"),
            (Code::InstanceNotRunning, "i-0web"),
            (Code::NetworkAclDenies, "acl-a"),
            (Code::NoRoute, "rtb-a"),
        ],
    );
}

// What is not known, and who is meant.

#[test]
fn a_kind_that_was_not_read_makes_the_answer_unknown_and_is_named() {
    for (kind, what) in [
        ("SecurityGroups", "sg-web"),
        ("NetworkAcls", "the network ACL of subnet-a"),
        ("RouteTables", "the route table of subnet-a"),
        ("Reservations", "i-0web"),
    ] {
        let mut answers = open();
        answers.0.remove(kind);
        unknown(&ssh(&answers), what);
    }
}

#[test]
fn a_denial_stands_whatever_else_is_unknown() {
    let mut answers = open();
    answers.0.remove("RouteTables");
    answers.acl_rules("acl-a", vec![]);
    assert_eq!(ssh(&answers).verdict, Verdict::NotReachable);
}

#[test]
fn ends_are_found_by_name_address_endpoint_and_id() {
    let answers = open();
    for to in ["web", "i-0web", "eni-web", "198.51.100.20"] {
        reachable(&answers.ask(LAPTOP, to, 22));
    }
    for to in ["mydb", "MYDB", "mydb.abc123.eu-west-1.rds.amazonaws.com", "10.0.2.20", "eni-db"] {
        reachable(&answers.ask("web", to, 5432));
    }
    unknown(&answers.ask(LAPTOP, "nobody", 22), "nobody");
    unknown(&answers.ask(LAPTOP, "i-0gone", 22), "i-0gone");
    unknown(&answers.ask(LAPTOP, "192.0.2.1", 22), "192.0.2.1");
}

#[test]
fn a_private_address_cannot_be_reached_from_the_internet_by_itself() {
    let trace = open().ask(LAPTOP, "10.0.2.20", 5432);
    assert_eq!(trace.verdict, Verdict::NotReachable);
}

#[test]
fn a_block_of_sources_is_answered_for_each_of_them() {
    let trace = open().ask("203.0.113.8/29", "i-0web", 22);
    assert_eq!(trace.verdict, Verdict::Partly, "{}", trace.summary);
    assert!((trace.failing_share - 7.0 / 8.0).abs() < 1e-9);
    assert!(trace.cases.iter().any(|case| case.source == LAPTOP && case.verdict == Verdict::Reachable));
    let anyone = with(|answers| group_rule(answers, "sg-web", vec![tcp(22, 22, &["0.0.0.0/0"])]));
    reachable(&anyone.ask("internet", "i-0web", 22));
    // As Reachability Analyzer has it, some address beyond the gateway will do.
    reachable(&open().ask("igw-1", "i-0web", 22));
    reachable(&open().ask("i-0app", "internet", 443));
}
