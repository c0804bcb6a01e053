//! Rows of the table of symptoms that are told by what was seen and what was read together: one test a row, under its
//! number. What only the wire tells is in `probes.rs` and `ssh_probe.rs`, what the user's files tell in `local.rs`.

mod fixtures;

use std::time::Duration;

use fixtures::asking::{Asking, DATABASE, WEB, observed, spoke, the_first};
use fixtures::{Answers, entry, open, route_to, tcp};
use serde_json::{Value, json};
use vivarium_checker::database::ladder::{Broken, Proof};
use vivarium_checker::database::verdict::{DatabaseFailure, Rung};
use vivarium_checker::evaluate::Verdict as Allowed;
use vivarium_checker::explain::{
    Case, Diagnosis, Own, OwnKey, OwnProblem, Service, Vantage, Verdict, explain,
};
use vivarium_checker::probe::controls::Controlled;
use vivarium_checker::probe::observation::{Asked, Observation, Outcome, Words};
use vivarium_checker::probe::postgres::startup::PostgresWords;
use vivarium_checker::probe::ssh::words::{During, Ended, How, SshWords};
use vivarium_checker::render;

fn lost(at: &str) -> Vec<Observation> {
    vec![observed(at, Asked::Port, Outcome::TimedOut)]
}

/// The row that is told first of an instance that does not answer somebody at home.
fn row_of_web(edit: impl FnOnce(&mut Answers)) -> &'static str {
    let mut answers = open();
    edit(&mut answers);
    the_first(&Asking::web(&answers, lost(WEB)).told()).0
}

/// The same of a database that does not answer its instance.
fn row_of_database(edit: impl FnOnce(&mut Answers)) -> &'static str {
    let mut answers = open();
    edit(&mut answers);
    the_first(&Asking::database(&answers, lost(DATABASE)).told()).0
}

fn inbound(answers: &mut Answers, group: &str, rules: &Value) {
    answers.thing("SecurityGroups", group)["IpPermissions"] = rules.clone();
}

#[test]
fn h1_no_rule_lets_the_port_in() {
    assert_eq!(row_of_web(|answers| inbound(answers, "sg-web", &json!([]))), "H1");
}

#[test]
fn h2_the_rule_holds_the_address_of_yesterday() {
    assert_eq!(
        row_of_web(|answers| inbound(answers, "sg-web", &json!([tcp(22, 22, &["203.0.113.77/32"])]))),
        "H2"
    );
}

#[test]
fn h3_two_addresses_of_one_client() {
    let mut answers = open();
    inbound(&mut answers, "sg-web", &json!([]));
    let mut asking = Asking::web(&answers, lost(WEB));
    let seen_as = |who: &str, address: &str| (who.to_owned(), address.parse().expect("an address"));
    asking.case.client = vec![seen_as("checkip", "203.0.113.10"), seen_as("PostgreSQL", "198.51.100.8")];
    let rows: Vec<_> = asking.told().findings.iter().map(|finding| finding.symptom).collect();
    assert!(rows.contains(&Some("H3")) && rows.contains(&Some("H1")), "{rows:?}");
}

#[test]
fn h5_and_p40_a_client_without_a_way_out_over_the_family_of_the_address() {
    let mut seen = vec![observed(WEB, Asked::Port, Outcome::NetworkUnreachable)];
    seen[0].elapsed = Duration::from_micros(80);
    let told = |service| {
        let case = Case {
            service: Some(service),
            port: 22,
            address: seen[0].address,
            observations: &seen,
            ..Case::default()
        };
        explain(&case).findings[0].symptom
    };
    assert_eq!((told(Service::Ssh), told(Service::Postgres)), (Some("H5"), Some("P40")));
}

#[test]
fn h6_a_network_acl_denies_on_the_way_in() {
    let deny = entry(50, false, "deny", "203.0.113.0/24", Some((22, 22)));
    assert_eq!(row_of_web(|answers| answers.acl_rule("acl-a", deny)), "H6");
}

#[test]
fn h7_a_network_acl_lets_no_reply_out() {
    let deny = entry(50, true, "deny", "203.0.113.0/24", None);
    assert_eq!(row_of_web(|answers| answers.acl_rule("acl-a", deny)), "H7");
}

