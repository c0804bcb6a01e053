//! What a run, a plan and a status look like as text. Pure. The first line is the verdict, since Run
//! Command keeps the head of what is printed; ASCII, since it cuts at bytes.

use vivarium_bootstrap::report::{Outcome, Report, StepReport, Verdict};
use vivarium_bootstrap::run::Planned;
use vivarium_bootstrap::step::State;

use crate::deliver::{Delivery, Rung, RungOutcome};

/// Below what list views of Run Command keep of stdout and stderr together.
const MOST: usize = 2400;

/// A run's report, and what became of its delivery.
pub fn report(report: &Report, delivery: Option<&Delivery>) -> String {
    followed(report, &delivered(delivery))
}

/// The report of a run that made an image.
pub fn baked(report: &Report) -> String {
    followed(report, &row("report", "not sent", "each instance made from this image sends its own"))
}

fn followed(report: &Report, end: &str) -> String {
    let mut text = verdict(report);
    text.push('\n');
    for step in &report.steps {
        text.push_str(&row(&step.name, step.outcome.as_str(), &step.summary));
    }
    text.push_str(end);
    limited(&text)
}

/// What became of the report, a row a rung.
pub fn delivered(delivery: Option<&Delivery>) -> String {
    let Some(delivery) = delivery else { return row("report", "kept", "on disk; report.ssm is off") };
    let mut text: String = delivery.rungs.iter().map(delivered_by).collect();
    if delivery.queued > 0 {
        let who = if delivery.later { "later, or by the next run" } else { "by the next run" };
        let line = format!("{} on disk, to be sent {who}", delivery.queued);
        text.push_str(&row("report", "waits", &line));
    }
    text
}

fn delivered_by(rung: &Rung) -> String {
    let word = match rung.outcome {
        RungOutcome::Accepted(_) => "accepted",
        RungOutcome::Refused { .. } => "refused",
        RungOutcome::NotTried => "not tried",
    };
    match &rung.outcome {
        RungOutcome::Refused { why, hint } if !hint.is_empty() => {
            row("report", word, &format!("{}: {why}", rung.name)) + &row("", "hint:", hint)
        }
        _ => row("report", word, &rung.to_string()),
    }
}

/// The one line that says how a run ended, and the hint where it failed.
pub fn verdict(report: &Report) -> String {
    match report.failed() {
        Some(step) => failure(step),
        None if report.verdict == Verdict::Ok => format!("ok: {}", proven(report)),
        None => format!("{}: {}", report.verdict.as_str(), proven(report)),
    }
}

fn failure(step: &StepReport) -> String {
    let hint = if step.hint.is_empty() { String::new() } else { format!("\nhint: {}", step.hint) };
    format!("failed: step {}: {}{hint}", step.name, step.summary)
}

/// What was proven, from the facts that the steps found.
fn proven(report: &Report) -> String {
    let parts = [
        report.fact("volume_id").map(|id| format!("volume {id}")),
        report.fact("python_version").map(|version| format!("Python {version}")),
        report.fact("psycopg2_version").map(|version| format!("psycopg2 {version}")),
        report.fact("database_now").map(|now| format!("the database says {now} to the agent")),
        report.fact("database_now_python3").map(|now| format!("{now} to $python3")),
    ];
    let changed = report.steps.iter().filter(|step| step.outcome == Outcome::Changed).count();
    let steps = match changed {
        0 => "every step unchanged".to_owned(),
        1 => "1 step changed".to_owned(),
        count => format!("{count} steps changed"),
    };
    parts.into_iter().flatten().fold(steps, |line, part| format!("{line}; {part}"))
}

