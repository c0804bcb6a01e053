//! Fixes against the evaluator itself: each breaks one thing in a network that works, and the printed fix opens it.
//! Then the three forms of a diagnosis. With `VIVARIUM_REPORTS=folder` the pages are left there to be looked at.

mod fixtures;

use std::net::SocketAddr;
use std::time::Duration;

use fixtures::{Answers, entry, open, tcp};
use serde_json::{Value, json};
use vivarium_checker::evaluate::{End, Flow, Verdict as Allowed, evaluate};
use vivarium_checker::explain::{Case, Diagnosis, Finding, Service, Verdict, explain, fix};
use vivarium_checker::network::{Known, Network};
use vivarium_checker::probe::observation::{Asked, Observation, Outcome, Words};
use vivarium_checker::render;

const AT_HOME: &str = "203.0.113.99";

fn timed_out(address: &str) -> Observation {
    Observation {
        asked: Asked::Port,
        address: Some(address.parse().expect("an address")),
        from: None,
        at: "2026-11-23T15:00:00Z".parse().expect("a time"),
        elapsed: Duration::from_secs(3),
        outcome: Outcome::TimedOut,
    }
}

/// What the checker says of a connection that times out.
fn diagnosed(network: &Network, from: &str, to: &str, address: &str) -> Diagnosis {
    let address: SocketAddr = address.parse().expect("an address");
    let flow = Flow::tcp(End::parse(from), End::parse(to), address.port());
    let ask = |network: &Network| evaluate(&flow, network);
    let (trace, seen) = (ask(network), [timed_out(&address.to_string())]);
    let service = if address.port() == 22 { Service::Ssh } else { Service::Postgres };
    explain(&Case {
        from: from.into(),
        to: to.into(),
        service: Some(service),
        port: address.port(),
        address: Some(address),
        observations: &seen,
        trace: Some(&trace),
        network: Some(network),
        evaluate: Some(&ask),
        ..Case::default()
    })
}

/// Of the whole internet nobody comes from one address, and nothing is opened to all of it.
#[test]
fn a_path_from_the_internet_speaks_of_the_internet_and_offers_it_no_rule() {
    let network = at_home().network();
    let flow = Flow::tcp(End::parse("internet"), End::parse("i-0web"), 22);
    let ask = |network: &Network| evaluate(&flow, network);
    let trace = ask(&network);
    let diagnosis = explain(&Case {
        from: "internet".into(),
        to: "i-0web".into(),
        service: Some(Service::Port),
        port: 22,
        trace: Some(&trace),
        network: Some(&network),
        evaluate: Some(&ask),
        ..Case::default()
    });
    let finding = &diagnosis.findings[0];
    assert!(
        finding.verdict.starts_with("no rule of sg-web lets the internet (1.0.0.0 for one) in"),
        "{finding:#?}"
    );
    assert!(finding.hint.contains("for those who need it"), "{finding:#?}");
    assert!(finding.fix.is_none() && !render::text(&diagnosis).contains("you come from"), "{finding:#?}");
}

fn from_home(network: &Network) -> Diagnosis {
    diagnosed(network, AT_HOME, "i-0web", "198.51.100.20:22")
}

/// The network that works, with the rule of somebody at home.
fn at_home() -> Answers {
    let mut answers = open();
    answers.thing("SecurityGroups", "sg-web")["IpPermissions"] = json!([tcp(22, 22, &["203.0.113.99/32"])]);
    answers
}

fn the_finding(diagnosis: &Diagnosis) -> &Finding {
    assert_eq!(diagnosis.verdict, Verdict::NotReachableExplained, "{}", render::text(diagnosis));
    assert_eq!(diagnosis.findings.len(), 1, "{}", render::text(diagnosis));
    &diagnosis.findings[0]
}

