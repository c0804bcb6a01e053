//! Real failures of a real PostgreSQL, met by both clients: the ladder, and psycopg2. Each must be named, and
//! both must mean the same. `cargo test -p vivarium-checker --test database_ladder -- --nocapture` prints the table.

mod support;

use std::path::PathBuf;

use support::bench::{self, Bench, SHORT};
use support::certificates::{Authority, Validity};
use support::server::{PORT, Server};
use support::{listeners, network};
use vivarium_checker::database::ladder::{Target, TlsMode};
use vivarium_checker::database::roots::RDS_ROOTS_PEM;
use vivarium_checker::database::verdict::DatabaseFailure as Failure;

#[test]
fn a_database_that_is_well_tells_the_time_to_both() {
    network::inside(|| {
        let bench = Bench::new();
        let _server = Server::started(Some(&bench.identity(Validity::Now)), "");
        let unverified = Target { host: "127.0.0.1".to_owned(), tls: TlsMode::Require, ..bench.target() };
        let other_name = Target { host: "alias.lab".to_owned(), tls: TlsMode::VerifyCa, ..bench.target() };
        for target in [bench.target(), unverified, other_name] {
            let (ours, theirs) = bench.ask(&target, "right");
            let (ours, theirs) = (ours.expect("an answer"), theirs.expect("an answer"));
            bench::tell(&ours, &theirs);
            assert_eq!(ours.answer.tls.as_deref(), Some("TLSv1.3"));
            assert_eq!(
                (&ours.answer.tls, &ours.answer.server_version),
                (&theirs.tls, &theirs.server_version)
            );
            assert_eq!((ours.address.port(), ours.rungs.len()), (PORT, 5));
            assert!(ours.answer.epoch <= theirs.epoch, "{} came before {}", ours.answer.now, theirs.now);
        }
    });
}

#[test]
fn what_the_server_refuses_is_named() {
    network::inside(|| {
        let bench = Bench::new();
        bench.overlay("/etc/pam.d/other", "auth required pam_deny.so\n");
        let _server = Server::started(Some(&bench.identity(Validity::Now)), "");
        let right = || bench.target();
        bench.both_say_with("no password", &right(), "", Failure::NoPassword);
        bench.both_say_with("wrong password", &right(), "wrong", Failure::PasswordRefused);
        let case = Target { user: "nobody".to_owned(), ..right() };
        bench.both_say("no such role, with a password", &case, Failure::PasswordRefused);
        let case = Target { user: "nobody".to_owned(), database: "open".to_owned(), ..right() };
        bench.both_say("no such role", &case, Failure::NoSuchRole);
        let case = Target { user: "locked".to_owned(), database: "open".to_owned(), ..right() };
        bench.both_say("a role that may not log in", &case, Failure::MayNotLogIn);
        let case = Target { database: "nowhere".to_owned(), ..right() };
        bench.both_say("no such database", &case, Failure::NoSuchDatabase);
        let case = Target { database: "private".to_owned(), ..right() };
        bench.both_say("a database closed to the role", &case, Failure::NotPermitted);
        let case = Target { database: "closed".to_owned(), ..right() };
        bench.both_say("a line that rejects", &case, Failure::NoEntry);
        let case = Target { database: "tokens".to_owned(), ..right() };
        bench.both_say("a token that PAM refuses", &case, Failure::TokenRefused);
        let case = Target { tls: TlsMode::Disable, ..right() };
        bench.both_say("plain text where TLS is forced", &case, Failure::TlsRequired);
        let case = Target { user: "single".to_owned(), ..right() };
        bench.both_say("the role's own limit", &case, Failure::SlotsFull);
    });
}

#[test]
fn a_certificate_that_cannot_be_believed_is_named() {
    network::inside(|| {
        let bench = Bench::new();
        let server = Server::started(Some(&bench.identity(Validity::Now)), "");
        let with_roots = |file: PathBuf| Target { sslrootcert: Some(file), ..bench.target() };
        let case = with_roots(bench.file("rds.pem", RDS_ROOTS_PEM));
        bench.both_say("Amazon's roots, another's server", &case, Failure::UnknownAuthority);
        let case = with_roots(bench.file("other.pem", &Authority::new("Other").pem));
        bench.both_say("another authority", &case, Failure::UnknownAuthority);
        let case = with_roots(PathBuf::from("/no/such/roots.pem"));
        bench.both_say("no file of roots", &case, Failure::RootsUnreadable);
        let case = with_roots(bench.file("empty.pem", ""));
        bench.both_say("an empty file of roots", &case, Failure::RootsUnreadable);
        let case = Target { host: "alias.lab".to_owned(), ..bench.target() };
        bench.both_say("an alias", &case, Failure::WrongHostName);
        let case = Target { host: "127.0.0.1".to_owned(), ..bench.target() };
        bench.both_say("an address", &case, Failure::WrongHostName);
        drop(server);
        let server = Server::started(Some(&bench.identity(Validity::Past)), "");
        bench.both_say("an expired certificate", &bench.target(), Failure::CertificateExpired);
        drop(server);
        let server = Server::started(Some(&bench.identity(Validity::Future)), "");
        bench.both_say("a certificate of the future", &bench.target(), Failure::CertificateNotYetValid);
        drop(server);
        let old = "ssl_min_protocol_version = 'TLSv1'\nssl_max_protocol_version = 'TLSv1.1'";
        let server = Server::started(Some(&bench.identity(Validity::Now)), old);
        bench.both_say("a server of old TLS only", &bench.target(), Failure::TlsFailed);
        drop(server);
        let _server = Server::started(None, "");
        bench.both_say("a server without TLS", &bench.target(), Failure::NoTls);
    });
}

