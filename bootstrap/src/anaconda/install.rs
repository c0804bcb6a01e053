//! The step that installs Anaconda: its own installer, verified, in batch mode, in a clean environment.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256 as Hasher};
use tokio::time::{MissedTickBehavior, interval};

use super::architecture::Architecture;
use super::diagnosis::{Ending, diagnose};
use super::header::{self, Header};
use super::mark::{self, Mark};
use super::prefix::{self, Prefix};
use super::preflight;
use super::wanted::{Wanted, workplace};
use super::workspace::{self, Remains};
use crate::host::processes::{Command, Output, ProcessError, Watch};
use crate::host::{Host, space};
use crate::settings::{Settings, Sha256};
use crate::step::{Evidence, Failure, State, Step, StepError};

/// The slowest machine that ever finished took two hours.
const DEADLINE: Duration = Duration::from_hours(4);
/// The shell says how the installer ended even where the agent is no longer there to see it.
const RUN: &str = r#"umask 022; bash "$1" -b -p "$2" && mv "$3" "$4""#;

/// Installs Anaconda into its prefix.
pub struct InstallAnaconda {
    settings: Settings,
}

impl InstallAnaconda {
    /// As these settings ask.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }
}

#[async_trait(?Send)]
impl Step for InstallAnaconda {
    fn name(&self) -> &'static str {
        "anaconda"
    }

    fn writes_to_the_volume(&self) -> bool {
        true
    }

    async fn preflight(&self, host: &Host) -> Result<(), StepError> {
        preflight::before_the_run(host, &self.settings).await
    }

    async fn inspect(&self, host: &Host) -> Result<State, StepError> {
        let wanted = Wanted::here(&self.settings)?;
        let prefix = self.settings.anaconda.prefix.display();
        let install = format!("install {} into {prefix}", wanted.file_name);
        Ok(match prefix::look(host, &self.settings).await? {
            Prefix::Absent => State::todo(install),
            Prefix::Broken { why } => State::Todo(vec![format!("move {prefix} aside, for {why}"), install]),
            Prefix::Sound { .. } if self.mark(host)? == Mark::Ended => {
                State::todo(format!("tidy up after the installation into {prefix}"))
            }
            Prefix::Sound { python } => State::Done(self.evidence(&wanted, &python)),
        })
    }

    async fn apply(&self, host: &Host) -> Result<(), StepError> {
        let wanted = Wanted::here(&self.settings)?;
        let found = prefix::look(host, &self.settings).await?;
        if !matches!(found, Prefix::Sound { .. }) {
            preflight::licence(host, &self.settings.anaconda)?;
            self.install(host, &wanted).await?;
            self.prove(host, &wanted).await?;
        }
        self.tidy(host, &wanted).await
    }
}

impl InstallAnaconda {
    /// A prefix that works is never replaced, whatever version the settings name: people work in it.
    fn evidence(&self, wanted: &Wanted, python: &str) -> Evidence {
        let prefix = self.settings.anaconda.prefix.display();
        let drift = match &wanted.python {
            Some(expected) if !is_version(python, expected) => format!(
                "; {} would bring Python {expected}: to have it, move {prefix} away and run again",
                wanted.file_name
            ),
            _ => String::new(),
        };
        let evidence =
            Evidence { summary: format!("Python {python} in {prefix}{drift}"), ..Evidence::default() };
        evidence.fact("python_version", python).fact("installer", &wanted.file_name)
    }

    fn mark(&self, host: &Host) -> Result<Mark, StepError> {
        mark::read(host, &self.settings)
            .map_err(|error| unexpected("reading how far the installation came", error))
    }