#[test]
fn h8_a_network_acl_lets_some_replies_out() {
    let some = [
        entry(100, false, "allow", "0.0.0.0/0", None),
        entry(100, true, "allow", "0.0.0.0/0", Some((32768, 60999))),
    ];
    assert_eq!(row_of_web(|answers| answers.acl_rules("acl-a", some.to_vec())), "H8");
}

#[test]
fn h9_the_subnet_has_no_route_to_the_internet() {
    assert_eq!(row_of_web(|answers| answers.without_route("rtb-a", "0.0.0.0/0")), "H9");
}

#[test]
fn h10_the_route_leads_to_a_gateway_that_is_gone() {
    let row = row_of_web(|answers| {
        answers.without_route("rtb-a", "0.0.0.0/0");
        let mut gone = route_to("0.0.0.0/0", "GatewayId", "igw-gone");
        gone["State"] = json!("blackhole");
        answers.route("rtb-a", gone);
    });
    assert_eq!(row, "H10");
}

fn without_public_address(answers: &mut Answers) {
    let interface = answers.thing("NetworkInterfaces", "eni-web");
    interface.as_object_mut().expect("an object").remove("Association");
    interface["PrivateIpAddresses"][0].as_object_mut().expect("an object").remove("Association");
}

#[test]
fn h11_an_instance_without_a_public_address() {
    let row = row_of_web(|answers| {
        without_public_address(answers);
        answers.rows("Addresses").clear();
    });
    assert_eq!(row, "H11");
}

/// Whoever asks for an address, and not for an instance.
fn by_address(edit: impl FnOnce(&mut Answers)) -> &'static str {
    let mut answers = open();
    edit(&mut answers);
    let mut asking = Asking::web(&answers, lost(WEB));
    asking.case.to = "198.51.100.20".into();
    the_first(&asking.told()).0
}

#[test]
fn h12_an_elastic_ip_that_stands_for_nothing() {
    let row = by_address(|answers| {
        without_public_address(answers);
        let address = answers.rows("Addresses")[0].as_object_mut().expect("an object");
        for field in ["AssociationId", "NetworkInterfaceId", "PrivateIpAddress"] {
            address.remove(field);
        }
    });
    assert_eq!(row, "H12");
}

#[test]
fn h13_an_address_that_nobody_has_any_more() {
    let answers = open();
    let mut asking = Asking::web(&answers, lost("10.0.1.77:22"));
    asking.case.from = "i-0app".into();
    asking.case.to = "10.0.1.77".into();
    asking.case.vantage = Vantage::Instance;
    assert_eq!(the_first(&asking.told()).0, "H13");
}

#[test]
fn h14_a_name_that_leads_nowhere() {
    use vivarium_checker::probe::observation::Unresolved;
    let asked = Asked::Name { name: "ec2-198-51-100-20.compute-1.amazonaws.com".into() };
    let seen = vec![observed(WEB, asked, Outcome::Unresolved { why: Unresolved::NoSuchName })];
    assert_eq!(the_first(&Asking::web(&open(), seen).told()).0, "H14");
}

#[test]
fn h15_an_instance_that_does_not_run() {
    for state in ["stopped", "stopping", "terminated", "pending"] {
        let row = row_of_web(|answers| answers.thing("Instances", "i-0web")["State"]["Name"] = json!(state));
        assert_eq!(row, "H15", "{state}");
    }
}

#[test]
fn h18_a_refusal_where_the_configuration_drops_is_somebody_elses() {
    let mut answers = open();
    inbound(&mut answers, "sg-web", &json!([]));
    let refused = vec![observed(WEB, Asked::Port, Outcome::Refused)];
    assert_eq!(the_first(&Asking::web(&answers, refused).told()).0, "H18");
}

#[test]
fn h24_no_route_to_host_behind_open_gates_is_a_firewall_that_rejects() {
    let seen = vec![observed(WEB, Asked::Port, Outcome::HostUnreachable)];
    assert_eq!(the_first(&Asking::web(&open(), seen).told()).0, "H24");
}

#[test]
fn h25_silence_behind_open_gates_while_another_port_answers_is_the_hosts_firewall() {
    let mut seen = lost(WEB);
    seen.push(observed("198.51.100.20:80", Asked::Port, Outcome::Refused));
    let diagnosis = Asking::web(&open(), seen).told();
    assert_eq!(the_first(&diagnosis).0, "H25");
}

