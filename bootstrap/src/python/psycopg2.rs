//! The step that installs psycopg2, pinned by its hash, with the pip of Anaconda itself.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use super::interpreter::{self, Said};
use super::pip::{self, Requirement};
use super::wheels;
use crate::anaconda::wanted::workplace;
use crate::anaconda::workspace;
use crate::host::processes::{Command, Output};
use crate::host::{Host, files};
use crate::settings::{Psycopg2, Settings};
use crate::step::{Evidence, Failure, State, Step, StepError};

const DOING: &str = "installing psycopg2";
/// Fetching four megabytes and unpacking them; or compiling for half a minute.
const DEADLINE: Duration = Duration::from_mins(15);
/// Files that everyone may read, whatever umask the agent was started with.
const RUN: &str = r#"umask 022; exec "$@""#;

/// Installs psycopg2.
pub struct InstallPsycopg2 {
    settings: Settings,
}

impl InstallPsycopg2 {
    /// As these settings ask.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }
}

#[async_trait(?Send)]
impl Step for InstallPsycopg2 {
    fn name(&self) -> &'static str {
        "psycopg2"
    }

    fn writes_to_the_volume(&self) -> bool {
        true
    }

    async fn inspect(&self, host: &Host) -> Result<State, StepError> {
        let name = self.package();
        if !self.interpreter(host).exists() {
            return Ok(State::todo(format!("install {name}, once Anaconda is there")));
        }
        Ok(match interpreter::ask(host, &self.interpreter(host)).await {
            Ok(said) => match self.judge(&said) {
                // A run was killed before it had tidied up. What is there may name an index and its login.
                State::Done(_) if self.temporary(host).exists() => {
                    State::todo(format!("tidy up after the installation of {name}"))
                }
                state => state,
            },
            Err(why) => State::todo(format!("install {name} anew, for Python ended with {why}")),
        })
    }

    async fn apply(&self, host: &Host) -> Result<(), StepError> {
        let installed = if self.is_there(host).await { Ok(()) } else { self.install_within(host).await };
        let removed = workspace::remove(&self.temporary(host));
        installed?;
        removed.map_err(unexpected)?;
        self.prove(host).await
    }
}

impl InstallPsycopg2 {
    fn interpreter(&self, host: &Host) -> PathBuf {
        host.path(self.settings.anaconda.prefix.join("bin/python"))
    }

    fn temporary(&self, host: &Host) -> PathBuf {
        host.path(workplace(&self.settings).join("tmp"))
    }

    async fn is_there(&self, host: &Host) -> bool {
        let said = interpreter::ask(host, &self.interpreter(host)).await;
        said.is_ok_and(|said| matches!(self.judge(&said), State::Done(_)))
    }

    async fn install_within(&self, host: &Host) -> Result<(), StepError> {
        workspace::temporary(host, &workplace(&self.settings).join("tmp")).await?;
        self.install(host).await
    }

    fn wanted(&self) -> Option<&str> {
        match &self.settings.python.psycopg2 {
            Psycopg2::Binary(version) | Psycopg2::Source(version) => version.as_deref(),
        }
    }

    fn package(&self) -> String {
        let name = match self.settings.python.psycopg2 {
            Psycopg2::Binary(_) => "psycopg2-binary",
            Psycopg2::Source(_) => "psycopg2, compiled here,",
        };
        self.wanted().map_or(name.to_owned(), |version| format!("{name} {version}"))
    }

    fn judge(&self, said: &Said) -> State {
        let name = self.package();
        match (&said.psycopg2, &said.broken) {
            (Some(has), _) if self.wanted().is_none_or(|wanted| wanted == has) => {
                let libpq = said.libpq().unwrap_or_else(|| "of unknown version".to_owned());
                let summary = format!("psycopg2 {has} with libpq {libpq}");
                let evidence = Evidence { summary, ..Evidence::default() };
                State::Done(evidence.fact("psycopg2_version", has).fact("libpq_version", libpq))
            }
            (Some(has), _) => State::todo(format!("replace psycopg2 {has} by {name}")),
            (None, Some(why)) => State::todo(format!("install {name} anew, for what is there fails: {why}")),
            (None, None) => State::todo(format!("install {name}")),
        }
    }

    async fn install(&self, host: &Host) -> Result<(), StepError> {
        let python = self.interpreter(host);
        if !python.exists() {
            return Err(StepError::new(Failure::Precondition, "installing psycopg2")
                .because(format!("{} is not there", python.display()))
                .hint("run without --only, so that the step anaconda comes first"));
        }
        let said = interpreter::ask(host, &python).await;
        let damaged = said.as_ref().map_or(true, |said| said.broken.is_some());
        if self.settings.python.upgrade_pip {
            self.upgrade_pip(host, said.as_ref().is_ok_and(|said| said.managed)).await?;
        }
        let pip = interpreter::pip(host, &python).await.map_err(|why| {
            failed(
                format!("its pip does not work: {why}"),
                "move the prefix away and run again: Anaconda is installed afresh",
            )
        })?;
        if damaged {
            let managed = said.as_ref().map_or(true, |said| said.managed);
            self.call_pip(host, pip::uninstall(pip, managed)).await?;
        }
        let said = interpreter::ask(host, &python)
            .await
            .map_err(|why| failed(why, "move the prefix away and run again: Anaconda is installed afresh"))?;
        let requirement = self.requirement(host, &said, pip).await?;
        let file = host.path(workplace(&self.settings).join("tmp/requirements.txt"));
        files::replace(&file, requirement.line().as_bytes(), 0o600).map_err(unexpected)?;
        let output = self.call_pip(host, pip::install(&requirement, &file, pip, said.managed)).await?;
        if output.success() {
            return Ok(());
        }
        let (why, hint) = pip::complaint(&output);
        Err(failed(format!("{}: {why}", requirement.file_name()), hint))
    }

