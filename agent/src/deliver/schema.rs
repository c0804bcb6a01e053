//! The names under which Systems Manager holds a report, frozen: fleets are queried by them.

use std::collections::HashMap;

use vivarium_bootstrap::report::{Report, StepReport};

/// The inventory type with a row per run.
pub const RUN_TYPE: &str = "Custom:VivariumRun";
/// The inventory type with a row per step.
pub const STEP_TYPE: &str = "Custom:VivariumStep";
/// The compliance type with an item per step.
pub const COMPLIANCE_TYPE: &str = "Custom:Vivarium";
/// Changes only if a name changes its meaning; new names do not change it.
pub const SCHEMA_VERSION: &str = "1.0";

/// No value may be longer (Systems Manager's limit is 4096 for an attribute).
const TEXT: usize = 1024;
/// Names, numbers and times never need more.
const WORD: usize = 256;
/// Systems Manager's own limit for one attribute.
const ATTRIBUTE: usize = 4096;

/// One attribute of a row. Systems Manager knows strings only; `kind` says what the string holds.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// As frozen.
    pub name: &'static str,
    /// `text`, `number`, `time` (UTC, RFC 3339), `true/false`, `JSON`.
    pub kind: &'static str,
    /// What it tells.
    pub meaning: &'static str,
}

const fn attribute(name: &'static str, kind: &'static str, meaning: &'static str) -> Attribute {
    Attribute { name, kind, meaning }
}

/// The attributes of [`RUN_TYPE`].
pub const RUN_ATTRIBUTES: [Attribute; 27] = [
    attribute("run_id", "text", "the run, as in the journal on the instance"),
    attribute(
        "latest",
        "true/false",
        "whether this row is the newest run; older rows are runs that could not be delivered before",
    ),
    attribute("verdict", "text", "ok, degraded or failed"),
    attribute("exit_code", "number", "the exit code of the run"),
    attribute("caller", "text", "person, userdata, ssm or boot"),
    attribute("started", "time", "when the run began"),
    attribute("ended", "time", "when the run ended"),
    attribute("checked_at", "time", "when this row was sent: inventory older than 30 days is deleted by AWS"),
    attribute("agent_version", "text", "the version of the agent that sent it"),
    attribute("report_version", "number", "the version of the record on the instance's disk"),
    attribute("failed_step", "text", "the step that failed, or empty"),
    attribute("summary", "text", "why it failed, in one line, or empty"),
    attribute("hint", "text", "what to do about it, or empty"),
    attribute(
        "steps_listed",
        "true/false",
        "whether this run's steps are in Custom:VivariumStep; false where there was no room",
    ),
    attribute(
        "runs_given_up",
        "number",
        "runs of this instance, ever, whose reports were given up because too many waited",
    ),
    attribute("volume_id", "text", "the data volume"),
    attribute("device", "text", "where the kernel put it"),
    attribute("filesystem_uuid", "text", "the filesystem on it"),
    attribute("filesystem_type", "text", "ext4, xfs, ..."),
    attribute("filesystem_bytes", "number", "its size"),
    attribute("installer", "text", "the Anaconda installer in use"),
    attribute("python_version", "text", "the interpreter it brought"),
    attribute("psycopg2_version", "text", "the module that was proven to import"),
    attribute("libpq_version", "text", "the libpq inside it"),
    attribute("database_now", "time", "what SELECT NOW() gave"),
    attribute("database_version", "text", "what the server calls itself"),
    attribute("database_tls", "text", "the TLS version of the connection to it"),
];

/// Where the facts of [`RUN_ATTRIBUTES`] begin: from here on they are the steps' facts by their own names.
const FIRST_FACT: usize = 15;

/// The attributes of [`STEP_TYPE`].
pub const STEP_ATTRIBUTES: [Attribute; 8] = [
    attribute("run_id", "text", "the run it belongs to"),
    attribute("position", "number", "its place in the run, from 1"),
    attribute("step", "text", "its name, as after --only"),
    attribute("outcome", "text", "unchanged, changed, skipped, failed or not-reached"),
    attribute("summary", "text", "the evidence, the change or the failure, in one line"),
    attribute("hint", "text", "what to do about it, or empty"),
    attribute("milliseconds", "number", "how long it took"),
    attribute("facts", "JSON", "everything it found out: an object of strings"),
];

/// One row, as the SDK takes it.
pub type Row = HashMap<String, String>;