#[test]
fn h26_a_server_that_hangs_up_or_turns_away_before_its_greeting() {
    let asked = || Asked::Ssh { user: None };
    let words =
        |beginning: &str| Outcome::Spoke(Words::Unfamiliar { beginning: beginning.into(), who: None });
    for outcome in
        [Outcome::ClosedBeforeBanner, words("Exceeded MaxStartups"), words("Not allowed at this time")]
    {
        let seen = vec![observed(WEB, asked(), outcome)];
        assert_eq!(the_first(&Asking::web(&open(), seen).told()).0, "H26");
    }
    let other = vec![observed(WEB, asked(), words("HTTP/1.1 400 Bad Request"))];
    assert_eq!(the_first(&Asking::web(&open(), other).told()).0, "H29");
}

#[test]
fn h27_a_reset_before_the_greeting() {
    let mut seen = vec![observed(WEB, Asked::Port, Outcome::Connected)];
    seen.push(observed(WEB, Asked::Ssh { user: None }, Outcome::Reset));
    let diagnosis = Asking::web(&open(), seen).told();
    assert_ne!(diagnosis.verdict, Verdict::Reachable, "{}", render::text(&diagnosis));
    assert_eq!(the_first(&diagnosis).0, "H27");
}

fn with_keys(keys: Vec<OwnKey>, agent: Option<usize>, words: SshWords) -> Diagnosis {
    let answers = open();
    let mut asking = Asking::web(&answers, vec![spoke(words)]);
    asking.case.own = Own { keys, agent_keys: agent, ..Own::default() };
    asking.told()
}

fn key(symptom: &str, words: &str) -> OwnKey {
    let problem = OwnProblem { symptom: symptom.into(), words: words.into(), hint: "chmod 600".into() };
    OwnKey { path: "/home/ada/.ssh/id".into(), problems: vec![problem], ..OwnKey::default() }
}

fn greeted() -> SshWords {
    SshWords::identified("SSH-2.0-OpenSSH_9.2p1")
}

#[test]
fn h34_and_h35_a_server_that_is_reached_with_a_key_that_ssh_does_not_use() {
    for (symptom, words) in [("H34", "others may read it (mode 644)"), ("H35", "it is PuTTY's")] {
        let diagnosis = with_keys(vec![key(symptom, words)], None, greeted());
        assert_eq!(diagnosis.verdict, Verdict::NotReachableExplained);
        assert_eq!(the_first(&diagnosis).0, symptom);
    }
    let another =
        vec![key("H34", "open"), OwnKey { path: "/home/ada/.ssh/good".into(), ..OwnKey::default() }];
    assert_eq!(with_keys(another, None, greeted()).verdict, Verdict::Reachable);
    assert_eq!(with_keys(vec![key("H34", "open")], Some(1), greeted()).verdict, Verdict::Reachable);
}

#[test]
fn h37_an_agent_with_too_many_keys_is_told_before_and_after_the_server_hangs_up() {
    let before = with_keys(Vec::new(), Some(7), greeted());
    assert!(before.warnings.iter().any(|one| one.symptom == Some("H37")), "{:?}", before.warnings);
    let words = "Received disconnect: Too many authentication failures".into();
    let ended = Some(Ended { during: During::Authentication, how: How::Disconnected { words } });
    assert_eq!(the_first(&with_keys(Vec::new(), None, SshWords { ended, ..greeted() })).0, "H37");
}

#[test]
fn h38_a_server_that_takes_no_keys_from_this_user() {
    let methods = Some(vec!["password".to_owned()]);
    assert_eq!(the_first(&with_keys(Vec::new(), None, SshWords { methods, ..greeted() })).0, "H38");
}

fn warned(edit: impl FnOnce(&mut Answers)) -> Vec<Option<&'static str>> {
    let mut answers = open();
    edit(&mut answers);
    let diagnosis = Asking::web(&answers, vec![spoke(greeted())]).told();
    diagnosis.warnings.iter().map(|warning| warning.symptom).collect()
}

#[test]
fn h40_an_instance_that_forgets_silent_connections_soon_is_told_before() {
    for (kind, forgets) in
        [("m8i.large", true), ("c8gn.xlarge", true), ("m8g.large", false), ("t3.medium", false)]
    {
        let rows = warned(|answers| answers.thing("Instances", "i-0web")["InstanceType"] = json!(kind));
        assert_eq!(rows.contains(&Some("H40")), forgets, "{kind}");
    }
}

