//! What AWS tells of the machine and of the database themselves, held against what was seen of them. Each test bears
//! the number of its row in the table of symptoms.

mod fixtures;

use fixtures::asking::{Asking, DATABASE, WEB, observed, spoke, the_first};
use fixtures::{Answers, open};
use serde_json::{Value, json};
use vivarium_checker::database::ladder::{Broken, Proof};
use vivarium_checker::database::verdict::{DatabaseFailure, Rung};
use vivarium_checker::explain::{Case, Confidence, Diagnosis, KnownHost, Own, OwnKey, Verdict, explain};
use vivarium_checker::probe::observation::{Asked, Outcome, Words};
use vivarium_checker::probe::ssh::words::{HostKey, KeyAnswer, SshWords};
use vivarium_checker::render;

fn mute(answers: &Answers) -> Diagnosis {
    Asking::web(answers, vec![observed(WEB, Asked::Port, Outcome::TimedOut)]).told()
}

fn status(system: &str, instance: &str, events: &Value) -> Value {
    json!({ "InstanceId": "i-0web", "SystemStatus": { "Status": system }, "InstanceStatus": { "Status": instance },
            "Events": events })
}

fn with_status(system: &str, instance: &str, events: &Value) -> Answers {
    let mut answers = open();
    answers.rows("InstanceStatuses").push(status(system, instance, events));
    answers
}

/// The console is an answer about one instance, and no list.
fn with_console(mut answers: Answers, output: &str) -> Answers {
    answers.rows("ConsoleOutputs").push(json!({ "InstanceId": "i-0web", "Output": output }));
    answers
}

#[test]
fn h20_an_instance_that_ran_out_of_memory_is_told_by_its_console() {
    let killed = "[ 901.1] Out of memory: Killed process 512 (sshd) total-vm:1kB";
    let answers = with_console(with_status("ok", "ok", &json!([])), killed);
    let silent = vec![observed(WEB, Asked::Ssh { user: None }, Outcome::Silent)];
    let refused = vec![observed(WEB, Asked::Port, Outcome::Refused)];
    for seen in [silent, refused] {
        let (symptom, _, lines) = the_first(&Asking::web(&answers, seen).told());
        assert_eq!(symptom, "H20");
        assert!(lines.iter().any(|line| line.contains("Killed process 512 (sshd)")), "{lines:?}");
    }
    assert_eq!(the_first(&mute(&answers)).0, "H20");
}

#[test]
fn h20_a_process_that_was_killed_and_is_not_sshd_explains_no_refusal() {
    let answers = with_console(open(), "Out of memory: Killed process 411 (postgres)");
    let refused = vec![observed(WEB, Asked::Port, Outcome::Refused)];
    assert_eq!(the_first(&Asking::web(&answers, refused).told()).0, "H23");
}

#[test]
fn h21_an_instance_that_did_not_boot_is_told_by_its_status_and_its_console() {
    for (line, word) in [
        ("[DEPEND] Dependency failed for /data.", "fstab"),
        ("You are in emergency mode. After logging in, type \"journalctl -xb\"", "emergency mode"),
        ("[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs", "kernel has panicked"),
        ("cloud-init[1]: OSError: [Errno 28] No space left on device", "disk is full"),
    ] {
        let diagnosis = mute(&with_console(with_status("ok", "impaired", &json!([])), line));
        let (symptom, verdict, lines) = the_first(&diagnosis);
        assert_eq!((symptom, diagnosis.findings.len()), ("H21", 1), "{}", render::text(&diagnosis));
        assert!(verdict.contains(word), "{verdict}");
        assert!(lines.iter().any(|one| one.starts_with("console of i-0web: ")), "{lines:?}");
        assert!(lines.iter().any(|one| one.ends_with("status check of i-0web: impaired")), "{lines:?}");
    }
}

#[test]
fn h21_an_impaired_instance_without_a_console_and_a_closed_gate_are_both_found() {
    let mut answers = with_status("ok", "impaired", &json!([]));
    answers.thing("SecurityGroups", "sg-web")["IpPermissions"] = json!([]);
    let diagnosis = mute(&answers);
    let symptoms: Vec<_> = diagnosis.findings.iter().map(|finding| finding.symptom).collect();
    assert_eq!(symptoms, [Some("H1"), Some("H21")], "{}", render::text(&diagnosis));
}

#[test]
fn h21_a_console_without_a_status_is_likely_and_no_more() {
    let diagnosis = mute(&with_console(open(), "Kernel panic - not syncing: Attempted to kill init!"));
    assert_eq!(diagnosis.findings[0].confidence, Confidence::Likely);
    assert!(mute(&open()).findings.iter().all(|finding| finding.symptom == Some("H25")));
}

#[test]
fn h22_a_machine_of_awss_that_fails_is_awss() {
    let event =
        json!([{ "Code": "instance-stop", "NotBefore": "2026-11-20T00:00:00Z", "Description": "degraded" }]);
    let diagnosis = mute(&with_status("impaired", "ok", &event));
    let (symptom, _, lines) = the_first(&diagnosis);
    assert_eq!(symptom, "H22");
    assert!(lines.iter().any(|line| line.contains("instance-stop")), "{lines:?}");
    let over = json!([{ "Code": "instance-stop", "NotBefore": "2026-11-20T00:00:00Z", "Description": "[Completed] x" }]);
    assert_eq!(the_first(&mute(&with_status("ok", "ok", &over))).0, "H25");
}

