//! Each problem by itself on a host that is sound otherwise.

use super::super::facts::*;
use super::super::firewall::{Deciding, Decision};
use super::super::problem::Kind;
use super::super::told::Told::{self, Known, Unknown};
use super::problems;

type Break = fn(&mut Facts);

fn inode(mode: u32, owner: u32, directory: bool) -> Inode {
    Inode { mode, owner, directory }
}

fn path(path: &str, is: impl Into<Option<Inode>>) -> PathFact {
    PathFact { path: path.to_owned(), is: is.into() }
}

fn room(path: &str) -> Room {
    Room { path: path.to_owned(), bytes_free: 1 << 30, bytes: 8 << 30, inodes_free: Some(500_000) }
}

fn account() -> Account {
    let policy = Policy {
        authorized_keys_file: vec![".ssh/authorized_keys".into()],
        pubkey_authentication: true,
        permit_root_login: "prohibit-password".into(),
        strict_modes: true,
        use_pam: true,
        ..Policy::default()
    };
    Account {
        user: "ec2-user".into(),
        entry: Some(Entry {
            uid: 1000,
            home: path("/home/ec2-user", inode(0o700, 1000, true)),
            shell: path("/bin/bash", inode(0o755, 0, false)),
            groups: vec!["ec2-user".into(), "wheel".into()],
            locked: Known(false),
            expired_on: Known(None),
        }),
        policy: Known(policy),
        key_files: vec![KeyFile {
            components: vec![
                path("/home/ec2-user/.ssh/authorized_keys", inode(0o600, 1000, false)),
                path("/home/ec2-user/.ssh", inode(0o700, 1000, true)),
                path("/home/ec2-user", inode(0o700, 1000, true)),
            ],
            keys: Known(1),
        }],
    }
}

/// A host that lets its client in.
pub(crate) fn sound() -> Facts {
    let at = |address: &str, program: &str| Listener {
        address: address.parse().expect("an address"),
        program: Some(program.to_owned()),
    };
    Facts {
        question: Question {
            client: Some([203, 0, 113, 10].into()),
            port: 22,
            users: vec!["ec2-user".into()],
        },
        listeners: Known(vec![at("0.0.0.0:22", "sshd"), at("[::]:22", "sshd"), at("127.0.0.1:53", "named")]),
        half_open: Known(0),
        arrivals: Known(Arrivals { watched_ms: 3000, syn: 0, syn_ack: 0, reset: 0, others: 0 }),
        sshd: Sshd {
            program: Known(Some("/usr/sbin/sshd".into())),
            processes: Known(1),
            unit: Known(Unit {
                name: "ssh.service".into(),
                active: "active".into(),
                result: "success".into(),
                enabled: "enabled".into(),
                makes_directory: true,
            }),
            test: Known(None),
            host_keys: Known(vec![path("/etc/ssh/ssh_host_ed25519_key", inode(0o600, 0, false))]),
            empty_directory: Known(path("/run/sshd", inode(0o755, 0, true))),
            unprivileged_user: Known(true),
        },
        accounts: Known(vec![account()]),
        no_login: Known(None),
        tcp_wrappers: Known(Wrapped::LetIn),
        rooms: vec![room("/"), room("/home")],
        memory: Memory { available: Known(1 << 30), killed: Known(None) },
        firewall: Known(Decision::Passes),
        way_back: Known(Some([10, 0, 1, 10].into())),
        database: None,
    }
}

fn stop(facts: &mut Facts) {
    facts.sshd.processes = Known(0);
    if let Known(list) = &mut facts.listeners {
        list.retain(|one| one.program.as_deref() != Some("sshd"));
    }
}

fn user(facts: &mut Facts) -> &mut Account {
    match &mut facts.accounts {
        Known(list) => &mut list[0],
        Unknown(why) => panic!("{why}"),
    }
}

fn entry(facts: &mut Facts) -> &mut Entry {
    user(facts).entry.as_mut().expect("there is one")
}

fn policy(facts: &mut Facts) -> &mut Policy {
    match &mut user(facts).policy {
        Known(policy) => policy,
        Unknown(why) => panic!("{why}"),
    }
}

fn component(facts: &mut Facts, at: usize) -> &mut PathFact {
    &mut user(facts).key_files[0].components[at]
}

fn test(facts: &mut Facts, words: &str) {
    stop(facts);
    facts.sshd.test = Known(Some(words.to_owned()));
}

