//! What the kernel returns, row by row: each row of the table is a rule on a real wire, and a real probe.

#[expect(dead_code, reason = "the ladder's tests need more of it")]
mod support;

mod far;

use std::future::pending;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use far::{FAR, FAR_6, Far, NEAR};
use support::network;
use support::server::{PORT, Server};
use vivarium_checker::probe::controls::{Controls, control};
use vivarium_checker::probe::observation::{Asked, Observation, Outcome, Unresolved, Words};
use vivarium_checker::probe::postgres::startup::{self, NOBODY, PostgresWords};
use vivarium_checker::probe::source_ports::{EPHEMERAL, sample, stretches};
use vivarium_checker::probe::{dns, postgres, ssh, tcp};

/// More than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait for what will never come.
const SHORT: Duration = Duration::from_millis(500);

/// Sockets belong to the network of the thread that makes them: there is only this one.
fn block_on<T>(probe: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(probe)
}

fn at(host: &str, port: u16) -> SocketAddr {
    SocketAddr::new(host.parse().expect("an address"), port)
}

fn tried(host: &str, deadline: Duration) -> Outcome {
    block_on(tcp::attempt(at(host, 22), deadline)).outcome
}

/// A listener behind one rule for what comes in: what the prober sees in version 4 and in version 6.
fn behind(rule: &str, deadline: Duration) -> [Outcome; 2] {
    network::inside(|| {
        let far = Far::new();
        let _listener = far.listens(22);
        far.on_the_way_in(rule);
        [tried(FAR, deadline), tried(FAR_6, deadline)]
    })
}

#[test]
fn row_port_closed_is_refused() {
    network::inside(|| {
        let _far = Far::new();
        assert_eq!([tried(FAR, PATIENCE), tried(FAR_6, PATIENCE)], [Outcome::Refused, Outcome::Refused]);
    });
}

#[test]
fn row_syn_dropped_is_a_timeout() {
    assert_eq!(behind("tcp dport 22 drop", SHORT), [Outcome::TimedOut, Outcome::TimedOut]);
}

#[test]
fn row_syn_ack_dropped_is_a_timeout_like_the_row_above() {
    network::inside(|| {
        let far = Far::new();
        let _listener = far.listens(22);
        far.on_the_way_out("tcp sport 22 drop");
        assert_eq!([tried(FAR, SHORT), tried(FAR_6, SHORT)], [Outcome::TimedOut, Outcome::TimedOut]);
    });
}

#[test]
fn row_rejected_with_reset_is_refused() {
    let seen = behind("tcp dport 22 reject with tcp reset", PATIENCE);
    assert_eq!(seen, [Outcome::Refused, Outcome::Refused]);
}

#[test]
fn row_rejected_with_port_unreachable_is_refused() {
    let seen = behind("tcp dport 22 reject with icmpx type port-unreachable", PATIENCE);
    assert_eq!(seen, [Outcome::Refused, Outcome::Refused]);
}

#[test]
fn row_rejected_as_prohibited_is_no_route_in_version_4_and_forbidden_in_version_6() {
    // firewalld's default. In version 6 the kernel says EACCES, as it does for a rule of this host.
    let seen = behind("tcp dport 22 reject with icmpx type admin-prohibited", PATIENCE);
    assert_eq!(seen, [Outcome::HostUnreachable, Outcome::Prohibited]);
}

#[test]
fn row_rejected_with_host_unreachable_is_no_route() {
    let seen = behind("tcp dport 22 reject with icmpx type host-unreachable", PATIENCE);
    assert_eq!(seen, [Outcome::HostUnreachable, Outcome::HostUnreachable]);
    let [seen, _] = behind("tcp dport 22 reject with icmp type host-prohibited", SHORT);
    assert_eq!(seen, Outcome::HostUnreachable);
}

#[test]
fn row_rejected_with_net_unreachable_is_network_unreachable() {
    let seen = behind("tcp dport 22 reject with icmpx type no-route", PATIENCE);
    assert_eq!(seen, [Outcome::NetworkUnreachable, Outcome::NetworkUnreachable]);
}

