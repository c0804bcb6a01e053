//! `undo`: takes back what `--apply` has changed, the last change first, and leaves alone what is no longer as it was
//! made.

use serde_json::{Value, json};

use super::apply::{self, Hands};
use super::{Answer, Trouble, live};
use crate::aws::change::{self, Consent, Writer, is_made};
use crate::aws::live::{Scope, Start};
use crate::exit::Exit;
use crate::network::{Change, Network};
use crate::save::changes::{self, Event, Kept};

/// Lists what was changed, or takes it back.
pub async fn undo(name: Option<&str>, list: bool, hands: &Hands<'_>) -> Result<Answer, Trouble> {
    let folder = hands.folder();
    let all = changes::list(&folder).map_err(|error| {
        let hint =
            "what it says is JSON, a line each: the lines of the AWS CLI that undo a change are under `undo`";
        Trouble::unknown(format!("reading what was changed in {}: {error}", folder.display()), hint)
    })?;
    if list {
        return Ok(listed(&all));
    }
    let kept = chosen(all, name)?;
    hands.terminal.tell(&shown(&kept));
    let Some(consent) = hands.consent("Undo this? [y/N] ").await else {
        return Ok(Answer {
            exit: Exit::NotReachable,
            ..Answer::said("undone nothing: nobody agreed to it\n")
        });
    };
    Ok(one(kept, consent, hands).await)
}

fn chosen(all: Vec<Kept>, name: Option<&str>) -> Result<Kept, Trouble> {
    let hint = "`vivarium-check undo --list` lists what was changed";
    let Some(name) = name else {
        let last = all.into_iter().rfind(|kept| !kept.standing().is_empty());
        return last.ok_or_else(|| Trouble::usage("undoing: nothing that --apply has made stands", hint));
    };
    let named = all.into_iter().find(|kept| kept.name() == name);
    let kept =
        named.ok_or_else(|| Trouble::usage(format!("undoing {name}: there is no such change"), hint))?;
    if kept.standing().is_empty() {
        return Err(Trouble::usage(format!("undoing {name}: nothing of it stands"), hint));
    }
    Ok(kept)
}

fn listed(all: &[Kept]) -> Answer {
    let mut lines: Vec<String> = Vec::new();
    for kept in all {
        let word = if kept.standing().is_empty() { "undone" } else { "stands" };
        lines.push(format!("{}  {word}  {}", kept.name(), kept.plan.question));
        lines.extend(kept.plan.what.iter().map(|what| format!("    {what}")));
    }
    if lines.is_empty() {
        lines.push("nothing was changed yet".into());
    }
    let row = |kept: &Kept| {
        json!({ "name": kept.name(), "at": kept.plan.at, "question": kept.plan.question, "what": kept.plan.what,
            "stands": !kept.standing().is_empty() })
    };
    let json = json!({ "version": 1, "changes": all.iter().map(row).collect::<Vec<Value>>() });
    Answer { json, ..Answer::said(lines.join("\n") + "\n") }
}

fn shown(kept: &Kept) -> String {
    let mut lines = vec![format!("changed on {} for `{}`:", kept.plan.at, kept.plan.question)];
    lines.extend(kept.plan.what.iter().map(|what| format!("  {what}")));
    lines.push("undone by:".into());
    let steps = kept.standing().into_iter().filter_map(|number| kept.plan.steps.get(number));
    lines.extend(steps.flat_map(|step| &step.undo).map(|line| format!("    {line}")));
    lines.join("\n") + "\n"
}

/// Takes back what stands of one plan.
pub async fn one(mut kept: Kept, consent: Consent, hands: &Hands<'_>) -> Answer {
    let mut lines = Vec::new();
    let outcome = take_back(&mut kept, consent, &mut lines, hands).await;
    let exit = match outcome {
        Ok(()) => Exit::Reachable,
        Err((why, hint)) => {
            lines.push(format!("error: {why}"));
            lines.push(format!("hint: {hint}"));
            Exit::Unknown
        }
    };
    let standing = kept.standing();
    let by_hand =
        standing.iter().filter_map(|number| kept.plan.steps.get(*number)).flat_map(|step| &step.undo);
    lines.extend(by_hand.map(|line| format!("by hand:  {line}")));
    let json = json!({ "version": 1, "name": kept.name(), "stands": !standing.is_empty(), "lines": lines });
    Answer { json, exit, ..Answer::said(lines.join("\n") + "\n") }
}

type Why = (String, String);

async fn take_back(
    kept: &mut Kept,
    consent: Consent,
    lines: &mut Vec<String>,
    hands: &Hands<'_>,
) -> Result<(), Why> {
    let trouble =
        |why: String| (format!("undoing {}: {why}", kept.name()), "see to that, and undo again".to_owned());
    let asked = apply::asked(kept);
    let read = live::of(&scope(kept), &asked, hands.surroundings).await.map_err(trouble)?;
    let network = read.network.unwrap_or_default();
    let writer = apply::writer(kept, consent, hands).await.map_err(trouble)?;
    for number in kept.standing() {
        let Some(step) = kept.plan.steps.get(number).cloned() else { continue };
        hands.terminal.changes();
        let done = undone(&step.change, kept.allocated(number), &network, &writer).await?;
        let word = if done { "undone:  " } else { "is gone: " };
        lines.extend(step.commands.iter().map(|line| format!("{word} {line}")));
        kept.note(Event::Undone(number)).map_err(|error| {
            (format!("noting in {}: {error}", kept.path.display()), "it is undone all the same".to_owned())
        })?;
    }
    Ok(())
}

/// Where it is to be seen.
fn scope(kept: &Kept) -> Scope {
    let vpcs = kept.plan.vpcs.iter().cloned().map(Start::Vpc);
    let databases = kept.plan.steps.iter().filter_map(|step| match &step.change {
        Change::StartDatabase(id) => Some(Start::Database(id.to_string())),
        _ => None,
    });
    Scope { starts: vpcs.chain(databases).collect(), details: false }
}

/// Undoes one change. Says whether there was anything to undo.
async fn undone(
    change: &Change,
    allocated: Option<&str>,
    network: &Network,
    writer: &Writer,
) -> Result<bool, Why> {
    // These may be made in part: what is there of them is undone.
    let in_parts = matches!(change, Change::Associate { .. })
        || matches!(change, Change::EditRule { rule, .. } if rule.id.is_none());
    match is_made(change, network) {
        _ if in_parts => {}
        Some(true) => {}
        Some(false) => return Ok(false),
        None => {
            let hint = "let it be read, or undo it by hand: what was not read is not touched".to_owned();
            return Err(("what would show whether it is as it was made was not read".into(), hint));
        }
    }
    let calls = match change::undo(change, network, allocated) {
        Ok(calls) => calls,
        Err(_) if in_parts => return Ok(false),
        Err(why) => return Err((why, "undo it by hand".into())),
    };
    let mut any = false;
    for call in calls {
        match writer.say(&call).await {
            Ok(_) => any = true,
            // Gone or back already: that is what is wanted.
            Err(refused) if refused.is_gone() || (in_parts && refused.is_there()) => {}
            Err(refused) => return Err((refused.to_string(), refused.hint())),
        }
    }
    Ok(any)
}
