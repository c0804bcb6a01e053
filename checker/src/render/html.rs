//! The diagnosis as one page that loads nothing: the verdict, the way drawn, what was seen, what to type.

use super::drawing::drawing;
use super::palette::Palette;
use super::text::{then, unknown, word, worked};
use crate::evaluate::Gate;
use crate::explain::{Diagnosis, Finding, Fix, Kind, Verdict};
use crate::since::Since;

const STYLE: &str = include_str!("style.css");

/// A whole document. Whatever was read or heard is text in it, never markup.
pub fn html(diagnosis: &Diagnosis) -> String {
    let title = escaped(&diagnosis.headline);
    let class = word(diagnosis.verdict).replace(' ', "_");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n:root{{{light}color-scheme:light dark}}\n\
         @media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header><span class=\"badge {class}\">{word}</span>\n<h1>{heading}</h1></header>\n\
         <div class=\"two\">\n<section>\n<h2>The way</h2>\n{way}</section>\n<section>\n{findings}</section>\n</div>\n\
         {rest}<footer>vivarium-check {version}. Made from what was seen and read; it changed nothing.</footer>\n\
         </main>\n</body>\n</html>\n",
        light = Palette::LIGHT,
        dark = Palette::DARK,
        word = word(diagnosis.verdict),
        heading = prose(heading(diagnosis)),
        way = drawing(&diagnosis.path),
        findings = findings(diagnosis),
        rest = seen(diagnosis) + &gates(diagnosis),
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// Text as it stands in a document, in an element and in an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // What a terminal or a browser would obey, or turn words round with, is shown as what it is.
            letter if letter.is_control() && letter != '\n' => safe.push('\u{fffd}'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

/// What the badge does not say already.
fn heading(diagnosis: &Diagnosis) -> &str {
    let said = diagnosis.headline.strip_prefix(word(diagnosis.verdict));
    said.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&diagnosis.headline)
}

/// Lines to be typed. No word is broken but one that is longer than a line: a dash at its end would be somebody's.
fn typed(lines: &[String]) -> String {
    let words = |line: &String| unbroken(line, |_| true);
    format!("<pre>{}</pre>\n", lines.iter().map(words).collect::<Vec<_>>().join("\n"))
}

/// Text in which these words stay whole where a line has room for them.
fn unbroken(text: &str, which: impl Fn(&str) -> bool) -> String {
    let word = |word: &str| {
        let safe = escaped(word);
        if which(word) { format!("<span>{safe}</span>") } else { safe }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Text in which ids stay whole: a browser would break them at their dash.
fn prose(text: &str) -> String {
    unbroken(text, |word| word.contains('-'))
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>\n", prose(text))
}

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let items: String = lines.map(|line| element("li", &line)).collect();
    if items.is_empty() { items } else { format!("{}<ul>\n{items}</ul>\n", element("h2", title)) }
}

fn since(since: &Since) -> String {
    let items: String = since.changes.iter().map(|change| element("li", &change.to_string())).collect();
    let changes = if items.is_empty() { items } else { format!("<ul>\n{items}</ul>\n") };
    element("h2", "What changed since it worked") + &element("p", &worked(since)) + &changes
}

fn findings(diagnosis: &Diagnosis) -> String {
    let title = match (diagnosis.verdict, diagnosis.findings.len()) {
        (Verdict::Reachable, 0) => "Nothing is wrong",
        (_, 0) => "Nothing was found",
        _ if diagnosis.findings.iter().all(|finding| finding.kind == Kind::Unknown) => "What is not known",
        (_, 1) => "What is wrong",
        _ => "What is wrong, the first on the way first",
    };
    let mut page = diagnosis.since.as_ref().map(since).unwrap_or_default() + &element("h2", title);
    page.extend(diagnosis.findings.iter().map(finding));
    page += &list("Still in the way after all fixes", diagnosis.left_after_fixes.iter().cloned());
    if let Some(tunnel) = &diagnosis.tunnel {
        page += &element("h2", "Through an instance of the VPC");
        page += &typed(std::slice::from_ref(tunnel));
    }
    let warnings = diagnosis.warnings.iter().map(|warning| format!("{}. {}.", warning.line, warning.hint));
    page += &list("What will break next", warnings);
    page += &list("Worth knowing", diagnosis.notes.iter().cloned());
    page + &list("Not read", diagnosis.unknowns.iter().map(unknown))
}

fn finding(finding: &Finding) -> String {
    let (class, kind) = match finding.kind {
        Kind::Cause => ("cause", "cause"),
        Kind::Contradiction => ("contradiction", "contradiction"),
        Kind::Unknown => ("unknown-card", "not known"),
    };
    let symptom = finding.symptom.map(|symptom| format!(" · {symptom}")).unwrap_or_default();
    let sure = format!("{:?}", finding.confidence).to_lowercase();
    let rows: String = finding
        .evidence
        .iter()
        .map(|evidence| format!("<dt>{}</dt><dd>{}</dd>\n", evidence.word(), prose(evidence.line())))
        .collect();
    format!(
        "<article class=\"card {class}\">\n<p class=\"tags\">{kind}{symptom} · {sure}</p>\n{}<dl>\n{rows}<dt>unless</dt><dd>{}</dd>\n</dl>\n<p><strong>{}</strong></p>\n{}</article>\n",
        element("h3", &finding.verdict),
        prose(&finding.refuted_by),
        prose(&finding.hint),
        finding.fix.as_ref().map(fix).unwrap_or_default(),
    )
}

fn fix(fix: &Fix) -> String {
    let mut page = typed(&fix.commands);
    page += &element("p", &format!("Then {}", then(fix)));
    let leaves: String = fix.leaves.iter().map(|left| element("li", left)).collect();
    if !leaves.is_empty() {
        page += &format!("<ul>\n{leaves}</ul>\n");
    }
    page.extend(fix.cautions.iter().map(|caution| element("p", &format!("Mind: {caution}."))));
    page + &format!("<details><summary>Undo</summary>\n{}</details>\n", typed(&fix.undo))
}

fn seen(diagnosis: &Diagnosis) -> String {
    list("Seen", diagnosis.seen.iter().map(|one| format!("{} {one}", one.at)))
}

fn gates(diagnosis: &Diagnosis) -> String {
    let Some(trace) = &diagnosis.trace else { return String::new() };
    let rows: String = trace.gates.iter().map(gate).collect();
    let all = match trace.gates.len() {
        1 => "The only gate".to_owned(),
        count => format!("All {count} gates"),
    };
    format!("<details><summary>{all} of the configuration</summary>\n<table>\n{rows}</table>\n</details>\n")
}

fn gate(gate: &Gate) -> String {
    let word = match (&gate.outcome, gate.blocks()) {
        (_, true) => "blocks",
        (crate::evaluate::Outcome::Unknown { .. }, _) => "unknown",
        _ => "passes",
    };
    format!("<tr><th>{word}</th><td>{}</td></tr>\n", prose(&crate::explain::gate_in_a_line(gate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_never_markup() {
        let heard = "</style><script>alert('x')</script>\"&\u{1b}[2J\u{202e}";
        let safe = escaped(heard);
        assert!(!safe.contains(['<', '>', '"', '\'', '\u{1b}', '\u{202e}']), "{safe}");
        assert!(safe.starts_with("&lt;/style&gt;&lt;script&gt;"), "{safe}");
    }
}
