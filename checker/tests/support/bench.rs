//! Both clients side by side: the ladder, and psycopg2 as the agent asks through it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use vivarium_bootstrap::host::http::Http;
use vivarium_bootstrap::host::{Host, block, processes, progress};
use vivarium_bootstrap::journal::Journal;
use vivarium_bootstrap::python::proof::{self, Answer, Question, Unanswered};
use vivarium_checker::database::ladder::{Broken, Password, Proof, Target, TlsMode, climb};
use vivarium_checker::database::libpq;
use vivarium_checker::database::verdict::DatabaseFailure;

use super::certificates::{Authority, Identity, Validity};
use super::network::overlay;
use super::{names, server};

/// The name that the servers' certificates are for.
pub(crate) const NAME: &str = "mydb.lab";

/// More than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait for what will never be answered; libpq counts from two seconds.
pub(crate) const SHORT: Duration = Duration::from_secs(2);

/// What the cases of one test share.
pub(crate) struct Bench {
    folder: TempDir,
    authority: Authority,
}

impl Bench {
    /// A folder with an authority's certificate, and a resolver of one's own.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new("Lab");
        fs::write(folder.path().join("ca.pem"), &authority.pem).expect("written");
        overlay(folder.path(), "/etc/hosts", "");
        names::serve();
        let bench = Self { folder, authority };
        bench.name_server("127.0.0.1");
        bench
    }

    /// Lets the resolver ask another server.
    pub(crate) fn name_server(&self, address: &str) {
        let content = format!("nameserver {address}\noptions timeout:1 attempts:1\n");
        overlay(self.folder.path(), "/etc/resolv.conf", &content);
    }

    /// Puts a file of the case's own over one of the machine's.
    pub(crate) fn overlay(&self, path: &str, content: &str) {
        overlay(self.folder.path(), path, content);
    }

    /// A certificate for the server's name.
    pub(crate) fn identity(&self, validity: Validity) -> Identity {
        self.authority.identity(NAME, validity)
    }

    /// Writes a file that a case names.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("written");
        path
    }

    /// What is right in every way; a case changes one thing.
    pub(crate) fn target(&self) -> Target {
        Target {
            host: NAME.to_owned(),
            port: server::PORT,
            database: "postgres".to_owned(),
            user: "app".to_owned(),
            password: Password::new("right"),
            tls: TlsMode::VerifyFull,
            sslrootcert: Some(self.folder.path().join("ca.pem")),
            deadline: PATIENCE,
        }
    }

    /// Asks with both clients.
    pub(crate) fn ask(
        &self,
        target: &Target,
        password: &str,
    ) -> (Result<Proof, Broken>, Result<Answer, Unanswered>) {
        let target = &Target { password: Password::new(password), ..target.clone() };
        let verifies = matches!(target.tls, TlsMode::VerifyFull | TlsMode::VerifyCa);
        let question = Question {
            host: &target.host,
            port: target.port,
            database: &target.database,
            user: &target.user,
            password,
            sslmode: target.tls.as_str(),
            sslrootcert: target.sslrootcert.as_deref().filter(|_| verifies),
            timeout: target.deadline,
        };
        let (host, python) = (self.host(), interpreter());
        // Sockets belong to the network of the thread that makes them: there is only this one.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { (climb(target).await, proof::ask(&host, &python, &question).await) })
    }

    /// Both clients must fail, and mean the same by it; one line of the table.
    pub(crate) fn both_say(&self, case: &str, target: &Target, wanted: DatabaseFailure) {
        self.both_say_with(case, target, "right", wanted);
    }

    /// The same with a password of the case's own.
    #[expect(clippy::print_stdout, reason = "the table is for whoever asks for it with --nocapture")]
    pub(crate) fn both_say_with(&self, case: &str, target: &Target, password: &str, wanted: DatabaseFailure) {
        let (ours, theirs) = self.ask(target, password);
        let ours = ours.map(|proof| proof.answer).expect_err(case);
        let refusal = match theirs {
            Err(Unanswered::Refused(refusal)) => refusal,
            other => panic!("{case}: psycopg2 came to {other:?}"),
        };
        let said = libpq::failure(refusal.code.as_deref(), &refusal.message);
        println!("{case:<34} | {:<14} | {:?} | {said:?}", ours.rung.to_string(), ours.failure);
        assert_eq!(ours.failure, wanted, "{case}: {ours}");
        assert!(said.agrees_with(wanted), "{case}: psycopg2 says {said:?}: {}", refusal.line());
        let shown = !password.is_empty() && format!("{ours:?}{refusal:?}").contains(password);
        assert!(!shown, "{case}: the password is shown");
    }

    fn host(&self) -> Host {
        let journal = Journal::at(self.folder.path().join("journal"));
        let (nvme, silent) = (Box::new(block::System), Box::new(progress::Silent));
        Host::new("/", Box::new(processes::System), Http::direct(), nvme, silent, journal)
    }
}

/// Prints what a database that is well said to both, rung by rung.
#[expect(clippy::print_stdout, reason = "the table is for whoever asks for it with --nocapture")]
pub(crate) fn tell(ours: &Proof, theirs: &Answer) {
    for rung in &ours.rungs {
        println!("{:<16} {:>5} ms  {}", rung.rung.to_string(), rung.elapsed.as_millis(), rung.seen);
    }
    println!("psycopg2 {}, libpq {}: {}", theirs.psycopg2_version, theirs.libpq_version, theirs.now);
}

/// A Python with psycopg2, as `tests/setup-python.sh` makes it.
#[expect(clippy::disallowed_methods, reason = "this is where the tests are told of another interpreter")]
fn interpreter() -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-python/bin/python");
    let python = std::env::var_os("VIVARIUM_TEST_PYTHON").map_or(usual, PathBuf::from);
    assert!(python.exists(), "{} is missing: run tests/setup-python.sh", python.display());
    python
}
