//! The table: what was seen against what the configuration says, one test for each cell.

use std::net::SocketAddr;
use std::time::Duration;

use vivarium_checker::evaluate::{
    Code, Direction, Gate, GateKind, Outcome as Did, Packet, Question, Rule, TRACE_VERSION, Trace,
    Verdict as Allowed, Which,
};
use vivarium_checker::explain::{
    Case, Confidence, Configured, Diagnosis, Kind, KnownHost, Seen, Service, Side, Vantage, Verdict, explain,
};
use vivarium_checker::network::{Kind as Thing, Missing, PortSet, Protocol};
use vivarium_checker::probe::controls::Controlled;
use vivarium_checker::probe::observation::{Asked, Observation, Outcome, Unresolved, Words};
use vivarium_checker::probe::postgres::startup::PostgresWords;
use vivarium_checker::probe::ssh::words::{During, Ended, HostKey, How, KeyAnswer, SshWords};

const TARGET: &str = "54.1.2.3:22";

fn address() -> SocketAddr {
    TARGET.parse().expect("an address")
}

fn observed(asked: Asked, outcome: Outcome) -> Observation {
    let at = "2026-11-23T15:00:00Z".parse().expect("a time");
    let elapsed = Duration::from_millis(30);
    Observation { asked, address: Some(address()), from: None, at, elapsed, outcome }
}

fn at(target: &str, outcome: Outcome) -> Observation {
    Observation { address: Some(target.parse().expect("an address")), ..observed(Asked::Port, outcome) }
}

fn ssh() -> SshWords {
    SshWords::identified("SSH-2.0-OpenSSH_9.2p1")
}

fn spoke(words: SshWords) -> Observation {
    observed(Asked::Ssh { user: None }, Outcome::Spoke(Words::Ssh(Box::new(words))))
}

/// What stands for a row.
fn row(seen: Seen) -> Vec<Observation> {
    let port = |outcome| vec![observed(Asked::Port, outcome)];
    match seen {
        Seen::Spoke => vec![spoke(ssh())],
        Seen::Connected => port(Outcome::Silent),
        Seen::Refused => port(Outcome::Refused),
        Seen::NoWay => port(Outcome::HostUnreachable),
        Seen::TimedOut => port(Outcome::TimedOut),
        Seen::Unresolved => {
            let asked = Asked::Name { name: "box.example.com".into() };
            vec![observed(asked, Outcome::Unresolved { why: Unresolved::NoSuchName })]
        }
        Seen::NotProbed => Vec::new(),
    }
}

fn gate(outcome: Did) -> Gate {
    let packet = Packet {
        source: "203.0.113.9".parse().expect("an address"),
        source_ports: PortSet::range(1024, 65535),
        destination: "10.0.1.10".parse().expect("an address"),
        destination_ports: PortSet::one(22),
        protocol: Protocol::Tcp,
    };
    let (direction, kind) = (Direction::Forward, GateKind::SecurityGroup);
    Gate { direction, kind, element: "eni-0a1b".into(), side: Some("inbound"), packet, outcome }
}

fn denied() -> Gate {
    let which = Which::NoSecurityGroupRule(vec!["sg-0c2d".into()]);
    let rule = "no rule of sg-0c2d allows tcp 22 from 203.0.113.9".into();
    gate(Did::Denied { code: Code::NoRuleAllows, by: Rule { element: "sg-0c2d".into(), rule, which } })
}

fn half() -> Gate {
    let which = Which::NetworkAclEntry { acl: "acl-0a".into(), egress: true, rule_number: None };
    let by = Rule { element: "acl-0a".into(), rule: "rule * deny all".into(), which };
    let (code, passing_ports) = (Code::NetworkAclDenies, PortSet::range(32768, 65535));
    let outcome = Did::Partial { code, by, passing_ports, failing_share: 0.49 };
    let kind = GateKind::NetworkAcl;
    Gate {
        direction: Direction::Return,
        kind,
        element: "acl-0a".into(),
        side: Some("outbound"),
        ..gate(outcome)
    }
}

fn missing() -> Missing {
    Missing::new("network ACLs", "DescribeNetworkAcls was denied").shown_by(Thing::NetworkAcls)
}

