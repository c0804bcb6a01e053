//! How an instance stands, by what it reported and whether it is still heard of: one table, and its words.

use jiff::Timestamp;

use super::names::COMPLIANCE_TYPE;
use super::read::{Compliance, Machine, Ping, Run};
use crate::aws::command::NEEDS;

/// All that is known of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id, or the word that should have led to one.
    pub id: String,
    /// Whether the id is one: a name that nobody has leads to none.
    pub found: bool,
    /// As EC2 describes it, where it does.
    pub machine: Option<Machine>,
    /// Whether Systems Manager hears of it.
    pub managed: Managed,
    /// What it reported.
    pub reported: Reported,
}

/// Whether Systems Manager hears of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Managed {
    /// It knows it.
    Known(Ping),
    /// It does not.
    NotKnown,
    /// Nobody could ask.
    NotRead,
}

/// What an instance reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// To inventory.
    Run(Run),
    /// To compliance alone.
    Compliance(Compliance),
    /// Nothing that is still held.
    Never,
    /// That was not read: which of the two.
    NotRead(&'static str),
}

/// What a script must know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Its last run failed.
    Failed,
    /// It cannot be told.
    Unknown,
    /// It is as its settings ask, as far as its last run says.
    Well,
}

/// The word for it in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word itself")]
pub enum Word {
    Ok,
    Degraded,
    Failed,
    Silent,
    Never,
    Missing,
    Unknown,
}

impl Word {
    /// As it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Never => "never",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }

    /// What a script must know.
    pub fn standing(self) -> Standing {
        match self {
            Self::Ok | Self::Degraded => Standing::Well,
            Self::Failed => Standing::Failed,
            Self::Silent | Self::Never | Self::Missing | Self::Unknown => Standing::Unknown,
        }
    }
}

/// The word, why in one line, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) word: Word,
    pub(super) line: String,
    pub(super) hint: String,
}

impl Judgement {
    fn new(word: Word, line: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { word, line: line.into(), hint: hint.into() }
    }

    fn and(mut self, more: Option<String>) -> Self {
        if let Some(more) = more {
            self.line = if self.line.is_empty() { more } else { format!("{}; {more}", self.line) };
        }
        self
    }
}

impl Instance {
    /// Its name, by its tag, or by what the host calls itself.
    pub fn name(&self) -> Option<&str> {
        let host = match &self.managed {
            Managed::Known(ping) => ping.host.as_deref(),
            Managed::NotKnown | Managed::NotRead => None,
        };
        self.machine.as_ref().and_then(|machine| machine.name.as_deref()).or(host)
    }

    /// Whether it is well.
    pub fn standing(&self) -> Standing {
        self.judge().word.standing()
    }

    pub(super) fn judge(&self) -> Judgement {
        if !self.found {
            let line = "no instance in this Region has this id or Name tag";
            return Judgement::new(Word::Missing, line, "see that --region and --profile are the right ones");
        }
        let judged = match &self.reported {
            Reported::Run(run) => self.of_run(run),
            Reported::Compliance(compliance) => self.of_compliance(compliance),
            Reported::Never => self.never(),
            Reported::NotRead(which) => {
                Judgement::new(Word::Unknown, format!("what it reported to {which} was not read"), "")
            }
        };
        judged.and(self.drifted())
    }

    fn of_run(&self, run: &Run) -> Judgement {
        let given_up = |count| format!("{count} earlier reports were given up");
        let given_up = Some(run.given_up).filter(|count| *count > 0).map(given_up);
        let judged = match run.verdict.as_str() {
            "ok" => self.still(Word::Ok, String::new()),
            "degraded" => self.still(Word::Degraded, run.summary.clone()),
            "failed" => Judgement::new(Word::Failed, failure(run), run.hint.as_str()).and(self.silent()),
            other => {
                let line = format!("it reported `{other}`, which this version does not know");
                Judgement::new(Word::Unknown, line, "use the vivarium-check of the agent's version")
            }
        };
        judged.and(given_up)
    }

