//! What changed since it worked: one thing at a time is changed in a network that works, and it is the one that is told.

mod fixtures;

use std::net::IpAddr;

use fixtures::{Answers, ask, entry, everything, open, route_to, tcp};
use serde_json::{Value, json};
use vivarium_checker::since::{Change, Moment, changes};

/// What is told to have changed on the way from `from` to `to`, each in a line.
fn told(then: &Answers, now: &Answers, from: &str, to: &str, port: u16) -> Vec<String> {
    let (before, after) = (then.network(), now.network());
    let (was, is) = (ask(&before, from, to, port), ask(&after, from, to, port));
    let moment = |network, trace| Moment {
        to,
        client: &[],
        address: None,
        host_key: None,
        network: Some(network),
        trace: Some(trace),
    };
    changes(&moment(&before, &was), &moment(&after, &is)).iter().map(ToString::to_string).collect()
}

fn ssh(edit: impl FnOnce(&mut Answers)) -> Vec<String> {
    let (then, mut now) = (open(), open());
    edit(&mut now);
    told(&then, &now, "203.0.113.10", "i-0web", 22)
}

fn postgres(edit: impl FnOnce(&mut Answers)) -> Vec<String> {
    let (then, mut now) = (open(), open());
    edit(&mut now);
    told(&then, &now, "i-0web", "mydb", 5432)
}

#[test]
fn where_nothing_changed_nothing_is_told() {
    assert_eq!(ssh(|_| ()), [""; 0]);
    assert_eq!(postgres(|_| ()), [""; 0]);
}

#[test]
fn a_rule_that_is_gone_and_one_that_is_new_are_told_with_their_group() {
    let now = ssh(|answers| {
        answers.thing("SecurityGroups", "sg-web")["IpPermissions"] = json!([tcp(22, 22, &["192.0.2.1/32"])]);
    });
    assert!(
        now.contains(&"security group rule sg-web inbound: was tcp 22 203.0.113.10/32, is gone".into()),
        "{now:?}"
    );
    assert!(
        now.contains(&"security group rule sg-web inbound: is new: tcp 22 192.0.2.1/32".into()),
        "{now:?}"
    );
}

