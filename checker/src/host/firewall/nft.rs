//! Rules as `nft -j list ruleset` prints them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::{Action, Base, Deciding, Holds, Packet, Rule, Ruleset, lies_in, source_port};

/// The tables that iptables keeps in nftables: `iptables-save` tells what is in them, `nft` only partly.
const OF_IPTABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];

/// What a set holds, by family, table and name.
type Sets = BTreeMap<String, Vec<Value>>;

/// Reads them for one packet. Where `iptables-save` was read, its tables are left to it.
pub(super) fn read(text: &str, packet: &Packet, without_iptables: bool) -> Result<Ruleset, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let rows = document["nftables"].as_array().ok_or("there is no list of nftables in it")?;
    let concerned = |row: &Value| {
        let (family, table) = (word(row, "family"), word(row, "table"));
        let mine = match family {
            "ip" => packet.source.is_ipv4(),
            "ip6" => packet.source.is_ipv6(),
            "inet" => true,
            _ => false,
        };
        mine && !(without_iptables && family != "inet" && OF_IPTABLES.contains(&table))
    };
    let of =
        |kind: &'static str| rows.iter().filter_map(move |row| row.get(kind)).filter(|row| concerned(row));
    let sets: Sets = of("set").map(|row| (place(row, "name"), elements(row))).collect();
    let mut rules = Ruleset::default();
    for row in of("chain") {
        rules.chains.entry(place(row, "name")).or_default();
        rules.bases.extend(base(row));
    }
    for row in of("rule") {
        rules.chains.entry(place(row, "chain")).or_default().push(rule(row, packet, &sets));
    }
    Ok(rules)
}

fn word<'v>(row: &'v Value, name: &str) -> &'v str {
    row[name].as_str().unwrap_or_default()
}

fn place(row: &Value, name: &str) -> String {
    format!("{} {}/{}", word(row, "family"), word(row, "table"), word(row, name))
}

fn elements(row: &Value) -> Vec<Value> {
    row["elem"].as_array().cloned().unwrap_or_default()
}

fn base(row: &Value) -> Option<Base> {
    let hook = match word(row, "hook") {
        "prerouting" => 0,
        "input" => 1,
        _ => return None,
    };
    let (family, table, name) = (word(row, "family"), word(row, "table"), word(row, "name"));
    let policy = if word(row, "policy") == "drop" { Action::Drop } else { Action::Accept };
    let deciding = Deciding {
        rule: format!("table {family} {table}, chain {name}: policy drop"),
        remove: Some(format!("nft 'chain {family} {table} {name} {{ policy accept; }}'")),
    };
    Some(Base {
        chain: place(row, "name"),
        hook,
        priority: row["prio"].as_i64().unwrap_or(0),
        policy,
        deciding,
    })
}

fn rule(row: &Value, packet: &Packet, sets: &Sets) -> Rule {
    let (mut holds, mut action) = (Holds::Yes, Action::Continue);
    let mut words = Vec::new();
    let table = format!("{} {}", word(row, "family"), word(row, "table"));
    for statement in row["expr"].as_array().into_iter().flatten() {
        let Some((kind, value)) = statement.as_object().and_then(|fields| fields.iter().next()) else {
            // `{"counter": null}` is an object; a bare word is nothing that nft prints.
            holds = holds.and(Holds::Unknown);
            continue;
        };
        match kind.as_str() {
            "match" => holds = holds.and(matched(value, packet, &table, sets)),
            "vmap" => action = mapped(value, packet, &table, sets),
            "counter" | "log" | "comment" | "mangle" | "notrack" | "set" | "ct helper" | "ct timeout" => {}
            "accept" => action = Action::Accept,
            "drop" => action = Action::Drop,
            "reject" => action = Action::Reject,
            "return" => action = Action::Return,
            "continue" => action = Action::Continue,
            "jump" => action = Action::Jump(word(value, "target").to_owned()),
            "goto" => action = Action::Goto(word(value, "target").to_owned()),
            "queue" | "dnat" | "redirect" | "tproxy" | "synproxy" => action = Action::Unknown,
            // A limit, a quota, a match of iptables': it may hold or not.
            _ => holds = holds.and(Holds::Unknown),
        }
        words.extend(said(kind, value));
    }
    let handle = row["handle"]
        .as_u64()
        .map(|handle| format!("nft delete rule {table} {} handle {handle}", word(row, "chain")));
    let rule = format!("table {table}, chain {}: {}", word(row, "chain"), words.join(" "));
    Rule { holds, action, deciding: Deciding { rule, remove: handle } }
}