/// One break for each kind of problem.
const BREAKS: [(Kind, Break, &str); 26] = [
    (Kind::DiskFull, |facts| facts.rooms[1].bytes_free = 0, "/home is full"),
    (Kind::InodesFull, |facts| facts.rooms[0].inodes_free = Some(0), "no inodes left"),
    (
        Kind::OutOfMemory,
        |facts| {
            stop(facts);
            facts.memory.killed = Known(Some("Out of memory: Killed process 812 (sshd)".into()));
        },
        "killed sshd",
    ),
    (
        Kind::SshdMissing,
        |facts| {
            stop(facts);
            facts.sshd.program = Known(None);
        },
        "not installed",
    ),
    (
        Kind::UnprivilegedUser,
        |facts| {
            test(facts, "Privilege separation user sshd does not exist");
            facts.sshd.unprivileged_user = Known(false);
        },
        "user `sshd` is missing",
    ),
    (
        Kind::EmptyDirectory,
        |facts| {
            facts.sshd.empty_directory = Known(path("/run/sshd", inode(0o777, 0, true)));
        },
        "/run/sshd is not root's alone",
    ),
    (
        Kind::HostKeys,
        |facts| {
            test(facts, "sshd: no hostkeys available -- exiting.");
            facts.sshd.host_keys = Known(vec![path("/etc/ssh/ssh_host_ed25519_key", inode(0o644, 0, false))]);
        },
        "no key of its own",
    ),
    (
        Kind::Configuration,
        |facts| test(facts, "/etc/ssh/sshd_config: line 3: Bad configuration option: Prot"),
        "not valid",
    ),
    (
        Kind::PortTaken,
        |facts| {
            stop(facts);
            facts.listeners = Known(vec![Listener {
                address: "0.0.0.0:22".parse().expect("an address"),
                program: Some("nginx".into()),
            }]);
        },
        "nginx has port 22",
    ),
    (Kind::SshdStopped, stop, "does not run"),
    (
        Kind::ListensElsewhere,
        |facts| {
            facts.listeners = Known(vec![Listener {
                address: "0.0.0.0:2222".parse().expect("an address"),
                program: Some("sshd".into()),
            }]);
        },
        "but on 0.0.0.0:2222",
    ),
    (
        Kind::HostFirewall,
        |facts| {
            let rule = "table ip host, chain c: tcp dport 22 drop".to_owned();
            let remove = Some("nft delete rule ip host c handle 2".to_owned());
            facts.firewall = Known(Decision::Drops(Deciding { rule, remove }));
        },
        "own firewall drops tcp 22",
    ),
    (Kind::NoWayBack, |facts| facts.way_back = Known(None), "no route to 203.0.113.10"),
    (
        Kind::TcpWrappers,
        |facts| {
            facts.tcp_wrappers =
                Known(Wrapped::TurnedAway { line: "/etc/hosts.deny line 1: ALL: ALL".into() });
        },
        "hosts.deny turns 203.0.113.10 away",
    ),
    (
        Kind::NoLogin,
        |facts| facts.no_login = Known(Some(("/etc/nologin".into(), "going down".into()))),
        "/etc/nologin keeps everybody out",
    ),
    (
        Kind::NoSuchUser,
        |facts| {
            user(facts).entry = None;
        },
        "no user ec2-user",
    ),
    (Kind::UserNotAllowed, |facts| policy(facts).deny_users.push("ec2-*".into()), "keeps ec2-user out"),
    (
        Kind::AccountLocked,
        |facts| {
            entry(facts).locked = Known(true);
            policy(facts).use_pam = false;
        },
        "ec2-user is locked",
    ),
    (
        Kind::AccountExpired,
        |facts| entry(facts).expired_on = Known(Some("2026-01-01".into())),
        "expired on 2026-01-01",
    ),
    (Kind::NoShell, |facts| entry(facts).shell = path("/bin/zsh", None), "no program"),
    (
        Kind::ShellRefuses,
        |facts| entry(facts).shell = path("/usr/sbin/nologin", inode(0o755, 0, false)),
        "ends every login",
    ),
    (
        Kind::NoHome,
        |facts| {
            entry(facts).home.is = None;
            for at in 0..3 {
                component(facts, at).is = None;
            }
        },
        "home directory of ec2-user is not there",
    ),
    (Kind::KeysOff, |facts| policy(facts).pubkey_authentication = false, "takes no public keys"),
    (Kind::NoKeyFile, |facts| component(facts, 0).is = None, "no file of keys"),
    (
        Kind::OpenKeyFile,
        |facts| component(facts, 2).is = Some(inode(0o777, 1000, true)),
        "others may write /home/ec2-user",
    ),
    (Kind::NoKeys, |facts| user(facts).key_files[0].keys = Known(0), "holds no key"),
];

