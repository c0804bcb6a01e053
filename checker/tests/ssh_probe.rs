//! The SSH probe against a real OpenSSH, and against things that are none.

#[expect(dead_code, reason = "the ladder's tests need more of it")]
mod support;

mod sshd;

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use russh::keys::{Algorithm, EcdsaCurve};
use sshd::{ADDRESS, Keys, Sshd};
use support::{listeners, network};
use vivarium_checker::probe::observation::{Observation, Outcome, Words};
use vivarium_checker::probe::ssh::words::{During, How, SshWords};
use vivarium_checker::probe::ssh::{ask, query, query_users};

/// More than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait for what will never come.
const SHORT: Duration = Duration::from_millis(700);
const ALL: [&str; 3] = ["ed25519", "ecdsa", "rsa"];

/// Sockets belong to the network of the thread that makes them: there is only this one.
fn block_on<T>(probe: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(probe)
}

fn server() -> SocketAddr {
    ADDRESS.parse().expect("an address")
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::new("127.0.0.1".parse().expect("an address"), port)
}

fn words(seen: &Observation) -> &SshWords {
    seen.ssh().unwrap_or_else(|| panic!("{seen}"))
}

#[test]
fn a_server_tells_its_name_its_key_and_its_ways_in() {
    network::inside(|| {
        let keys = Keys::new();
        let sshd = Sshd::started(&keys, &ALL, "PasswordAuthentication yes\nKbdInteractiveAuthentication no");
        let seen = block_on(ask(server(), Some("root"), &[], PATIENCE));
        let said = words(&seen);
        assert!(said.identification.starts_with("SSH-2.0-OpenSSH_"), "{said}");
        let key = said.host_key.as_ref().expect("a key");
        assert_eq!(
            (key.algorithm.as_str(), &key.fingerprint),
            ("ssh-ed25519", &keys.fingerprint("host_ed25519"))
        );
        assert_eq!(said.rsa_signature.as_deref(), Some("rsa-sha2-512"));
        assert_eq!(said.methods.as_deref(), Some(&["publickey".to_owned(), "password".to_owned()][..]));
        assert!(said.key_exchange.is_some() && said.ended.is_none(), "{said:?}");
        assert!(seen.from.is_some() && !sshd.log().contains("Failed"), "{}", sshd.log());
    });
}

#[test]
fn without_a_user_no_way_in_is_asked_for() {
    network::inside(|| {
        let keys = Keys::new();
        let sshd = Sshd::started(&keys, &ALL, "");
        let seen = block_on(ask(server(), None, &[], PATIENCE));
        assert!(words(&seen).methods.is_none() && words(&seen).host_key.is_some(), "{seen}");
        assert!(!sshd.log().contains("user"), "{}", sshd.log());
    });
}

#[test]
fn the_kind_of_host_key_that_is_already_known_comes_first() {
    network::inside(|| {
        let keys = Keys::new();
        let _sshd = Sshd::started(&keys, &ALL, "");
        let known = [Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }];
        let seen = block_on(ask(server(), None, &known, PATIENCE));
        let key = words(&seen).host_key.as_ref().expect("a key");
        assert_eq!(key.fingerprint, keys.fingerprint("host_ecdsa"));
    });
}

#[test]
fn h31_the_right_user_is_found_with_public_keys_alone() {
    network::inside(|| {
        let keys = Keys::new();
        let (ed25519, rsa) = (keys.public_only("ed25519", "mine"), keys.public_only("rsa", "pem"));
        keys.authorize("root", &[&ed25519, &rsa]);
        let sshd = Sshd::started(&keys, &ALL, "PermitRootLogin yes");
        let users = ["daemon".to_owned(), "root".to_owned(), "bin".to_owned()];
        let seen = block_on(query_users(server(), &users, &[ed25519, rsa], PATIENCE));
        let taken: Vec<Vec<_>> =
            seen.iter().map(|one| words(one).keys.iter().map(|key| key.taken).collect()).collect();
        assert_eq!(taken, [[false, false], [true, true]], "the third user is not asked for");
        let algorithms: Vec<_> = words(&seen[1]).keys.iter().map(|key| key.algorithm.as_str()).collect();
        assert_eq!(algorithms, ["ssh-ed25519", "rsa-sha2-512"]);
        assert_eq!(words(&seen[1]).keys[0].fingerprint, keys.fingerprint("mine"));
        assert!(!sshd.log().contains("Accepted publickey"), "{}", sshd.log());
    });
}