#[test]
fn h22_what_aws_is_going_to_do_is_told_before_it_happens() {
    let event = json!([{ "Code": "system-reboot", "NotBefore": "2026-11-30T00:00:00Z" }]);
    let answers = with_status("ok", "ok", &event);
    let diagnosis = Asking::web(&answers, vec![spoke(SshWords::identified("SSH-2.0-x"))]).told();
    assert_eq!(diagnosis.verdict, Verdict::Reachable);
    assert!(diagnosis.warnings.iter().any(|one| one.symptom == Some("H22")), "{:?}", diagnosis.warnings);
}

#[test]
fn h23_an_instance_that_was_started_a_moment_ago_may_still_be_booting() {
    let mut answers = open();
    answers.thing("Instances", "i-0web")["LaunchTime"] = json!("2026-11-23T14:59:20+00:00");
    let refused = vec![observed(WEB, Asked::Port, Outcome::Refused)];
    let (symptom, _, lines) = the_first(&Asking::web(&answers, refused).told());
    assert_eq!(symptom, "H23");
    assert!(lines.iter().any(|line| line.contains("started 40 s before")), "{lines:?}");
}

#[test]
fn h30_a_new_host_key_is_held_against_the_console_of_the_instance() {
    let key = HostKey {
        algorithm: "ssh-ed25519".into(),
        fingerprint: "SHA256:new".into(),
        public_key: "ssh-ed25519 AAAA".into(),
    };
    let with = |console: &str| {
        let answers = with_console(open(), console);
        let seen = vec![spoke(SshWords { host_key: Some(key.clone()), ..SshWords::identified("SSH-2.0-x") })];
        let mut asking = Asking::web(&answers, seen);
        asking.case.known_host = KnownHost::Changed { place: "~/.ssh/known_hosts line 3".into() };
        the_first(&asking.told())
    };
    let block = |key: &str| {
        format!(
            "-----BEGIN SSH HOST KEY FINGERPRINTS-----\n256 {key} root@x (ED25519)\n-----END SSH HOST KEY FINGERPRINTS-----\n"
        )
    };
    let (symptom, verdict, _) = with(&block("SHA256:new"));
    assert_eq!(symptom, "H30");
    assert!(verdict.contains("its console shows"), "{verdict}");
    assert!(with(&block("SHA256:other")).1.contains("another machine answers"));
    assert!(with("nothing").1.contains("not the one that you know"));
}

/// The user has one key, and the server takes it from nobody.
fn refused_key(pair: &Value, own: OwnKey) -> (&'static str, String, Vec<String>) {
    let mut answers = open();
    answers.thing("Instances", "i-0web")["KeyName"] = json!("laptop");
    answers.rows("KeyPairs").push(pair.clone());
    let keys =
        vec![KeyAnswer { fingerprint: "SHA256:abc".into(), algorithm: "ssh-ed25519".into(), taken: false }];
    let words = SshWords { keys, ..SshWords::identified("SSH-2.0-x") };
    let asked = Asked::SshKeys { user: "ec2-user".into() };
    let seen = vec![observed(WEB, asked, Outcome::Spoke(Words::Ssh(Box::new(words))))];
    let mut asking = Asking::web(&answers, seen);
    asking.case.own = Own { keys: vec![own], ..Own::default() };
    the_first(&asking.told())
}

fn own_key() -> OwnKey {
    OwnKey {
        path: "/home/ada/.ssh/id".into(),
        public_key: Some("ssh-ed25519 AAAA".into()),
        of_ec2: vec!["aa:bb".into(), "SHA256:abc".into()],
        ..OwnKey::default()
    }
}

#[test]
fn h32_a_key_that_is_not_the_instances_key_pair_is_the_wrong_one() {
    for pair in [
        json!({ "KeyName": "laptop", "KeyFingerprint": "cc:dd" }),
        json!({ "KeyName": "laptop", "KeyFingerprint": "aa:bb", "PublicKey": "ssh-ed25519 BBBB ada" }),
    ] {
        let (symptom, _, lines) = refused_key(&pair, own_key());
        assert_eq!(symptom, "H32", "{pair}");
        assert!(lines.iter().any(|line| line.contains("key pair laptop")), "{lines:?}");
    }
}

#[test]
fn h33_the_instances_own_key_that_is_not_taken_is_the_hosts_fault() {
    for pair in [
        json!({ "KeyName": "laptop", "KeyFingerprint": "aa:bb" }),
        json!({ "KeyName": "laptop", "KeyFingerprint": "abc=" }),
        json!({ "KeyName": "laptop", "PublicKey": "ssh-ed25519 AAAA ada@home" }),
    ] {
        assert_eq!(refused_key(&pair, own_key()).0, "H33", "{pair}");
    }
}