/// What a plan would change.
pub fn plan(planned: &[Planned], hash: &str) -> String {
    let changes = planned.iter().filter(|step| matches!(step.state, Ok(State::Todo(_)))).count();
    let blocked = planned.iter().filter(|step| step.state.is_err()).count();
    let mut text = match (changes, blocked) {
        (0, 0) => format!("plan {hash}: nothing to change\n"),
        (_, 0) => format!("plan {hash}: {changes} of {} steps would change this host\n", planned.len()),
        _ => {
            format!("plan {hash}: {blocked} of {} steps cannot be carried out as things are\n", planned.len())
        }
    };
    for step in planned {
        for (word, line) in lines(step) {
            text.push_str(&row(step.step, word, &line));
        }
        if let Err(error) = &step.state {
            text.push_str(&row("", "hint:", error.hint_text()));
        }
    }
    text
}

/// Each step's state as a word and a line.
pub fn lines(step: &Planned) -> Vec<(&'static str, String)> {
    match &step.state {
        Ok(State::Done(evidence)) => vec![("done", evidence.summary.clone())],
        Ok(State::Skipped(why)) => vec![("skipped", why.clone())],
        Ok(State::Todo(changes)) => changes.iter().map(|change| ("change", change.clone())).collect(),
        Err(error) => vec![("cannot", error.chain())],
    }
}

/// One row of a table of steps.
pub fn row(name: &str, word: &str, line: &str) -> String {
    format!("  {name:<11} {word:<11} {line}\n")
}

/// Any answer in ASCII: JSON by its escapes, text with a mark for what is left out.
pub fn ascii(text: &str) -> String {
    let json = text.starts_with('{');
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            _ if letter.is_ascii() => plain.push(letter),
            _ if json => {
                plain.extend(letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            }
            _ => plain.push('?'),
        }
    }
    plain
}

/// What fits; cut at a line where it does not.
fn limited(text: &str) -> String {
    let ascii = ascii(text);
    if ascii.len() <= MOST {
        return ascii;
    }
    let cut = ascii[..MOST - 60].rfind('\n').unwrap_or(MOST - 60);
    format!("{}\n  (cut here; the whole report is on disk, see status --json)\n", &ascii[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, outcome: Outcome, summary: &str) -> StepReport {
        StepReport {
            name: name.to_owned(),
            outcome,
            summary: summary.to_owned(),
            hint: String::new(),
            milliseconds: 1,
            facts: std::collections::BTreeMap::new(),
        }
    }

    fn example() -> Report {
        Report {
            version: 1,
            run: "r".to_owned(),
            caller: "person".to_owned(),
            started: String::new(),
            ended: String::new(),
            verdict: Verdict::Ok,
            exit_code: 0,
            steps: vec![step("volume", Outcome::Unchanged, "vol-1 is /dev/nvme1n1")],
        }
    }

    #[test]
    fn a_run_that_worked_says_so_first() {
        let text = report(&example(), None);
        assert_eq!(text.lines().next(), Some("ok: every step unchanged"));
    }

    #[test]
    fn a_run_that_failed_says_which_step_and_what_to_do_before_anything_else() {
        let mut example = example();
        example.steps[0].outcome = Outcome::Failed;
        example.steps[0].hint = "attach it".to_owned();
        let text = report(&example, None);
        assert_eq!(
            text.lines().take(2).collect::<Vec<_>>(),
            ["failed: step volume: vol-1 is /dev/nvme1n1", "hint: attach it"]
        );
    }

    #[test]
    fn json_in_ascii_says_the_same() {
        let told = serde_json::json!({ "path": "/srv/\u{e9}\u{1f40d}" });
        let plain = ascii(&format!("{told:#}"));
        assert!(plain.is_ascii());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).expect("it is JSON"), told);
        assert_eq!(ascii("failed: \u{e9}"), "failed: ?");
    }

    #[test]
    fn a_report_fits_what_run_command_keeps_and_is_ascii() {
        let mut example = example();
        example.steps = vec![step("volume", Outcome::Failed, &"\u{e9}".repeat(200)); 30];
        let text = report(&example, None);
        assert!(text.len() <= MOST && text.is_ascii(), "{}", text.len());
    }
}
