//! The answer to a person's question: the verdict, what is wrong, what was seen, and what to type.

use serde::Serialize;

use super::fix::Fix;
use super::path::Path;
use crate::evaluate::{Gate, Trace};
use crate::host::Inside;
use crate::network::Missing;
use crate::probe::observation::Observation;
use crate::since::Since;

/// The version of the JSON that a diagnosis is written as: raised when a name's meaning changes.
pub const DIAGNOSIS_VERSION: u32 = 1;

/// What a person wants to know first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It works.
    Reachable,
    /// It does not, or not always, and the first finding says why.
    NotReachableExplained,
    /// What was seen and read does not decide it; what is missing is named.
    CannotTell,
}

impl Verdict {
    /// The exit code of a run that ends in this verdict.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Reachable => 0,
            Self::NotReachableExplained => 1,
            Self::CannotTell => 3,
        }
    }
}

/// The whole answer. Everything that is shown is in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// [`DIAGNOSIS_VERSION`].
    pub version: u32,
    /// What a person wants to know first.
    pub verdict: Verdict,
    /// The same as one sentence.
    pub headline: String,
    /// Who asks, in the words of the question.
    pub from: String,
    /// For whom.
    pub to: String,
    /// For which service.
    pub service: String,
    /// What changed since it worked, where it does not and did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// What is wrong, the cause that comes first on the way first.
    pub findings: Vec<Finding>,
    /// What is left when all fixes are made: the gates that would still block, in one line each.
    pub left_after_fixes: Vec<String>,
    /// What works now and will not always.
    pub warnings: Vec<Warning>,
    /// The line that reaches a private database through an instance, where one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<String>,
    /// What would tell, and was not read.
    pub unknowns: Vec<Missing>,
    /// What is worth knowing and is no fault.
    pub notes: Vec<String>,
    /// The way there and back, to be drawn.
    pub path: Path,
    /// All that was seen, in the order in which it was asked.
    pub seen: Vec<Observation>,
    /// What the instance itself says, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
    /// All that the configuration says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// One thing that is wrong, or that does not fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The row of the table of symptoms: `H2`, `P10`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symptom: Option<&'static str>,
    /// What kind of finding.
    pub kind: Kind,
    /// Whose it is.
    pub side: Side,
    /// What is wrong, in one sentence without its full stop.
    pub verdict: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// Who it can be, where what was seen fits several: the likeliest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<Suspect>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What would show it to be wrong.
    pub refuted_by: String,
    /// What to do, in words.
    pub hint: String,
    /// What to type, where there is something to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// What kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Why it does not work.
    Cause,
    /// What was seen and what was read do not fit.
    Contradiction,
    /// It cannot be told.
    Unknown,
}

/// Whose a fault is, in the order of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The name, or who answers for it.
    Name,
    /// The client, or the network that it is in.
    Client,
    /// AWS's configuration.
    Configuration,
    /// The machine itself.
    Host,
    /// What runs on it.
    Service,
}

/// Who can have done what was seen, where from here it looks the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspect {
    /// The service does not run, or listens elsewhere.
    Service,
    /// The machine's own firewall.
    HostFirewall,
    /// The machine itself: it hangs, is exhausted, or has lost its network.
    Host,
    /// Something between: a router, a middlebox, somebody else's firewall.
    OnTheWay,
}

impl Suspect {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Service => "the service: it does not run, or listens on another port",
            Self::HostFirewall => "the machine's own firewall",
            Self::Host => "the machine: it hangs, is exhausted, or has lost its network",
            Self::OnTheWay => "something on the way: a router or a middlebox",
        }
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Seen, or decided by a rule that was read.
    Certain,
    /// Nothing else is left that is usual.
    Likely,
    /// One of several.
    Possible,
}

/// What a finding rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "evidence", rename_all = "snake_case")]
pub enum Evidence {
    /// Something that happened.
    Seen {
        /// In one line.
        line: String,
    },
    /// A gate of the configuration, by id and rule.
    Gate {
        /// In one line.
        line: String,
        /// Our name for why.
        code: Option<&'static str>,
        /// Reachability Analyzer's.
        reachability_analyzer: Option<&'static str>,
        /// The gate.
        gate: Box<Gate>,
    },
    /// Something else that was read.
    Read {
        /// In one line.
        line: String,
    },
}

impl Evidence {
    /// In one line.
    pub fn line(&self) -> &str {
        match self {
            Self::Seen { line } | Self::Gate { line, .. } | Self::Read { line } => line,
        }
    }

    /// What stands before it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Seen { .. } => "seen",
            Self::Gate { .. } => "gate",
            Self::Read { .. } => "read",
        }
    }
}

/// What works now and will not always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The row of the table of symptoms that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symptom: Option<&'static str>,
    /// What will break, and when.
    pub line: String,
    /// What to do before.
    pub hint: String,
}

impl Finding {
    /// A cause of which nothing is said yet but its name.
    pub fn new(symptom: impl Into<Option<&'static str>>, side: Side, verdict: impl Into<String>) -> Self {
        Self {
            symptom: symptom.into(),
            kind: Kind::Cause,
            side,
            verdict: verdict.into(),
            confidence: Confidence::Certain,
            suspects: Vec::new(),
            evidence: Vec::new(),
            refuted_by: String::new(),
            hint: String::new(),
            fix: None,
        }
    }

    /// The same, as sure as this.
    #[must_use]
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// The same, of another kind.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same, with all whom it can be.
    #[must_use]
    pub fn suspects(mut self, suspects: impl IntoIterator<Item = Suspect>) -> Self {
        self.suspects.extend(suspects);
        self
    }

    /// The same, resting on this too.
    #[must_use]
    pub fn seen(mut self, observation: Option<&Observation>) -> Self {
        self.evidence.extend(observation.map(|one| Evidence::Seen { line: one.to_string() }));
        self
    }

    /// The same, resting on this gate too.
    #[must_use]
    pub fn gate(mut self, gate: &Gate) -> Self {
        self.evidence.push(super::gate::evidence(gate));
        self
    }

    /// The same, resting on this too.
    #[must_use]
    pub fn read(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(Evidence::Read { line: line.into() });
        self
    }

    /// The same, with what would show it to be wrong.
    #[must_use]
    pub fn refuted_by(mut self, what: impl Into<String>) -> Self {
        self.refuted_by = what.into();
        self
    }

    /// The same, with what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same, with what to type.
    #[must_use]
    pub fn fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }
}
