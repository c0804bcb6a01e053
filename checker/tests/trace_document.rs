//! `docs/trace.md` says what the JSON of a trace holds, and is made from the code: the table of codes, and an
//! example that was evaluated.

mod fixtures;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use fixtures::{entry, open};
use serde_json::Value;
use vivarium_checker::evaluate::{Code, TRACE_VERSION};

const OPENING: &str = r"# What a trace holds

<!-- Made from checker/tests/trace_document.rs and the code: `cargo test -p vivarium-checker --test trace_document -- --ignored` writes it anew. -->

A trace is the answer to one question: can FROM open PORT at TO? It comes from the configuration alone; nothing is
sent. `vivarium-check path --from X --to Y --port N --json` prints it. Names may be added; none changes its meaning
without a new `version`.

FROM and TO are an instance id, a Name tag, an interface id, an RDS identifier or endpoint, an address, a CIDR
block, `internet` (any public IPv4 address), or an internet gateway's id (some address beyond it will do, as
Reachability Analyzer has it).

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

## A gate

| field | holds |
|---|---|
| `direction` | `forward` or `return` |
| `kind` | `source`, `destination`, `instance`, `network_interface`, `database`, `name_resolution`, `address`, `security_group`, `network_acl`, `route_table`, `internet_gateway`, `egress_only_internet_gateway`, `block_public_access`, `nat_gateway`, `peering_connection`, `transit_gateway`, `vpc_endpoint`, `virtual_private_gateway`, `source_dest_check`, `appliance` |
| `element` | the gate's id: of the interface for security groups, of the ACL, the table, the gateway |
| `side` | `inbound` or `outbound`, where the gate has two |
| `packet` | the packet as this gate sees it, before or after translation |
| `outcome` | `allowed`, `denied`, `partial`, `unknown` or `assumed` |
| `by` | what decided: `element`, the id that holds the rule, and `rule`, the rule in words. Not with `unknown` and `assumed` |
| `code`, `reachability_analyzer` | why it denies, in our words and in Reachability Analyzer's; with `denied` and `partial` |
| `passing_ports`, `failing_share` | with `partial`: what gets through, and the share that does not |
| `missing` | with `unknown` and `assumed`: what was not read |

Security groups are asked on the way there only: they remember. Network ACLs are asked both ways, and not within a
subnet. The reply looks up routes of its own.

## The codes

| code | Reachability Analyzer's |
|---|---|
";

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