#[test]
fn a_rule_that_was_edited_is_told_by_its_id() {
    let with = |cidr: &str| {
        let mut answers = open();
        for group in ["sg-web", "sg-db", "sg-app", "sg-nat", "sg-peer"] {
            let ids = json!({ "SecurityGroupRuleId": format!("sgr-{group}-out"), "GroupId": group, "IsEgress": true,
                "IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIpv4": "0.0.0.0/0" });
            answers.rows("SecurityGroupRules").push(ids);
        }
        answers.thing("SecurityGroups", "sg-web")["IpPermissions"] = json!([tcp(22, 22, &[cidr])]);
        answers.rows("SecurityGroupRules").push(json!({ "SecurityGroupRuleId": "sgr-1", "GroupId": "sg-web",
            "IsEgress": false, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": cidr }));
        answers
    };
    let now = told(&with("203.0.113.10/32"), &with("203.0.113.77/32"), "203.0.113.10", "i-0web", 22);
    let wanted =
        "security group rule sg-web inbound sgr-1: was tcp 22 203.0.113.10/32, is tcp 22 203.0.113.77/32";
    assert_eq!(now, [wanted]);
}

#[test]
fn an_entry_of_a_network_acl_that_was_put_before_others_is_told() {
    let now = ssh(|answers| answers.acl_rule("acl-a", entry(50, false, "deny", "203.0.113.0/24", None)));
    assert_eq!(now, ["network ACL entry acl-a inbound rule 50: is new: deny all 0-65535 203.0.113.0/24"]);
}

#[test]
fn a_route_that_leads_elsewhere_or_nowhere_is_told() {
    let gone = ssh(|answers| answers.without_route("rtb-a", "0.0.0.0/0"));
    assert_eq!(gone, ["route rtb-a to 0.0.0.0/0: was igw-1, is gone"]);
    let other = ssh(|answers| {
        answers.without_route("rtb-a", "0.0.0.0/0");
        answers.route("rtb-a", route_to("0.0.0.0/0", "NatGatewayId", "nat-1"));
    });
    assert_eq!(other, ["route rtb-a to 0.0.0.0/0: was igw-1, is nat-1"]);
}

#[test]
fn h13_an_instance_that_was_stopped_and_started_has_another_address_and_start() {
    let then = {
        let mut answers = open();
        answers.thing("Instances", "i-0web")["LaunchTime"] = json!("2026-11-01T00:00:00Z");
        answers
    };
    let mut now = then.clone();
    now.thing("Instances", "i-0web")["LaunchTime"] = json!("2026-11-23T00:00:00Z");
    let association = json!({ "PublicIp": "198.51.100.77" });
    now.thing("NetworkInterfaces", "eni-web")["Association"] = association.clone();
    now.thing("NetworkInterfaces", "eni-web")["PrivateIpAddresses"][0]["Association"] = association;
    now.rows("Addresses").clear();
    let lines = told(&then, &now, "203.0.113.10", "i-0web", 22);
    for wanted in [
        "start of the instance i-0web: was 2026-11-01T00:00:00Z, is 2026-11-23T00:00:00Z",
        "public address of i-0web: was 198.51.100.20, is 198.51.100.77",
        "Elastic IP of i-0web: was 198.51.100.20, is gone",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{lines:?}");
    }
}

#[test]
fn a_state_and_other_groups_on_an_interface_are_told() {
    let stopped = ssh(|answers| answers.thing("Instances", "i-0web")["State"]["Name"] = json!("stopped"));
    assert!(stopped.contains(&"state of the instance i-0web: was running, is stopped".into()), "{stopped:?}");
    let other = ssh(|answers| {
        answers.thing("NetworkInterfaces", "eni-web")["Groups"] = json!([{ "GroupId": "sg-app" }]);
    });
    assert_eq!(other, ["security groups of eni-web: was sg-web, is sg-app"]);
}

#[test]
fn p35_what_changed_of_a_database_is_told() {
    let mut now = open();
    let database = now.thing("DBInstances", "mydb");
    database["DBInstanceStatus"] = json!("storage-full");
    database["CACertificateIdentifier"] = json!("rds-ca-rsa4096-g1");
    let mut then = open();
    then.thing("DBInstances", "mydb")["CACertificateIdentifier"] = json!("rds-ca-2019");
    let lines = told(&then, &now, "i-0web", "mydb", 5432);
    assert_eq!(
        lines,
        [
            "state of the database mydb: was available, is storage-full",
            "certificate authority of mydb: was rds-ca-2019, is rds-ca-rsa4096-g1",
        ]
    );
}

#[test]
fn what_is_not_on_the_way_is_not_told() {
    let now = ssh(|answers| {
        answers.thing("SecurityGroups", "sg-app")["IpPermissionsEgress"] = json!([]);
        answers.thing("SecurityGroups", "sg-db")["IpPermissionsEgress"] =
            json!([everything(), tcp(1, 1, &["0.0.0.0/0"])]);
        answers.thing("DBInstances", "mydb")["DBInstanceStatus"] = json!("stopped");
    });
    assert_eq!(now, [""; 0]);
}

#[test]
fn what_was_not_read_at_one_of_the_two_times_has_not_changed() {
    let then = open();
    let mut now = open();
    for key in ["SecurityGroups", "NetworkAcls", "RouteTables", "Addresses"] {
        now.0.remove(key);
    }
    assert_eq!(told(&then, &now, "203.0.113.10", "i-0web", 22), [""; 0]);
}

fn seen_as(addresses: &[&str]) -> Vec<(String, IpAddr)> {
    addresses.iter().map(|one| ("checkip".to_owned(), one.parse().expect("an address"))).collect()
}

#[test]
fn another_address_of_ones_own_and_another_key_of_the_server_are_told_without_any_configuration() {
    let (old, new) = (seen_as(&["203.0.113.10", "2001:db8::1"]), seen_as(&["203.0.113.77"]));
    let moment = |client, at: &str, host_key| Moment {
        to: "box",
        client,
        address: Some(at.parse().expect("an address")),
        host_key,
        network: None,
        trace: None,
    };
    let then = moment(&old, "198.51.100.20:22", Some("SHA256:a"));
    let now = moment(&new, "198.51.100.77:22", Some("SHA256:b"));
    let lines: Vec<String> = changes(&then, &now).iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "your address: was 203.0.113.10, is 203.0.113.77",
            "address of the target: was 198.51.100.20, is 198.51.100.77",
            "host key: was SHA256:a, is SHA256:b",
        ]
    );
    let silent = Moment { host_key: None, ..then };
    assert_eq!(changes(&then, &silent), Vec::<Change>::new());
    let more = seen_as(&["198.51.100.9", "203.0.113.10"]);
    assert_eq!(changes(&then, &Moment { client: &more, ..then }), Vec::<Change>::new());
}

#[test]
fn a_change_is_written_as_the_documents_promise() {
    let change = Change {
        what: "route".into(),
        element: "rtb-1 to 0.0.0.0/0".into(),
        was: Some("igw-1".into()),
        is: None,
    };
    let wanted: Value =
        json!({ "what": "route", "element": "rtb-1 to 0.0.0.0/0", "was": "igw-1", "is": null });
    assert_eq!(serde_json::to_value(&change).expect("JSON"), wanted);
}
