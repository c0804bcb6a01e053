//! A survey for a terminal: the verdict, a row for each instance, what to do, and what was not read.

use super::standing::Instance;
use super::survey::Survey;

/// Of a long reason so many letters stand in the table; all of it is in the JSON.
const MOST: usize = 160;
/// So many ids stand before a hint that is the same for more.
const MOST_IDS: usize = 3;
/// Stands for the id in a hint; no hint has this letter of its own.
const HERE: &str = "\u{0}";
const HEAD: [&str; 6] = ["INSTANCE", "NAME", "VERDICT", "REPORTED", "AGENT", "WHAT"];

impl Survey {
    /// Plain text, with a line feed at its end.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("{}: {}", self.verdict(), self.summary())];
        if !self.instances.is_empty() {
            lines.extend(table(&self.instances));
        }
        lines.extend(hints(&self.instances));
        for missing in &self.not_read {
            lines.push(format!("not read: {}: {}", missing.what, missing.because));
            lines.push(format!("hint: {}", missing.hint));
        }
        lines.join("\n") + "\n"
    }
}

fn table(instances: &[Instance]) -> Vec<String> {
    let head = HEAD.map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(instances.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len() - 1).map(width).collect();
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths.iter().chain([&0]));
        let padded: Vec<String> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn row(one: &Instance) -> [String; 6] {
    let judged = one.judge();
    let or_dash = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
    [
        one.id.clone(),
        or_dash(one.name()),
        judged.word.as_str().to_owned(),
        or_dash(one.when().as_deref()),
        or_dash(one.run().map(|run| run.agent_version.as_str())),
        short(&judged.line),
    ]
}

fn short(line: &str) -> String {
    if line.chars().count() <= MOST {
        return line.to_owned();
    }
    line.chars().take(MOST - 3).chain("...".chars()).collect()
}

/// Each hint once, with those whom it is for.
fn hints(instances: &[Instance]) -> Vec<String> {
    let mut hints: Vec<(String, Vec<&str>)> = Vec::new();
    for one in instances {
        let hint = one.judge().hint;
        // What differs only in the id is one hint.
        let hint = if one.found { hint.replace(&one.id, HERE) } else { hint };
        match hints.iter_mut().find(|(known, _)| *known == hint) {
            _ if hint.is_empty() => {}
            Some((_, ids)) => ids.push(&one.id),
            None => hints.push((hint, vec![&one.id])),
        }
    }
    hints.into_iter().map(|(hint, ids)| said(&hint, &ids)).collect()
}

fn said(hint: &str, ids: &[&str]) -> String {
    if let [only] = ids {
        return format!("hint: {only}: {}", hint.replace(HERE, only));
    }
    let more = ids.len().saturating_sub(MOST_IDS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let first: Vec<&str> = ids.iter().take(MOST_IDS).copied().collect();
    format!("hint: {}{more}: {}", first.join(", "), hint.replace(HERE, "ID"))
}

#[cfg(test)]
mod tests {
    use super::super::read::Run;
    use super::super::standing::tests::{instance, ping, run};
    use super::super::standing::{Managed, Reported};
    use super::*;

    fn survey(instances: Vec<Instance>) -> Survey {
        Survey { whom: "tag a".into(), region: "eu-central-1".into(), instances, not_read: Vec::new() }
    }

    #[test]
    fn the_verdict_is_the_first_line_and_columns_stand_below_each_other() {
        let failed = Run { failed_step: "mount".into(), summary: "busy".into(), ..run("failed") };
        let instances = vec![
            instance(ping("Online"), Reported::Run(failed)),
            instance(ping("Online"), Reported::Run(Run { agent_version: "0.1.0".into(), ..run("ok") })),
        ];
        let wanted = "\
failed: 1 of 2 instances failed
INSTANCE             NAME  VERDICT  REPORTED          AGENT  WHAT
i-0123456789abcdef0  box   failed   2026-11-23 10:01  -      mount: busy
i-0123456789abcdef0  box   ok       2026-11-23 10:01  0.1.0
";
        assert_eq!(survey(instances).text(), wanted);
    }

    #[test]
    fn a_hint_that_many_share_is_given_once() {
        let lost = |number: u8| Instance {
            id: format!("i-0123456{number}"),
            ..instance(Managed::NotKnown, Reported::Run(run("ok")))
        };
        let text = survey((0..5).map(lost).collect()).text();
        let hints: Vec<&str> = text.lines().filter(|line| line.starts_with("hint: ")).collect();
        assert_eq!(hints.len(), 1, "{text}");
        let wanted = "hint: i-01234560, i-01234561, i-01234562 and 2 more: see that it runs: aws ec2 \
                      describe-instance-status --instance-ids ID;";
        assert!(hints[0].starts_with(wanted), "{}", hints[0]);
        let one = survey(vec![lost(1)]).text();
        assert!(one.contains("hint: i-01234561: see") && one.contains("--instance-ids i-01234561;"), "{one}");
    }

    #[test]
    fn a_long_reason_is_cut_in_the_table() {
        let failed = Run { summary: "\u{e9}".repeat(999), ..run("failed") };
        let text = survey(vec![instance(ping("Online"), Reported::Run(failed))]).text();
        assert!(text.lines().all(|line| line.chars().count() < 250), "{text}");
    }
}