fn matched(value: &Value, packet: &Packet, table: &str, sets: &Sets) -> Holds {
    let (left, right) = (&value["left"], &value["right"]);
    let held = |holds: Holds| match word(value, "op") {
        "!=" => holds.not(),
        "==" | "in" => holds,
        _ => Holds::Unknown,
    };
    held(is_one_of(left, right, packet, table, sets))
}

/// Whether what is on the left is what is on the right, or one of it.
fn is_one_of(left: &Value, right: &Value, packet: &Packet, table: &str, sets: &Sets) -> Holds {
    let any = |items: &[Value]| {
        items.iter().fold(Holds::No, |one, item| {
            one.not().and(is_one_of(left, item, packet, table, sets).not()).not()
        })
    };
    if let Some(items) = right.as_array().or_else(|| right["set"].as_array()) {
        return any(items);
    }
    if let Some(inner) = right.get("elem").and_then(|elem| elem.get("val")) {
        return is_one_of(left, inner, packet, table, sets);
    }
    if let Some(name) = right.as_str().and_then(|word| word.strip_prefix('@')) {
        return sets.get(&format!("{table}/{name}")).map_or(Holds::Unknown, |items| any(items));
    }
    single(left, right, packet)
}

fn single(left: &Value, right: &Value, packet: &Packet) -> Holds {
    let key = match (left.get("payload"), left.get("meta"), left.get("ct")) {
        (Some(payload), _, _) => format!("{} {}", word(payload, "protocol"), word(payload, "field")),
        (_, Some(meta), _) => format!("meta {}", word(meta, "key")),
        (_, _, Some(ct)) => format!("ct {}", word(ct, "key")),
        _ => return Holds::Unknown,
    };
    let is =
        |wanted: &[&str]| right.as_str().map_or(Holds::Unknown, |word| Holds::of(wanted.contains(&word)));
    let family = if packet.source.is_ipv4() { "ipv4" } else { "ipv6" };
    match key.as_str() {
        "ip saddr" | "ip6 saddr" => address(packet.source, right),
        "ip daddr" | "ip6 daddr" => packet.destination.map_or(Holds::Unknown, |own| address(own, right)),
        "tcp dport" | "th dport" => {
            number(right, |first, last| Holds::of((first..=last).contains(&u64::from(packet.port))))
        }
        "tcp sport" | "th sport" => number(right, source_port),
        "udp dport" | "udp sport" | "icmp type" | "icmpv6 type" => Holds::No,
        "ip protocol" | "ip6 nexthdr" | "meta l4proto" => match right.as_u64() {
            Some(number) => Holds::of(number == 6),
            None => is(&["tcp"]),
        },
        "meta nfproto" => is(&[family]),
        "meta protocol" => is(&[if family == "ipv4" { "ip" } else { "ip6" }]),
        "meta iifname" | "meta iif" => device(right, packet),
        "meta pkttype" => is(&["host", "unicast"]),
        "ct state" => is(&["new"]),
        "ct direction" => is(&["original"]),
        _ => Holds::Unknown,
    }
}

fn device(right: &Value, packet: &Packet) -> Holds {
    let Some(name) = right.as_str() else { return Holds::Unknown };
    match (&packet.device, name.strip_suffix('*')) {
        (Some(own), Some(begin)) => Holds::of(own.starts_with(begin)),
        (Some(own), None) => Holds::of(own == name),
        (None, _) if name == "lo" => Holds::of(packet.source.is_loopback()),
        (None, _) => Holds::Unknown,
    }
}