    fn of_compliance(&self, compliance: &Compliance) -> Judgement {
        let all = compliance.compliant + compliance.not_compliant;
        if compliance.not_compliant == 0 {
            return self.still(Word::Ok, format!("{all} steps by compliance; inventory has no report of it"));
        }
        let line = format!(
            "{} of {all} steps by compliance; inventory has no report that says why",
            compliance.not_compliant
        );
        let hint = format!(
            "aws ssm list-compliance-items --resource-ids {} --resource-types ManagedInstance --filters \
             Key=ComplianceType,Values={COMPLIANCE_TYPE},Type=EQUAL; its role needs ssm:PutInventory",
            self.id
        );
        Judgement::new(Word::Failed, line, hint).and(self.silent())
    }

    /// A good report, of one that may have fallen silent since.
    fn still(&self, word: Word, line: String) -> Judgement {
        match self.silent() {
            None if self.managed == Managed::NotRead => {
                let line = format!("{} as last reported; whether it is heard of was not read", word.as_str());
                Judgement::new(Word::Unknown, line, "")
            }
            None => Judgement::new(word, line, "").and(self.stopped()),
            Some(silent) => {
                let line = format!("{} as last reported; {silent}", word.as_str());
                Judgement::new(Word::Silent, line, self.wake())
            }
        }
    }

    fn never(&self) -> Judgement {
        if let Some(stopped) = self.stopped() {
            return Judgement::new(Word::Never, format!("nothing is reported; {stopped}"), "");
        }
        match (&self.managed, self.silent()) {
            (_, Some(silent)) => {
                Judgement::new(Word::Never, format!("nothing is reported; {silent}"), self.wake())
            }
            (Managed::NotRead, None) => {
                let line = "nothing is reported; whether it is heard of was not read";
                Judgement::new(Word::Never, line, "")
            }
            (_, None) => Judgement::new(
                Word::Never,
                "nothing is reported, or nothing for 30 days, though it is online",
                "send it vivarium-verify (docs/fleet.md), whose output says whether vivarium-agent is there, and what \
                 keeps its reports; its role needs AmazonSSMManagedInstanceCore",
            ),
        }
    }

    /// Since when nothing is heard of it, where that is so and nobody has stopped it.
    fn silent(&self) -> Option<String> {
        match &self.managed {
            _ if self.is_down() => None,
            Managed::NotRead => None,
            Managed::NotKnown => Some("Systems Manager does not know it".to_owned()),
            Managed::Known(ping) if ping.status == "Online" => None,
            Managed::Known(ping) => {
                let since = ping.last.map(|last| format!(" since {}", minute(last))).unwrap_or_default();
                Some(format!("Systems Manager has not heard of it{since} ({})", ping.status))
            }
        }
    }

    fn is_down(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| !matches!(machine.state.as_str(), "running" | "pending"))
    }

    fn stopped(&self) -> Option<String> {
        let machine = self.machine.as_ref().filter(|_| self.is_down())?;
        Some(format!("it is {}", machine.state))
    }

    fn drifted(&self) -> Option<String> {
        let Managed::Known(Ping { association_failed: true, .. }) = self.managed else { return None };
        Some(format!(
            "an association on it failed: aws ssm describe-instance-associations-status --instance-id {}",
            self.id
        ))
    }

    fn wake(&self) -> String {
        format!("see that it runs: aws ec2 describe-instance-status --instance-ids {}; {NEEDS}", self.id)
    }

    /// When it reported last, as far as is known.
    pub(super) fn when(&self) -> Option<String> {
        match &self.reported {
            Reported::Run(run) => {
                Some(run.ended.parse().map_or_else(|_| run.ended.clone(), minute)).filter(|it| !it.is_empty())
            }
            Reported::Compliance(compliance) => compliance.ended.map(minute),
            Reported::Never | Reported::NotRead(_) => None,
        }
    }
}

fn failure(run: &Run) -> String {
    match (run.failed_step.as_str(), run.summary.as_str()) {
        ("", "") => format!("exit code {}", run.exit_code),
        ("", summary) => summary.to_owned(),
        (step, summary) => format!("{step}: {summary}"),
    }
}