/// The only finding's only command, once it is shown that it opens the way.
fn the_command(diagnosis: &Diagnosis) -> String {
    let finding = the_finding(diagnosis);
    let fix = finding.fix.as_ref().unwrap_or_else(|| panic!("no fix: {}", render::text(diagnosis)));
    assert_eq!(fix.then, Allowed::Reachable, "{}", render::text(diagnosis));
    assert!(!fix.undo.is_empty() && fix.leaves.is_empty());
    fix.commands.join("\n")
}

#[test]
fn a_rule_that_holds_an_old_address_is_edited_by_its_id() {
    let mut network = open().network();
    let group = network.security_groups.get_mut(&"sg-web".into()).expect("the group");
    let Known::Known(rules) = &mut group.inbound else { panic!("rules") };
    rules[0].id = Some("sgr-0a".into());
    rules[0].description = Some("Ada's flat".into());
    let diagnosis = from_home(&network);
    assert_eq!(the_finding(&diagnosis).symptom, Some("H2"));
    let wanted = r#"aws ec2 modify-security-group-rules --group-id sg-web --security-group-rules '[{"SecurityGroupRule":{"CidrIpv4":"203.0.113.99/32","Description":"Ada'\''s flat","FromPort":22,"IpProtocol":"tcp","ToPort":22},"SecurityGroupRuleId":"sgr-0a"}]'"#;
    assert_eq!(the_command(&diagnosis), wanted);
    let undo = &the_finding(&diagnosis).fix.as_ref().expect("a fix").undo[0];
    assert_eq!(undo, &wanted.replace("203.0.113.99", "203.0.113.10"));
}