#[test]
fn h41_a_rule_for_everybody_ends_its_sessions_when_it_is_narrowed() {
    assert!(
        warned(|answers| inbound(answers, "sg-web", &json!([tcp(22, 22, &["0.0.0.0/0"])])))
            .contains(&Some("H41"))
    );
}

#[test]
fn h48_one_laptop_is_let_in_and_another_is_not() {
    let answers = open();
    assert_eq!(answers.ask("203.0.113.10", "i-0web", 22).verdict, Allowed::Reachable);
    let mut asking = Asking::web(&answers, lost(WEB));
    asking.case.from = "203.0.113.99".into();
    let (row, verdict, _) = the_first(&asking.told());
    assert_eq!(row, "H2");
    assert!(verdict.contains("203.0.113.99"), "{verdict}");
}

fn from_home(answers: &Answers) -> Diagnosis {
    let mut asking = Asking::database(answers, lost(DATABASE));
    asking.case.from = "203.0.113.10".into();
    asking.told()
}

#[test]
fn p1_and_p41_a_private_database_from_outside_is_reached_through_an_instance() {
    let diagnosis = from_home(&open());
    assert_eq!(the_first(&diagnosis).0, "P1");
    let tunnel = "ssh -N -L 15432:mydb.abc123.eu-west-1.rds.amazonaws.com:5432 ec2-user@198.51.100.20";
    assert_eq!(diagnosis.tunnel.as_deref(), Some(tunnel));
}

fn public_database() -> Answers {
    let mut answers = open();
    answers.thing("DBInstances", "mydb")["PubliclyAccessible"] = json!(true);
    let association = json!({ "PublicIp": "198.51.100.30" });
    answers.thing("NetworkInterfaces", "eni-db")["Association"] = association.clone();
    answers.thing("NetworkInterfaces", "eni-db")["PrivateIpAddresses"][0]["Association"] = association;
    answers
}

#[test]
fn p2_and_p3_a_public_database_lacks_a_rule_or_stands_in_a_private_subnet() {
    let diagnosis = from_home(&public_database());
    let rows: Vec<_> = diagnosis.findings.iter().map(|finding| finding.symptom).collect();
    assert!(rows.contains(&Some("P2")) && rows.contains(&Some("P3")), "{}", render::text(&diagnosis));
}

#[test]
fn p5_the_databases_group_lets_the_instance_not_in() {
    assert_eq!(row_of_database(|answers| inbound(answers, "sg-db", &json!([]))), "P5");
}

#[test]
fn p6_the_instances_group_lets_nothing_out_to_the_port() {
    let row = row_of_database(|answers| {
        answers.thing("SecurityGroups", "sg-web")["IpPermissionsEgress"] =
            json!([tcp(443, 443, &["0.0.0.0/0"])]);
    });
    assert_eq!(row, "P6");
}

#[test]
fn p7_each_of_the_four_lists_on_the_way_can_be_the_one() {
    for (acl, egress, there) in
        [("acl-a", true, true), ("acl-b", false, true), ("acl-b", true, false), ("acl-a", false, false)]
    {
        let ports = if there { (5432, 5432) } else { (1024, 65535) };
        let deny = entry(50, egress, "deny", "10.0.0.0/16", Some(ports));
        let mut answers = open();
        answers.acl_rule(acl, deny);
        let (row, verdict, _) = the_first(&Asking::database(&answers, lost(DATABASE)).told());
        assert_eq!(row, "P7", "{acl} {egress}");
        assert!(verdict.contains(acl), "{verdict}");
    }
}

#[test]
fn p8_the_database_listens_on_another_port() {
    let row =
        row_of_database(|answers| answers.thing("DBInstances", "mydb")["Endpoint"]["Port"] = json!(5433));
    assert_eq!(row, "P8");
}

fn failed_at(address: &str, own: Own, failure: DatabaseFailure) -> (Option<&'static str>, String, String) {
    let login: Result<Proof, Broken> =
        Err(Broken { rung: Rung::Authentication, failure, detail: "said so".into(), climbed: Vec::new() });
    let seen = [observed(address, Asked::Port, Outcome::Connected)];
    let diagnosis = explain(&Case {
        to: "mydb".into(),
        service: Some(Service::Postgres),
        port: 5432,
        address: seen[0].address,
        observations: &seen,
        login: Some(&login),
        own,
        ..Case::default()
    });
    let finding = &diagnosis.findings[0];
    (finding.symptom, finding.hint.clone(), render::text(&diagnosis))
}