/// What stands for a column.
fn column(configured: Configured) -> Option<Trace> {
    let open = gate(Did::Allowed { by: Rule::of("sg-0c2d", "allow tcp 22 from 203.0.113.9/32") });
    let (verdict, gates, unknowns) = match configured {
        Configured::Allows => (Allowed::Reachable, vec![open], Vec::new()),
        Configured::Denies => (Allowed::NotReachable, vec![denied()], Vec::new()),
        Configured::Partly => (Allowed::Partly, vec![open, half()], Vec::new()),
        Configured::Unknown => {
            let unknown = Gate { kind: GateKind::NetworkAcl, ..gate(Did::Unknown { missing: missing() }) };
            (Allowed::Unknown, vec![unknown], vec![missing()])
        }
        Configured::NotRead => return None,
    };
    let blockers: Vec<Gate> = gates.iter().filter(|gate| gate.blocks()).cloned().collect();
    let flow = Question {
        from: "203.0.113.9".into(),
        to: "i-0abc".into(),
        protocol: "tcp".into(),
        port: 22,
        source_ports: PortSet::range(1024, 65535),
    };
    Some(Trace {
        version: TRACE_VERSION,
        flow,
        verdict,
        summary: String::new(),
        deciding: blockers.first().cloned(),
        failing_share: if configured == Configured::Partly { 0.49 } else { 0.0 },
        blockers,
        gates,
        passing_source_ports: PortSet::default(),
        unknowns,
        assumptions: Vec::new(),
        cases: Vec::new(),
    })
}

fn case<'a>(observations: &'a [Observation], trace: Option<&'a Trace>) -> Case<'a> {
    Case {
        from: "203.0.113.9".into(),
        to: "i-0abc".into(),
        service: Some(Service::Ssh),
        port: 22,
        address: Some(address()),
        observations,
        trace,
        ..Case::default()
    }
}

fn cell(seen: Seen, configured: Configured) -> Diagnosis {
    let (observations, trace) = (row(seen), column(configured));
    explain(&case(&observations, trace.as_ref()))
}

/// The verdict, and of each finding its symptom and kind.
fn told(diagnosis: &Diagnosis) -> (Verdict, Vec<(Option<&'static str>, Kind)>) {
    (diagnosis.verdict, diagnosis.findings.iter().map(|finding| (finding.symptom, finding.kind)).collect())
}

macro_rules! cells {
    ($($name:ident: $seen:ident, $configured:ident => $verdict:ident $findings:expr;)*) => {
        $(#[test] fn $name() {
            let diagnosis = cell(Seen::$seen, Configured::$configured);
            assert_eq!(told(&diagnosis), (Verdict::$verdict, Vec::from($findings)), "{diagnosis:#?}");
        })*

        #[test]
        fn every_cell_of_the_table_has_its_test() {
            let written = [$((Seen::$seen, Configured::$configured)),*];
            for seen in Seen::ALL {
                for configured in Configured::ALL {
                    assert!(written.contains(&(seen, configured)), "{seen:?} {configured:?}");
                }
            }
        }
    };
}

const NONE: [(Option<&str>, Kind); 0] = [];
const CONTRADICTION: (Option<&str>, Kind) = (None, Kind::Contradiction);
const CANNOT_TELL: (Option<&str>, Kind) = (None, Kind::Unknown);

const fn cause(symptom: &'static str) -> (Option<&'static str>, Kind) {
    (Some(symptom), Kind::Cause)
}

