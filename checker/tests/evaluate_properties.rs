//! What must hold of every network, not only of those somebody thought of: changes that mean nothing change
//! nothing, changes that open never close, and sets of ports agree with one port at a time.

mod fixtures;

use fixtures::{Answers, ask, entry, open, tcp};
use proptest::prelude::*;
use serde_json::{Value, json};
use vivarium_checker::evaluate::{End, Flow, Trace, Verdict, evaluate};
use vivarium_checker::network::{Network, PortSet};

const LAPTOP: &str = "203.0.113.10";

fn cidr() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "0.0.0.0/0",
        "203.0.113.0/24",
        "203.0.113.10/32",
        "10.0.0.0/16",
        "10.0.1.0/24",
        "192.0.2.0/24",
    ])
}

/// Ranges that begin and end where it matters.
fn ports() -> impl Strategy<Value = Option<(u16, u16)>> {
    let ends = vec![0, 22, 1023, 1024, 5432, 32767, 32768, 40000, 60999, 61000, 65535];
    let pair = (proptest::sample::select(ends.clone()), proptest::sample::select(ends));
    proptest::option::of(pair.prop_map(|(one, other): (u16, u16)| (one.min(other), one.max(other))))
}

fn rule() -> impl Strategy<Value = Value> {
    let action = proptest::bool::weighted(0.7).prop_map(|allow| if allow { "allow" } else { "deny" });
    (1u32..300, any::<bool>(), action, cidr(), ports())
        .prop_map(|(number, egress, action, cidr, ports)| entry(number, egress, action, cidr, ports))
}

/// Rules whose numbers are their own, as AWS keeps them.
fn rules() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(rule(), 0..10).prop_map(|mut rules| {
        let mut seen = std::collections::BTreeSet::new();
        rules.retain(|rule| seen.insert((rule["Egress"] == true, rule["RuleNumber"].as_u64())));
        rules
    })
}

fn answers() -> impl Strategy<Value = Answers> {
    let group = proptest::collection::vec((ports(), proptest::collection::vec(cidr(), 0..3)), 0..4);
    (rules(), rules(), group, any::<bool>()).prop_map(|(a, b, group, routed)| {
        let mut answers = open();
        answers.acl_rules("acl-a", a);
        answers.acl_rules("acl-b", b);
        let permissions: Vec<Value> = group
            .iter()
            .map(|(ports, cidrs)| {
                let (from, to) = ports.unwrap_or((0, 65535));
                tcp(from, to, cidrs)
            })
            .collect();
        answers.thing("SecurityGroups", "sg-web")["IpPermissions"] = Value::Array(permissions);
        if !routed {
            answers.without_route("rtb-a", "0.0.0.0/0");
        }
        answers
    })
}

/// What a person is told, apart from the numbers of rules.
fn told(trace: &Trace) -> (Verdict, PortSet, usize) {
    (trace.verdict, trace.passing_source_ports.clone(), trace.blockers.len())
}

fn both(network: &Network) -> [Trace; 2] {
    [ask(network, LAPTOP, "i-0web", 22), ask(network, "i-0web", "mydb", 5432)]
}

fn openness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Reachable => 2,
        Verdict::Partly => 1,
        Verdict::NotReachable | Verdict::Unknown => 0,
    }
}

