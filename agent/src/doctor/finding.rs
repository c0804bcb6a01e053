//! What the doctor says: one finding for each thing looked at, as text and as JSON.

use std::fmt;

use serde::Serialize;

/// How a thing looked at is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// As a run needs it.
    Good,
    /// It could not be seen.
    Unknown,
    /// A run may succeed all the same.
    Warning,
    /// A run would fail.
    Bad,
}

impl Status {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The thing: `metadata service`, `space`, `egress to pypi`.
    pub check: String,
    /// How it is.
    pub status: Status,
    /// What was seen.
    pub what: String,
    /// What to do about it; empty where there is nothing to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

impl Finding {
    /// What was seen of a thing.
    pub fn new(check: impl Into<String>, status: Status, what: impl Into<String>) -> Self {
        Self { check: check.into(), status, what: what.into(), hint: String::new() }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {:<26} {}", self.status.as_str(), self.check, self.what)?;
        if !self.hint.is_empty() {
            write!(f, "\n{:36}hint: {}", "", self.hint)?;
        }
        Ok(())
    }
}

/// The worst of all: what an exit code may be made of.
pub fn worst(findings: &[Finding]) -> Status {
    findings.iter().map(|finding| finding.status).max().unwrap_or(Status::Unknown)
}

/// All findings for a person, a line or two each.
pub fn text(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// All findings for a program.
pub fn json(findings: &[Finding]) -> String {
    let document = serde_json::json!({ "worst": worst(findings), "findings": findings });
    serde_json::to_string_pretty(&document).expect("strings and words are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Vec<Finding> {
        vec![
            Finding::new("memory", Status::Good, "7000 MiB are free"),
            Finding::new("clock", Status::Unknown, "no server told the time"),
            Finding::new("space", Status::Bad, "1 MiB is free").hint("grow the volume"),
        ]
    }

    #[test]
    fn the_worst_finding_decides_and_unknown_is_not_a_failure() {
        assert_eq!(worst(&three()), Status::Bad);
        assert_eq!(worst(&three()[..2]), Status::Unknown);
        assert_eq!(worst(&three()[..1]), Status::Good);
    }

    #[test]
    fn text_has_a_line_for_each_and_its_hint_below() {
        let text = text(&three());
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().next_back().is_some_and(|line| line.trim() == "hint: grow the volume"));
    }

    #[test]
    fn json_carries_status_as_a_word_and_leaves_out_empty_hints() {
        let read: serde_json::Value = serde_json::from_str(&json(&three())).expect("JSON");
        assert_eq!(read["worst"], "bad");
        assert_eq!(read["findings"][2]["hint"], "grow the volume");
        assert!(read["findings"][0].get("hint").is_none());
    }
}
