//! The step that has systemd run this program at each boot. It enables the unit and never starts it: whoever
//! carries out this step is a run already.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use vivarium_bootstrap::host::processes::Command;
use vivarium_bootstrap::host::{Host, files};
use vivarium_bootstrap::step::{Failure, State, Step, StepError};

/// The word after `--only`.
pub const NAME: &str = "boot";
const UNIT: &str = "vivarium-agent.service";
const CONTENT: &str = include_str!("../../packaging/systemd/vivarium-agent.service");
/// Where this step writes it. It goes before all others of the same name.
const OWN: &str = "/etc/systemd/system/vivarium-agent.service";
/// Where packages put it: theirs to keep up to date.
const PACKAGED: [&str; 2] =
    ["/usr/lib/systemd/system/vivarium-agent.service", "/lib/systemd/system/vivarium-agent.service"];
/// What makes it enabled.
const LINK: &str = "/etc/systemd/system/multi-user.target.wants/vivarium-agent.service";
/// systemd answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Installs the unit and enables it.
pub struct InstallUnit {
    /// Whether the settings ask for it.
    pub asked: bool,
}

impl InstallUnit {
    fn doing() -> String {
        format!("having systemd run {UNIT} at each boot")
    }

    fn failed(cause: impl Into<Box<dyn std::error::Error>>) -> StepError {
        StepError::new(Failure::Unexpected, Self::doing()).because(cause)
    }

    /// Whether the file has to be written: not where a package brought it, unless an older one of ours hides that.
    fn outdated(host: &Host) -> Result<bool, StepError> {
        match fs::read(host.path(OWN)) {
            Ok(bytes) => Ok(bytes != CONTENT.as_bytes()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(!PACKAGED.iter().any(|path| host.path(path).is_file()))
            }
            Err(error) => Err(Self::failed(files::at(Path::new(OWN), &error))),
        }
    }

    /// What `systemctl is-enabled` says; it ends with 1 for most of its words.
    async fn standing(host: &Host) -> Result<String, StepError> {
        let asked = Command::new("systemctl").args(["is-enabled", UNIT]).deadline(PATIENCE);
        let output = host.processes.run(asked).await.map_err(Self::failed)?;
        Ok(output.text().lines().last().unwrap_or_default().to_owned())
    }

    async fn systemctl(host: &Host, arguments: &[&str]) -> Result<(), StepError> {
        let command = Command::new("systemctl").args(arguments).deadline(PATIENCE);
        let output = host.processes.run(command).await.map_err(Self::failed)?;
        if output.success() {
            return Ok(());
        }
        Err(Self::failed(output.last_words())
            .hint(format!("run `systemctl {}` and see what it says", arguments.join(" "))))
    }
}

#[async_trait(?Send)]
impl Step for InstallUnit {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn preflight(&self, host: &Host) -> Result<(), StepError> {
        if !self.asked || host.path("/run/systemd/system").is_dir() {
            return Ok(());
        }
        Err(StepError::new(Failure::Precondition, Self::doing())
            .because("systemd is not what started this host")
            .hint("set boot.unit = false, and have what starts it run `vivarium-agent run --caller boot`"))
    }

    async fn inspect(&self, host: &Host) -> Result<State, StepError> {
        if !self.asked {
            return Ok(State::Skipped("boot.unit is not set".to_owned()));
        }
        self.preflight(host).await?;
        let standing = Self::standing(host).await?;
        if standing.starts_with("masked") {
            return Err(StepError::new(Failure::Precondition, Self::doing())
                .because(format!("{UNIT} is masked: somebody has forbidden it"))
                .hint(format!("run `systemctl unmask {UNIT}`, or set boot.unit = false")));
        }
        let mut changes = Vec::new();
        if Self::outdated(host)? {
            changes.push(format!("write {OWN}"));
        }
        if standing != "enabled" {
            changes.push(format!("enable {UNIT}"));
        }
        if changes.is_empty() {
            return Ok(State::done(format!("systemd runs {UNIT} at each boot")));
        }
        Ok(State::Todo(changes))
    }

    async fn apply(&self, host: &Host) -> Result<(), StepError> {
        if Self::outdated(host)? {
            let path = host.path(OWN);
            fs::create_dir_all(path.parent().unwrap_or(&path))
                .and_then(|()| files::replace(&path, CONTENT.as_bytes(), 0o644))
                .map_err(|error| Self::failed(files::at(Path::new(OWN), &error)))?;
        }
        Self::systemctl(host, &["daemon-reload"]).await?;
        // Without --now: started here, it would wait for the run that starts it.
        Self::systemctl(host, &["enable", UNIT]).await?;
        // systemctl leaves it to the disk when that is so.
        files::sync_directory(&host.path(LINK))
            .map_err(|error| Self::failed(files::at(Path::new(LINK), &error)))
    }
}

#[cfg(test)]
mod tests;
