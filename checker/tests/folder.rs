//! A saved folder gives the same network however it is arranged, and a damaged one a clear error and no panic.

mod fixtures;

use std::fs;
use std::path::Path;

use fixtures::{ask, open};
use serde_json::{Value, json};
use vivarium_checker::aws::folder;
use vivarium_checker::evaluate::Verdict;
use vivarium_checker::network::Network;

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn read(folder: &Path) -> Network {
    folder::read(folder).unwrap_or_else(|error| panic!("{error}")).network
}

/// The clean network in a folder, a file for each kind.
fn saved() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (key, rows) in &open().0 {
        write(folder.path(), &format!("{key}.json"), json!({ *key: rows }).to_string());
    }
    folder
}

#[test]
fn one_file_a_kind_gives_the_same_network_as_its_answers() {
    assert_eq!(read(saved().path()), open().network());
}

#[test]
fn names_and_sub_folders_and_what_else_lies_there_mean_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for (index, (key, rows)) in open().0.iter().enumerate() {
        let name = format!(
            "account/eu-west-1/{index}/{}",
            if index % 2 == 0 { "answer.json" } else { "answer.txt" }
        );
        write(folder.path(), &name, json!({ *key: rows }).to_string());
    }
    write(folder.path(), "README.md", "# saved on a Tuesday");
    write(folder.path(), "image.png", [0x89, 0x50, 0xff, 0x00]);
    write(folder.path(), ".git/config.json", "{ not JSON");
    write(folder.path(), "buckets.json", r#"{ "Buckets": [] }"#);
    let read = folder::read(folder.path()).expect("a network");
    assert_eq!(read.network, open().network());
    assert!(read.notes.iter().any(|note| note.starts_with("buckets.json: passed over")), "{:?}", read.notes);
}

#[test]
fn one_file_with_everything_and_a_file_for_each_row_are_the_same() {
    let together = tempfile::tempdir().expect("a folder");
    let all: serde_json::Map<String, Value> =
        open().0.into_iter().map(|(key, rows)| (key.to_owned(), Value::Array(rows))).collect();
    write(together.path(), "all.json", Value::Object(all).to_string());
    let bundled = tempfile::tempdir().expect("a folder");
    let commands: serde_json::Map<String, Value> =
        open().0.into_iter().map(|(key, rows)| (format!("describe {key}"), json!({ key: rows }))).collect();
    write(bundled.path(), "bundle.json", Value::Object(commands).to_string());
    let apart = tempfile::tempdir().expect("a folder");
    for (key, rows) in &open().0 {
        for (index, row) in rows.iter().enumerate() {
            write(
                apart.path(),
                &format!("{key}-{index}.json"),
                json!({ *key: [row], "NextToken": "more" }).to_string(),
            );
        }
    }
    assert_eq!(read(together.path()), open().network());
    assert_eq!(read(bundled.path()), open().network());
    assert_eq!(read(apart.path()), open().network());
}

#[test]
fn pages_in_one_file_and_duplicates_add_up() {
    let folder = saved();
    let rows = &open().0["SecurityGroups"];
    let pages: String =
        rows.iter().map(|row| json!({ "SecurityGroups": [row] }).to_string() + "\n").collect();
    write(folder.path(), "SecurityGroups.json", &pages);
    write(folder.path(), "again/SecurityGroups.json", pages);
    let pages: Vec<Value> = open().0["Subnets"].iter().map(|row| json!({ "Subnets": [row] })).collect();
    write(folder.path(), "Subnets.json", Value::Array(pages).to_string());
    assert_eq!(read(folder.path()), open().network());
}

#[test]
fn powershells_utf_16_and_a_byte_order_mark_are_read() {
    let folder = saved();
    let text = json!({ "Subnets": open().0["Subnets"] }).to_string();
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    write(folder.path(), "Subnets.json", utf16);
    let text = json!({ "Vpcs": open().0["Vpcs"] }).to_string();
    write(folder.path(), "Vpcs.json", [b"\xef\xbb\xbf", text.as_bytes()].concat());
    assert_eq!(read(folder.path()), open().network());
}

#[test]
fn instances_tell_their_interfaces_where_nobody_saved_these() {
    let folder = saved();
    let mut answers = open();
    let interfaces = answers.0.remove("NetworkInterfaces").expect("interfaces");
    fs::remove_file(folder.path().join("NetworkInterfaces.json")).expect("it was there");
    for interface in interfaces.iter().filter(|row| row["Attachment"]["InstanceId"].is_string()) {
        let id = interface["Attachment"]["InstanceId"].as_str().expect("an id");
        answers.thing("Instances", id)["NetworkInterfaces"] = json!([interface]);
    }
    write(
        folder.path(),
        "Reservations.json",
        json!({ "Reservations": answers.0["Reservations"] }).to_string(),
    );
    assert_eq!(ask(&read(folder.path()), "203.0.113.10", "web", 22).verdict, Verdict::Reachable);
}

