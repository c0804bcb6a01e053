//! All probes in one round: at once, politely, and saved as they are.

#[expect(dead_code, reason = "the ladder's tests need more of it")]
mod support;

mod sshd;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use sshd::{Keys, Sshd};
use support::bench::{Bench, NAME};
use support::certificates::Validity;
use support::network;
use support::server::{PORT, Server};
use vivarium_checker::probe::controls::Controls;
use vivarium_checker::probe::observation::{Asked, Observation, Outcome, Unresolved};
use vivarium_checker::probe::postgres::startup::{NOBODY, PostgresWords};
use vivarium_checker::probe::round::{Inquiry, PostgresInquiry, Round, SshInquiry, connections, probe};

const PATIENCE: Duration = Duration::from_secs(20);

fn probed(inquiry: &Inquiry) -> Round {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(probe(inquiry))
}

fn inquiry(host: &str, ssh: u16, postgres: u16) -> Inquiry {
    let (user, database) = (NOBODY.to_owned(), NOBODY.to_owned());
    Inquiry {
        host: host.to_owned(),
        ssh: Some(SshInquiry {
            port: ssh,
            user: None,
            prefer: Vec::new(),
            users: Vec::new(),
            keys: Vec::new(),
        }),
        postgres: Some(PostgresInquiry { port: postgres, user, database }),
        controls: Controls::default(),
        source_ports: 0,
        deadline: PATIENCE,
    }
}

#[test]
fn a_host_that_is_well_is_seen_whole_and_hardly_asked() {
    network::inside(|| {
        let bench = Bench::new();
        let (keys, _database) = (Keys::new(), Server::started(Some(&bench.identity(Validity::Now)), ""));
        let mine = keys.public_only("ed25519", "mine");
        keys.authorize("root", &[&mine]);
        let _sshd = Sshd::started(&keys, &["ed25519"], "");
        let mut inquiry = inquiry(NAME, 22, PORT);
        let ssh = inquiry.ssh.as_mut().expect("asked for");
        (ssh.user, ssh.users, ssh.keys) = (Some("root".to_owned()), vec!["root".to_owned()], vec![mine]);
        let round = probed(&inquiry);
        let key = round.ssh[0].ssh().and_then(|words| words.host_key.as_ref()).expect("a host key");
        assert_eq!(key.fingerprint, keys.fingerprint("host_ed25519"));
        assert!(round.keys[0].ssh().is_some_and(|words| words.taken_key().is_some()), "{}", round.keys[0]);
        assert_eq!(round.postgres[0].postgres(), Some(&PostgresWords::TlsWilling));
        assert!(
            matches!(round.postgres[1].postgres(), Some(PostgresWords::Error { code, .. }) if code == "28000")
        );
        assert_eq!(round.controls.closed_port_opened(), Some(false));
        let at = |port| SocketAddr::new("127.0.0.1".parse().expect("an address"), port);
        assert_eq!(connections(&round), [(at(9), 1), (at(22), 2), (at(PORT), 2)]);
        let saved = serde_json::to_string_pretty(&round).expect("written");
        assert_eq!(serde_json::from_str::<Round>(&saved).expect("read back"), round);
    });
}

#[test]
fn all_are_asked_at_once() {
    network::inside(|| {
        // Nobody is answered before everybody has asked: one after another, each would hear silence.
        let listeners = [(22, 1), (5432, 2), (443, 1)].map(|(port, count)| {
            (TcpListener::bind(("127.0.0.1", port)).expect("a port of a network of our own"), count)
        });
        std::thread::spawn(move || {
            let held: Vec<_> = listeners
                .iter()
                .flat_map(|(listener, count)| (0..*count).map(|_| listener.accept().expect("a probe").0))
                .collect();
            for stream in &held {
                // What was said is read to its end, or the kernel would reset.
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = std::io::copy(&mut &*stream, &mut std::io::sink());
            }
        });
        let mut inquiry = inquiry("127.0.0.1", 22, 5432);
        inquiry.controls.web = Some(("127.0.0.1".to_owned(), 443));
        let round = probed(&inquiry);
        let outcomes: Vec<_> =
            round.ssh.iter().chain(&round.postgres).map(|one| one.outcome.clone()).collect();
        assert_eq!(outcomes, vec![Outcome::ClosedBeforeBanner; 3]);
        assert_eq!(round.controls.web[0].outcome, Outcome::Connected);
    });
}

#[test]
fn a_closed_port_that_is_silent_holds_up_only_who_is_silent_too() {
    network::inside(|| {
        let listener = TcpListener::bind(("127.0.0.1", 22)).expect("a port of a network of our own");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let said = std::io::Write::write_all(&mut stream.expect("a probe"), b"HTTP/1.1 400 \r\n");
                said.expect("heard");
            }
        });
        let closed = Some(SocketAddr::new(network::BLACK_HOLE.parse().expect("an address"), 9));
        let of_closed = |host: &str, deadline| {
            let controls = Controls { closed, ..Controls::default() };
            let round = probed(&Inquiry { controls, postgres: None, deadline, ..inquiry(host, 22, PORT) });
            let seen = round.controls.closed.expect("it was asked");
            assert_eq!(seen.outcome, Outcome::TimedOut);
            seen.elapsed
        };
        assert!(of_closed("127.0.0.1", PATIENCE) < PATIENCE);
        let short = Duration::from_millis(300);
        assert!(of_closed(network::BLACK_HOLE, short) >= short);
    });
}

#[test]
fn a_wall_is_tried_twice_and_a_name_that_leads_nowhere_not_at_all() {
    network::inside(|| {
        let _bench = Bench::new();
        let mut inquiry = inquiry(network::BLACK_HOLE, 22, PORT);
        inquiry.deadline = Duration::from_millis(500);
        inquiry.source_ports = 3;
        let round = probed(&inquiry);
        let outcomes = |seen: &[Observation]| seen.iter().map(|one| one.outcome.clone()).collect::<Vec<_>>();
        assert_eq!(outcomes(&round.ssh), vec![Outcome::TimedOut; 2]);
        assert_eq!(outcomes(&round.postgres), vec![Outcome::TimedOut; 2]);
        assert_eq!(outcomes(&round.source_ports), vec![Outcome::TimedOut; 3]);
        assert_eq!(round.ssh[1].asked, Asked::Port);
        inquiry.host = "nowhere.lab".to_owned();
        inquiry.deadline = PATIENCE;
        let round = probed(&inquiry);
        assert_eq!(round.name.outcome, Outcome::Unresolved { why: Unresolved::NoSuchName });
        assert_eq!((round.all().count(), connections(&round)), (1, Vec::new()));
    });
}
