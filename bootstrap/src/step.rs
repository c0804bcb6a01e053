//! What a step is, what it can see, and how it fails.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;

use async_trait::async_trait;

use crate::host::Host;

/// One convergent change to a host: inspected, applied, inspected again.
#[async_trait(?Send)]
pub trait Step {
    /// The word a person types after `--only`: `mount`.
    fn name(&self) -> &'static str;

    /// What must hold before *any* step touches the host: a licence accepted, an architecture that fits.
    async fn preflight(&self, _host: &Host) -> Result<(), StepError> {
        Ok(())
    }

    /// Whether the next run may end what this step started, if this run is killed. Where not, the
    /// next run waits for it: half a filesystem is worth less than none.
    fn interruptible(&self) -> bool {
        true
    }

    /// Whether it writes to the volume, and so must not be carried out alone before that is mounted.
    fn writes_to_the_volume(&self) -> bool {
        false
    }

    /// Looks, and changes nothing.
    async fn inspect(&self, host: &Host) -> Result<State, StepError>;

    /// Makes it so. Safe to repeat after being cut off at any line.
    async fn apply(&self, host: &Host) -> Result<(), StepError>;
}

/// What [`Step::inspect`] saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The host is as the step wants it.
    Done(Evidence),
    /// These changes would make it so, each one line that a person reads in `plan`.
    Todo(Vec<String>),
    /// The settings ask for nothing here.
    Skipped(String),
}

impl State {
    /// A step that is done, and the one line that proves it.
    pub fn done(summary: impl Into<String>) -> Self {
        Self::Done(Evidence { summary: summary.into(), facts: BTreeMap::new() })
    }

    /// A step with one change to make.
    pub fn todo(change: impl Into<String>) -> Self {
        Self::Todo(vec![change.into()])
    }
}

/// Why a step is believed to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// One line, the same as long as the host is the same: it is part of the plan's hash.
    pub summary: String,
    /// What reports carry, under frozen names (`filesystem_uuid`, `python_version`, …). May vary.
    pub facts: BTreeMap<&'static str, String>,
}

impl Evidence {
    /// Adds a fact for the report.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.insert(name, value.into());
        self
    }
}

/// What sort of failure it is; decides the exit code and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Refused for the safety of data; typed consent would allow it.
    Refused,
    /// The machine or the settings cannot carry what is asked: architecture, space, memory, licence.
    Precondition,
    /// The volume did not appear in time.
    Device,
    /// A download failed or did not verify.
    Download,
    /// An installation failed or did not take.
    Install,
    /// The database did not answer `SELECT NOW()`.
    Database,
    /// The time budget of the whole run is used up.
    Budget,
    /// Something no one foresaw: a file that cannot be written, a tool that is missing.
    Unexpected,
}

/// A failure a person meets: what was being done to what, why it failed, and what to do.
#[derive(Debug)]
pub struct StepError {
    failure: Failure,
    doing: String,
    source: Option<Box<dyn Error>>,
    hint: String,
}

impl StepError {
    /// `doing` is a gerund with its object: "mounting vol-0abc on /anaconda".
    pub fn new(failure: Failure, doing: impl Into<String>) -> Self {
        Self { failure, doing: doing.into(), source: None, hint: String::new() }
    }

    /// The cause, which is printed after `doing` and never repeated in it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The sort of failure.
    pub fn failure(&self) -> Failure {
        self.failure
    }

    /// What to do about it. Nobody is left without: where the cause is all that is known, it is to be
    /// looked at.
    pub fn hint_text(&self) -> &str {
        if self.hint.is_empty() { self.hint_of_the_cause() } else { &self.hint }
    }

    fn hint_of_the_cause(&self) -> &'static str {
        let mut next = self.source();
        while let Some(cause) = next {
            match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
                Some(io::ErrorKind::PermissionDenied) => {
                    return "run this as root; if it is root, see what protects that place";
                }
                Some(io::ErrorKind::StorageFull) => return "make room on that filesystem and run again",
                Some(io::ErrorKind::ReadOnlyFilesystem) => {
                    return "make that filesystem writable, and see `dmesg` if it was before";
                }
                _ => next = cause.source(),
            }
        }
        "see to the cause and run again: a run goes on from where this one ended"
    }

    /// `doing: cause: cause`, each said once.
    pub fn chain(&self) -> String {
        let mut line = self.doing.clone();
        let mut next = self.source();
        while let Some(cause) = next {
            line.push_str(": ");
            line.push_str(&cause.to_string());
            next = cause.source();
        }
        line
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)
    }
}

impl Error for StepError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_nobody_wrote_a_hint_for_has_that_of_its_cause() {
        for (kind, hint) in [
            (io::ErrorKind::PermissionDenied, "as root"),
            (io::ErrorKind::StorageFull, "make room"),
            (io::ErrorKind::ReadOnlyFilesystem, "writable"),
            (io::ErrorKind::NotFound, "run again"),
        ] {
            let inner = StepError::new(Failure::Unexpected, "writing").because(io::Error::from(kind));
            let error = StepError::new(Failure::Unexpected, "mounting").because(inner);
            assert!(error.hint_text().contains(hint), "{kind:?}: {}", error.hint_text());
        }
    }

    #[test]
    fn a_chain_says_each_thing_once_and_in_order() {
        let cause = StepError::new(Failure::Device, "opening /dev/nvme1n1").because("no such device");
        let error = StepError::new(Failure::Device, "mounting vol-0abc").because(cause).hint("attach it");
        assert_eq!(error.chain(), "mounting vol-0abc: opening /dev/nvme1n1: no such device");
        assert_eq!(error.hint_text(), "attach it");
    }
}