#[test]
fn rules_of_groups_by_themselves_are_the_same_rules_with_their_ids() {
    let folder = saved();
    write(
        folder.path(),
        "rules.json",
        json!({ "SecurityGroupRules": [
        { "SecurityGroupRuleId": "sgr-1", "GroupId": "sg-web", "IsEgress": false, "IpProtocol": "tcp",
          "FromPort": 22, "ToPort": 22, "CidrIpv4": "203.0.113.10/32" },
        { "SecurityGroupRuleId": "sgr-2", "GroupId": "sg-db", "IsEgress": false, "IpProtocol": "tcp",
          "FromPort": 5432, "ToPort": 5432, "ReferencedGroupInfo": { "GroupId": "sg-web" } }] })
        .to_string(),
    );
    let network = read(folder.path());
    let trace = ask(&network, "203.0.113.10", "web", 22);
    assert!(trace.summary.contains("sg-web: sgr-1: inbound tcp 22"), "{}", trace.summary);
    let group = network.security_groups.get(&"sg-db".into()).expect("the group");
    assert_eq!(group.inbound.value().map(Vec::len), Some(1), "the rule is one, and not two");
}

#[test]
fn entries_of_a_prefix_list_and_routes_of_a_transit_table_are_known_by_their_files_name() {
    let folder = saved();
    write(
        folder.path(),
        "lists.json",
        json!({ "PrefixLists": [{ "PrefixListId": "pl-0a1", "OwnerId": "1" }] }).to_string(),
    );
    write(
        folder.path(),
        "entries/pl-0a1.json",
        json!({ "Entries": [{ "Cidr": "10.9.0.0/16" }] }).to_string(),
    );
    write(
        folder.path(),
        "tgw-rtb-0b2.json",
        json!({ "Routes": [{ "DestinationCidrBlock": "10.1.0.0/16", "Type": "static",
        "State": "active", "TransitGatewayAttachments": [] }], "AdditionalRoutesAvailable": false })
        .to_string(),
    );
    let network = read(folder.path());
    let list = network.prefix_lists.get(&"pl-0a1".into()).expect("the list");
    assert_eq!(list.entries.value().map(Vec::len), Some(1));
    let table = network.transit_route_tables.get(&"tgw-rtb-0b2".into()).expect("the table");
    assert_eq!(table.routes.value().map(Vec::len), Some(1));
}

/// What AWS would not write, each a change of one file of the clean network.
#[test]
fn thirty_malformed_inputs_give_an_error_or_an_unknown_and_never_a_panic() {
    let damaged: [(&str, &[u8], &str); 12] = [
        ("Subnets.json", b"{", "EOF while parsing"),
        ("Subnets.json", b"{\"Subnets\": [}", "line 1 column 14"),
        ("Subnets.json", b"{\"Subnets\": [{\"SubnetId\": \"subnet-a\",]}", "line 1"),
        ("Subnets.json", b"An error occurred (UnauthorizedOperation)", "line 1 column 1"),
        ("Subnets.json", b"{\"Subnets\": []} trailing", "line 1 column"),
        ("Subnets.json", b"\xff\xff\xff", "it is not text"),
        ("Subnets.json", b"\xff\xfe\x00\xd8", "it is not text"),
        ("Subnets.json", b"{'Subnets': []}", "key must be a string"),
        ("Subnets.json", b"{\"Subnets\": [\x00]}", "line 1"),
        ("Subnets.json", b"{\"Subnets\": [1e999]}", "number out of range"),
        ("Subnets.txt", b"{\"Subnets\": [", "EOF while parsing"),
        ("Subnets.json", &[b'['; 1_000], "recursion limit"),
    ];
    for (name, bytes, wanted) in damaged {
        let folder = saved();
        write(folder.path(), name, bytes);
        let error = folder::read(folder.path()).expect_err("damage");
        let text = error.to_string();
        assert!(text.contains(name) && text.contains(wanted), "{text}");
        assert!(!error.hint().is_empty());
    }
    let odd = [
        "{}",
        "[]",
        "null",
        "7",
        "\"\"",
        r#"{ "Subnets": {} }"#,
        r#"{ "Subnets": [null, 1, "x", [], {}] }"#,
        r#"{ "SecurityGroups": [{ "GroupId": 7 }] }"#,
        r#"{ "SecurityGroups": [{ "GroupId": "sg-web", "IpPermissions": "none" }] }"#,
        r#"{ "SecurityGroups": [{ "GroupId": "sg-web", "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": "x", "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }] }] }"#,
        r#"{ "SecurityGroups": [{ "GroupId": "sg-web", "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{ "CidrIp": "203.0.113.10/33" }] }] }] }"#,
        r#"{ "SecurityGroups": [{ "GroupId": "sg-web", "IpPermissions": [{ "IpProtocol": {}, "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }] }] }"#,
        r#"{ "NetworkAcls": [{ "NetworkAclId": "acl-a", "Associations": [{ "SubnetId": "subnet-a" }] }] }"#,
        r#"{ "NetworkAcls": [{ "NetworkAclId": "acl-a", "Associations": [{ "SubnetId": "subnet-a" }], "Entries": [{ "RuleNumber": -5, "RuleAction": "allow", "Egress": false }] }] }"#,
        r#"{ "NetworkAcls": [{ "NetworkAclId": "acl-a", "Associations": [{ "SubnetId": "subnet-a" }], "Entries": [{ "RuleNumber": 1, "RuleAction": "allow", "Egress": false, "Protocol": "6", "CidrBlock": "somewhere" }] }] }"#,
        r#"{ "RouteTables": [{ "RouteTableId": "rtb-a", "VpcId": "vpc-1", "Associations": [{ "SubnetId": "subnet-a" }] }] }"#,
        r#"{ "RouteTables": [{ "RouteTableId": "rtb-a", "VpcId": "vpc-1", "Associations": [{ "SubnetId": "subnet-a" }], "Routes": [{ "State": "active" }] }] }"#,
        r#"{ "RouteTables": [{ "RouteTableId": "rtb-a", "VpcId": "vpc-1", "Associations": [{ "SubnetId": "subnet-a" }], "Routes": [{ "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1" }] }] }"#,
        r#"{ "NetworkInterfaces": [{ "NetworkInterfaceId": "eni-web", "PrivateIpAddress": "10.0.1.10", "Attachment": { "InstanceId": "i-0web" } }] }"#,
        r#"{ "Reservations": [{ "Instances": [{ "InstanceId": "i-0web", "State": 16 }] }] }"#,
        r#"{ "DBInstances": [{ "DBInstanceIdentifier": "mydb", "Endpoint": { "Port": 99999999 } }] }"#,
    ];
    for document in odd {
        let folder = saved();
        write(folder.path(), "zz-odd.json", document);
        let network = read(folder.path());
        // Whatever it makes of it, it gets to an answer.
        for (from, to, port) in
            [("203.0.113.10", "web", 22), ("web", "mydb", 5432), ("internet", "i-0web", 22)]
        {
            let trace = ask(&network, from, to, port);
            assert!(!trace.summary.is_empty(), "{document}");
        }
    }
}