fn entries<'a>(answers: &'a mut Answers, acl: &str) -> &'a mut Vec<Value> {
    answers.thing("NetworkAcls", acl)["Entries"].as_array_mut().expect("entries")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_rules_are_listed_means_nothing(answers in answers(), seed in any::<u64>()) {
        let mut shuffled = answers.clone();
        for acl in ["acl-a", "acl-b"] {
            let rules = entries(&mut shuffled, acl);
            rules.sort_by_key(|rule| {
                let number = rule["RuleNumber"].as_u64().unwrap_or(0);
                number.wrapping_mul(seed | 1).rotate_left(17)
            });
        }
        shuffled.thing("SecurityGroups", "sg-web")["IpPermissions"].as_array_mut().expect("rules").reverse();
        let (one, other) = (both(&answers.network()), both(&shuffled.network()));
        prop_assert_eq!(one.each_ref().map(told), other.each_ref().map(told));
    }

    #[test]
    fn the_rule_asterisk_means_the_same_written_down_or_not(answers in answers()) {
        let mut written = answers.clone();
        for acl in ["acl-a", "acl-b"] {
            for egress in [false, true] {
                written.acl_rule(acl, entry(32767, egress, "deny", "0.0.0.0/0", None));
                written.acl_rule(acl, entry(32768, egress, "deny", "::/0", None));
            }
        }
        let (one, other) = (both(&answers.network()), both(&written.network()));
        prop_assert_eq!(one.each_ref().map(told), other.each_ref().map(told));
        let summaries = |traces: &[Trace; 2]| traces.each_ref().map(|trace| trace.summary.clone());
        prop_assert_eq!(summaries(&one), summaries(&other));
    }

    #[test]
    fn a_rule_for_a_block_and_two_for_its_halves_are_the_same(answers in answers()) {
        let mut halved = answers.clone();
        for acl in ["acl-a", "acl-b"] {
            let rules = entries(&mut halved, acl);
            // Numbers are spread, so that the second half finds a free one behind the first.
            let split: Vec<Value> = rules
                .iter()
                .flat_map(|rule| {
                    let block: ipnet::IpNet = rule["CidrBlock"].as_str().expect("a block").parse().expect("a block");
                    let number = rule["RuleNumber"].as_u64().expect("a number") * 10;
                    let halves: Vec<ipnet::IpNet> = match block.subnets(block.prefix_len() + 1) {
                        Ok(halves) => halves.collect(),
                        Err(_) => vec![block],
                    };
                    halves.into_iter().enumerate().map(move |(index, half)| {
                        let mut part = rule.clone();
                        part["CidrBlock"] = json!(half.to_string());
                        part["RuleNumber"] = json!(number + index as u64);
                        part
                    })
                })
                .collect();
            *rules = split;
        }
        let (one, other) = (both(&answers.network()), both(&halved.network()));
        prop_assert_eq!(one.each_ref().map(told), other.each_ref().map(told));
    }

    #[test]
    fn one_more_rule_in_a_group_never_closes_anything(answers in answers(), ports in ports(), cidr in cidr()) {
        let mut wider = answers.clone();
        let (from, to) = ports.unwrap_or((0, 65535));
        wider.thing("SecurityGroups", "sg-web")["IpPermissions"].as_array_mut().expect("rules").push(tcp(from, to, &[cidr]));
        for (before, after) in both(&answers.network()).iter().zip(&both(&wider.network())) {
            prop_assert!(openness(after.verdict) >= openness(before.verdict));
        }
    }

    #[test]
    fn an_allowing_rule_behind_all_others_never_closes_anything(answers in answers(), egress in any::<bool>(), cidr in cidr(), ports in ports()) {
        let mut wider = answers.clone();
        wider.acl_rule("acl-a", entry(400, egress, "allow", cidr, ports));
        for (before, after) in both(&answers.network()).iter().zip(&both(&wider.network())) {
            prop_assert!(openness(after.verdict) >= openness(before.verdict));
            prop_assert!(after.passing_source_ports.contains_all(&before.passing_source_ports));
        }
    }

    #[test]
    fn a_set_of_ports_fares_as_each_of_them_does(answers in answers()) {
        let network = answers.network();
        let end = |text: &str| End::parse(text);
        for (from, to, port) in [(LAPTOP, "i-0web", 22), ("i-0web", "mydb", 5432)] {
            let whole = evaluate(&Flow::tcp(end(from), end(to), port).from_ports(PortSet::range(1024, 65535)), &network);
            for client in [1024, 5432, 32767, 32768, 40000, 60999, 61000, 65535] {
                let one = evaluate(&Flow::tcp(end(from), end(to), port).from_ports(PortSet::one(client)), &network);
                let passes = whole.verdict != Verdict::NotReachable && whole.passing_source_ports.contains(client);
                prop_assert_eq!(one.verdict == Verdict::Reachable, passes, "port {}: {}", client, whole.summary);
            }
        }
    }

    #[test]
    fn the_same_question_twice_has_the_same_answer(answers in answers()) {
        let network = answers.network();
        prop_assert_eq!(both(&network), both(&network));
        prop_assert_eq!(&network, &answers.network());
    }

    #[test]
    fn a_block_of_addresses_fares_as_each_of_them_does(answers in answers()) {
        let network = answers.network();
        let whole = ask(&network, "203.0.113.8/29", "i-0web", 22);
        let each: Vec<Verdict> = (8..16).map(|last| ask(&network, &format!("203.0.113.{last}"), "i-0web", 22).verdict).collect();
        let all = |verdict| each.iter().all(|one| *one == verdict);
        match whole.verdict {
            Verdict::Reachable => prop_assert!(all(Verdict::Reachable)),
            Verdict::NotReachable => prop_assert!(all(Verdict::NotReachable)),
            Verdict::Partly => prop_assert!(!all(Verdict::Reachable) && !all(Verdict::NotReachable)),
            Verdict::Unknown => prop_assert!(false, "{}", whole.summary),
        }
    }
}