    async fn install(&self, host: &Host, wanted: &Wanted) -> Result<(), StepError> {
        let installer = host.path(wanted.place(&self.settings));
        let header = examined(&installer)?;
        verified(&installer, &wanted.sha256).await?;
        preflight::before_the_installer(host, &self.settings, &header).await?;
        let temporary = workplace(&self.settings).join("tmp");
        workspace::temporary(host, &temporary).await?;
        self.make_way(host)?;
        self.make_space(host, &header)?;
        let doing = "noting that an installation begins";
        mark::begin(host, &self.settings).map_err(|error| unexpected(doing, error))?;
        let killed_before = killed_for_memory(host);
        let output = self.run(host, &installer, &temporary, &header).await;
        let killed_for_memory = killed_for_memory(host).saturating_sub(killed_before);
        let Some(failure) = diagnose(&Ending { output: output.as_ref(), killed_for_memory }) else {
            return Ok(());
        };
        // The shell may have noted an end that is no good one.
        mark::begin(host, &self.settings).map_err(|error| unexpected(doing, error))?;
        Err(failure)
    }

    fn make_way(&self, host: &Host) -> Result<(), StepError> {
        let prefix = host.path(&self.settings.anaconda.prefix);
        let ours = mark::unfinished(host, &self.settings)
            .map_err(|error| unexpected("reading how far the installation came", error))?;
        let remains = if ours { Remains::Unfinished } else { Remains::Foreign };
        let moved = workspace::move_aside(&prefix, remains).map_err(|error| {
            StepError::new(Failure::Install, format!("moving {} aside", prefix.display()))
                .because(error)
                .hint("the installer insists on making its directory itself: move it away, or unmount it")
        })?;
        if let Some(aside) = moved {
            tracing::warn!(from = %prefix.display(), to = %aside.display(), "moved aside what does not work");
        }
        Ok(())
    }

    /// What was left unfinished goes only where its space is needed.
    fn make_space(&self, host: &Host, header: &Header) -> Result<(), StepError> {
        let prefix = host.path(&self.settings.anaconda.prefix);
        let enough = || {
            let needed = preflight::space_needed(header);
            space::of(parent(&prefix))
                .map_or(Ok(()), |free| preflight::enough_space(needed, free.bytes, free.inodes))
        };
        if enough().is_ok() {
            return Ok(());
        }
        workspace::remove_unfinished(&prefix)
            .map_err(|error| unexpected("removing what was left unfinished", error))?;
        enough()
    }

    async fn run(
        &self,
        host: &Host,
        installer: &Path,
        temporary: &Path,
        header: &Header,
    ) -> Result<Output, ProcessError> {
        let volume = parent(&host.path(&self.settings.anaconda.prefix)).to_owned();
        let before = space::used(&volume);
        host.progress.begin(&format!("installing {} {}", header.name, header.version), header.installed);
        let running = host.processes.run(self.command(host, installer, temporary));
        tokio::pin!(running);
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut claimed = false;
        let output = loop {
            tokio::select! {
                output = &mut running => break output,
                _ = ticks.tick() => {
                    claimed = claimed || mark::claim(host, &self.settings).unwrap_or(false);
                    host.progress.reached(space::used(&volume).saturating_sub(before));
                }
            }
        };
        host.progress.end();
        output
    }

    fn command(&self, host: &Host, installer: &Path, temporary: &Path) -> Command {
        let temporary = host.path(temporary);
        let prefix = host.path(&self.settings.anaconda.prefix);
        let volume = parent(&prefix).to_owned();
        let mut command = Command::new("sh")
            .args(["-c", RUN, "sh"])
            .arg(installer)
            .arg(prefix)
            .arg(host.path(mark::begun(&self.settings)))
            .arg(host.path(mark::ended(&self.settings)))
            .env("HOME", home())
            .deadline(DEADLINE)
            .watch(Watch {
                patience: self.settings.anaconda.patience,
                measure: Box::new(move || space::used(&volume)),
            });
        for name in ["TMPDIR", "TMP", "TEMP"] {
            command = command.env(name, &temporary);
        }
        command
    }

