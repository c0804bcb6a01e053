//! `docs/trace.md` says what the JSON of a trace holds, and is made from the code: the table of codes, and an
//! example that was evaluated.

mod fixtures;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use fixtures::{entry, open};
use serde_json::Value;
use vivarium_checker::evaluate::{Code, TRACE_VERSION};

const OPENING: &str = r#"# What a trace holds

<!-- Made from checker/tests/trace_document.rs and the code: `cargo test -p vivarium-checker --test trace_document -- --ignored` writes it anew. -->

A trace is the answer to one question: can FROM open PORT at TO? It comes from the configuration alone; nothing is
sent. `vivarium-check path --from X --to Y --port N --json` prints it. Names may be added; none changes its meaning
without a new `version`.

FROM and TO are one of these:

| word | means |
|---|---|
| `i-…`, a Name tag, an instance's DNS name | the instance. As a source it sends from the interface that shares a subnet with the destination, else from its first; as a destination any of its interfaces will do, and from outside any address that a public one stands for |
| `eni-…` | the interface |
| an RDS identifier or endpoint, a cluster's too | the database, resolved as who asks resolves it. Where nothing says which of several places it is in, all of them must agree, or the answer is `unknown` |
| `vpce-…` | any of the endpoint's interfaces |
| an address | who has it privately, or whom it stands for publicly, else somebody outside. An address that several VPCs have is meant as the other end's VPC has it |
| a CIDR block, `subnet-…` | each one in it: interfaces where a VPC has the block, and addresses outside |
| `internet`, `0.0.0.0/0`, `::/0` | each public address |
| `igw-…` | some public address beyond the gateway will do, as Reachability Analyzer has it |

IPv6 is meant where one end is an address of it, or an interface that has no other; else IPv4.

## The answer

| field | holds |
|---|---|
| `version` | the version of this description |
| `flow` | the question: `from`, `to`, `protocol`, `port`, and the `source_ports` that were tried: what the source's system picks (Linux 32768-60999, Windows 49152-65535, the internet 1024-65535), unless the question names them |
| `verdict` | `reachable`, `not_reachable`, `partly` (some source ports or addresses get through) or `unknown` (it hangs on something that was not read) |
| `summary` | the verdict and its reason in one line |
| `deciding` | the gate that the verdict hangs on most: the first that denies, else the first unknown one, else the first that lets part through, else the security group rule that lets it in |
| `blockers` | every gate that denies or lets only part through: all of them, in both directions, and not the first only |
| `gates` | every gate in the order a packet meets them, there and back |
| `passing_source_ports` | the source ports that get through, as ranges |
| `failing_share` | the share of source ports, or of addresses, that fails: 0 to 1 |
| `unknowns` | what the answer hangs on and is not known: `what`, `because`, the `permission` that would show it, and whether AWS `refused` |
| `assumptions` | what was not read and is taken for what AWS sets unless somebody changes it, such as VPC Block Public Access being off; where AWS refused to tell, it is an unknown instead |
| `cases` | where the question is about several addresses or interfaces: each with its `source`, `destination`, `verdict` and `code`. `gates` are those of the first |

A denial is certain whatever else is unknown; an unknown is never taken for an allowance.

`partly` means that some of what was asked for gets through: with one source and one destination some source ports
(`passing_source_ports` says which), with several of them some pairs (`cases` says which). Who asks whether *anybody*
gets through takes `partly` for a yes.

What makes the answer `unknown` where it was not in the answers given: security groups, network ACLs, route tables,
interfaces, the state of the instance or database, and whatever gateway, peering, endpoint or list of prefixes the
flow's own routes and rules name. What is assumed instead: VPC Block Public Access (off), the VPC's DNS attributes
(on), a route's state where the answers were cut down to others (active), that no address of the flow is in the list
of a gateway endpoint whose entries were not read, and that an instance used as an appliance forwards. An internet
gateway that an active route names is attached, also where nobody saved it.

## A gate

| field | holds |
|---|---|
| `direction` | `forward` or `return` |
| `kind` | `source`, `destination`, `instance`, `network_interface`, `database`, `name_resolution`, `address`, `security_group`, `network_acl`, `route_table`, `internet_gateway`, `egress_only_internet_gateway`, `block_public_access`, `nat_gateway`, `peering_connection`, `transit_gateway`, `vpc_endpoint`, `virtual_private_gateway`, `source_dest_check`, `appliance` |
| `element` | the gate's id: of the interface for security groups, of the ACL, the table, the gateway |
| `side` | `inbound` or `outbound`, where the gate has two |
| `packet` | the packet as this gate sees it, before or after translation |
| `outcome` | `allowed`, `denied`, `partial`, `unknown` or `assumed` |
| `by` | what decided, as below. Not with `unknown` and `assumed` |
| `code`, `reachability_analyzer` | why it denies, in our words and in Reachability Analyzer's; with `denied` and `partial` |
| `passing_ports`, `failing_share` | with `partial`: what gets through, and the share that does not |
| `missing` | with `unknown` and `assumed`: what was not read |

