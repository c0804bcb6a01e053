//! A real PostgreSQL, in a folder of its own, stopped by its id whatever happens.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};
use tempfile::TempDir;

use super::certificates::Identity;
use super::run;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// The port of every server here; each has a network of its own.
pub(crate) const PORT: u16 = 5432;
/// Who is let in how. TLS only, as RDS does; databases without a password, closed to all, and by PAM, which is how
/// RDS takes its tokens.
const RULES: &str = "local all all trust\n\
    hostssl open all 0.0.0.0/0 trust\n\
    hostssl closed all 0.0.0.0/0 reject\n\
    hostssl tokens all 0.0.0.0/0 pam\n\
    hostssl all all 0.0.0.0/0 scram-sha-256\n";
const ROLES: &str = "CREATE ROLE app LOGIN PASSWORD 'right'; CREATE ROLE locked NOLOGIN; \
    CREATE ROLE single LOGIN PASSWORD 'right' CONNECTION LIMIT 0; \
    CREATE DATABASE open; CREATE DATABASE private; REVOKE CONNECT ON DATABASE private FROM PUBLIC";

/// A server, running or not.
pub(crate) struct Server {
    folder: TempDir,
}

impl Server {
    /// One with these settings, started and answering.
    pub(crate) fn started(identity: Option<&Identity>, settings: &str) -> Self {
        let server = Self::prepared(identity, settings);
        server.start(true);
        server
    }

    /// One with these settings, not started.
    pub(crate) fn prepared(identity: Option<&Identity>, settings: &str) -> Self {
        let server = Self { folder: own_folder() };
        run("cp", ["-a".as_ref(), template().as_os_str(), server.data().as_os_str()]);
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\nport = {PORT}\nunix_socket_directories = '{}'\nfsync = off\n",
            server.folder.path().display()
        );
        if let Some(identity) = identity {
            server.file("server.crt", &identity.certificate);
            server.file("server.key", &identity.key);
            text.push_str("ssl = on\n");
        }
        server.file("postgresql.auto.conf", &format!("{text}{settings}\n"));
        server.file("pg_hba.conf", RULES);
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file of the data folder as its owner would.
    pub(crate) fn file(&self, name: &str, content: &str) {
        write_owned(&self.data().join(name), content);
    }

    /// Starts it; where it can ever answer, waits until it does.
    pub(crate) fn start(&self, wait: bool) {
        let log = self.folder.path().join("log");
        let wait = if wait { "-w" } else { "-W" };
        let data = self.data();
        as_postgres(
            "pg_ctl",
            [
                OsString::from("-s"),
                "-D".into(),
                data.into(),
                "-l".into(),
                log.into(),
                wait.into(),
                "start".into(),
            ]
            .into_iter(),
        );
    }

    /// Asks it to end once its last client is gone, and waits until it has heard.
    pub(crate) fn begin_to_end(&self) {
        kill(self.pid().expect("it runs"), Signal::SIGTERM).expect("it is told");
        self.wait_for("stopping");
    }

    /// Waits for a word in the file in which the server tells how far it is.
    pub(crate) fn wait_for(&self, word: &str) {
        let told = || fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        for _ in 0..1000 {
            if told().lines().nth(7).is_some_and(|line| line.trim() == word) {
                return;
            }
            run("sleep", ["0.01"]);
        }
        panic!("the server did not come to {word}: {}", self.log());
    }

    /// What it wrote.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends it at once.
    pub(crate) fn stop(&self) {
        if self.pid().is_some() {
            let data = self.data();
            let arguments = ["-s", "-w", "-m", "immediate", "stop", "-D"].map(Into::into);
            as_postgres("pg_ctl", arguments.into_iter().chain([data.into()]));
        }
    }

    fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok().map(Pid::from_raw)
    }

    /// The folder of its socket, through which everyone is let in.
    pub(crate) fn socket(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    #[expect(clippy::print_stderr, reason = "a failed test is told what its server said")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        self.stop();
    }
}

/// A data folder with its roles and databases, made once for all runs and copied for each server.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgresql-15-data");
        if !kept.exists() {
            let folder = own_folder();
            let data = folder.path().join("data");
            let arguments = ["-N", "-U", "dbadmin", "-A", "trust", "-D"].map(Into::into);
            as_postgres("initdb", arguments.into_iter().chain([data.clone().into()]));
            ROLES.split("; ").for_each(|statement| single(&data, statement));
            let beside = kept.with_extension(std::process::id().to_string());
            run("cp", ["-a".as_ref(), data.as_os_str(), beside.as_os_str()]);
            // Another run may have been first; then its copy is as good.
            let _ = fs::rename(&beside, &kept);
        }
        kept
    })
}

/// One statement without a server.
fn single(data: &Path, statement: &str) {
    let line = format!("echo \"$1\" | {PROGRAMS}/postgres --single -D \"$2\" postgres >/dev/null");
    setpriv(["sh", "-c", &line, "sh", statement].map(Into::into).into_iter().chain([data.into()]));
}

fn as_postgres(program: &str, arguments: impl Iterator<Item = OsString>) {
    setpriv(std::iter::once(format!("{PROGRAMS}/{program}").into()).chain(arguments));
}

fn setpriv(command: impl Iterator<Item = OsString>) {
    let identity = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"];
    run("setpriv", identity.map(Into::into).into_iter().chain(command));
}

fn own_folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("vivarium-database-").tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("readable");
    own(folder.path());
    folder
}

fn write_owned(path: &Path, content: &str) {
    fs::write(path, content).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("private");
    own(path);
}

fn own(path: &Path) {
    let postgres = User::from_name("postgres").expect("readable").expect("PostgreSQL is installed");
    chown(path, Some(postgres.uid.as_raw()), Some(postgres.gid.as_raw())).expect("owned");
}