    async fn requirement(&self, host: &Host, said: &Said, pip: (u32, u32)) -> Result<Requirement, StepError> {
        let interpreter = said.interpreter(pip);
        let missed = |cause: wheels::NoWheel| {
            StepError::new(Failure::Precondition, "choosing a psycopg2").because(cause).hint(
                "leave psycopg2.version out, set psycopg2.upgrade_pip = true, or choose a newer installer",
            )
        };
        match &self.settings.python.psycopg2 {
            Psycopg2::Binary(version) => {
                wheels::choose(&interpreter, version.as_deref()).map(Requirement::Wheel).map_err(missed)
            }
            Psycopg2::Source(version) => {
                compiler(host).await?;
                let (version, sha256) =
                    wheels::choose_source(&interpreter, version.as_deref()).map_err(missed)?;
                Ok(Requirement::Source(version, sha256))
            }
        }
    }

    /// Leaves conda's records of pip wrong; so only where it was asked for.
    async fn upgrade_pip(&self, host: &Host, managed: bool) -> Result<(), StepError> {
        let mut words = vec!["install", "--upgrade", "--no-cache-dir", "--disable-pip-version-check"];
        if managed {
            words.push("--break-system-packages");
        }
        words.push("pip");
        let output = self.call_pip(host, words.into_iter().map(str::to_owned).collect()).await?;
        if output.success() {
            return Ok(());
        }
        let (why, hint) = pip::complaint(&output);
        Err(StepError::new(Failure::Install, "upgrading pip").because(why).hint(hint))
    }

    async fn call_pip(&self, host: &Host, words: Vec<String>) -> Result<Output, StepError> {
        let temporary = self.temporary(host);
        let configuration = temporary.join("pip.conf");
        let text = pip::configuration(&self.settings.python.wheels, host.http.proxies().https());
        files::replace(&configuration, text.as_bytes(), 0o600).map_err(unexpected)?;
        let mut command = Command::new("sh")
            .args(["-c", RUN, "sh"])
            .arg(self.interpreter(host))
            .args(["-I", "-m", "pip"])
            .args(words)
            .env("HOME", "/root")
            .env("PIP_CONFIG_FILE", &configuration)
            .env("PIP_NO_INPUT", "1")
            .deadline(DEADLINE);
        for name in ["TMPDIR", "TMP", "TEMP"] {
            command = command.env(name, &temporary);
        }
        let output = host.processes.run(command).await;
        output.map_err(|error| failed(error.to_string(), "run again; a proxy or an index may be slow"))
    }

    async fn prove(&self, host: &Host) -> Result<(), StepError> {
        let hint = "psycopg2.version can name an older one, whose libraries this host may have";
        let said = interpreter::ask(host, &self.interpreter(host)).await.map_err(|why| failed(why, hint))?;
        match (said.psycopg2, said.broken) {
            (Some(_), _) => Ok(()),
            (None, why) => Err(failed(why.unwrap_or_else(|| "it is not there".to_owned()), hint)),
        }
    }
}

/// What compiling psycopg2 needs: said before pip, which says it in a hundred lines.
async fn compiler(host: &Host) -> Result<(), StepError> {
    let script = "command -v gcc >/dev/null || command -v cc >/dev/null || echo gcc; \
                  command -v pg_config >/dev/null || echo pg_config; \
                  test -e \"$(pg_config --includedir 2>/dev/null)/libpq-fe.h\" || echo libpq-fe.h";
    let output = host.processes.run(Command::new("sh").args(["-c", script])).await;
    let missing = output.map_err(|error| failed(error.to_string(), ""))?.text().replace('\n', ", ");
    if missing.is_empty() {
        return Ok(());
    }
    Err(StepError::new(Failure::Precondition, "preparing to compile psycopg2")
        .because(format!("this host lacks {missing}"))
        .hint(
            "apt-get install gcc libpq-dev (Debian, Ubuntu), or dnf install gcc libpq-devel (Amazon Linux, RHEL); \
             or set psycopg2.form = \"binary\", which needs neither",
        ))
}

fn failed(why: String, hint: &str) -> StepError {
    StepError::new(Failure::Install, DOING).because(why).hint(hint)
}

fn unexpected(error: io::Error) -> StepError {
    StepError::new(Failure::Unexpected, DOING).because(error)
}