/// Takes a thing out of the file that tells of it.
fn without(folder: &Path, kind: &str, row: &Value) {
    let path = folder.join(format!("{kind}.json"));
    let mut saved: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    let ids = ["GroupId", "NetworkAclId", "RouteTableId"];
    let is_same = |other: &Value| ids.iter().any(|id| !row[*id].is_null() && row[*id] == other[*id]);
    saved[kind].as_array_mut().expect("rows").retain(|other| !is_same(other));
    fs::write(path, saved.to_string()).expect("a file");
}

#[test]
fn what_cannot_be_read_is_unknown_and_named_with_its_file_and_field() {
    for (document, field) in [
        (r#"{ "SecurityGroups": [{ "GroupId": "sg-web" }] }"#, "IpPermissions of sg-web"),
        (
            r#"{ "NetworkAcls": [{ "NetworkAclId": "acl-a", "Associations": [{ "SubnetId": "subnet-a" }] }] }"#,
            "Entries of acl-a",
        ),
        (
            r#"{ "Reservations": [{ "Instances": [{ "InstanceId": "i-0web", "State": 16 }] }] }"#,
            "State of i-0web",
        ),
        (
            r#"{ "RouteTables": [{ "RouteTableId": "rtb-a", "VpcId": "vpc-1", "Associations": [{ "SubnetId": "subnet-a" }] }] }"#,
            "Routes of rtb-a",
        ),
    ] {
        let folder = saved();
        let odd: Value = serde_json::from_str(document).expect("JSON");
        let (kind, rows) = odd.as_object().and_then(|answer| answer.iter().next()).expect("an answer");
        without(folder.path(), kind, &rows[0]);
        write(folder.path(), "zz-odd.json", document);
        let trace = ask(&read(folder.path()), "203.0.113.10", "i-0web", 22);
        assert_eq!(trace.verdict, Verdict::Unknown, "{}", trace.summary);
        let named = trace
            .unknowns
            .iter()
            .any(|missing| missing.what == field && missing.because.contains("zz-odd.json"));
        assert!(named, "{field}: {:?}", trace.unknowns);
    }
}

#[test]
fn a_folder_that_is_not_there_or_holds_nothing_of_aws_is_an_error_with_a_way_on() {
    let empty = tempfile::tempdir().expect("a folder");
    let error = folder::read(empty.path()).expect_err("nothing");
    assert!(error.hint().contains("aws ec2 describe-instances"));
    let error = folder::read(&empty.path().join("missing")).expect_err("nothing");
    assert!(error.to_string().contains("missing"));
}