#[test]
fn h32_a_key_that_nobody_takes_is_said_of_each_user() {
    network::inside(|| {
        let keys = Keys::new();
        let (mine, other) = (keys.public_only("ed25519", "mine"), keys.public_only("ed25519", "other"));
        keys.authorize("root", &[&other]);
        let _sshd = Sshd::started(&keys, &ALL, "");
        let seen =
            block_on(query_users(server(), &["root".to_owned(), "ghost".to_owned()], &[mine], PATIENCE));
        assert_eq!(seen.len(), 2);
        assert!(seen.iter().all(|one| words(one).keys.len() == 1 && words(one).taken_key().is_none()));
    });
}

#[test]
fn h36_a_server_that_takes_no_rsa_signature_takes_another_kind_of_key() {
    network::inside(|| {
        let keys = Keys::new();
        let both = [keys.public_only("rsa", "pem"), keys.public_only("ed25519", "mine")];
        keys.authorize("root", &[&both[0], &both[1]]);
        // OpenSSH 9.2 names every signature it knows in server-sig-algs, whatever its settings say: only the
        // question shows.
        let _sshd = Sshd::started(&keys, &ALL, "PubkeyAcceptedAlgorithms ssh-ed25519");
        let seen = block_on(query(server(), "root", &both, PATIENCE));
        let answers: Vec<_> =
            words(&seen).keys.iter().map(|key| (key.algorithm.as_str(), key.taken)).collect();
        assert_eq!(answers, [("rsa-sha2-512", false), ("ssh-ed25519", true)]);
    });
}

#[test]
fn h37_a_server_that_has_heard_enough_keys_is_heard_to_say_so() {
    network::inside(|| {
        let keys = Keys::new();
        let three = ["one", "two", "three"].map(|name| keys.public_only("ed25519", name));
        keys.authorize("root", &[&three[2]]);
        let _sshd = Sshd::started(&keys, &ALL, "MaxAuthTries 2");
        let seen = block_on(query(server(), "root", &three, PATIENCE));
        let ended = words(&seen).ended.clone().expect("an end");
        let How::Disconnected { words: said } = &ended.how else { panic!("{ended}") };
        assert!(said.contains("Too many authentication failures"), "{ended}");
        assert_eq!(words(&seen).taken_key(), None);
    });
}

#[test]
fn h26_a_server_with_too_many_logins_under_way_is_not_a_silent_one() {
    network::inside(|| {
        let keys = Keys::new();
        let _sshd = Sshd::started(&keys, &ALL, "MaxStartups 1:100:1");
        let _held = held();
        let seen = block_on(ask(server(), None, &[], PATIENCE));
        let Outcome::Spoke(Words::Unfamiliar { beginning, .. }) = &seen.outcome else { panic!("{seen}") };
        assert_eq!(beginning, "Exceeded MaxStartups");
    });
}

/// A connection that has not logged in, once the server has noticed it.
#[expect(clippy::disallowed_methods, reason = "a test holds a connection open")]
fn held() -> TcpStream {
    use std::io::Read;
    let mut stream = TcpStream::connect(ADDRESS).expect("connected");
    stream.read_exact(&mut [0; 4]).expect("the server speaks");
    stream
}

#[test]
fn a_server_with_no_common_algorithm_says_what_it_has() {
    network::inside(|| {
        let keys = Keys::new();
        let old = Sshd::started(&keys, &ALL, "KexAlgorithms diffie-hellman-group1-sha1");
        let seen = block_on(ask(server(), None, &[], PATIENCE));
        let ended = words(&seen).ended.as_ref().expect("an end");
        let How::NoCommonAlgorithm { kind, theirs } = &ended.how else { panic!("{ended}") };
        assert_eq!((kind.as_str(), ended.during), ("key exchange", During::KeyExchange));
        assert!(theirs.iter().any(|name| name == "diffie-hellman-group1-sha1"), "{theirs:?}");
        drop(old);
        let _rsa = Sshd::started(&keys, &["rsa"], "");
        let seen = block_on(ask(server(), None, &[], PATIENCE));
        let ended = words(&seen).ended.as_ref().expect("an end");
        assert!(matches!(&ended.how, How::NoCommonAlgorithm { kind, .. } if kind == "host key"), "{ended}");
    });
}