#[test]
fn row_no_local_route_is_network_unreachable() {
    network::inside(|| {
        let seen = [tried(network::NO_ROUTE, PATIENCE), tried("2001:db8::1", PATIENCE)];
        assert_eq!(seen, [Outcome::NetworkUnreachable, Outcome::NetworkUnreachable]);
    });
}

#[test]
fn row_forbidden_by_this_host_is_prohibited() {
    network::inside(|| assert_eq!(tried(network::PROHIBITED, PATIENCE), Outcome::Prohibited));
}

/// What the two probes that expect words see of a listener that does this with whoever comes.
fn accepted_by(serve: impl Fn(TcpListener) + Send + 'static, deadline: Duration) -> [Observation; 3] {
    network::inside(|| {
        let far = Far::new();
        let listener = far.listens(22);
        std::thread::spawn(move || serve(listener));
        let address = at(FAR, 22);
        block_on(async {
            [
                ssh::ask(address, None, &[], deadline).await,
                postgres::ask(address, deadline).await,
                startup::ask(address, NOBODY, NOBODY, deadline).await,
            ]
        })
    })
}

#[test]
fn row_accepted_then_fin_is_closed_before_the_banner() {
    let serve = |listener: TcpListener| {
        for stream in listener.incoming().map_while(Result::ok) {
            // Whatever was said is read first: unread bytes would make the kernel reset.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = std::io::copy(&mut &stream, &mut std::io::sink());
        }
    };
    for seen in accepted_by(serve, PATIENCE) {
        assert_eq!(seen.outcome, Outcome::ClosedBeforeBanner, "{seen}");
        assert!(seen.connected());
    }
}

#[test]
fn row_accepted_then_rst_is_a_reset() {
    let serve = |listener: TcpListener| {
        listener.set_nonblocking(true).expect("set");
        block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_zero_linger().expect("set");
            }
        });
    };
    for seen in accepted_by(serve, PATIENCE) {
        assert_eq!(seen.outcome, Outcome::Reset, "{seen}");
        assert!(seen.connected());
    }
}

#[test]
fn row_accepted_then_silence_is_silent() {
    for seen in accepted_by(|listener| drop(listener.incoming().collect::<Vec<_>>()), SHORT) {
        assert_eq!(seen.outcome, Outcome::Silent, "{seen}");
        assert!(seen.connected());
    }
}

#[test]
fn h4_both_families_are_tried_apart_and_each_twice() {
    network::inside(|| {
        let far = Far::new();
        let _listener = far.listens(22);
        far.on_the_way_in("meta nfproto ipv6 tcp dport 22 drop");
        let seen = block_on(tcp::attempts(&[at(FAR, 22), at(FAR_6, 22)], 2, SHORT));
        let outcomes: Vec<_> = seen.iter().map(|one| one.outcome.clone()).collect();
        let (open, lost) = (Outcome::Connected, Outcome::TimedOut);
        assert_eq!(outcomes, [open.clone(), open, lost.clone(), lost]);
        assert_eq!(seen[0].from.map(|from| from.ip().to_string()).as_deref(), Some(NEAR));
    });
}

#[test]
fn h8_a_partial_range_of_ports_for_replies_is_uncovered() {
    network::inside(|| {
        let far = Far::new();
        let _listener = far.listens(22);
        far.on_the_way_out("tcp sport 22 tcp dport != 32768-60999 drop");
        let seen = block_on(sample(at(FAR, 22), EPHEMERAL, 32, Duration::from_secs(1)));
        let told: Vec<_> =
            stretches(&seen).iter().map(|part| (part.first, part.last, part.answered)).collect();
        assert_eq!(told, [(1024, 32_767, false), (32_768, 60_999, true), (61_000, 65_535, false)]);
        assert_eq!(seen.len(), 32);
    });
}