#[test]
fn a_server_that_is_not_ready_is_named() {
    network::inside(|| {
        let bench = Bench::new();
        let identity = bench.identity(Validity::Now);
        let server = Server::prepared(Some(&identity), "restore_command = 'sleep 600'");
        bench.both_say("stopped", &bench.target(), Failure::Refused);
        server.file("recovery.signal", "");
        server.start(false);
        server.wait_for("starting");
        bench.both_say("starting up", &bench.target(), Failure::StartingUp);
        drop(server);
        let server = Server::prepared(Some(&identity), "hot_standby = off");
        server.file("standby.signal", "");
        server.start(false);
        server.wait_for("standby");
        bench.both_say("a standby closed to questions", &bench.target(), Failure::StartingUp);
        drop(server);
        let server = Server::started(Some(&identity), "");
        let held = held(&server, 1);
        server.begin_to_end();
        bench.both_say("shutting down", &bench.target(), Failure::ShuttingDown);
        drop(held);
    });
}

#[test]
fn a_server_whose_slots_are_full_is_named() {
    network::inside(|| {
        let bench = Bench::new();
        let settings = "max_connections = 4\nsuperuser_reserved_connections = 1\nmax_wal_senders = 0";
        let server = Server::started(Some(&bench.identity(Validity::Now)), settings);
        let _three = held(&server, 3);
        bench.both_say("only reserved slots are left", &bench.target(), Failure::SlotsFull);
        let _last = held(&server, 1);
        bench.both_say("no slot is left", &bench.target(), Failure::SlotsFull);
    });
}

#[test]
fn a_port_that_does_not_lead_to_a_database_is_named() {
    network::inside(|| {
        let bench = Bench::new();
        let _server = Server::started(Some(&bench.identity(Validity::Now)), "");
        let port = |port| Target { port, ..bench.target() };
        let host = |host: &str| Target { host: host.to_owned(), ..bench.target() };
        bench.both_say("wrong port", &port(PORT + 1), Failure::Refused);
        let case = Target { deadline: SHORT, ..host(network::BLACK_HOLE) };
        bench.both_say("black-holed", &case, Failure::TimedOut);
        bench.both_say("no route", &host(network::NO_ROUTE), Failure::NetworkUnreachable);
        bench.both_say("a route that says no", &host(network::UNREACHABLE), Failure::HostUnreachable);
        bench.both_say("forbidden by this host", &host(network::PROHIBITED), Failure::Prohibited);
        let (_listener, silent) = listeners::is_silent();
        let case = Target { deadline: SHORT, ..port(silent) };
        bench.both_say("silence", &case, Failure::Silent);
        bench.both_say("hung up", &port(listeners::hangs_up()), Failure::ClosedEarly);
        let ssh = listeners::greets(b"SSH-2.0-OpenSSH_9.2p1\r\n", b"Invalid SSH identification string.\r\n");
        bench.both_say("an SSH server", &port(ssh), Failure::NotPostgres);
        let web = listeners::greets(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", b"");
        bench.both_say("a web server", &port(web), Failure::NotPostgres);
    });
}

#[test]
fn a_name_that_does_not_lead_to_an_address_is_named() {
    network::inside(|| {
        let bench = Bench::new();
        let host = |host: &str| Target { host: host.to_owned(), ..bench.target() };
        bench.both_say("no such name", &host("nowhere.lab"), Failure::NoSuchName);
        bench.both_say("a name without an address", &host("empty.lab"), Failure::NoAddress);
        bench.both_say("a name server that fails", &host("servfail.lab"), Failure::NameServerFailed);
        let unanswered = Target { deadline: SHORT, ..bench.target() };
        bench.name_server("127.0.0.2");
        bench.both_say("no name server at its address", &unanswered, Failure::NameTimedOut);
        bench.name_server(network::BLACK_HOLE);
        bench.both_say("a black-holed name server", &unanswered, Failure::NameTimedOut);
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
