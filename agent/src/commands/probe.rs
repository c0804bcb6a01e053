//! `probe`: what this host looks like to somebody who cannot log in to it, for the checker and for people.

use std::path::Path;
use std::time::Duration;

use vivarium_checker::host::answer::Answer;
use vivarium_checker::host::{Problem, Told};

use crate::cli::Probe;
use crate::config::{self, Config, ConfigError};
use crate::exit::Exit;
use crate::probe::{self, Wanted};
use crate::world::World;

/// Looks and changes nothing. What it finds is its answer, never its failure: Run Command would call it failed.
pub async fn probe(world: &World, asked: &Probe, no_settings: Option<String>) -> (String, Exit) {
    let wanted = Wanted {
        client: asked.client,
        port: asked.port,
        users: asked.users.clone(),
        watch: Duration::from_secs(asked.watch.into()),
        database: asked.database.clone(),
        no_settings,
    };
    let answer = Answer::of(probe::look(world, &wanted).await);
    (if asked.json { answer.line() + "\n" } else { text(&answer) }, Exit::Ok)
}

/// The settings, or those of a host that has none, and why: a mistake in them must not hide what is wrong besides.
pub fn settings(
    loaded: Result<Config, Vec<ConfigError>>,
) -> Result<(Config, Option<String>), Vec<ConfigError>> {
    match loaded {
        Ok(config) => Ok((config, None)),
        Err(errors) => {
            let why = errors.first().map(ToString::to_string).unwrap_or_default();
            // A volume must be named, and is not looked at here.
            let none = ["volume.path=/dev/null".to_owned()];
            config::parse(Path::new("agent.toml"), "", &none).map(|config| (config, Some(why)))
        }
    }
}

fn text(answer: &Answer) -> String {
    let mut text = format!("{}\n", answer.verdict);
    for problem in &answer.problems {
        text.push_str(&told(problem));
    }
    for (what, why) in unknown(answer) {
        text.push_str(&format!("  unknown     {what}: {why}\n"));
    }
    if let Some(database) = &answer.facts.database {
        for one in database.round.postgres.iter().chain([&database.round.name]) {
            text.push_str(&format!("  database    {one}\n"));
        }
        let climbed = database.login.as_ref().map(|login| match login.outcome() {
            Ok(proof) => format!("SELECT NOW() says {}", proof.answer.now),
            Err(broken) => broken.to_string(),
        });
        for line in climbed.iter().chain(&database.not_tried) {
            text.push_str(&format!("  database    {line}\n"));
        }
    }
    text
}

fn told(problem: &Problem) -> String {
    let word = if problem.is_root() { "problem" } else { "follows" };
    let mut text = format!("  {word:<11} {}\n", problem.verdict);
    for line in &problem.evidence {
        text.push_str(&format!("  {:<11} {line}\n", "seen"));
    }
    if problem.is_root() {
        text.push_str(&format!("  {:<11} {}\n", "hint:", problem.hint));
    }
    text
}

/// What nobody could tell, and would matter.
fn unknown(answer: &Answer) -> Vec<(&'static str, String)> {
    let facts = &answer.facts;
    let mut all = Vec::new();
    let mut add = |what, why: Option<&str>| all.extend(why.map(|why| (what, why.to_owned())));
    add("who listens", facts.listeners.why());
    add("packets", facts.arrivals.why());
    add("sshd -t", facts.sshd.test.why());
    add("accounts", facts.accounts.why());
    add("firewall", facts.firewall.why());
    add("TCP wrappers", facts.tcp_wrappers.why());
    add("the kernel's log", facts.memory.killed.why());
    for account in facts.accounts.known().into_iter().flatten() {
        add("sshd -T", account.policy.why());
    }
    if let Told::Known(vivarium_checker::host::firewall::Decision::Unknown(rule)) = &facts.firewall {
        add("firewall", Some(&format!("it hangs on a rule that cannot be decided here: {rule}")));
    }
    all
}