cells! {
    what_spoke_and_is_allowed_is_reachable: Spoke, Allows => Reachable NONE;
    what_spoke_and_is_denied_is_reachable_and_the_model_is_doubted: Spoke, Denies => Reachable [CONTRADICTION];
    what_spoke_and_is_allowed_for_some_ports_works_by_chance: Spoke, Partly => NotReachableExplained [cause("H8")];
    what_spoke_is_reachable_whatever_was_not_read: Spoke, Unknown => Reachable NONE;
    what_spoke_is_reachable_without_a_configuration: Spoke, NotRead => Reachable NONE;
    silence_behind_open_gates_is_the_service: Connected, Allows => NotReachableExplained [cause("H20")];
    silence_behind_a_closed_gate_doubts_the_model_too: Connected, Denies => NotReachableExplained [cause("H20"), CONTRADICTION];
    silence_behind_a_gate_that_is_half_open_is_told_with_the_gate: Connected, Partly => NotReachableExplained [cause("H8"), cause("H20")];
    silence_behind_an_unread_gate_is_the_service: Connected, Unknown => NotReachableExplained [cause("H20")];
    silence_without_a_configuration_is_the_service: Connected, NotRead => NotReachableExplained [cause("H20")];
    a_refusal_behind_open_gates_comes_from_the_machine: Refused, Allows => NotReachableExplained [cause("H23")];
    a_refusal_behind_a_closed_gate_is_forged_or_the_model_is_wrong: Refused, Denies => NotReachableExplained [cause("H18"), cause("H1"), CONTRADICTION];
    a_refusal_behind_a_gate_that_is_half_open_names_both: Refused, Partly => NotReachableExplained [cause("H23"), cause("H8")];
    a_refusal_behind_an_unread_gate_comes_from_the_machine: Refused, Unknown => NotReachableExplained [cause("H23")];
    a_refusal_without_a_configuration_comes_from_the_machine: Refused, NotRead => NotReachableExplained [cause("H23")];
    no_route_to_host_behind_open_gates_is_the_hosts_firewall: NoWay, Allows => NotReachableExplained [cause("H24")];
    no_route_to_host_behind_a_closed_gate_names_both: NoWay, Denies => NotReachableExplained [cause("H1"), cause("H24")];
    no_route_to_host_behind_a_gate_that_is_half_open_names_both: NoWay, Partly => NotReachableExplained [cause("H8"), cause("H24")];
    no_route_to_host_behind_an_unread_gate_is_the_hosts_firewall: NoWay, Unknown => NotReachableExplained [cause("H24")];
    no_route_to_host_without_a_configuration_is_the_hosts_firewall: NoWay, NotRead => NotReachableExplained [cause("H24")];
    a_time_out_behind_open_gates_is_not_the_vpc: TimedOut, Allows => NotReachableExplained [cause("H25")];
    a_time_out_behind_a_closed_gate_is_that_gate: TimedOut, Denies => NotReachableExplained [cause("H1")];
    a_time_out_behind_a_gate_that_is_half_open_is_that_gate: TimedOut, Partly => NotReachableExplained [cause("H8")];
    a_time_out_behind_an_unread_gate_cannot_be_told: TimedOut, Unknown => CannotTell [CANNOT_TELL];
    a_time_out_without_a_configuration_cannot_be_told: TimedOut, NotRead => CannotTell [CANNOT_TELL];
    a_name_without_an_address_stops_it: Unresolved, Allows => NotReachableExplained [cause("H14")];
    a_name_without_an_address_does_not_hide_a_closed_gate: Unresolved, Denies => NotReachableExplained [cause("H14"), cause("H1")];
    a_name_without_an_address_does_not_hide_a_gate_that_is_half_open: Unresolved, Partly => NotReachableExplained [cause("H14"), cause("H8")];
    a_name_without_an_address_stops_it_whatever_was_not_read: Unresolved, Unknown => NotReachableExplained [cause("H14")];
    a_name_without_an_address_stops_it_without_a_configuration: Unresolved, NotRead => NotReachableExplained [cause("H14")];
    what_nobody_tried_is_what_the_configuration_says: NotProbed, Allows => Reachable NONE;
    what_nobody_tried_and_is_denied_is_that_gate: NotProbed, Denies => NotReachableExplained [cause("H1")];
    what_nobody_tried_and_is_half_open_is_that_gate: NotProbed, Partly => NotReachableExplained [cause("H8")];
    what_nobody_tried_and_was_not_read_cannot_be_told: NotProbed, Unknown => CannotTell [CANNOT_TELL];
    nothing_tried_and_nothing_read_tells_nothing: NotProbed, NotRead => CannotTell [CANNOT_TELL];
}

#[test]
fn an_unread_gate_is_named_with_the_permission_that_would_tell() {
    let diagnosis = cell(Seen::TimedOut, Configured::Unknown);
    assert_eq!(diagnosis.unknowns, [missing()]);
    assert!(
        diagnosis.findings[0].hint.contains("ec2:DescribeNetworkAcls"),
        "{:?}",
        diagnosis.findings[0].hint
    );
}