/// To the minute, as a person reads it.
fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn run(verdict: &str) -> Run {
        Run { verdict: verdict.to_owned(), ended: "2026-11-23T10:01:00.5Z".to_owned(), ..Run::default() }
    }

    pub(crate) fn ping(status: &str) -> Managed {
        let last = Timestamp::from_second(1_795_428_060).ok();
        Managed::Known(Ping { status: status.to_owned(), last, host: None, association_failed: false })
    }

    pub(crate) fn instance(managed: Managed, reported: Reported) -> Instance {
        let machine = Some(Machine { name: Some("box".to_owned()), state: "running".to_owned() });
        Instance { id: "i-0123456789abcdef0".to_owned(), found: true, machine, managed, reported }
    }

    fn judge(managed: Managed, reported: Reported) -> (Word, String) {
        let judged = instance(managed, reported).judge();
        (judged.word, judged.line)
    }

    #[test]
    fn a_good_report_is_good_only_while_the_instance_is_heard_of() {
        let ok = || Reported::Run(run("ok"));
        assert_eq!(judge(ping("Online"), ok()), (Word::Ok, String::new()));
        let silent = "ok as last reported; Systems Manager has not heard of it since";
        let (word, line) = judge(ping("ConnectionLost"), ok());
        assert_eq!((word, line.starts_with(silent)), (Word::Silent, true), "{line}");
        assert_eq!(judge(Managed::NotKnown, ok()).0, Word::Silent);
        assert_eq!(judge(Managed::NotRead, ok()).0, Word::Unknown);
    }

    #[test]
    fn who_was_stopped_is_not_called_silent() {
        let mut one = instance(ping("ConnectionLost"), Reported::Run(run("ok")));
        one.machine = Some(Machine { name: None, state: "stopped".to_owned() });
        assert_eq!((one.judge().word, one.judge().line.as_str()), (Word::Ok, "it is stopped"));
        one.reported = Reported::Never;
        assert_eq!(one.standing(), Standing::Unknown);
    }

    #[test]
    fn a_failure_stays_one_whatever_else_is_not_known() {
        let failed = Run { failed_step: "mount".into(), summary: "busy".into(), ..run("failed") };
        for managed in [ping("Online"), ping("ConnectionLost"), Managed::NotKnown, Managed::NotRead] {
            let (word, line) = judge(managed, Reported::Run(failed.clone()));
            assert_eq!((word, line.starts_with("mount: busy")), (Word::Failed, true), "{line}");
        }
    }

    #[test]
    fn what_was_not_read_is_never_taken_for_good_or_for_none() {
        for which in ["inventory", "compliance"] {
            let (word, line) = judge(ping("Online"), Reported::NotRead(which));
            assert_eq!((word, line.contains(which)), (Word::Unknown, true));
        }
        assert_eq!(judge(ping("Online"), Reported::Run(run("splendid"))).0, Word::Unknown);
        assert_eq!(judge(ping("Online"), Reported::Never).0, Word::Never);
    }

    #[test]
    fn compliance_stands_in_for_a_run_and_says_that_it_does() {
        let compliance = |not_compliant| {
            Reported::Compliance(Compliance { compliant: 8, not_compliant, ended: None, run: String::new() })
        };
        assert_eq!(judge(ping("Online"), compliance(0)).0, Word::Ok);
        let (word, line) = judge(ping("Online"), compliance(1));
        assert_eq!((word, line.starts_with("1 of 9 steps by compliance")), (Word::Failed, true), "{line}");
    }

    #[test]
    fn reports_that_were_given_up_and_associations_that_failed_are_told_beside_it() {
        let Managed::Known(heard) = ping("Online") else { panic!("it is heard of") };
        let managed = Managed::Known(Ping { association_failed: true, ..heard });
        let (word, line) = judge(managed, Reported::Run(Run { given_up: 3, ..run("ok") }));
        assert_eq!(word, Word::Ok);
        assert!(line.contains("3 earlier reports were given up; an association on it failed"), "{line}");
    }
}