fn address(address: IpAddr, right: &Value) -> Holds {
    if let Some(block) = right.as_str() {
        return lies_in(address, block);
    }
    if let Some(prefix) = right.get("prefix") {
        let block = format!("{}/{}", word(prefix, "addr"), prefix["len"]);
        return lies_in(address, &block);
    }
    let bound = |at: usize| right["range"][at].as_str()?.parse::<IpAddr>().ok();
    match (bound(0), bound(1)) {
        (Some(first), Some(last)) => Holds::of((first..=last).contains(&address)),
        _ => Holds::Unknown,
    }
}

fn number(right: &Value, holds: impl Fn(u64, u64) -> Holds) -> Holds {
    if let Some(one) = right.as_u64() {
        return holds(one, one);
    }
    match (right["range"][0].as_u64(), right["range"][1].as_u64()) {
        (Some(first), Some(last)) => holds(first, last),
        _ => Holds::Unknown,
    }
}

/// A map of verdicts: the entry that holds, nothing where none does.
fn mapped(value: &Value, packet: &Packet, table: &str, sets: &Sets) -> Action {
    let Some(rows) = value["data"]["set"].as_array() else { return Action::Unknown };
    for row in rows {
        let Some([key, verdict]) = row.as_array().map(Vec::as_slice) else { return Action::Unknown };
        match is_one_of(&value["key"], key, packet, table, sets) {
            Holds::No => {}
            Holds::Unknown => return Action::Unknown,
            Holds::Yes => return verdict_of(verdict),
        }
    }
    Action::Continue
}

fn verdict_of(verdict: &Value) -> Action {
    let Some((kind, value)) = verdict.as_object().and_then(|fields| fields.iter().next()) else {
        return Action::Unknown;
    };
    match kind.as_str() {
        "accept" => Action::Accept,
        "drop" => Action::Drop,
        "return" => Action::Return,
        "continue" => Action::Continue,
        "jump" => Action::Jump(word(value, "target").to_owned()),
        "goto" => Action::Goto(word(value, "target").to_owned()),
        _ => Action::Unknown,
    }
}

/// The rule as a person would write it, as far as this program can.
fn said(kind: &str, value: &Value) -> Option<String> {
    match kind {
        "match" => {
            let op = match word(value, "op") {
                "==" | "in" => String::new(),
                other => format!("{other} "),
            };
            Some(format!("{} {op}{}", side(&value["left"]), side(&value["right"])))
        }
        "jump" | "goto" => Some(format!("{kind} {}", word(value, "target"))),
        "counter" | "log" | "comment" => None,
        other => Some(other.to_owned()),
    }
}