    async fn prove(&self, host: &Host, wanted: &Wanted) -> Result<(), StepError> {
        let doing = "proving that Anaconda works";
        let hint =
            "the installer ended well and left a Python that does not work: see what it says, and run again";
        let why = match prefix::look(host, &self.settings).await? {
            Prefix::Sound { python } => match &wanted.python {
                Some(expected) if !is_version(&python, expected) => {
                    format!("it is Python {python}, and the catalogue expects {expected}")
                }
                _ => return Ok(()),
            },
            Prefix::Broken { why } => why,
            Prefix::Absent => "the installer said that it ended well and left nothing".to_owned(),
        };
        mark::begin(host, &self.settings).map_err(|error| unexpected(doing, error))?;
        Err(StepError::new(Failure::Install, doing).because(why).hint(hint))
    }

    async fn tidy(&self, host: &Host, wanted: &Wanted) -> Result<(), StepError> {
        let prefix = host.path(&self.settings.anaconda.prefix);
        let temporary = host.path(workplace(&self.settings).join("tmp"));
        let installer = host.path(wanted.place(&self.settings));
        let keep = self.settings.anaconda.keep_installer;
        let tidied = tokio::task::spawn_blocking(move || {
            nix::unistd::syncfs(File::open(parent(&prefix))?)?;
            workspace::remove_unfinished(&prefix)?;
            workspace::remove(&temporary)?;
            if keep { Ok(()) } else { remove_file(&installer) }
        });
        let tidied = tidied.await.map_err(io::Error::other).and_then(|result| result);
        tidied
            .and_then(|()| mark::clear(host, &self.settings))
            .map_err(|error| unexpected("tidying up after the installation", error))
    }
}

/// `3.12.4` is a 3.12, and no 3.1.
fn is_version(version: &str, expected: &str) -> bool {
    version == expected || version.strip_prefix(expected).is_some_and(|rest| rest.starts_with('.'))
}

fn examined(installer: &Path) -> Result<Header, StepError> {
    let architecture = Architecture::of_this_machine()
        .map_err(|cause| StepError::new(Failure::Precondition, "examining the installer").because(cause))?;
    if !installer.exists() {
        return Err(StepError::new(Failure::Precondition, format!("looking for {}", installer.display()))
            .because("it has not been downloaded")
            .hint("run without --only, so that the step download comes first"));
    }
    header::examine(installer, architecture)
}

/// The last thing before it is run: it is the very file that was asked for.
async fn verified(installer: &Path, expected: &Sha256) -> Result<(), StepError> {
    let doing = || format!("verifying {}", installer.display());
    let path = installer.to_owned();
    let hashed = tokio::task::spawn_blocking(move || hash(&path)).await;
    let found = hashed
        .map_err(io::Error::other)
        .and_then(|hash| hash)
        .map_err(|error| StepError::new(Failure::Precondition, doing()).because(error))?;
    if found == *expected {
        return Ok(());
    }
    Err(StepError::new(Failure::Precondition, doing())
        .because(format!("its SHA-256 is {found}, and {expected} is expected"))
        .hint("delete it and run again: it is fetched afresh; it has not been run"))
}

/// The SHA-256 of a file.
pub fn hash(path: &Path) -> io::Result<Sha256> {
    use io::Read;
    let (mut file, mut hasher) = (File::open(path)?, Hasher::new());
    let mut chunk = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok(Sha256::from_bytes(&hasher.finalize()));
        }
        hasher.update(&chunk[..count]);
    }
}

/// Conda registers its environments in the home of whoever runs it; cloud-init gives none.
fn home() -> PathBuf {
    PathBuf::from(if nix::unistd::geteuid().is_root() { "/root" } else { "/tmp" })
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn killed_for_memory(host: &Host) -> u64 {
    let counters = std::fs::read_to_string(host.path("/proc/vmstat")).unwrap_or_default();
    counters.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()).unwrap_or(0)
}

fn remove_file(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unexpected(doing: &str, error: io::Error) -> StepError {
    StepError::new(Failure::Unexpected, doing).because(error)
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn a_version_is_compared_by_its_parts() {
        assert!(is_version("3.12.4", "3.12") && is_version("3.6", "3.6"));
        assert!(!is_version("3.12.4", "3.1") && !is_version("3.6.3", "3.7"));
    }
}