#[test]
fn a_banner_is_kept_and_cannot_be_endless() {
    network::inside(|| {
        let keys = Keys::new();
        std::fs::write(keys.path("banner"), "private property\n".repeat(1000)).expect("written");
        let _sshd = Sshd::started(&keys, &ALL, &format!("Banner {}", keys.path("banner").display()));
        let seen = block_on(ask(server(), Some("root"), &[], PATIENCE));
        let banner = words(&seen).banner.as_deref().expect("a banner");
        assert!(banner.starts_with("private property") && banner.len() == 1000, "{}", banner.len());
    });
}

#[test]
fn h28_silence_after_the_identification_is_told_from_silence_before() {
    network::inside(|| {
        let port = listeners::greets(b"SSH-2.0-OpenSSH_9.2p1\r\n", b"");
        // The listener reads 256 bytes of our own identification and key exchange, and closes.
        let seen = block_on(ask(local(port), None, &[], PATIENCE));
        let ended = words(&seen).ended.as_ref().expect("an end");
        assert_eq!(
            (ended.during, matches!(ended.how, How::Closed | How::Reset)),
            (During::KeyExchange, true)
        );
        let (_listener, silent) = listeners::is_silent();
        let seen = block_on(ask(local(silent), None, &[], SHORT));
        assert_eq!(seen.outcome, Outcome::Silent);
        let stuck = stuck_after_greeting();
        let seen = block_on(ask(local(stuck.1), None, &[], SHORT));
        let ended = words(&seen).ended.as_ref().expect("an end");
        assert_eq!((ended.during, &ended.how), (During::KeyExchange, &How::Silent));
    });
}

/// Says its name and nothing more. The thread ends when the other side hangs up.
fn stuck_after_greeting() -> (std::thread::JoinHandle<()>, u16) {
    use std::io::{Read, Write};
    let (listener, port) = listeners::is_silent();
    let thread = std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let _ = stream.write_all(b"SSH-2.0-stuck\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    (thread, port)
}

#[test]
fn h29_what_is_not_ssh_is_told_by_its_first_bytes() {
    network::inside(|| {
        let seen = |first| block_on(ask(local(listeners::greets(first, b"")), None, &[], PATIENCE)).outcome;
        let unfamiliar = |beginning: &str, who: Option<&str>| {
            let (beginning, who) = (beginning.to_owned(), who.map(str::to_owned));
            Outcome::Spoke(Words::Unfamiliar { beginning, who })
        };
        let web = seen(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        assert_eq!(web, unfamiliar("HTTP/1.1 400 Bad Request", Some("a web server")));
        let mail = seen(b"220 mail.example ESMTP\r\n");
        assert_eq!(mail, unfamiliar("220 mail.example ESMTP", Some("a mail or file server")));
        let seen = block_on(ask(local(listeners::hangs_up()), None, &[], PATIENCE));
        assert_eq!(seen.outcome, Outcome::ClosedBeforeBanner);
    });
}

#[test]
fn no_bytes_behind_the_identification_make_the_probe_panic() {
    network::inside(|| {
        let (listener, port) = listeners::is_silent();
        std::thread::spawn(move || garble(&listener));
        for round in 0..30 {
            let seen = block_on(query(local(port), "root", &[], SHORT));
            let ended = words(&seen).ended.as_ref().unwrap_or_else(|| panic!("{round}: {seen}"));
            assert_eq!(ended.during, During::KeyExchange, "{round}: {ended}");
            assert!(!ended.to_string().contains("panic"), "{round}: {ended}");
        }
    });
}

/// Says its name, and then bytes that begin like a packet and go on as they like: the same in every run.
fn garble(listener: &std::net::TcpListener) {
    use std::io::Write;
    let mut seed = 11_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.to_be_bytes()[0]
    };
    for mut stream in listener.incoming().map_while(Result::ok) {
        let length = next();
        // A length that fits, a padding, KEXINIT, its cookie, and lists of names with lengths of their own.
        let mut bytes = [b"SSH-2.0-garbled\r\n".as_slice(), &[0, 0, 0, length, next() % 16, 20]].concat();
        for _ in 0..length {
            bytes.push(if next() % 3 == 0 { next() } else { 0 });
        }
        let _ = stream.write_all(&bytes);
    }
}
