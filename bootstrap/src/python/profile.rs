//! The step that gives every login shell its `$python3`.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use async_trait::async_trait;

use crate::host::processes::Command;
use crate::host::{Host, files};
use crate::settings::Settings;
use crate::step::{Evidence, Failure, State, Step, StepError};

/// Writes the file that login shells read.
pub struct PublishPython3 {
    profile: PathBuf,
    python3: PathBuf,
}

impl PublishPython3 {
    /// As these settings ask.
    pub fn new(settings: &Settings) -> Self {
        Self {
            profile: settings.python.profile.clone(),
            python3: settings.anaconda.prefix.join("bin/python"),
        }
    }

    fn content(&self) -> String {
        format!(
            "# Written by vivarium-agent: $python3 is the Python of Anaconda.\nexport python3={}\n",
            self.python3.display()
        )
    }

    fn doing(&self) -> String {
        format!("setting $python3 for login shells in {}", self.profile.display())
    }

    /// A shell that a person would get, as its login shell.
    async fn answer(&self, host: &Host, shell: &str) -> Result<(), StepError> {
        let command = Command::new(shell).args(["-lc", r#"printf %s "$python3""#]).env("HOME", "/root");
        let output = host.processes.run(command).await;
        let output = output.map_err(|error| StepError::new(Failure::Install, self.doing()).because(error))?;
        let said = output.text();
        if said.ends_with(&*self.python3.to_string_lossy()) {
            return Ok(());
        }
        Err(StepError::new(Failure::Install, self.doing())
            .because(format!("a new login shell ({shell} -l) has {said:?} in $python3"))
            .hint("see that /etc/profile reads /etc/profile.d/*.sh, and that nothing after it sets python3"))
    }
}

#[async_trait(?Send)]
impl Step for PublishPython3 {
    fn name(&self) -> &'static str {
        "python3"
    }

    async fn inspect(&self, host: &Host) -> Result<State, StepError> {
        match std::fs::read_to_string(host.path(&self.profile)) {
            Ok(text) if text == self.content() => {
                let summary = format!("$python3 is {} in every login shell", self.python3.display());
                Ok(State::Done(Evidence { summary, ..Evidence::default() }))
            }
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                Err(StepError::new(Failure::Unexpected, format!("reading {}", self.profile.display()))
                    .because(error))
            }
            _ => Ok(State::todo(format!(
                "write {}: python3={}",
                self.profile.display(),
                self.python3.display()
            ))),
        }
    }

    async fn apply(&self, host: &Host) -> Result<(), StepError> {
        if !host.path(&self.python3).exists() {
            return Err(StepError::new(Failure::Precondition, self.doing())
                .because(format!("{} is not there", self.python3.display()))
                .hint("run without --only, so that the step anaconda comes first"));
        }
        let path = host.path(&self.profile);
        let written = std::fs::create_dir_all(path.parent().unwrap_or(&path))
            .and_then(|()| files::replace(&path, self.content().as_bytes(), 0o644))
            // Everyone reads it, whatever umask the agent was started with.
            .and_then(|()| std::fs::set_permissions(&path, Permissions::from_mode(0o644)));
        written.map_err(|error| StepError::new(Failure::Unexpected, self.doing()).because(error))?;
        self.answer(host, "sh").await?;
        if host.path("/bin/bash").exists() { self.answer(host, "bash").await } else { Ok(()) }
    }
}