fn in_state(state: &str) -> Diagnosis {
    let mut answers = open();
    answers.thing("DBInstances", "mydb")["DBInstanceStatus"] = json!(state);
    for (date, message) in
        [("2026-11-23T14:00:00Z", "first"), ("2026-11-23T14:58:00Z", "DB instance went down")]
    {
        answers.rows("Events").push(json!({ "SourceIdentifier": "mydb", "SourceType": "db-instance",
                                            "Message": message, "Date": date }));
    }
    Asking::database(&answers, vec![observed(DATABASE, Asked::Port, Outcome::TimedOut)]).told()
}

#[test]
fn p26_p27_p28_a_database_that_is_not_available_is_told_by_its_state_and_its_events() {
    for (state, row) in [
        ("rebooting", "P26"),
        ("starting", "P26"),
        ("stopped", "P27"),
        ("creating", "P27"),
        ("deleting", "P27"),
        ("storage-full", "P28"),
        ("incompatible-network", "P28"),
        ("inaccessible-encryption-credentials", "P28"),
        ("incompatible-parameters", "P28"),
    ] {
        let (symptom, _, lines) = the_first(&in_state(state));
        assert_eq!(symptom, row, "{state}");
        let event = "event of mydb at 2026-11-23T14:58:00Z: DB instance went down";
        assert!(lines.iter().any(|line| line == event), "{lines:?}");
    }
}

fn failed_login(
    answers: &Answers,
    own: Own,
    failure: DatabaseFailure,
) -> (&'static str, String, Vec<String>) {
    let broken = Broken { rung: Rung::Tls, failure, detail: "said so".into(), climbed: Vec::new() };
    let login: Result<Proof, Broken> = Err(broken);
    let seen = vec![observed(DATABASE, Asked::Port, Outcome::Connected)];
    let mut asking = Asking::database(answers, seen);
    asking.case.own = own;
    asking.case.login = Some(&login);
    let network = asking.answers.network();
    let diagnosis = explain(&Case { observations: &asking.seen, network: Some(&network), ..asking.case });
    let hint = diagnosis.findings[0].hint.clone();
    let (symptom, _, lines) = the_first(&diagnosis);
    (symptom, hint, lines)
}

#[test]
fn p10_a_parameter_group_says_that_the_database_takes_tls_only() {
    let mut answers = open();
    answers.thing("DBInstances", "mydb")["DBParameterGroups"] = json!([{ "DBParameterGroupName": "strict" }]);
    answers.rows("Parameters").push(json!({ "ParameterName": "rds.force_ssl", "ParameterValue": "1" }));
    let (symptom, _, lines) = failed_login(&answers, Own::default(), DatabaseFailure::TlsRequired);
    assert_eq!(symptom, "P10");
    assert!(lines.contains(&"rds.force_ssl is 1 in strict".to_owned()), "{lines:?}");
}

#[test]
fn p13_a_bundle_that_does_not_know_the_databases_authority_is_stale() {
    let mut answers = open();
    answers.thing("DBInstances", "mydb")["CACertificateIdentifier"] = json!("rds-ca-rsa2048-g1");
    let stale = Own { sslrootcert: Some("/home/ada/rds-ca-2019.pem".into()), ..Own::default() };
    let (symptom, hint, lines) = failed_login(&answers, stale, DatabaseFailure::UnknownAuthority);
    assert_eq!(symptom, "P13");
    assert!(hint.contains("rds-ca-2019.pem") && hint.contains("rds-ca-rsa2048-g1"), "{hint}");
    assert!(lines.iter().any(|line| line.contains("rds-ca-rsa2048-g1")), "{lines:?}");
    assert_eq!(failed_login(&answers, Own::default(), DatabaseFailure::UnknownAuthority).0, "P12");
}

#[test]
fn p13_a_certificate_that_runs_out_is_told_before() {
    let mut answers = open();
    answers.thing("DBInstances", "mydb")["CertificateDetails"] =
        json!({ "ValidTill": "2026-12-24T00:00:00+00:00" });
    let diagnosis =
        Asking::database(&answers, vec![observed(DATABASE, Asked::Port, Outcome::TimedOut)]).told();
    assert!(diagnosis.warnings.iter().any(|one| one.line.contains("2026-12-24")), "{:?}", diagnosis.warnings);
}

#[test]
fn p19_a_token_for_a_database_without_iam_authentication_cannot_be_taken() {
    let mut answers = open();
    answers.thing("DBInstances", "mydb")["IAMDatabaseAuthenticationEnabled"] = json!(false);
    let (symptom, hint, _) = failed_login(&answers, Own::default(), DatabaseFailure::TokenRefused);
    assert_eq!(symptom, "P19");
    assert!(hint.contains("--enable-iam-database-authentication"), "{hint}");
}

#[test]
fn p22_a_database_that_is_not_there_is_told_with_the_one_that_is() {
    let (symptom, hint, lines) = failed_login(&open(), Own::default(), DatabaseFailure::NoSuchDatabase);
    assert_eq!((symptom, hint.as_str()), ("P22", "name it: --dbname postgres"));
    assert!(lines.iter().any(|line| line.contains("without DBName")), "{lines:?}");
}
