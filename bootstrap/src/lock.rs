//! One run at a time. The lock is held by the open file, which every program that a run starts
//! inherits: if a run is killed, the lock stays held until the last of them has ended.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid, getpgrp};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

/// Where the lock is, below the host's root.
pub const PATH: &str = "/run/vivarium/lock";

const POLL: Duration = Duration::from_millis(100);

/// The right to change the host.
#[derive(Debug)]
pub struct RunLock {
    file: Flock<File>,
}

/// Who holds the lock, as it said itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: i32,
    /// Its run's id.
    pub run: String,
    /// The step it is at.
    pub step: String,
    /// Whether what it started may be ended, if it is dead.
    pub interruptible: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {} (process {}) at step {}", self.run, self.pid, self.step)
    }
}

/// Why the lock was not to be had.
#[derive(Debug)]
pub enum LockError {
    /// Someone holds it.
    Held(Option<Holder>),
    /// It could not be opened or written.
    Io(PathBuf, io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(Some(holder)) => write!(f, "held by {holder}"),
            Self::Held(None) => f.write_str("held by a run that has not said who it is"),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for LockError {}

impl RunLock {
    /// Takes the lock, waiting so long for another run to end. What a killed run left running is
    /// ended first, where it may be.
    pub async fn acquire(path: &Path, run: &str, wait: Duration) -> Result<Self, LockError> {
        let broken = |error| LockError::Io(path.to_owned(), error);
        let deadline = Instant::now() + wait;
        let mut file = open(path).map_err(broken)?;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(held) => {
                    inherit(&held).map_err(broken)?;
                    let mut lock = Self { file: held };
                    lock.enter(run, "start", true).map_err(broken)?;
                    return Ok(lock);
                }
                Err((returned, Errno::EWOULDBLOCK)) => file = returned,
                Err((_, errno)) => return Err(broken(errno.into())),
            }
            let holder = holder(path);
            end_orphans(path, holder.as_ref());
            if Instant::now() >= deadline {
                return Err(LockError::Held(holder));
            }
            sleep(POLL).await;
        }
    }

    /// Says which step the run is at.
    pub fn enter(&mut self, run: &str, step: &str, interruptible: bool) -> io::Result<()> {
        let pid = Pid::this().as_raw();
        let holder = Holder { pid, run: run.to_owned(), step: step.to_owned(), interruptible };
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&serde_json::to_vec(&holder)?)
    }
}

/// Who holds, or held, the lock.
pub fn holder(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Who holds the lock right now; nobody, where a run has ended and only its last words remain.
pub fn held_by(path: &Path) -> Option<Holder> {
    let file = File::open(path).ok()?;
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_free) => None,
        Err(_) => holder(path),
    }
}

fn open(path: &Path) -> io::Result<File> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Lets the programs that this one starts hold the lock too.
fn inherit(file: &Flock<File>) -> io::Result<()> {
    fcntl(file.as_fd(), FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(())
}

/// Ends what a dead holder left running, where it may be ended; says which processes those were.
fn end_orphans(lock: &Path, holder: Option<&Holder>) -> Vec<i32> {
    let Some(holder) = holder.filter(|holder| holder.interruptible) else { return Vec::new() };
    let mut orphans = holders_of(lock);
    if orphans.contains(&holder.pid) {
        return Vec::new();
    }
    orphans.retain(|pid| *pid != Pid::this().as_raw());
    for pid in &orphans {
        tracing::info!(
            "ending process {pid}, which a run that was killed at step {} left behind",
            holder.step
        );
        end(Pid::from_raw(*pid));
    }
    orphans
}

/// Ends a process and its group: a program that closes what it did not open, as Python's do for theirs,
/// does not pass the lock on.
fn end(orphan: Pid) {
    // It may have ended by itself in the meantime.
    let _ = match getpgid(Some(orphan)) {
        Ok(group) if group != getpgrp() => killpg(group, Signal::SIGKILL),
        _ => kill(orphan, Signal::SIGKILL),
    };
}

/// The processes that hold this lock by a descriptor that they inherited; not those that have the file
/// open to read it or to wait for it.
fn holders_of(path: &Path) -> Vec<i32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let Ok(wanted) = fs::metadata(path).map(identity) else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| holds(*pid, wanted))
        .collect()
}

