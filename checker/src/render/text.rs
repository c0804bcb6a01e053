//! The diagnosis for a terminal: the verdict first, then what was seen, the gate, the hint, and the way in text.

use crate::explain::{Diagnosis, Finding, Fix, Mark, Path, Verdict};
use crate::since::Since;

/// Plain text, with a line feed at its end.
pub fn text(diagnosis: &Diagnosis) -> String {
    let mut lines = vec![diagnosis.headline.clone()];
    diagnosis.since.iter().for_each(|since| self::since(since, &mut lines));
    let several = diagnosis.findings.len() > 1;
    for (index, finding) in diagnosis.findings.iter().enumerate() {
        lines.extend(several.then(String::new));
        self::finding(finding, several.then_some(index + 1), &mut lines);
    }
    if diagnosis.findings.is_empty() {
        let spoke = diagnosis.seen.iter().filter(|one| one.connected());
        lines.extend(spoke.map(|one| row("seen", &one.to_string())));
    }
    lines.extend(diagnosis.left_after_fixes.iter().map(|left| row("left", left)));
    lines.extend(diagnosis.tunnel.iter().map(|line| row("tunnel", line)));
    for warning in &diagnosis.warnings {
        lines.push(row("soon", &warning.line));
        lines.push(row("", &warning.hint));
    }
    lines.extend(diagnosis.notes.iter().map(|note| row("note", note)));
    lines.extend(diagnosis.unknowns.iter().map(|missing| row("unknown", &unknown(missing))));
    path(&diagnosis.path, &mut lines);
    printable(&lines.join("\n")) + "\n"
}

/// What was heard may hold what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter })
        .collect()
}

/// What changed comes first: of that which worked yesterday it is most often the cause.
fn since(since: &Since, lines: &mut Vec<String>) {
    lines.push(row("since", &worked(since)));
    lines.extend(since.changes.iter().map(|change| row("", &change.to_string())));
}

/// When it worked, and whether anything has changed.
pub(super) fn worked(since: &Since) -> String {
    let on = since.worked.strftime("%Y-%m-%d %H:%M UTC");
    match since.changes.len() {
        0 => format!("it worked on {on}, and nothing that was read has changed since"),
        1 => format!("it worked on {on}, and this has changed since:"),
        count => format!("it worked on {on}, and these {count} things have changed since:"),
    }
}

fn row(word: &str, line: &str) -> String {
    format!("  {word:<8}{line}").trim_end().to_owned()
}

fn finding(finding: &Finding, number: Option<usize>, lines: &mut Vec<String>) {
    let symptom = finding.symptom.map(|symptom| format!(" ({symptom})")).unwrap_or_default();
    let number = number.map(|number| format!("{number}. ")).unwrap_or_default();
    lines.push(row("why", &format!("{number}{}{symptom}", finding.verdict)));
    for (index, suspect) in finding.suspects.iter().enumerate() {
        lines.push(row(if index == 0 { "who" } else { "or" }, suspect.words()));
    }
    lines.extend(finding.evidence.iter().map(|evidence| row(evidence.word(), evidence.line())));
    lines.push(row("unless", &finding.refuted_by));
    lines.push(format!("hint: {}", finding.hint));
    finding.fix.iter().for_each(|fix| self::fix(fix, lines));
}

fn fix(fix: &Fix, lines: &mut Vec<String>) {
    lines.extend(fix.commands.iter().map(|command| format!("    {command}")));
    lines.push(row("undo", ""));
    lines.extend(fix.undo.iter().map(|command| format!("    {command}")));
    lines.push(row("then", &then(fix)));
    lines.extend(fix.leaves.iter().map(|left| row("", left)));
    lines.extend(fix.cautions.iter().map(|caution| row("mind", caution)));
}

/// What the model says of a fix.
pub(super) fn then(fix: &Fix) -> String {
    match (fix.then, fix.leaves.len()) {
        (crate::evaluate::Verdict::Reachable, _) => "the configuration lets all of it through".into(),
        (crate::evaluate::Verdict::Unknown, 0) => "no gate that was read blocks it any more".into(),
        (_, 1) => "one more gate blocks it:".into(),
        (_, count) => format!("{count} more gates block it:"),
    }
}

/// What was not read, and what would show it.
pub(super) fn unknown(missing: &crate::network::Missing) -> String {
    let permission = missing.permission.as_ref().map(|name| format!(" (allow {name})")).unwrap_or_default();
    format!("{missing}{permission}")
}

/// The word for a verdict.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reachable => "reachable",
        Verdict::NotReachableExplained => "not reachable",
        Verdict::CannotTell => "cannot tell",
    }
}

fn path(path: &Path, lines: &mut Vec<String>) {
    let width = path.stations.iter().map(|station| station.what.chars().count()).max().unwrap_or(0);
    lines.push(row("path", "there and back"));
    for station in &path.stations {
        let (there, back) = (sign(station.forward), sign(station.back));
        let line = format!("    {there} {back}  {:<width$}  {}", station.what, station.name);
        lines.push(line.trim_end().to_owned());
    }
}

fn sign(mark: Mark) -> char {
    match mark {
        Mark::Passes => '✓',
        Mark::Blocked => '✗',
        Mark::Partly => '~',
        Mark::Unknown => '?',
        Mark::None => '·',
    }
}