## What decided

`by.element` is the id of what holds the rule, `by.rule` the rule in words, and `by.type` says which more there is:

| `type` | and |
|---|---|
| `security_group_rule` | `security_group`, and `security_group_rule`: its id, or `null` where only describe-security-groups was read |
| `no_security_group_rule` | `security_groups`: none of these has a rule for it |
| `network_acl_rule` | `network_acl`, `egress`, `rule_number`: a number, or `"*"` for what no numbered rule matches |
| `route` | `route_table`, `destination`, `target` |
| `no_route` | `route_table`: no route of it leads there |
| `state` | nothing: it is the element's own state or nature |

Security groups are asked on the way there only: they remember. Network ACLs are asked both ways, and not within a
subnet. The reply looks up routes of its own.

## The codes

| code | Reachability Analyzer's |
|---|---|
"#;

const EXAMPLE: &str = "
## An example

The network ACL of the instance's subnet lets replies go to Linux's ephemeral ports only, but a laptop behind a home
router comes from any port from 1024 on. Only some of the gates are shown.

```json
";

fn document() -> String {
    let mut text = OPENING.to_owned();
    for code in Code::ALL {
        let theirs = code.reachability_analyzer().map_or_else(String::new, |theirs| format!("`{theirs}`"));
        writeln!(text, "| `{}` | {theirs} |", code.name()).expect("a string takes all");
    }
    let example = serde_json::to_string_pretty(&example()).expect("plain values");
    write!(text, "{EXAMPLE}{example}\n```\n").expect("a string takes all");
    text
}

fn example() -> Value {
    let mut answers = open();
    let rules = vec![
        entry(100, false, "allow", "0.0.0.0/0", None),
        entry(100, true, "allow", "0.0.0.0/0", Some((32768, 60999))),
    ];
    answers.acl_rules("acl-a", rules);
    let mut trace = serde_json::to_value(answers.ask("203.0.113.10", "web", 22)).expect("plain values");
    let gates = trace["gates"].as_array_mut().expect("gates");
    gates.retain(|gate| gate["kind"] == "network_acl" || gate["kind"] == "security_group");
    trace
}

#[test]
fn every_way_to_decide_is_told_to_programs_under_a_name_that_the_document_has() {
    let by = |answers: &fixtures::Answers, from: &str, to: &str, port: u16| {
        let trace = serde_json::to_value(answers.ask(from, to, port)).expect("plain values");
        trace["deciding"]["by"].clone()
    };
    let clean = open();
    let rule = by(&clean, "203.0.113.10", "i-0web", 22);
    assert_eq!((&rule["type"], &rule["security_group"]), (&"security_group_rule".into(), &"sg-web".into()));
    let none = by(&clean, "203.0.113.10", "i-0web", 80);
    assert_eq!(
        (&none["type"], &none["security_groups"]),
        (&"no_security_group_rule".into(), &serde_json::json!(["sg-web"]))
    );
    let mut closed = open();
    closed.acl_rules("acl-a", vec![entry(90, false, "deny", "0.0.0.0/0", None)]);
    let entry = by(&closed, "203.0.113.10", "i-0web", 22);
    assert_eq!(
        (&entry["network_acl"], &entry["egress"], &entry["rule_number"]),
        (&"acl-a".into(), &false.into(), &90.into())
    );
    closed.acl_rules("acl-a", vec![]);
    assert_eq!(by(&closed, "203.0.113.10", "i-0web", 22)["rule_number"], "*");
    let mut routed = open();
    routed.thing("RouteTables", "rtb-a")["Routes"][1]["State"] = "blackhole".into();
    let route = by(&routed, "203.0.113.10", "i-0web", 22);
    assert_eq!((&route["destination"], &route["target"]), (&"0.0.0.0/0".into(), &"igw-1".into()));
    routed.without_route("rtb-a", "0.0.0.0/0");
    assert_eq!(
        by(&routed, "203.0.113.10", "i-0web", 22),
        serde_json::json!({
        "element": "rtb-a", "rule": "no route leads to 203.0.113.10", "type": "no_route", "route_table": "rtb-a" })
    );
    let mut stopped = open();
    stopped.thing("Instances", "i-0web")["State"]["Name"] = "stopped".into();
    assert_eq!(by(&stopped, "i-0web", "mydb", 5432)["type"], "state");
    for word in [rule, none, entry, route].map(|by| by["type"].as_str().expect("a word").to_owned()) {
        assert!(OPENING.contains(&format!("| `{word}` |")), "{word}");
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/trace.md")
}

#[test]
fn the_document_is_what_the_code_does() {
    let written = std::fs::read_to_string(path()).expect("docs/trace.md");
    assert_eq!(written, document(), "write it anew, as its second line says");
    assert_eq!(TRACE_VERSION, 1);
}

#[test]
#[ignore = "writes docs/trace.md"]
fn write_the_document() {
    std::fs::write(path(), document()).expect("docs/trace.md");
}

#[test]
fn every_code_has_one_name() {
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
}
