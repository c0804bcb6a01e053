//! What the interpreter says of itself: its version, its pip, whether psycopg2 can be imported.

use std::path::Path;

use serde::Deserialize;

use super::wheels::{Interpreter, pair};
use crate::host::Host;
use crate::host::processes::{Command, Exit, Output, ProcessError};

const SCRIPT: &str = include_str!("interpreter.py");

/// The answer to [`ask`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Said {
    python: String,
    machine: String,
    glibc: Option<String>,
    /// Whether pip refuses to install into it (PEP 668).
    pub(super) managed: bool,
    /// The version of psycopg2 that it imports.
    pub(super) psycopg2: Option<String>,
    #[serde(default)]
    libpq: u32,
    /// Why it cannot import the psycopg2 that is there.
    pub(super) broken: Option<String>,
}

impl Said {
    /// `170011` is libpq 17.11.
    pub(super) fn libpq(&self) -> Option<String> {
        (self.libpq >= 100_000).then(|| format!("{}.{}", self.libpq / 10_000, self.libpq % 10_000))
    }

    /// What a wheel has to fit.
    pub(super) fn interpreter(&self, pip: (u32, u32)) -> Interpreter {
        Interpreter {
            python: self.python.clone(),
            machine: self.machine.clone(),
            pip,
            glibc: self.glibc.as_deref().and_then(|text| pair(text.strip_prefix("glibc ")?)),
        }
    }
}

/// Asks it, with one start.
pub(super) async fn ask(host: &Host, interpreter: &Path) -> Result<Said, String> {
    let command = Command::new(interpreter).args(["-I", "-c", SCRIPT]);
    understood(host.processes.run(command).await)
}

fn understood(answer: Result<Output, ProcessError>) -> Result<Said, String> {
    let output = answer.map_err(|error| error.to_string())?;
    match output.exit {
        Exit::Code(0) => serde_json::from_slice(&output.stdout).map_err(|error| error.to_string()),
        Exit::Code(code) => Err(format!("exit code {code}: {}", output.last_words())),
        // Nothing but an import of psycopg2 in that script can do so.
        Exit::Signal(signal) => Err(format!("signal {signal}, importing psycopg2")),
    }
}

/// The version of its pip.
pub(super) async fn pip(host: &Host, interpreter: &Path) -> Result<(u32, u32), String> {
    let command = Command::new(interpreter).args(["-I", "-m", "pip", "--version"]).env("HOME", "/root");
    let output = host.processes.run(command).await.map_err(|error| error.to_string())?;
    let version = output.text().strip_prefix("pip ").and_then(pair);
    version.ok_or_else(|| format!("{}: {}", output.exit, output.last_words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        let output = Output { exit: Exit::Code(0), stdout: text.into(), stderr: Vec::new() };
        understood(Ok(output)).expect("it is read")
    }

    #[test]
    fn an_answer_is_read() {
        let said = said(
            r#"{"python":"3.6","machine":"x86_64","managed":false,"glibc":"glibc 2.36","psycopg2":"2.8.6","libpq":120004}"#,
        );
        assert_eq!(said.libpq().as_deref(), Some("12.4"));
        assert_eq!(said.interpreter((9, 0)).glibc, Some((2, 36)));
    }

    #[test]
    fn a_psycopg2_that_cannot_be_imported_is_told_from_none() {
        let head = r#"{"python":"3.12","machine":"x86_64","managed":true,"glibc":null,"broken":"#;
        assert_eq!(said(&format!("{head}null}}")).broken, None);
        let broken = said(&format!("{head}\"ImportError: libpq.so.5\"}}"));
        assert!(broken.psycopg2.is_none() && broken.broken.is_some());
    }
}