#[test]
fn h8_a_whole_range_is_one_stretch_and_a_port_in_use_is_left_out() {
    network::inside(|| {
        let far = Far::new();
        let _listener = far.listens(22);
        let _taken = TcpListener::bind("0.0.0.0:32768").expect("a port of a network of our own");
        let seen = block_on(sample(at(FAR, 22), EPHEMERAL, 32, PATIENCE));
        let told = stretches(&seen);
        assert_eq!(
            told.iter().map(|part| (part.first, part.last, part.tried)).collect::<Vec<_>>(),
            [(1024, 65_535, 31)]
        );
        let untried =
            seen.iter().find(|one| matches!(one.outcome, Outcome::NotTried { .. })).expect("one is taken");
        assert_eq!(untried.asked, Asked::PortFrom { local_port: 32_768 });
    });
}

#[test]
fn h17_and_h19_controls_show_a_network_that_closes_22_and_one_that_opens_everything() {
    network::inside(|| {
        let far = Far::new();
        let (_web, _ssh) = (far.listens(443), far.listens(22));
        let controls = Controls {
            closed: Some(at(FAR, 9)),
            web: Some((FAR.to_owned(), 443)),
            ssh: Some((FAR.to_owned(), 22)),
        };
        let seen = || {
            let seen = block_on(control(&controls, SHORT, pending()));
            let outcome = |one: &Observation| one.outcome.clone();
            (seen.closed.as_ref().map(outcome), outcome(&seen.web[0]), outcome(&seen.ssh[0]))
        };
        assert_eq!(seen(), (Some(Outcome::Refused), Outcome::Connected, Outcome::Connected));
        far.on_the_way_in("tcp dport 22 drop");
        assert_eq!(seen(), (Some(Outcome::Refused), Outcome::Connected, Outcome::TimedOut));
        let _proxy = far.listens(9);
        assert_eq!(seen().0, Some(Outcome::Connected));
    });
}

#[test]
fn a_control_without_a_name_is_told_by_its_name() {
    network::inside(|| {
        let _bench = support::bench::Bench::new();
        let controls = Controls { web: Some(("nowhere.lab".to_owned(), 443)), ..Controls::default() };
        let seen = block_on(control(&controls, PATIENCE, pending()));
        assert_eq!(seen.web[0].outcome, Outcome::Unresolved { why: Unresolved::NoSuchName });
    });
}

#[test]
fn p29_each_reason_for_a_name_without_an_address_is_kept_apart() {
    network::inside(|| {
        let bench = support::bench::Bench::new();
        let seen = |name: &str| block_on(dns::ask_for(name, Duration::from_secs(3))).outcome;
        let unresolved = |why| Outcome::Unresolved { why };
        assert_eq!(seen("nowhere.lab"), unresolved(Unresolved::NoSuchName));
        assert_eq!(seen("empty.lab"), unresolved(Unresolved::NoAddress));
        assert_eq!(seen("servfail.lab"), unresolved(Unresolved::ServerFailed("SERVFAIL".to_owned())));
        assert_eq!(
            seen("db.lab"),
            Outcome::Resolved { addresses: vec!["127.0.0.1".parse().expect("an address")] }
        );
        bench.name_server(network::BLACK_HOLE);
        assert_eq!(seen("db.lab"), unresolved(Unresolved::TimedOut));
        // The name server of this host is dead, and the other one is asked all the same.
        let server = "127.0.0.1".parse().expect("an address");
        let other = block_on(dns::ask_server("db.lab", server, PATIENCE));
        assert_eq!(other.outcome, Outcome::Resolved { addresses: vec![server] });
        assert_eq!(other.asked, Asked::NameOf { name: "db.lab".to_owned(), server });
    });
}

fn said(seen: &Observation) -> &PostgresWords {
    seen.postgres().unwrap_or_else(|| panic!("{seen}"))
}

fn database() -> SocketAddr {
    at("127.0.0.1", PORT)
}