/// What a row of a run says besides the report itself.
#[derive(Debug, Clone)]
pub struct Sending {
    /// When it is sent.
    pub checked_at: String,
    /// How many reports were ever given up on this instance.
    pub given_up: u64,
}

/// The row of one run.
pub fn run_row(report: &Report, sending: &Sending, latest: bool, steps_listed: bool) -> Row {
    let failed = report.failed();
    let own = [
        word(&report.run),
        latest.to_string(),
        report.verdict.as_str().to_owned(),
        report.exit_code.to_string(),
        word(&report.caller),
        word(&report.started),
        word(&report.ended),
        word(&sending.checked_at),
        env!("CARGO_PKG_VERSION").to_owned(),
        report.version.to_string(),
        word(failed.map_or("", |step| &step.name)),
        text(failed.map_or("", |step| &step.summary)),
        text(failed.map_or("", |step| &step.hint)),
        steps_listed.to_string(),
        sending.given_up.to_string(),
    ];
    let facts = RUN_ATTRIBUTES[FIRST_FACT..].iter().map(|fact| word(report.fact(fact.name).unwrap_or("")));
    row(&RUN_ATTRIBUTES, own.into_iter().chain(facts))
}

/// The rows of a run's steps.
pub fn step_rows(report: &Report) -> Vec<Row> {
    let rows = report.steps.iter().zip(1_usize..);
    rows.map(|(step, position)| step_row(&report.run, position, step)).collect()
}

fn step_row(run: &str, position: usize, step: &StepReport) -> Row {
    let values = [
        word(run),
        position.to_string(),
        word(&step.name),
        step.outcome.as_str().to_owned(),
        text(&step.summary),
        text(&step.hint),
        step.milliseconds.to_string(),
        facts_json(step),
    ];
    row(&STEP_ATTRIBUTES, values)
}

fn row(attributes: &[Attribute], values: impl IntoIterator<Item = String>) -> Row {
    attributes.iter().map(|attribute| attribute.name.to_owned()).zip(values).collect()
}

/// Half an object is worse than none: facts that do not fit are left out one by one from the end.
fn facts_json(step: &StepReport) -> String {
    let mut facts: Vec<(&String, String)> =
        step.facts.iter().map(|(name, value)| (name, text(value))).collect();
    loop {
        let object: serde_json::Map<_, _> =
            facts.iter().map(|(name, value)| (word(name), value.clone().into())).collect();
        let json = serde_json::Value::Object(object).to_string();
        if json.len() <= ATTRIBUTE {
            return json;
        }
        facts.pop();
    }
}

/// A name, a number or a time.
pub fn word(value: &str) -> String {
    ascii(value, WORD)
}

/// A line for a person.
pub fn text(value: &str) -> String {
    ascii(value, TEXT)
}

/// Run Command and Systems Manager count bytes, not letters; so every letter is one byte, on one line.
pub fn ascii(value: &str, limit: usize) -> String {
    let plain: String = value.chars().map(plain_letter).collect();
    if plain.len() <= limit {
        return plain;
    }
    format!("{}...", &plain[..limit - 3])
}

fn plain_letter(letter: char) -> char {
    match letter {
        ' '..='~' => letter,
        '\n' | '\r' | '\t' => ' ',
        _ => '?',
    }
}

/// The page that documents these names.
pub fn document() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (name, rows, attributes) in
        [(RUN_TYPE, "per run", &RUN_ATTRIBUTES[..]), (STEP_TYPE, "per step", &STEP_ATTRIBUTES[..])]
    {
        page.push_str(&format_section(name, rows, attributes));
    }
    page.push_str(COMPLIANCE);
    page
}

fn format_section(name: &str, rows: &str, attributes: &[Attribute]) -> String {
    let lines = attributes.iter().map(|it| format!("| `{}` | {} | {} |\n", it.name, it.kind, it.meaning));
    format!(
        "\n## Inventory `{name}`, a row {rows}\n\n| attribute | holds | meaning |\n|---|---|---|\n{}",
        lines.collect::<String>()
    )
}

const INTRODUCTION: &str = "# What Systems Manager holds after a run

<!-- Made from agent/src/deliver/schema.rs: `cargo test -p vivarium-agent --test schema -- --ignored` writes it anew. -->