#[test]
fn a_contradiction_quotes_both_sides() {
    let diagnosis = cell(Seen::Spoke, Configured::Denies);
    let lines: Vec<&str> =
        diagnosis.findings[0].evidence.iter().map(vivarium_checker::explain::Evidence::line).collect();
    assert!(lines[0].starts_with("ssh 54.1.2.3:22: SSH-2.0-OpenSSH"), "{lines:?}");
    assert!(lines[1].ends_with("(ENI_SG_RULES_MISMATCH)"), "{lines:?}");
}

fn controls(closed: Outcome, web: Outcome, ssh: Outcome) -> Controlled {
    Controlled {
        closed: Some(at("54.1.2.3:9", closed)),
        web: vec![at("198.51.100.1:443", web)],
        ssh: vec![at("198.51.100.2:22", ssh)],
    }
}

fn controlled(seen: Seen, configured: Configured, controls: &Controlled) -> Diagnosis {
    let (observations, trace) = (row(seen), column(configured));
    explain(&Case { controls: Some(controls), ..case(&observations, trace.as_ref()) })
}

#[test]
fn a_captive_network_is_blamed_and_the_service_is_not() {
    let controls = controls(Outcome::Connected, Outcome::Connected, Outcome::Connected);
    let diagnosis = controlled(Seen::Connected, Configured::Allows, &controls);
    assert_eq!(diagnosis.findings[0].symptom, Some("H19"));
    assert_eq!(diagnosis.findings[0].side, Side::Client);
}

#[test]
fn an_office_that_blocks_22_is_blamed_and_the_host_is_not() {
    let controls = controls(Outcome::TimedOut, Outcome::Connected, Outcome::TimedOut);
    let diagnosis = controlled(Seen::TimedOut, Configured::Allows, &controls);
    assert_eq!(told(&diagnosis), (Verdict::NotReachableExplained, vec![cause("H17")]));
    let unread = controlled(Seen::TimedOut, Configured::NotRead, &controls);
    assert_eq!(told(&unread), (Verdict::NotReachableExplained, vec![cause("H17")]));
}

#[test]
fn an_office_that_blocks_22_and_a_closed_gate_are_both_found() {
    let controls = controls(Outcome::TimedOut, Outcome::Connected, Outcome::TimedOut);
    let diagnosis = controlled(Seen::TimedOut, Configured::Denies, &controls);
    assert_eq!(told(&diagnosis), (Verdict::NotReachableExplained, vec![cause("H17"), cause("H1")]));
}

#[test]
fn a_network_that_lets_nothing_out_is_blamed() {
    let controls = controls(Outcome::TimedOut, Outcome::TimedOut, Outcome::TimedOut);
    let diagnosis = controlled(Seen::TimedOut, Configured::Allows, &controls);
    assert_eq!(diagnosis.findings.len(), 1);
    assert!(diagnosis.findings[0].verdict.contains("lets nothing out"), "{diagnosis:#?}");
}

#[test]
fn a_refusal_from_nearer_than_aws_is_forged() {
    let mut controls = controls(Outcome::TimedOut, Outcome::Connected, Outcome::Connected);
    let mut observations = row(Seen::Refused);
    observations[0].elapsed = Duration::from_millis(1);
    let trace = column(Configured::Allows);
    let blamed = |controls: &Controlled| {
        let diagnosis = explain(&Case { controls: Some(controls), ..case(&observations, trace.as_ref()) });
        diagnosis.findings[0].symptom
    };
    controls.web[0].elapsed = Duration::from_millis(90);
    controls.ssh[0].elapsed = Duration::from_millis(2);
    assert_eq!(blamed(&controls), Some("H23"), "one control that was late says nothing");
    controls.ssh[0].elapsed = Duration::from_millis(80);
    assert_eq!(blamed(&controls), Some("H18"));
}

#[test]
fn healthy_controls_blame_nobody() {
    let controls = controls(Outcome::TimedOut, Outcome::Connected, Outcome::Connected);
    let diagnosis = controlled(Seen::Spoke, Configured::Allows, &controls);
    assert_eq!(told(&diagnosis), (Verdict::Reachable, Vec::new()));
    let silent = controlled(Seen::TimedOut, Configured::Allows, &controls);
    assert_eq!(silent.findings[0].confidence, Confidence::Likely);
}