#[test]
fn a_host_that_is_sound_has_no_problem() {
    assert_eq!(problems(&sound()), []);
}

#[test]
fn every_problem_is_found_by_itself_with_what_shows_it_and_what_to_type() {
    let mut kinds = Vec::new();
    for (kind, break_it, words) in BREAKS {
        let mut facts = sound();
        break_it(&mut facts);
        let found = problems(&facts);
        let first = found.first().unwrap_or_else(|| panic!("{kind:?} is not found"));
        assert_eq!((first.kind, first.is_root()), (kind, true), "{found:#?}");
        assert!(
            found.iter().skip(1).all(|other| !other.is_root()),
            "{kind:?}: the others follow: {found:#?}"
        );
        assert!(first.verdict.contains(words), "{kind:?}: {}", first.verdict);
        assert!(!first.evidence.is_empty() && first.hint.contains('`'), "{first:#?}");
        kinds.push(kind);
    }
    assert_eq!(kinds, Kind::ALL);
}

#[test]
fn two_problems_at_once_are_both_found() {
    let breaks: Vec<_> = BREAKS.iter().filter(|(kind, _, _)| independent(*kind)).collect();
    for (at, (one, break_one, _)) in breaks.iter().enumerate() {
        for (other, break_other, _) in &breaks[at + 1..] {
            let mut facts = sound();
            break_one(&mut facts);
            break_other(&mut facts);
            let found = problems(&facts);
            let roots: Vec<Kind> =
                found.iter().filter(|problem| problem.is_root()).map(|problem| problem.kind).collect();
            assert!(roots.contains(one) && roots.contains(other), "{one:?} and {other:?}: {roots:?}");
        }
    }
}

/// Of different parts of the host, so that one does not replace what the other broke.
fn independent(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::DiskFull
            | Kind::InodesFull
            | Kind::SshdStopped
            | Kind::HostFirewall
            | Kind::NoWayBack
            | Kind::TcpWrappers
            | Kind::NoLogin
            | Kind::AccountExpired
            | Kind::OpenKeyFile
    )
}

#[test]
fn what_is_not_known_is_no_problem() {
    let nothing = Facts {
        listeners: Told::default(),
        half_open: Told::default(),
        arrivals: Told::default(),
        sshd: Sshd::default(),
        accounts: Told::default(),
        no_login: Told::default(),
        tcp_wrappers: Told::default(),
        rooms: Vec::new(),
        memory: Memory::default(),
        firewall: Told::default(),
        way_back: Told::default(),
        ..sound()
    };
    assert_eq!(problems(&nothing), []);
}

#[test]
fn systemd_listens_in_sshds_place_and_a_killed_one_that_runs_again_is_well() {
    let mut facts = sound();
    facts.sshd.processes = Known(0);
    facts.listeners = Known(vec![Listener {
        address: "[::]:22".parse().expect("an address"),
        program: Some("systemd".into()),
    }]);
    assert_eq!(problems(&facts), []);
    let mut facts = sound();
    facts.memory.killed = Known(Some("Out of memory: Killed process 812 (sshd)".into()));
    assert_eq!(problems(&facts), []);
}

#[test]
fn a_directory_that_systemd_makes_is_not_missed_while_sshd_is_stopped() {
    let mut facts = sound();
    test(&mut facts, "Missing privilege separation directory: /run/sshd");
    facts.sshd.empty_directory = Known(path("/run/sshd", None));
    let kinds: Vec<Kind> = problems(&facts).iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [Kind::SshdStopped]);
    if let Known(unit) = &mut facts.sshd.unit {
        unit.makes_directory = false;
    }
    assert_eq!(problems(&facts)[0].kind, Kind::EmptyDirectory);
}

#[test]
fn an_answer_that_left_clears_the_firewall_whatever_its_rules_seem_to_say() {
    let mut facts = sound();
    facts.firewall = Known(Decision::Drops(Deciding { rule: "x".into(), remove: None }));
    facts.arrivals = Known(Arrivals { watched_ms: 3000, syn: 2, syn_ack: 2, reset: 0, others: 0 });
    assert_eq!(problems(&facts), []);
}

#[test]
fn facts_survive_being_written_and_read() {
    let written = serde_json::to_string(&sound()).expect("they can be written");
    assert_eq!(serde_json::from_str::<Facts>(&written).expect("they can be read"), sound());
    assert!(written.len() < 8000, "{} bytes", written.len());
}