Schema version 1.0. These names are frozen: names may be added, none changes its meaning. Systems Manager
holds strings only; \"holds\" says what is in the string. Values are ASCII, on one line; a text has at most
1024 characters, anything else at most 256, and `facts` at most 4096.

Inventory holds the latest state of an instance only. So runs whose reports could not be delivered at the
time come as further rows, newest first, with `latest` = `false`, together with the next one that can.

    aws ssm list-inventory-entries --instance-id i-0123456789abcdef0 --type-name Custom:VivariumRun
    aws ssm get-inventory --filters 'Key=Custom:VivariumRun.verdict,Values=failed,Type=Equal'
";

const COMPLIANCE: &str = "
## Compliance `Custom:Vivarium`, an item per step of the latest run

| field | holds |
|---|---|
| `Id` | the step's name |
| `Title` | its summary |
| `Status` | COMPLIANT where it is unchanged, changed or skipped; NON_COMPLIANT where it failed or was not reached |
| `Severity` | HIGH where it failed, else UNSPECIFIED |
| `Details` | `outcome`, `run_id`, `verdict`, and `hint` where there is one |

## Parameter, if asked for and allowed

`PREFIX/INSTANCE-ID/status`, a String of at most 4096 bytes: a JSON object with `run_id`, `verdict`,
`exit_code`, `ended`, `failed_step`, `summary`, `hint` and `database_now`, as above. Any holder of the
role may overwrite the status of another instance: IAM cannot tie the path to the instance.
";

#[cfg(test)]
pub(crate) mod tests {
    use vivarium_bootstrap::report::{Outcome, Verdict};

    use super::*;

    /// A report with one failed step.
    pub(crate) fn report(run: &str) -> Report {
        let facts = [("volume_id".to_owned(), "vol-0123456789abcdef0".to_owned())].into();
        let step = StepReport {
            name: "mount".to_owned(),
            outcome: Outcome::Failed,
            summary: "mounting vol-0123456789abcdef0 on /anaconda: busy".to_owned(),
            hint: "see who uses it".to_owned(),
            milliseconds: 12,
            facts,
        };
        Report {
            version: 1,
            run: run.to_owned(),
            caller: "ssm".to_owned(),
            started: format!("2026-11-23T10:00:00.{run}Z"),
            ended: "2026-11-23T10:01:00Z".to_owned(),
            verdict: Verdict::Failed,
            exit_code: 4,
            steps: vec![step],
        }
    }

    pub(crate) fn sending() -> Sending {
        Sending { checked_at: "2026-11-23T10:02:00Z".to_owned(), given_up: 3 }
    }

    #[test]
    fn a_row_has_every_name_of_the_schema_and_no_other() {
        let row = run_row(&report("1"), &sending(), true, true);
        assert_eq!(row.len(), RUN_ATTRIBUTES.len());
        assert_eq!((row["verdict"].as_str(), row["failed_step"].as_str()), ("failed", "mount"));
        assert_eq!(
            (row["volume_id"].as_str(), row["runs_given_up"].as_str()),
            ("vol-0123456789abcdef0", "3")
        );
        assert_eq!(step_rows(&report("1"))[0].len(), STEP_ATTRIBUTES.len());
    }

    #[test]
    fn facts_begin_where_the_schema_says() {
        assert_eq!(RUN_ATTRIBUTES[FIRST_FACT].name, "volume_id");
    }

    #[test]
    fn every_value_is_ascii_on_one_line_and_within_the_limit() {
        let mut long = report("1");
        long.steps[0].summary = "\u{e9}\n".repeat(5000);
        let facts = (0..99).map(|number| (format!("fact_{number}"), "\"".repeat(2000)));
        long.steps[0].facts = facts.collect();
        let rows = step_rows(&long).into_iter().chain([run_row(&long, &sending(), true, true)]);
        for value in rows.flat_map(Row::into_values) {
            assert!(
                value.len() <= ATTRIBUTE && value.bytes().all(|byte| matches!(byte, b' '..=b'~')),
                "{value}"
            );
        }
    }

    #[test]
    fn facts_that_were_cut_are_still_json() {
        let mut long = report("1");
        long.steps[0].facts = (0..9).map(|number| (format!("fact_{number}"), "x".repeat(900))).collect();
        let facts: HashMap<String, String> =
            serde_json::from_str(&step_rows(&long)[0]["facts"]).expect("JSON");
        assert_eq!(facts.len(), 4);
    }
}
