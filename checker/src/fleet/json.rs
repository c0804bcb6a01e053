//! A survey for programs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::read::Run;
use super::standing::{Instance, Managed, Reported};
use super::survey::Survey;

impl Survey {
    /// As `docs/fleet.md` has it.
    pub fn json(&self) -> Value {
        let not_read = self.not_read.iter().map(|one| {
            json!({ "what": one.what, "because": one.because, "hint": one.hint, "matters": one.matters })
        });
        json!({
            "version": 1,
            "verdict": self.verdict(),
            "summary": self.summary(),
            "region": self.region,
            "of": self.whom,
            "instances": self.instances.iter().map(Instance::json).collect::<Vec<_>>(),
            "not_read": not_read.collect::<Vec<_>>(),
        })
    }
}

impl Instance {
    /// Its run, where inventory has it.
    pub(super) fn run(&self) -> Option<&Run> {
        match &self.reported {
            Reported::Run(run) => Some(run),
            _ => None,
        }
    }

    fn json(&self) -> Value {
        let (judged, run) = (self.judge(), self.run());
        let of_run = |field: fn(&Run) -> &String| run.map(field).filter(|text| !text.is_empty());
        let (ping, last) = match &self.managed {
            Managed::Known(ping) => (Some(ping.status.as_str()), ping.last.map(|last| last.to_string())),
            Managed::NotKnown => (Some("NotManaged"), None),
            Managed::NotRead => (None, None),
        };
        json!({
            "instance": self.id,
            "name": self.name(),
            "verdict": judged.word.as_str(),
            "line": judged.line,
            "hint": judged.hint,
            "source": self.source(),
            "ended": self.ended(),
            "run_id": self.run_id(),
            "checked_at": of_run(|run| &run.checked_at),
            "caller": of_run(|run| &run.caller),
            "exit_code": run.and_then(|run| run.exit_code.parse::<u8>().ok()),
            "agent_version": of_run(|run| &run.agent_version),
            "failed_step": of_run(|run| &run.failed_step),
            "state": self.machine.as_ref().map(|machine| machine.state.as_str()),
            "ping": ping,
            "last_ping": last,
        })
    }

    fn source(&self) -> Option<&'static str> {
        match &self.reported {
            Reported::Run(_) => Some("inventory"),
            Reported::Compliance(_) => Some("compliance"),
            Reported::Never | Reported::NotRead(_) => None,
        }
    }

    fn ended(&self) -> Option<String> {
        match &self.reported {
            Reported::Run(run) => Some(run.ended.clone()),
            Reported::Compliance(compliance) => compliance.ended.as_ref().map(Timestamp::to_string),
            Reported::Never | Reported::NotRead(_) => None,
        }
    }

    fn run_id(&self) -> Option<&str> {
        match &self.reported {
            Reported::Run(run) => Some(&run.run),
            Reported::Compliance(compliance) => Some(&compliance.run),
            Reported::Never | Reported::NotRead(_) => None,
        }
    }
}