fn side(value: &Value) -> String {
    let many = |items: &[Value]| items.iter().take(8).map(side).collect::<Vec<_>>().join(", ");
    if let Some(items) = value.as_array() {
        return many(items);
    }
    let Some((kind, inner)) = value.as_object().and_then(|fields| fields.iter().next()) else {
        return value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    };
    match kind.as_str() {
        "payload" => format!("{} {}", word(inner, "protocol"), word(inner, "field")),
        "meta" | "ct" => format!("{kind} {}", word(inner, "key")),
        "prefix" => format!("{}/{}", word(inner, "addr"), inner["len"]),
        "range" => format!("{}-{}", side(&inner[0]), side(&inner[1])),
        "set" => format!("{{ {} }}", many(inner.as_array().map_or(&[][..], Vec::as_slice))),
        "elem" => side(&inner["val"]),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Decision, walk};
    use super::*;

    fn packet() -> Packet {
        Packet {
            source: [203, 0, 113, 10].into(),
            destination: Some([10, 0, 1, 10].into()),
            port: 22,
            device: Some("eth0".into()),
        }
    }

    /// One table with a chain of input, a chain that it may call, and a set.
    fn decided(policy: &str, rules: &[Value]) -> Decision {
        let mut rows = vec![
            json!({"metainfo": {"json_schema_version": 1}}),
            json!({"table": {"family": "inet", "name": "t", "handle": 1}}),
            json!({"chain": {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input",
                "prio": 0, "policy": policy}}),
            json!({"chain": {"family": "inet", "table": "t", "name": "other"}}),
            json!({"set": {"family": "inet", "table": "t", "name": "banned", "type": "ipv4_addr",
                "elem": [{"elem": {"val": "203.0.113.10", "timeout": 600}}, "198.51.100.1"]}}),
        ];
        for (handle, expr) in rules.iter().enumerate() {
            rows.push(json!({"rule": {"family": "inet", "table": "t", "chain": "c", "handle": handle, "expr": expr}}));
        }
        walk::walk(&read(&json!({"nftables": rows}).to_string(), &packet(), false).expect("it is JSON"))
    }

    fn payload(field: &str, op: &str, right: &Value) -> Value {
        let (protocol, field) = field.split_once(' ').expect("two words");
        json!({"match": {"op": op, "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}})
    }

    #[test]
    fn a_rule_that_drops_the_port_is_named_with_the_command_that_removes_it() {
        let drops = json!([payload("tcp dport", "==", &json!(22)), {"counter": {"packets": 0, "bytes": 0}}, {"drop": null}]);
        let Decision::Drops(by) = decided("accept", &[drops]) else { panic!("it is dropped") };
        assert_eq!(by.rule, "table inet t, chain c: tcp dport 22 drop");
        assert_eq!(by.remove.as_deref(), Some("nft delete rule inet t c handle 0"));
    }

    #[test]
    fn sets_prefixes_ranges_and_states_are_understood() {
        let accept = json!({"accept": null});
        let ports = json!([payload("tcp dport", "==", &json!({"set": [80, {"range": [20, 25]}]})), accept]);
        assert_eq!(decided("drop", &[ports]), Decision::Passes);
        let home = json!([
            payload("ip saddr", "==", &json!({"prefix": {"addr": "203.0.113.0", "len": 24}})),
            accept
        ]);
        assert_eq!(decided("drop", &[home]), Decision::Passes);
        let banned = json!([payload("ip saddr", "==", &json!("@banned")), {"reject": {"type": "icmp"}}]);
        assert!(matches!(decided("accept", &[banned]), Decision::Rejects(_)));
        let state = json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}});
        assert!(matches!(decided("drop", &[json!([state, accept])]), Decision::Drops(_)));
        let others = json!([payload("ip saddr", "!=", &json!("203.0.113.10")), {"drop": null}]);
        assert_eq!(decided("accept", &[others]), Decision::Passes);
    }

    #[test]
    fn a_map_of_verdicts_is_looked_up() {
        let of = |key: Value, set: Value| json!([{"vmap": {"key": key, "data": {"set": set}}}]);
        let state = json!({"ct": {"key": "state"}});
        let set = json!([["established", {"accept": null}], ["invalid", {"drop": null}]]);
        assert!(matches!(decided("drop", &[of(state, set)]), Decision::Drops(_)), "a new one is in no row");
        let port = json!({"payload": {"protocol": "tcp", "field": "dport"}});
        assert_eq!(decided("drop", &[of(port, json!([[22, {"accept": null}]]))]), Decision::Passes);
    }

    #[test]
    fn what_cannot_be_decided_is_unknown_and_what_concerns_others_is_nothing() {
        let limited = json!([payload("tcp dport", "==", &json!(22)), {"limit": {"rate": 3, "per": "minute"}}, {"accept": null}]);
        assert!(matches!(decided("drop", &[limited]), Decision::Unknown(rule) if rule.contains("limit")));
        let udp = json!([payload("udp dport", "==", &json!(22)), {"drop": null}]);
        assert_eq!(decided("accept", &[udp]), Decision::Passes);
        let forward = r#"{"nftables": [{"chain": {"family": "ip", "table": "t", "name": "f", "hook": "forward", "prio": 0,
            "policy": "drop"}}]}"#;
        assert_eq!(walk::walk(&read(forward, &packet(), false).expect("it is JSON")), Decision::Passes);
    }

    #[test]
    fn chains_that_call_each_other_without_end_are_unknown() {
        let around = json!([{"jump": {"target": "c"}}]);
        assert!(matches!(decided("accept", &[around]), Decision::Unknown(_)));
    }

    #[test]
    fn no_json_and_no_list_are_errors() {
        assert!(read("", &packet(), false).is_err());
        assert!(read("{}", &packet(), false).is_err());
    }
}