fn login() -> Observation {
    block_on(startup::ask(database(), NOBODY, NOBODY, PATIENCE))
}

fn refusal(seen: &Observation) -> (&str, &str) {
    let PostgresWords::Error { code, message } = said(seen) else { panic!("{seen}") };
    (code, message)
}

#[test]
fn p10_a_server_that_wants_tls_says_so_to_anyone_and_which_address_it_sees() {
    network::inside(|| {
        let bench = support::bench::Bench::new();
        let _server = Server::started(Some(&bench.identity(support::certificates::Validity::Now)), "");
        assert_eq!(said(&block_on(postgres::ask(database(), PATIENCE))), &PostgresWords::TlsWilling);
        let seen = login();
        let (code, message) = refusal(&seen);
        assert!(code == "28000" && message.contains("no encryption"), "{seen}");
        assert_eq!(said(&seen).address_seen(), Some("127.0.0.1".parse().expect("an address")));
    });
}

#[test]
fn p11_and_p21_a_server_without_tls_says_n_and_how_it_asks() {
    network::inside(|| {
        let server = Server::prepared(None, "");
        let methods = ["scram-sha-256", "password", "trust"];
        let rules: String =
            methods.iter().map(|method| format!("host {method} all 0.0.0.0/0 {method}\n")).collect();
        server.file("pg_hba.conf", &format!("local all all trust\n{rules}"));
        server.start(true);
        assert_eq!(said(&block_on(postgres::ask(database(), PATIENCE))), &PostgresWords::TlsUnwilling);
        let asked = |user, method| block_on(startup::ask(database(), user, method, PATIENCE));
        for method in ["scram-sha-256", "password"] {
            let wanted = PostgresWords::AsksFor { method: method.to_owned() };
            assert_eq!(said(&asked(NOBODY, method)), &wanted);
        }
        assert_eq!(said(&asked("dbadmin", "trust")), &PostgresWords::LetsIn);
        // Hanging up is no complaint in its log.
        assert!(!server.log().contains("got message type"), "{}", server.log());
    });
}

#[test]
fn p24_full_slots_show_without_a_login() {
    network::inside(|| {
        let settings = "max_connections = 4\nsuperuser_reserved_connections = 1\nmax_wal_senders = 0";
        let server = Server::started(None, settings);
        let (_runtime, _clients) = held(&server, 4);
        let seen = login();
        assert_eq!(refusal(&seen), ("53300", "sorry, too many clients already"));
    });
}

/// Sessions that take up slots until this is dropped.
fn held(server: &Server, count: usize) -> (tokio::runtime::Runtime, Vec<tokio_postgres::Client>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut config = tokio_postgres::Config::new();
    config.host_path(server.socket()).port(PORT).user("dbadmin").dbname("postgres");
    let clients = (0..count).map(|_| {
        runtime.block_on(async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a free slot");
            tokio::spawn(connection);
            client
        })
    });
    let clients = clients.collect();
    (runtime, clients)
}

#[test]
fn p26_a_server_that_is_starting_says_so_without_a_login() {
    network::inside(|| {
        let server = Server::prepared(None, "restore_command = 'sleep 600'");
        server.file("recovery.signal", "");
        server.start(false);
        server.wait_for("starting");
        let seen = login();
        assert_eq!(refusal(&seen).0, "57P03", "{seen}");
    });
}

#[test]
fn p33_what_is_not_postgresql_is_told_by_its_first_bytes() {
    network::inside(|| {
        let web = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        let address = || at("127.0.0.1", support::listeners::greets(web, b""));
        let wanted = Words::Unfamiliar {
            beginning: "HTTP/1.1 400 Bad Request".to_owned(),
            who: Some("a web server".to_owned()),
        };
        for seen in [
            block_on(postgres::ask(address(), PATIENCE)),
            block_on(startup::ask(address(), NOBODY, NOBODY, PATIENCE)),
        ] {
            assert_eq!(seen.outcome, Outcome::Spoke(wanted.clone()));
        }
    });
}