#[test]
fn where_several_addresses_are_let_in_one_is_added_and_nobody_is_cut_off() {
    let mut answers = open();
    answers.thing("SecurityGroups", "sg-web")["IpPermissions"] =
        json!([tcp(22, 22, &["203.0.113.10/32", "203.0.113.11/32"])]);
    let command = the_command(&from_home(&answers.network()));
    assert!(command.starts_with("aws ec2 authorize-security-group-ingress --group-id sg-web"), "{command}");
    assert!(command.contains(r#""CidrIp":"203.0.113.99/32""#), "{command}");
}

#[test]
fn a_group_at_its_quota_gets_no_rule_and_says_so() {
    let mut answers = open();
    let many: Vec<String> = (1..=60).map(|last| format!("192.0.2.{last}/32")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    answers.thing("SecurityGroups", "sg-web")["IpPermissions"] = json!([tcp(22, 22, &many)]);
    let diagnosis = from_home(&answers.network());
    let finding = the_finding(&diagnosis);
    assert!(finding.fix.is_none() && finding.hint.contains("60 rules"), "{}", finding.hint);
}

#[test]
fn a_database_lets_in_a_group_and_not_an_address() {
    let diagnosis = diagnosed(&open().network(), "i-0app", "mydb", "10.0.2.20:5432");
    assert_eq!(the_finding(&diagnosis).symptom, Some("P5"));
    let command = the_command(&diagnosis);
    assert!(command.contains(r#""UserIdGroupPairs":[{"GroupId":"sg-app"}]"#), "{command}");
}

#[test]
fn a_group_that_lets_nothing_out_gets_a_rule_outwards() {
    let mut answers = open();
    answers.thing("SecurityGroups", "sg-web")["IpPermissionsEgress"] = json!([]);
    let diagnosis = diagnosed(&answers.network(), "i-0web", "mydb", "10.0.2.20:5432");
    assert_eq!(the_finding(&diagnosis).symptom, Some("P6"));
    let command = the_command(&diagnosis);
    assert!(command.starts_with("aws ec2 authorize-security-group-egress --group-id sg-web"), "{command}");
}

#[test]
fn a_deny_is_passed_by_an_entry_with_a_lower_number() {
    let mut answers = at_home();
    answers.acl_rule("acl-a", entry(50, false, "deny", "203.0.113.0/24", Some((22, 22))));
    let diagnosis = from_home(&answers.network());
    assert_eq!(the_finding(&diagnosis).symptom, Some("H6"));
    let wanted = "aws ec2 create-network-acl-entry --network-acl-id acl-a --ingress --rule-number 40 --protocol 6 \
                  --port-range From=22,To=22 --cidr-block 203.0.113.99/32 --rule-action allow";
    assert_eq!(the_command(&diagnosis), wanted);
}

#[test]
fn a_deny_at_number_one_moves_back_one_place() {
    let mut answers = at_home();
    answers.acl_rule("acl-a", entry(1, false, "deny", "203.0.113.0/24", Some((22, 22))));
    let command = the_command(&from_home(&answers.network()));
    let lines: Vec<&str> = command.lines().collect();
    assert!(
        lines[0].contains("create-network-acl-entry") && lines[0].contains("--rule-number 2 "),
        "{command}"
    );
    assert!(lines[1].contains("replace-network-acl-entry") && lines[1].ends_with("--rule-action allow"));
}

#[test]
fn a_reply_with_no_way_out_gets_all_ports_that_a_client_may_have() {
    let mut answers = at_home();
    answers.acl_rules("acl-a", vec![entry(100, false, "allow", "0.0.0.0/0", None)]);
    let diagnosis = from_home(&answers.network());
    assert_eq!(the_finding(&diagnosis).symptom, Some("H7"));
    let command = the_command(&diagnosis);
    assert!(command.contains("--egress") && command.contains("--port-range From=1024,To=65535"), "{command}");
}

#[test]
fn half_a_range_of_ports_is_said_with_its_share() {
    let mut answers = at_home();
    let rules = vec![
        entry(100, false, "allow", "0.0.0.0/0", None),
        entry(100, true, "allow", "0.0.0.0/0", Some((32768, 65535))),
    ];
    answers.acl_rules("acl-a", rules);
    let diagnosis = from_home(&answers.network());
    assert_eq!(the_finding(&diagnosis).symptom, Some("H8"));
    assert!(diagnosis.headline.contains("49 %"), "{}", diagnosis.headline);
    the_command(&diagnosis);
}

#[test]
fn a_full_list_has_an_entry_widened() {
    let mut answers = at_home();
    let mut rules = vec![entry(100, false, "allow", "0.0.0.0/0", None)];
    rules.extend((0..18).map(|step| entry(200 + step, true, "allow", "192.0.2.0/24", Some((443, 443)))));
    rules.push(entry(100, true, "allow", "203.0.113.0/24", Some((32768, 65535))));
    answers.acl_rules("acl-a", rules);
    let command = the_command(&from_home(&answers.network()));
    assert!(
        command.contains("replace-network-acl-entry") && command.contains("From=1024,To=65535"),
        "{command}"
    );
}

#[test]
fn a_subnet_without_a_route_to_the_client_gets_one_for_the_client() {
    let mut answers = at_home();
    answers.without_route("rtb-a", "0.0.0.0/0");
    let diagnosis = from_home(&answers.network());
    assert_eq!(the_finding(&diagnosis).symptom, Some("H9"));
    let wanted = "aws ec2 create-route --route-table-id rtb-a --destination-cidr-block 203.0.113.99/32 \
                  --gateway-id igw-1";
    assert_eq!(the_command(&diagnosis), wanted);
}

#[test]
fn a_stopped_instance_is_started() {
    let mut answers = at_home();
    answers.thing("Instances", "i-0web")["State"] = json!({ "Code": 80, "Name": "stopped" });
    let diagnosis = from_home(&answers.network());
    assert_eq!(diagnosis.findings[0].symptom, Some("H15"), "{}", render::text(&diagnosis));
    assert_eq!(
        diagnosis.findings[0].fix.as_ref().expect("a fix").commands,
        ["aws ec2 start-instances --instance-ids i-0web"]
    );
}

#[test]
fn two_faults_at_once_are_both_found_and_each_fix_says_what_is_left_after_it_and_those_before() {
    let mut answers = open();
    answers.acl_rules("acl-a", vec![entry(100, false, "allow", "0.0.0.0/0", None)]);
    let diagnosis = from_home(&answers.network());
    let symptoms: Vec<_> = diagnosis.findings.iter().map(|finding| finding.symptom).collect();
    assert_eq!(symptoms, [Some("H2"), Some("H7")], "{}", render::text(&diagnosis));
    let left = diagnosis.findings.iter().map(|finding| finding.fix.as_ref().expect("a fix").leaves.len());
    assert_eq!(left.collect::<Vec<_>>(), [1, 0]);
    assert!(diagnosis.left_after_fixes.is_empty());
}

#[test]
fn a_private_database_is_reached_through_the_instance_that_it_lets_in() {
    let diagnosis = diagnosed(&open().network(), AT_HOME, "mydb", "10.0.2.20:5432");
    let tunnel = diagnosis.tunnel.as_deref();
    let wanted = "ssh -N -L 15432:mydb.abc123.eu-west-1.rds.amazonaws.com:5432 ec2-user@198.51.100.20";
    assert_eq!(tunnel, Some(wanted), "{}", render::text(&diagnosis));
}

#[test]
fn nobody_is_advised_to_open_the_gates_of_a_private_database_one_after_the_other() {
    let diagnosis = diagnosed(&open().network(), AT_HOME, "mydb", "10.0.2.20:5432");
    let text = render::text(&diagnosis);
    let symptoms: Vec<_> = diagnosis.findings.iter().map(|finding| finding.symptom).collect();
    assert_eq!(symptoms, [Some("P1")], "{text}");
    let trace = diagnosis.trace.as_ref().expect("a trace");
    assert!(trace.blockers.len() > 1, "all that is in the way stands in the trace");
}

/// Every break above and the network it leaves.
fn broken() -> Vec<(&'static str, Answers)> {
    let with = |change: &dyn Fn(&mut Answers)| {
        let mut answers = at_home();
        change(&mut answers);
        answers
    };
    vec![
        ("stale", open()),
        ("deny", with(&|all| all.acl_rule("acl-a", entry(50, false, "deny", "0.0.0.0/0", None)))),
        ("reply", with(&|all| all.acl_rules("acl-a", vec![entry(100, false, "allow", "0.0.0.0/0", None)]))),
        ("route", with(&|all| all.without_route("rtb-a", "0.0.0.0/0"))),
        ("gateway", with(&|all| all.thing("InternetGateways", "igw-1")["Attachments"] = json!([]))),
    ]
}

#[test]
fn no_fix_ever_opens_anything_to_everybody_and_every_fix_changes_the_model() {
    for (name, answers) in broken() {
        let network = answers.network();
        let diagnosis = from_home(&network);
        let fixes: Vec<_> = diagnosis.findings.iter().filter_map(|finding| finding.fix.as_ref()).collect();
        assert!(!fixes.is_empty(), "{name}: {}", render::text(&diagnosis));
        for one in fixes {
            assert!(
                one.commands.iter().all(|line| !line.contains("0.0.0.0/0") && !line.contains("::/0")),
                "{one:?}"
            );
            let changed = one.changes.iter().fold(network.clone(), fix::apply);
            assert_ne!(changed, network, "{name}");
        }
    }
}

#[test]
fn a_healthy_path_has_no_finding_and_says_what_will_break_next() {
    let network = at_home().network();
    let mut seen = timed_out("198.51.100.20:22");
    seen.outcome = Outcome::Spoke(Words::Ssh(Box::new(
        vivarium_checker::probe::ssh::words::SshWords::identified("SSH-2.0-OpenSSH_9.2p1"),
    )));
    let flow = Flow::tcp(End::parse(AT_HOME), End::parse("i-0web"), 22);
    let trace = evaluate(&flow, &network);
    let observations = [seen];
    let diagnosis = explain(&Case {
        from: AT_HOME.into(),
        to: "i-0web".into(),
        service: Some(Service::Ssh),
        port: 22,
        address: observations[0].address,
        observations: &observations,
        trace: Some(&trace),
        network: Some(&network),
        ..Case::default()
    });
    assert_eq!((diagnosis.verdict, diagnosis.findings.len()), (Verdict::Reachable, 0));
    let symptoms: Vec<_> = diagnosis.warnings.iter().map(|warning| warning.symptom).collect();
    assert_eq!(symptoms, [Some("H2")], "{:?}", diagnosis.warnings);
    keep("healthy", &diagnosis);
}

fn keep(name: &str, diagnosis: &Diagnosis) {
    #[expect(clippy::disallowed_methods, reason = "this is the door to where pages are left")]
    if let Ok(folder) = std::env::var("VIVARIUM_REPORTS") {
        std::fs::write(format!("{folder}/{name}.html"), render::html(diagnosis)).expect("a page");
        std::fs::write(format!("{folder}/{name}.txt"), render::text(diagnosis)).expect("a page");
    }
}

/// Two faults, and names that are hostile.
fn the_report() -> Diagnosis {
    let mut network = open();
    network.acl_rules("acl-a", vec![entry(100, false, "allow", "0.0.0.0/0", None)]);
    let mut network = network.network();
    let group = network.security_groups.get_mut(&"sg-web".into()).expect("the group");
    let Known::Known(rules) = &mut group.inbound else { panic!("rules") };
    rules[0].id = Some("sgr-0a1b2c3d4e5f60718".into());
    from_home(&network)
}

#[test]
fn the_first_line_is_the_verdict_and_seen_gate_and_hint_follow() {
    let diagnosis = the_report();
    keep("report", &diagnosis);
    let text = render::text(&diagnosis);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "not reachable: 203.0.113.99 cannot open 198.51.100.20:22", "{text}");
    let begins = |word: &str| lines.iter().any(|line| line.trim_start().starts_with(word));
    assert!(["why", "seen", "gate", "hint:", "aws ec2", "undo", "path"].into_iter().all(begins), "{text}");
    assert!(text.contains("(ENI_SG_RULES_MISMATCH)") && text.contains("(SUBNET_ACL_RESTRICTION)"), "{text}");
}

#[test]
fn the_page_loads_nothing_and_takes_no_word_for_markup() {
    let mut diagnosis = the_report();
    let hostile = "\"><script src=https://example.com/x></script><img onerror=x>";
    diagnosis.findings[0].verdict = hostile.into();
    diagnosis.path.stations[0].name = hostile.into();
    diagnosis.headline = hostile.into();
    let page = render::html(&diagnosis);
    for word in ["<script", "<img", "<link", "<iframe", "@import", "url(", "src=\""] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'") && page.contains("prefers-color-scheme:dark"));
}

#[test]
fn the_same_diagnosis_is_the_same_bytes_and_can_be_told_without_accounts() {
    let (one, other) = (the_report(), the_report());
    assert_eq!(render::json(&one), render::json(&other));
    assert_eq!(render::html(&one), render::html(&other));
    assert!(!render::redact("arn:aws:iam::111122223333:role/a").contains("111122223333"));
}

/// All keys of an object and of what is in it.
fn keys(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            into.push(key.clone());
            keys(value, into);
        }),
        Value::Array(list) => list.iter().for_each(|value| keys(value, into)),
        _ => {}
    }
}

#[test]
fn every_name_of_the_json_is_in_its_document() {
    let document = include_str!("../../docs/diagnosis.md");
    let mut all = Vec::new();
    for (_, answers) in broken() {
        let written = render::json(&from_home(&answers.network()));
        keys(&serde_json::from_str(&written).expect("JSON"), &mut all);
    }
    all.sort();
    all.dedup();
    let untold: Vec<&String> = all.iter().filter(|key| !document.contains(&format!("`{key}`"))).collect();
    assert!(untold.is_empty(), "{untold:?}");
}