fn holds(pid: i32, wanted: (u64, u64)) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|entry| {
        fs::metadata(entry.path()).is_ok_and(|file| identity(file) == wanted)
            && fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", entry.file_name().display()))
                .is_ok_and(|about| about.contains("FLOCK"))
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over what `metadata` returns")]
fn identity(file: fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::processes::{Command, Processes, System};

    const NO_WAIT: Duration = Duration::ZERO;
    /// A program inherits every lock that is open when it starts: no two of these tests at once.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    #[tokio::test]
    async fn a_second_run_is_told_who_holds_the_lock_and_at_which_step() {
        let _alone = ALONE.lock().await;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run/lock");
        let mut lock = RunLock::acquire(&path, "first", NO_WAIT).await.expect("it is free");
        lock.enter("first", "download", true).expect("written");
        let error = RunLock::acquire(&path, "second", NO_WAIT).await.expect_err("it is held");
        let pid = std::process::id();
        assert_eq!(error.to_string(), format!("held by run first (process {pid}) at step download"));
        assert_eq!(held_by(&path).map(|holder| holder.step), Some("download".to_owned()));
        drop(lock);
        assert_eq!(held_by(&path), None);
        drop(RunLock::acquire(&path, "third", NO_WAIT).await.expect("it is free again"));
    }

    /// Leaves a program running that inherited the lock of a run which is no more.
    async fn orphan(path: &Path, interruptible: bool) -> String {
        let mut lock = RunLock::acquire(path, "killed", NO_WAIT).await.expect("it is free");
        let command = Command::new("sh").args(["-c", "sleep 600 >/dev/null 2>&1 </dev/null & echo $!"]);
        let child = System.run(command).await.expect("sh runs").text();
        lock.enter("killed", "anaconda", interruptible).expect("written");
        let text = fs::read_to_string(path).expect("read");
        fs::write(path, text.replace(&std::process::id().to_string(), "2147483646")).expect("written");
        // As a SIGKILL would: the descriptor is closed, the lock not released.
        #[expect(clippy::mem_forget, reason = "dropping it would unlock it for the orphan too")]
        std::mem::forget(lock);
        child
    }

    #[tokio::test]
    async fn what_a_killed_run_left_running_is_ended_unless_it_must_finish() {
        let _alone = ALONE.lock().await;
        let folder = tempfile::tempdir().expect("a folder");
        for interruptible in [true, false] {
            let path = folder.path().join(format!("lock-{interruptible}"));
            let child: i32 = orphan(&path, interruptible).await.parse().expect("a process id");
            let ended = end_orphans(&path, holder(&path).as_ref());
            let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
            assert_eq!(ended, if interruptible { vec![child] } else { vec![] });
        }
    }
    #[tokio::test]
    async fn a_run_that_waits_beside_this_one_is_not_taken_for_an_orphan() {
        let _alone = ALONE.lock().await;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let child: i32 = orphan(&path, true).await.parse().expect("a process id");
        let close = "for n in /proc/self/fd/*; do n=${n##*/}; ((n < 3)) || eval \"exec $n>&-\"; done";
        let waiting =
            format!("{close}; sleep 600 7<>{} >/dev/null 2>&1 </dev/null & echo $!", path.display());
        let command = Command::new("bash").args(["-c", &waiting]);
        let waits: i32 = System.run(command).await.expect("sh runs").text().parse().expect("a process id");
        let ended = end_orphans(&path, holder(&path).as_ref());
        let _ = kill(Pid::from_raw(waits), Signal::SIGKILL);
        assert!(ended.contains(&child) && !ended.contains(&waits), "{ended:?}");
    }

    #[tokio::test]
    async fn what_an_orphan_started_ends_with_it_even_without_the_lock() {
        let _alone = ALONE.lock().await;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let mut lock = RunLock::acquire(&path, "killed", NO_WAIT).await.expect("it is free");
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&*lock.file);
        let script = format!(
            "sleep 600 >/dev/null 2>&1 </dev/null {descriptor}>&- & echo $!; exec sleep 600 >/dev/null 2>&1 &"
        );
        let command = Command::new("bash").args(["-c", &script]);
        let grandchild: i32 =
            System.run(command).await.expect("sh runs").text().parse().expect("a process id");
        lock.enter("killed", "psycopg2", true).expect("written");
        let text = fs::read_to_string(&path).expect("read");
        fs::write(&path, text.replace(&std::process::id().to_string(), "2147483646")).expect("written");
        #[expect(clippy::mem_forget, reason = "dropping it would unlock it for the orphan too")]
        std::mem::forget(lock);
        end_orphans(&path, holder(&path).as_ref());
        let stat = || fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
        // Killed is not yet buried: that is for whoever inherits it.
        while !stat().is_empty() && !stat().contains(") Z ") {
            tokio::task::yield_now().await;
        }
    }
}
