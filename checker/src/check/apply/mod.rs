//! `--apply`: makes the changes that the model has proven to open the way, once somebody has agreed. It shows them,
//! asks, reads the network again, keeps on disk how to go back, makes them, and looks again.

mod again;
mod making;
mod plan;
mod told;

use serde_json::{Value, json};

use self::making::Made;
pub use self::making::{asked, writer};
use self::plan::Plan;
use super::conclude::{conclude, diagnose};
use super::configuration::Configuration;
use super::keep::Findings;
use super::record::Record;
use super::wanted::Wanted;
use super::{Answer, Surroundings, Terminal, Trouble};
use crate::aws::change::Consent;
use crate::cli::{Cli, Command};
use crate::config::Settings;
use crate::save::changes::Kept;

/// What is given to who changes something.
#[derive(Clone, Copy)]
pub struct Hands<'a> {
    /// The command line.
    pub cli: &'a Cli,
    /// What `check.toml` says.
    pub settings: &'a Settings,
    /// The user's side.
    pub surroundings: &'a Surroundings,
    /// Who is asked.
    pub terminal: &'a Terminal,
}

impl Hands<'_> {
    /// The folder where it is kept what was changed.
    pub fn folder(&self) -> std::path::PathBuf {
        self.surroundings.state().join("changes")
    }

    /// Asks for a yes, unless it was given beforehand.
    pub async fn consent(&self, question: &str) -> Option<Consent> {
        match Consent::beforehand(self.cli.options.yes) {
            Some(consent) => Some(consent),
            None => Consent::typed(&self.terminal.ask(question).await?),
        }
    }
}

/// Whatever makes `--apply` or `--yes` impossible, before anything is looked at.
pub fn refuse_what_cannot_be(cli: &Cli, settings: &Settings, terminal: &Terminal) -> Result<(), Trouble> {
    let options = &cli.options;
    let undoes = matches!(cli.command, Some(Command::Undo { list: false, .. }));
    if options.yes && !options.apply && !undoes {
        return Err(Trouble::usage(
            "reading --yes: there is nothing to agree to",
            "give it with --apply or undo",
        ));
    }
    if options.apply {
        let why = match &cli.command {
            Some(Command::Replay { .. }) => Some("what was saved may be over"),
            Some(Command::Undo { .. } | Command::Settings { .. }) => Some("this command finds no fix"),
            _ if options.no_aws => Some("--no-aws keeps away from AWS"),
            _ if options.network.is_some() || settings.network.is_some() => {
                Some("a folder is no account: what it shows may be over")
            }
            _ => None,
        };
        if let Some(why) = why {
            let hint = "let it read AWS live, or type the lines that it prints";
            return Err(Trouble::usage(format!("applying the fixes: {why}"), hint));
        }
    }
    if (options.apply || undoes) && !options.yes && !terminal.listens() {
        let hint = "run it in a terminal, or agree beforehand with --yes";
        return Err(Trouble::usage("asking before a change: there is no terminal to ask at", hint));
    }
    Ok(())
}

/// Makes what can be made for each question, one after another: each is proven in the network as the one before has
/// left it.
pub async fn apply(
    wanted: &[Wanted],
    findings: &Findings,
    answers: Vec<Answer>,
    hands: &Hands<'_>,
) -> Result<Vec<Answer>, Trouble> {
    let mut after = Vec::new();
    for ((wanted, record), first) in wanted.iter().zip(&findings.records).zip(answers) {
        if !hands.cli.options.json {
            hands.terminal.say(&first.text);
        }
        after.push(one(wanted, record, &findings.configuration, first, hands).await?);
    }
    Ok(after)
}

async fn one(
    wanted: &Wanted,
    record: &Record,
    configuration: &Configuration,
    first: Answer,
    hands: &Hands<'_>,
) -> Result<Answer, Trouble> {
    let diagnosis = diagnose(record, configuration.network.as_ref());
    let plan = match plan::of(&diagnosis) {
        Ok(plan) => plan,
        Err(why) => return Ok(told::unchanged(first, &why)),
    };
    let steps = plan.steps(record.region.as_deref(), record.profile.as_deref());
    hands.terminal.tell(&plan.shown(&steps));
    let many =
        if steps.len() == 1 { "this change".to_owned() } else { format!("these {} changes", steps.len()) };
    let Some(consent) = hands.consent(&format!("Make {many}? [y/N] ")).await else {
        return Ok(told::unchanged(first, "nobody agreed to it"));
    };
    let fresh = again::configuration(wanted, hands).await?;
    if !is_the_same(&plan, record, &fresh) {
        let now = conclude(record, fresh.network.as_ref());
        let shown = format!("read again:\n{}", now.text);
        let told = told::unchanged(now, "the network is no longer what it was when this was proposed");
        return Ok(Answer { text: shown + &told.text, ..told });
    }
    let question = wanted.said();
    let mut kept = making::begin(question, plan.what(), steps, &fresh, hands)?;
    let made = making::make(&mut kept, consent, &fresh, hands).await;
    let last = again::look(wanted, &kept, hands).await;
    Ok(concluded(first, last, kept, &made, hands).await)
}

/// Whether the network that was read right now leads to the same changes.
fn is_the_same(plan: &Plan, record: &Record, fresh: &Configuration) -> bool {
    let now = plan::of(&diagnose(record, fresh.network.as_ref()));
    now.is_ok_and(|now| now.changes().eq(plan.changes()))
}

/// Says what became of it; where it is still not reachable and somebody is there, offers to go back at once.
async fn concluded(
    first: Answer,
    last: Result<Answer, Trouble>,
    kept: Kept,
    made: &Made,
    hands: &Hands<'_>,
) -> Answer {
    let mut answer = told::changed(&first, last, &kept, made);
    let is_open = answer.exit == crate::exit::Exit::Reachable;
    if is_open || !hands.terminal.listens() || hands.cli.options.yes || kept.standing().is_empty() {
        return answer;
    }
    hands.terminal.say(&answer.text);
    answer.text.clear();
    let typed = hands.terminal.ask("It is still not reachable. Undo what was changed? [y/N] ").await;
    if let Some(consent) = typed.and_then(|typed| Consent::typed(&typed)) {
        let undone = super::undo::one(kept, consent, hands).await;
        answer.text.push_str(&undone.text);
        answer.json["undone"] = undone.json;
    }
    answer
}

/// What `applied` says in JSON.
fn applied(changed: bool, because: Option<&str>) -> Value {
    json!({ "changed": changed, "because": because })
}
