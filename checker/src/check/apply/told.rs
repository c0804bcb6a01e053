//! Says what became of the changes: for people and for programs. Pure.

use serde_json::json;

use super::applied;
use super::making::Made;
use crate::check::{Answer, Trouble};
use crate::exit::Exit;
use crate::save::changes::Kept;

/// Nothing was changed, and why. The answer stays what it was.
pub fn unchanged(answer: Answer, why: &str) -> Answer {
    let mut json = answer.json;
    json["applied"] = applied(false, Some(why));
    Answer { text: format!("applied nothing: {why}\n"), json, ..answer }
}

/// Something was changed, or was to be: what of it, how to go back, and what is seen now.
pub fn changed(first: &Answer, last: Result<Answer, Trouble>, kept: &Kept, made: &Made) -> Answer {
    let mut lines = lines(kept, made);
    let (mut json, exit, seen) = match last {
        Ok(last) => (last.json, last.exit, last.text),
        Err(trouble) => (first.json.clone(), Exit::Unknown, trouble.to_string()),
    };
    json["applied"] = in_json(kept, made, first.exit);
    lines.push("and now:".into());
    Answer { text: lines.join("\n") + "\n" + &seen, json, page: None, exit }
}

fn lines(kept: &Kept, made: &Made) -> Vec<String> {
    let steps = &kept.plan.steps;
    let mut lines = Vec::new();
    for step in steps.iter().take(made.count) {
        lines.extend(step.commands.iter().map(|line| format!("made:     {line}")));
    }
    if let Some(failure) = &made.failure {
        let failed = steps.iter().skip(failure.number).take(1).flat_map(|step| &step.commands);
        lines.extend(failed.map(|line| format!("not made: {line}")));
        lines.push(format!("error: {}", failure.why));
        lines.push(format!("hint: {}", failure.hint));
    }
    for number in kept.standing() {
        lines.extend(steps[number].undo.iter().map(|line| format!("undo:     {line}")));
    }
    if !kept.standing().is_empty() {
        lines.push(format!("          or: vivarium-check undo {}", kept.name()));
    }
    lines
}

fn in_json(kept: &Kept, made: &Made, before: Exit) -> serde_json::Value {
    let steps = &kept.plan.steps;
    let lines = |steps: Vec<&Vec<String>>| steps.into_iter().flatten().cloned().collect::<Vec<_>>();
    let undo = kept.standing().into_iter().map(|number| &steps[number].undo).collect();
    json!({
        "changed": !kept.standing().is_empty(),
        "name": kept.name(),
        "what": kept.plan.what,
        "made": lines(steps.iter().take(made.count).map(|step| &step.commands).collect()),
        "not_made": lines(steps.iter().skip(made.count).map(|step| &step.commands).collect()),
        "undo": lines(undo),
        "because": made.failure.as_ref().map(|failure| &failure.why),
        "hint": made.failure.as_ref().map(|failure| &failure.hint),
        "exit_before": before.code(),
    })
}