#[test]
fn no_way_out_of_this_machine_is_this_machines() {
    let mut observations = vec![observed(Asked::Port, Outcome::NetworkUnreachable)];
    observations[0].elapsed = Duration::from_micros(90);
    let diagnosis = explain(&case(&observations, None));
    assert_eq!(told(&diagnosis), (Verdict::NotReachableExplained, vec![cause("H5")]));
}

#[test]
fn a_private_address_from_outside_is_told_by_its_class_alone() {
    let mut observations = row(Seen::TimedOut);
    observations[0].address = Some("10.0.2.20:5432".parse().expect("an address"));
    let address = observations[0].address;
    let asked = Case { service: Some(Service::Postgres), port: 5432, address, ..case(&observations, None) };
    assert_eq!(told(&explain(&asked)), (Verdict::NotReachableExplained, vec![cause("P1")]));
    let inside = Case { vantage: Vantage::Instance, ..asked };
    assert_eq!(explain(&inside).verdict, Verdict::CannotTell);
}

#[test]
fn two_addresses_of_one_client_are_a_possibility_beside_the_gate() {
    let (observations, trace) = (row(Seen::TimedOut), column(Configured::Denies));
    let seen_as = |who: &str, address: &str| (who.to_owned(), address.parse().expect("an address"));
    let client = vec![seen_as("the API", "203.0.113.9"), seen_as("the database", "198.51.100.8")];
    let diagnosis = explain(&Case { client, ..case(&observations, trace.as_ref()) });
    assert_eq!(told(&diagnosis).1, [cause("H3"), cause("H1")]);
}

#[test]
fn ports_that_were_sampled_and_lost_are_told_without_a_configuration() {
    let from = |local_port, outcome| observed(Asked::PortFrom { local_port }, outcome);
    let mut observations = row(Seen::Spoke);
    observations.push(from(1024, Outcome::TimedOut));
    observations.push(from(40_000, Outcome::Connected));
    let diagnosis = explain(&case(&observations, None));
    assert_eq!(told(&diagnosis), (Verdict::NotReachableExplained, vec![cause("H8")]));
}

#[test]
fn a_sample_that_tells_something_ends_that_nothing_can_be_told() {
    let from = |local_port, outcome| observed(Asked::PortFrom { local_port }, outcome);
    let silent = row(Seen::TimedOut);
    assert_eq!(told(&explain(&case(&silent, None))).0, Verdict::CannotTell);
    let sampled = [from(1024, Outcome::TimedOut), from(62_000, Outcome::Connected)];
    let diagnosis = explain(&case(&[silent, sampled.into()].concat(), None));
    assert_eq!(told(&diagnosis), (Verdict::NotReachableExplained, vec![cause("H8")]));
}

#[test]
fn one_answer_of_two_is_a_reason_to_try_more_ports_and_a_sample_is_none() {
    let offered = |observations: &[Observation]| {
        explain(&case(observations, None)).notes.iter().any(|note| note.contains("--sample-ports"))
    };
    let mut observations = row(Seen::Spoke);
    assert!(!offered(&observations));
    observations.extend(row(Seen::TimedOut));
    assert!(offered(&observations));
    observations.push(observed(Asked::PortFrom { local_port: 1024 }, Outcome::Connected));
    assert!(!offered(&observations));
}

fn of_ssh(words: SshWords) -> Diagnosis {
    explain(&case(&[spoke(words)], None))
}

#[test]
fn silence_in_the_key_exchange_is_a_large_packet_that_is_lost() {
    let ended = Some(Ended { during: During::KeyExchange, how: How::Silent });
    assert_eq!(told(&of_ssh(SshWords { ended, ..ssh() })).1, [cause("H28")]);
}

#[test]
fn a_server_that_hangs_up_on_who_does_not_log_in_is_no_fault() {
    let ended = Some(Ended { during: During::Authentication, how: How::Closed });
    assert_eq!(told(&of_ssh(SshWords { ended, ..ssh() })), (Verdict::Reachable, Vec::new()));
}

