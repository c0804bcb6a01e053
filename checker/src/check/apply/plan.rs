//! What of a diagnosis can be made: only what the model has proven to open the way, all of it together. Pure.

use crate::evaluate;
use crate::explain::fix::{self, Fix};
use crate::explain::{Diagnosis, Kind, Verdict};
use crate::network::Change;
use crate::save::changes::Step;

/// What is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The fixes, in the order of the way.
    pub fixes: Vec<Fix>,
}

/// What can be made, or why nothing is.
pub fn of(diagnosis: &Diagnosis) -> Result<Plan, String> {
    if diagnosis.verdict == Verdict::Reachable {
        return Err("it is reachable: there is nothing to change".into());
    }
    let causes = diagnosis.findings.iter().filter(|finding| finding.kind == Kind::Cause);
    let fixes: Vec<Fix> = causes.filter_map(|finding| finding.fix.clone()).collect();
    let Some(last) = fixes.last() else {
        return Err("nothing in AWS is known whose change would open the way".into());
    };
    if fixes.iter().any(|fix| fix.changes.is_empty()) {
        return Err("a fix hangs on another that has to be made first".into());
    }
    // Each fix was held against the model as the ones before it leave it: the last says what all come to.
    match (last.then, diagnosis.left_after_fixes.first()) {
        (evaluate::Verdict::Reachable, None) => Ok(Plan { fixes }),
        (evaluate::Verdict::Unknown, None) => {
            Err("it hangs on what was not read whether the fixes would open the way".into())
        }
        (_, left) => {
            let left = left.map(|line| format!(": {line}")).unwrap_or_default();
            Err(format!("the fixes alone would not open the way{left}"))
        }
    }
}

impl Plan {
    /// The changes, in this order.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.fixes.iter().flat_map(|fix| &fix.changes)
    }

    /// In words, a line each.
    pub fn what(&self) -> Vec<String> {
        self.fixes.iter().map(|fix| fix.what.clone()).collect()
    }

    /// The changes with the lines that make and undo them.
    pub fn steps(&self, region: Option<&str>, profile: Option<&str>) -> Vec<Step> {
        let step = |change: &Change| {
            let (commands, undo) = fix::lines(change, region, profile);
            Step { change: change.clone(), commands, undo }
        };
        self.changes().map(step).collect()
    }

    /// As it is shown before anybody is asked.
    pub fn shown(&self, steps: &[Step]) -> String {
        let mut lines = vec!["to be changed:".to_owned()];
        lines.extend(self.fixes.iter().map(|fix| format!("  {}", fix.what)));
        lines.extend(steps.iter().flat_map(|step| &step.commands).map(|line| format!("    {line}")));
        lines.push("undone by:".into());
        lines.extend(steps.iter().rev().flat_map(|step| &step.undo).map(|line| format!("    {line}")));
        lines.extend(self.fixes.iter().flat_map(|fix| &fix.cautions).map(|line| format!("mind: {line}")));
        lines.join("\n") + "\n"
    }
}
