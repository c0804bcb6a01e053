//! Locks that others hold: another run of this program, and the package managers of the host.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use vivarium_bootstrap::host::Host;
use vivarium_bootstrap::lock::{self, Holder};

use super::{Finding, Status};

/// dpkg's and apt's, and rpm's: each is held while packages are installed.
const PACKAGE_LOCKS: [&str; 3] =
    ["/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock", "/var/lib/rpm/.rpm.lock"];

pub(super) fn our_run(host: &Host) -> Finding {
    judged_run(lock::held_by(&host.path(lock::PATH)))
}

fn judged_run(holder: Option<Holder>) -> Finding {
    match holder {
        None => Finding::new("run lock", Status::Good, "no other run is under way"),
        Some(holder) => Finding::new("run lock", Status::Warning, format!("held by {holder}"))
            .hint("wait for it: vivarium-agent status"),
    }
}

pub(super) fn packages(host: &Host) -> Finding {
    let held = PACKAGE_LOCKS.iter().find_map(|path| match holder(&host.path(path)) {
        Ok(Some(pid)) => Some((*path, pid)),
        // A lock that is not there is held by nobody; one that cannot be read says nothing.
        Ok(None) | Err(_) => None,
    });
    judged_packages(host, held)
}

/// Which process holds a lock of fcntl's kind on a file. Asking takes nothing and makes nothing.
fn holder(path: &Path) -> io::Result<Option<i32>> {
    let file = File::open(path)?;
    let mut asked = libc::flock {
        l_type: libc::c_short::try_from(libc::F_WRLCK).unwrap_or_default(),
        l_whence: libc::c_short::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_GETLK(&mut asked))?;
    Ok((libc::c_int::from(asked.l_type) != libc::F_UNLCK).then_some(asked.l_pid))
}

fn judged_packages(host: &Host, held: Option<(&str, i32)>) -> Finding {
    let check = "package manager";
    let Some((path, pid)) = held else {
        return Finding::new(check, Status::Good, "not at work");
    };
    let name = fs::read_to_string(host.path(format!("/proc/{pid}/comm"))).unwrap_or_default();
    let what = format!("{path} is held by process {pid} {}", name.trim());
    Finding::new(check, Status::Warning, what.trim_end())
        .hint("unattended upgrades run after a boot; whatever installs packages now waits for them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use vivarium_bootstrap::host::processes::{Command, Processes, System};

    #[test]
    fn another_run_is_named_with_its_step() {
        let held = Holder { pid: 7, run: "r1".to_owned(), step: "download".to_owned(), interruptible: true };
        let finding = judged_run(Some(held));
        assert_eq!(finding.status, Status::Warning);
        assert!(finding.what.contains("download"), "{finding}");
        assert_eq!(judged_run(None).status, Status::Good);
    }

    #[test]
    fn a_free_lock_has_no_holder_and_asking_leaves_the_file_as_it_was() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert_eq!(holder(file.path()).expect("readable"), None);
        assert_eq!(fs::metadata(file.path()).expect("there").len(), 0);
        assert!(holder(Path::new("/nowhere/lock")).is_err());
    }

    #[tokio::test]
    async fn a_held_lock_names_the_process_that_holds_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock-frontend");
        File::create(&path).expect("made");
        let script = "import fcntl, os, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX); \
                      open(sys.argv[2], 'w').write(str(os.getpid())); sys.stdin.read()";
        let said = folder.path().join("pid");
        let fifo = folder.path().join("until");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("made");
        let line = format!("exec python3 -c \"$0\" \"$1\" \"$2\" < {}", fifo.display());
        let arguments =
            ["-c".into(), line.into(), script.into(), path.clone().into_os_string(), said.clone().into()];
        let held = System.run(Command::new("sh").args::<std::ffi::OsString>(arguments));
        let looked = async {
            let open = tokio::fs::OpenOptions::new().write(true).open(&fifo).await.expect("the other end");
            while fs::read_to_string(&said).map_or(true, |text| text.is_empty()) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let seen = holder(&path).expect("readable");
            drop(open);
            seen
        };
        let (output, seen) = tokio::join!(held, looked);
        assert!(output.expect("python3 runs").success());
        assert_eq!(seen.map(|pid| pid.to_string()), fs::read_to_string(&said).ok());
    }
}
