//! A real OpenSSH server, with keys of its own and a port of its own network, ended by its id whatever happens.

use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::mount::{MsFlags, mount};
use russh::keys::PublicKey;
use tempfile::TempDir;

use crate::support::run;

/// Where every server here listens.
pub(crate) const ADDRESS: &str = "127.0.0.1:22";

/// A folder with host keys, user keys and who may use them.
pub(crate) struct Keys {
    folder: TempDir,
}

impl Keys {
    /// Host keys of each kind.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("users")).expect("made");
        let keys = Self { folder };
        for kind in ["ed25519", "ecdsa", "rsa"] {
            keys.generate(kind, &format!("host_{kind}"));
        }
        keys
    }

    /// A file of this folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a key pair, and gives its public half. The private half is thrown away where only that is needed.
    pub(crate) fn generate(&self, kind: &str, name: &str) -> PublicKey {
        let path = self.path(name);
        let arguments = ["-q", "-t", kind, "-N", "", "-C", name, "-f"].map(Into::into);
        run("ssh-keygen", arguments.into_iter().chain([path.as_os_str().to_owned()]));
        PublicKey::read_openssh_file(path.with_extension("pub")).expect("readable")
    }

    /// A user key of which nobody has the private half any more.
    pub(crate) fn public_only(&self, kind: &str, name: &str) -> PublicKey {
        let key = self.generate(kind, name);
        fs::remove_file(self.path(name)).expect("thrown away");
        key
    }

    /// Lets these keys in as this user.
    pub(crate) fn authorize(&self, user: &str, keys: &[&PublicKey]) {
        let mut text = String::new();
        for key in keys {
            writeln!(text, "{}", key.to_openssh().expect("a line")).expect("written");
        }
        fs::write(self.path("users").join(user), text).expect("written");
    }

    /// What `ssh-keygen -l` says of a key.
    pub(crate) fn fingerprint(&self, name: &str) -> String {
        let path = self.path(name).with_extension("pub");
        let said = run("ssh-keygen", ["-lf".as_ref(), path.as_os_str()]);
        said.split(' ').nth(1).expect("a fingerprint").to_owned()
    }
}

/// A running server.
pub(crate) struct Sshd {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Sshd {
    /// One with these settings before the usual ones, and these kinds of host keys.
    #[expect(clippy::disallowed_methods, reason = "this is where the tests start their server")]
    pub(crate) fn started(keys: &Keys, kinds: &[&str], settings: &str) -> Self {
        let path = keys.path("sshd_config");
        fs::write(&path, config(keys, kinds, settings)).expect("written");
        separation_folder();
        let child =
            Command::new("/usr/sbin/sshd").args(["-D", "-e", "-f"]).arg(&path).stderr(Stdio::piped()).spawn();
        let mut server = Self { child: child.expect("sshd is installed"), log: Arc::default() };
        server.wait();
        server
    }

    /// Reads its log until it listens, and goes on reading in a thread that ends with it.
    fn wait(&mut self) {
        let mut lines =
            BufReader::new(self.child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let listening = lines.by_ref().find(|line| line.starts_with("Server listening"));
        assert!(listening.is_some(), "the server did not start");
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in lines {
                log.lock().expect("nobody panics with it").push_str(&(line + "\n"));
            }
        });
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Sshd {
    #[expect(clippy::print_stderr, reason = "a failed test is told what its server said")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(keys: &Keys, kinds: &[&str], settings: &str) -> String {
    // The first value of a setting counts.
    let mut text = format!("{settings}\nListenAddress {ADDRESS}\nPidFile none\nUsePAM no\nStrictModes no\n");
    let users = keys.path("users/%u");
    writeln!(text, "LogLevel VERBOSE\nAuthorizedKeysFile {}", users.display()).expect("written");
    for kind in kinds {
        writeln!(text, "HostKey {}", keys.path(&format!("host_{kind}")).display()).expect("written");
    }
    text
}

/// sshd will not start without `/run/sshd`. Where the machine has none, this test's own mounts get one.
fn separation_folder() {
    let folder = Path::new("/run/sshd");
    if !folder.exists() {
        mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("mounted");
        fs::create_dir(folder).expect("made");
    }
}
