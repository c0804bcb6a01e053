//! What a run has to say, as plain values. How it is worded is the program's; where it goes, too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One run, from its first step to its last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this shape.
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// `person`, `userdata`, `ssm` or `boot`.
    pub caller: String,
    /// When it began, in UTC.
    pub started: String,
    /// When it ended, in UTC.
    pub ended: String,
    /// How it ended.
    pub verdict: Verdict,
    /// The exit code that says so.
    pub exit_code: u8,
    /// Each step, in order.
    pub steps: Vec<StepReport>,
}

impl Report {
    /// The step that failed, if one did.
    pub fn failed(&self) -> Option<&StepReport> {
        self.steps.iter().find(|step| step.outcome == Outcome::Failed)
    }

    /// A fact, whichever step found it.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.steps.iter().find_map(|step| step.facts.get(name)).map(String::as_str)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The host is as its settings ask.
    Ok,
    /// It works, but not all of it is as asked.
    Degraded,
    /// It is not.
    Failed,
}

impl Verdict {
    /// The word that reports carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The evidence, the change, or the failure, in one line.
    pub summary: String,
    /// What to do, where it failed.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub hint: String,
    /// How long it took.
    pub milliseconds: u64,
    /// What it found out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub facts: BTreeMap<String, String>,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was as wanted, and nothing was done.
    Unchanged,
    /// It is as wanted now.
    Changed,
    /// The settings ask for nothing here.
    Skipped,
    /// It is not as wanted.
    Failed,
    /// An earlier step failed.
    NotReached,
}

impl Outcome {
    /// The word that reports carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::NotReached => "not-reached",
        }
    }
}