#[test]
fn other_words_than_ssh_are_another_service() {
    let words = Words::Unfamiliar { beginning: "HTTP/1.1 400".into(), who: Some("a web server".into()) };
    let seen = observed(Asked::Ssh { user: None }, Outcome::Spoke(words));
    assert_eq!(told(&explain(&case(&[seen], None))).1, [cause("H29")]);
}

#[test]
fn a_server_that_hangs_up_before_a_word_turns_us_away() {
    let seen = observed(Asked::Ssh { user: None }, Outcome::ClosedBeforeBanner);
    assert_eq!(told(&explain(&case(&[seen], None))).1, [cause("H26")]);
}

fn keys(user: &str, taken: bool) -> Observation {
    let keys = vec![KeyAnswer { fingerprint: "SHA256:abc".into(), algorithm: "ssh-ed25519".into(), taken }];
    let words = Words::Ssh(Box::new(SshWords { keys, ..ssh() }));
    observed(Asked::SshKeys { user: user.into() }, Outcome::Spoke(words))
}

#[test]
fn the_user_whose_key_is_taken_is_named() {
    let seen = [keys("root", false), keys("ubuntu", true)];
    let diagnosis = explain(&Case { user: Some("root".into()), ..case(&seen, None) });
    assert_eq!(told(&diagnosis).1, [cause("H31")]);
    assert_eq!(diagnosis.findings[0].hint, "log in as ubuntu");
    let right = explain(&Case { user: Some("ubuntu".into()), ..case(&seen, None) });
    assert_eq!(told(&right), (Verdict::Reachable, Vec::new()));
}

#[test]
fn a_key_that_nobody_takes_is_the_wrong_one() {
    let seen = [keys("admin", false), keys("ubuntu", false)];
    assert_eq!(told(&explain(&case(&seen, None))).1, [cause("H32")]);
}

#[test]
fn h30_a_new_host_key_without_a_console_is_not_trusted() {
    let (algorithm, public_key) = ("ssh-ed25519".into(), "ssh-ed25519 AAAA".into());
    let key = HostKey { algorithm, fingerprint: "SHA256:new".into(), public_key };
    let seen = [spoke(SshWords { host_key: Some(key), ..ssh() })];
    let known_host = KnownHost::Changed { place: "~/.ssh/known_hosts line 3".into() };
    let asked = Case { known_host, ..case(&seen, None) };
    assert!(explain(&asked).findings[0].verdict.contains("not the one that you know"));
}

fn of_postgres(said: PostgresWords) -> Diagnosis {
    let asked = Asked::PostgresLogin { user: "vivarium_check".into() };
    let seen = [observed(asked, Outcome::Spoke(Words::Postgres(said)))];
    explain(&Case { service: Some(Service::Postgres), ..case(&seen, None) })
}

fn error(code: &str, message: &str) -> PostgresWords {
    PostgresWords::Error { code: code.into(), message: message.into() }
}

#[test]
fn full_slots_and_a_database_that_starts_are_told_without_a_login() {
    assert_eq!(told(&of_postgres(error("53300", "sorry, too many clients already"))).1, [cause("P24")]);
    assert_eq!(told(&of_postgres(error("57P03", "the database system is starting up"))).1, [cause("P26")]);
}

#[test]
fn a_database_that_takes_tls_only_is_no_fault_and_is_noted() {
    let said = r#"no pg_hba.conf entry for host "198.51.100.7", user "a", database "b", no encryption"#;
    let diagnosis = of_postgres(error("28000", said));
    assert_eq!(told(&diagnosis), (Verdict::Reachable, Vec::new()));
    assert!(diagnosis.notes[0].contains("force_ssl") && diagnosis.notes[1].ends_with("198.51.100.7"));
}

#[test]
fn a_service_that_is_not_postgres_is_named_as_such() {
    let seen = [spoke(ssh())];
    let diagnosis = explain(&Case { service: Some(Service::Postgres), ..case(&seen, None) });
    assert_eq!(told(&diagnosis).1, [cause("P33")]);
}

#[test]
fn the_same_case_gives_the_same_diagnosis() {
    for seen in Seen::ALL {
        for configured in Configured::ALL {
            assert_eq!(cell(seen, configured), cell(seen, configured));
        }
    }
}