#[test]
fn p9_a_wrong_password_is_not_masked_by_the_second_attempt() {
    let (row, _, text) = failed_at(DATABASE, Own::default(), DatabaseFailure::PasswordRefused);
    assert_eq!(row, Some("P17"));
    assert!(text.contains("no pg_hba.conf entry … no encryption"), "{text}");
}

#[test]
fn p12_to_p25_each_refusal_of_a_login_has_its_row() {
    use DatabaseFailure as F;
    for (failure, row) in [
        (F::UnknownAuthority, "P12"),
        (F::RootsUnreadable, "P14"),
        (F::WrongHostName, "P15"),
        (F::TlsFailed, "P16"),
        (F::PasswordRefused, "P17"),
        (F::TokenRefused, "P19"),
        (F::UnsupportedAuthentication, "P21"),
        (F::NoSuchDatabase, "P22"),
        (F::NotPermitted, "P23"),
        (F::SlotsFull, "P25"),
        (F::StartingUp, "P26"),
        (F::ClosedEarly, "P33"),
        (F::Silent, "P39"),
    ] {
        assert_eq!(failed_at(DATABASE, Own::default(), failure).0, Some(row), "{failure:?}");
    }
}

#[test]
fn p15_and_p32_at_this_end_of_a_tunnel_a_certificate_tells_what_answers() {
    let here = "127.0.0.1:5432";
    let (row, hint, _) = failed_at(here, Own::default(), DatabaseFailure::WrongHostName);
    assert_eq!(row, Some("P15"));
    assert!(hint.contains("hostaddr=127.0.0.1"), "{hint}");
    for failure in [DatabaseFailure::UnknownAuthority, DatabaseFailure::NoTls] {
        assert_eq!(failed_at(here, Own::default(), failure).0, Some("P32"), "{failure:?}");
    }
    assert_eq!(failed_at(DATABASE, Own::default(), DatabaseFailure::NoTls).0, Some("P11"));
}

#[test]
fn p18_and_p19_a_password_that_looks_wrong_and_a_token_that_cannot_be_taken_are_told() {
    let odd = OwnProblem { symptom: "P18".into(), words: "percent-encoded".into(), hint: "once".into() };
    let own = Own { password: Some(odd), ..Own::default() };
    assert_eq!(failed_at(DATABASE, own.clone(), DatabaseFailure::PasswordRefused).0, Some("P18"));
    let token = Own { token: Some("the token was valid until yesterday".into()), ..own };
    let (row, hint, text) = failed_at(DATABASE, token, DatabaseFailure::PasswordRefused);
    assert_eq!(row, Some("P19"));
    assert!(hint.contains("generate-db-auth-token") && text.contains("until yesterday"), "{text}");
}

#[test]
fn p20_a_refused_password_may_be_that_of_a_role_with_rds_iam() {
    assert!(failed_at(DATABASE, Own::default(), DatabaseFailure::PasswordRefused).1.contains("rds_iam"));
}

#[test]
fn p30_a_vpc_that_resolves_no_names_is_told_where_the_instance_finds_none() {
    use vivarium_checker::probe::observation::Unresolved;
    let asked = Asked::Name { name: "mydb.abc123.eu-west-1.rds.amazonaws.com".into() };
    let seen = [observed(DATABASE, asked, Outcome::Unresolved { why: Unresolved::TimedOut })];
    let case = Case {
        service: Some(Service::Postgres),
        port: 5432,
        vantage: Vantage::Instance,
        observations: &seen,
        ..Case::default()
    };
    let diagnosis = explain(&case);
    assert_eq!(diagnosis.findings[0].symptom, Some("P30"));
    assert!(diagnosis.findings[0].hint.contains("enableDnsSupport"));
}

#[test]
fn p31_a_refusal_of_this_machine_itself_is_a_tunnel_that_is_not_there() {
    let seen = [observed("127.0.0.1:5433", Asked::Port, Outcome::Refused)];
    let case = Case {
        service: Some(Service::Postgres),
        port: 5433,
        address: seen[0].address,
        observations: &seen,
        ..Case::default()
    };
    let finding = &explain(&case).findings[0];
    assert_eq!(finding.symptom, Some("P31"));
    assert!(finding.hint.contains("tunnel"), "{}", finding.hint);
}

