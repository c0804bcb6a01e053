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
        "10.1.0.0/16",
        "192.0.2.0/24",
        "192.0.2.82/31",
        "::/0",
        "2001:db8:f::4/126",
    ])
}

/// A rule of a group, for a block, for a list, or for the members of a group.
fn group_rule() -> impl Strategy<Value = Value> {
    let peer = prop_oneof![
        4 => cidr().prop_map(|cidr| {
            let (list, field) = if cidr.contains(':') { ("Ipv6Ranges", "CidrIpv6") } else { ("IpRanges", "CidrIp") };
            (list, json!({ field: cidr }))
        }),
        1 => Just(("PrefixListIds", json!({ "PrefixListId": "pl-1" }))),
        2 => proptest::sample::select(vec!["sg-web", "sg-app", "sg-db"])
            .prop_map(|group| ("UserIdGroupPairs", json!({ "GroupId": group }))),
    ];
    (ports(), peer).prop_map(|(ports, (list, peer))| {
        let (from, to) = ports.unwrap_or((0, 65535));
        let mut rule = tcp(from, to, &[]);
        rule[list] = json!([peer]);
        rule
    })
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

/// Somebody's groups, network ACLs and routes: with IPv6, a prefix list, a peering and a NAT gateway.
fn answers() -> impl Strategy<Value = Answers> {
    let groups = [0; 3].map(|_| proptest::collection::vec(group_rule(), 0..4));
    let list = proptest::collection::vec(cidr(), 0..3);
    (rules(), rules(), rules(), groups, list, any::<bool>()).prop_map(|(a, b, d, groups, list, routed)| {
        let mut answers = open();
        for (acl, rules) in [("acl-a", a), ("acl-b", b), ("acl-d", d)] {
            answers.acl_rules(acl, rules);
        }
        for (group, rules) in ["sg-web", "sg-app", "sg-db"].into_iter().zip(groups) {
            answers.thing("SecurityGroups", group)["IpPermissions"] = Value::Array(rules);
        }
        answers
            .rows("PrefixLists")
            .push(json!({ "PrefixListId": "pl-1", "PrefixListName": "ours", "Cidrs": list }));
        answers.thing("NetworkInterfaces", "eni-web")["Ipv6Addresses"] =
            json!([{ "Ipv6Address": "2001:db8::10" }]);
        let six = json!({ "DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active" });
        answers.route("rtb-a", six);
        if !routed {
            answers.without_route("rtb-a", "0.0.0.0/0");
        }
        answers
    })
}

/// From the internet, within the VPC, through the peering, through the NAT gateway, over IPv6.
const QUESTIONS: [(&str, &str, u16); 6] = [
    (LAPTOP, "i-0web", 22),
    ("i-0web", "mydb", 5432),
    ("i-0peer", "i-0web", 22),
    ("i-0web", "i-0app", 8080),
    ("2001:db8:f::5", "i-0web", 22),
    ("i-0app", "192.0.2.80", 443),
];

/// What a person is told, apart from the numbers of rules.
fn told(trace: &Trace) -> (Verdict, PortSet, usize) {
    (trace.verdict, trace.passing_source_ports.clone(), trace.blockers.len())
}

fn all(network: &Network) -> Vec<Trace> {
    QUESTIONS.map(|(from, to, port)| ask(network, from, to, port)).into()
}

fn all_told(network: &Network) -> Vec<(Verdict, PortSet, usize)> {
    all(network).iter().map(told).collect()
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

/// How many networks each property is held against: `PROPTEST_CASES`, or few.
#[expect(clippy::disallowed_methods, reason = "a long run says so in the environment")]
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_in_which_rules_are_listed_means_nothing(answers in answers(), seed in any::<u64>()) {
        let mut shuffled = answers.clone();
        for acl in ["acl-a", "acl-b", "acl-d"] {
            let rules = entries(&mut shuffled, acl);
            rules.sort_by_key(|rule| {
                let number = rule["RuleNumber"].as_u64().unwrap_or(0);
                number.wrapping_mul(seed | 1).rotate_left(17)
            });
        }
        for group in ["sg-web", "sg-app", "sg-db"] {
            shuffled.thing("SecurityGroups", group)["IpPermissions"].as_array_mut().expect("rules").reverse();
        }
        shuffled.thing("RouteTables", "rtb-a")["Routes"].as_array_mut().expect("routes").reverse();
        prop_assert_eq!(all_told(&answers.network()), all_told(&shuffled.network()));
    }

    #[test]
    fn the_rule_asterisk_means_the_same_written_down_or_not(answers in answers()) {
        let mut written = answers.clone();
        for acl in ["acl-a", "acl-b", "acl-d"] {
            for egress in [false, true] {
                written.acl_rule(acl, entry(32767, egress, "deny", "0.0.0.0/0", None));
                written.acl_rule(acl, entry(32768, egress, "deny", "::/0", None));
            }
        }
        prop_assert_eq!(all_told(&answers.network()), all_told(&written.network()));
        let summaries = |network: &Network| all(network).into_iter().map(|trace| trace.summary).collect::<Vec<_>>();
        prop_assert_eq!(summaries(&answers.network()), summaries(&written.network()));
    }

    #[test]
    fn a_rule_for_a_block_and_two_for_its_halves_are_the_same(answers in answers()) {
        let mut halved = answers.clone();
        for acl in ["acl-a", "acl-b", "acl-d"] {
            let rules = entries(&mut halved, acl);
            // Numbers are spread, so that the second half finds a free one behind the first.
            let split: Vec<Value> = rules
                .iter()
                .flat_map(|rule| {
                    let field = if rule["CidrBlock"].is_string() { "CidrBlock" } else { "Ipv6CidrBlock" };
                    let block: ipnet::IpNet = rule[field].as_str().expect("a block").parse().expect("a block");
                    let number = rule["RuleNumber"].as_u64().expect("a number") * 10;
                    let halves: Vec<ipnet::IpNet> = match block.subnets(block.prefix_len() + 1) {
                        Ok(halves) => halves.collect(),
                        Err(_) => vec![block],
                    };
                    halves.into_iter().enumerate().map(move |(index, half)| {
                        let mut part = rule.clone();
                        part[field] = json!(half.to_string());
                        part["RuleNumber"] = json!(number + index as u64);
                        part
                    })
                })
                .collect();
            *rules = split;
        }
        prop_assert_eq!(all_told(&answers.network()), all_told(&halved.network()));
    }

    #[test]
    fn one_more_rule_in_a_group_never_closes_anything(answers in answers(), rule in group_rule()) {
        let mut wider = answers.clone();
        for group in ["sg-web", "sg-app", "sg-db"] {
            wider.thing("SecurityGroups", group)["IpPermissions"].as_array_mut().expect("rules").push(rule.clone());
        }
        for (before, after) in all(&answers.network()).iter().zip(&all(&wider.network())) {
            prop_assert!(openness(after.verdict) >= openness(before.verdict));
        }
    }

    #[test]
    fn an_allowing_rule_behind_all_others_never_closes_anything(answers in answers(), egress in any::<bool>(), cidr in cidr(), ports in ports()) {
        let mut wider = answers.clone();
        wider.acl_rule("acl-a", entry(400, egress, "allow", cidr, ports));
        for (before, after) in all(&answers.network()).iter().zip(&all(&wider.network())) {
            prop_assert!(openness(after.verdict) >= openness(before.verdict));
            prop_assert!(after.passing_source_ports.contains_all(&before.passing_source_ports));
        }
    }

    #[test]
    fn a_set_of_ports_fares_as_each_of_them_does(answers in answers()) {
        let network = answers.network();
        let end = |text: &str| End::parse(text);
        // Behind the NAT gateway it is its ports that count, and not the client's.
        for (from, to, port) in QUESTIONS.into_iter().take(5) {
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
        prop_assert_eq!(all(&network), all(&network));
        prop_assert_eq!(&network, &answers.network());
    }

    #[test]
    fn a_block_of_addresses_fares_as_each_of_them_does(answers in answers()) {
        let network = answers.network();
        let each_to_web = |address: &str| ask(&network, address, "i-0web", 22);
        let app_to_each = |address: &str| ask(&network, "i-0app", address, 443);
        let blocks = [
            ("203.0.113.8/29", "203.0.113.", 8u8, true),
            ("2001:db8:f::/125", "2001:db8:f::", 0, true),
            ("192.0.2.80/29", "192.0.2.", 80, false),
        ];
        for (block, start, first, inwards) in blocks {
            let question = |text: &str| if inwards { each_to_web(text) } else { app_to_each(text) };
            let whole = question(block);
            let each: Vec<Trace> = (first..first + 8).map(|last| question(&format!("{start}{last}"))).collect();
            let all = |verdict| each.iter().all(|one| one.verdict == verdict);
            match whole.verdict {
                Verdict::Reachable => prop_assert!(all(Verdict::Reachable)),
                Verdict::NotReachable => prop_assert!(all(Verdict::NotReachable)),
                Verdict::Partly => prop_assert!(!all(Verdict::Reachable) && !all(Verdict::NotReachable)),
                Verdict::Unknown => prop_assert!(false, "{}", whole.summary),
            }
            let share: f64 = each.iter().map(|one| one.failing_share).sum::<f64>() / 8.0;
            prop_assert!((whole.failing_share - share).abs() < 1e-9, "{block}: {} and {share}", whole.failing_share);
        }
    }
}