#[test]
fn p33_what_hangs_up_on_the_port_is_no_database() {
    let mut seen = vec![observed(DATABASE, Asked::Port, Outcome::Connected)];
    seen.push(observed(DATABASE, Asked::PostgresTls, Outcome::ClosedBeforeBanner));
    assert_eq!(the_first(&Asking::database(&open(), seen).told()).0, "P33");
}

#[test]
fn p36_another_availability_zone_is_no_cause() {
    let mut answers = open();
    answers.thing("DBInstances", "mydb")["AvailabilityZone"] = json!("eu-west-1c");
    answers.thing("Subnets", "subnet-b")["AvailabilityZone"] = json!("eu-west-1c");
    assert_eq!(answers.ask("i-0web", "mydb", 5432).verdict, Allowed::Reachable);
    assert_ne!(the_first(&Asking::database(&answers, lost(DATABASE)).told()).0, "P36");
}

#[test]
fn p38_a_peered_vpc_without_a_peering_that_is_active() {
    let mut answers = open();
    inbound(&mut answers, "sg-db", &json!([tcp(5432, 5432, &["10.1.0.0/16"])]));
    answers.thing("VpcPeeringConnections", "pcx-1")["Status"]["Code"] = json!("deleted");
    let mut asking = Asking::database(&answers, lost(DATABASE));
    asking.case.from = "i-0peer".into();
    let rows: Vec<_> = asking.told().findings.iter().map(|finding| finding.symptom).collect();
    assert!(rows.contains(&Some("P38")), "{rows:?}");
}

#[test]
fn p39_a_database_that_opens_and_says_nothing_in_time() {
    let mut seen = vec![observed(DATABASE, Asked::Port, Outcome::Connected)];
    seen.push(observed(DATABASE, Asked::PostgresTls, Outcome::Silent));
    assert_eq!(the_first(&Asking::database(&open(), seen).told()).0, "P39");
}

#[test]
fn p24_full_slots_are_told_though_no_login_was_tried() {
    let said =
        PostgresWords::Error { code: "53300".into(), message: "sorry, too many clients already".into() };
    let asked = Asked::PostgresLogin { user: "vivarium_check".into() };
    let seen = vec![observed(DATABASE, asked, Outcome::Spoke(Words::Postgres(said)))];
    assert_eq!(the_first(&Asking::database(&open(), seen).told()).0, "P24");
}

#[test]
fn h16_block_public_access_overrides_what_the_rules_allow() {
    let row = row_of_web(|answers| {
        answers.rows("VpcBlockPublicAccessExclusions").clear();
        answers.rows("BlockPublicAccess").push(json!({ "VpcBlockPublicAccessOptions":
            { "InternetGatewayBlockMode": "block-bidirectional", "State": "update-complete" } }));
    });
    assert_eq!(row, "H16");
}

#[test]
fn h17_and_h19_a_network_of_ones_own_that_closes_22_or_opens_everything() {
    let controls = |closed, web, ssh| Controlled {
        closed: Some(observed("198.51.100.20:9", Asked::Port, closed)),
        web: vec![observed("192.0.2.1:443", Asked::Port, web)],
        ssh: vec![observed("192.0.2.2:22", Asked::Port, ssh)],
    };
    let told = |seen: Vec<Observation>, controls: &Controlled| {
        let answers = open();
        let mut asking = Asking::web(&answers, seen);
        asking.case.controls = Some(controls);
        the_first(&asking.told()).0
    };
    let blocked = controls(Outcome::TimedOut, Outcome::Connected, Outcome::TimedOut);
    assert_eq!(told(lost(WEB), &blocked), "H17");
    let captive = controls(Outcome::Connected, Outcome::Connected, Outcome::Connected);
    let silent = vec![observed(WEB, Asked::Ssh { user: None }, Outcome::Silent)];
    assert_eq!(told(silent, &captive), "H19");
}

#[test]
fn p4_the_public_address_of_a_database_is_no_member_of_a_group() {
    let mut answers = public_database();
    answers.route("rtb-main", route_to("0.0.0.0/0", "GatewayId", "igw-1"));
    let mut asking = Asking::database(&answers, lost("198.51.100.30:5432"));
    asking.case.to = "198.51.100.30".into();
    let diagnosis = asking.told();
    let rows: Vec<_> = diagnosis.findings.iter().map(|finding| finding.symptom).collect();
    assert!(rows.contains(&Some("P4")), "{}", render::text(&diagnosis));
}
