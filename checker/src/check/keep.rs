//! What is kept of an answer and said again from it.

use std::path::Path;

use super::conclude::conclude;
use super::configuration::{Configuration, Refused};
use super::record::{RECORD_VERSION, Record};
use super::{Answer, Surroundings, Trouble};
use crate::save::folder::{self, Saved};
use crate::save::redact::Redactor;

/// What one run found: the questions with what was seen, and the configuration for all of them.
pub struct Findings {
    /// A record for each question.
    pub records: Vec<Record>,
    /// What was read.
    pub configuration: Configuration,
}

impl Findings {
    /// The answers, one for each question.
    pub fn answers(&self) -> Vec<Answer> {
        self.records.iter().map(|record| conclude(record, self.configuration.network.as_ref())).collect()
    }

    fn saved(&self) -> Result<Saved, Trouble> {
        let record = |record| serde_json::to_value(record).unwrap_or_default();
        Ok(Saved {
            program: format!("vivarium-check {}", env!("CARGO_PKG_VERSION")),
            configured: self.configuration.network.is_some(),
            records: self.records.iter().map(record).collect(),
            refused: serde_json::to_value(&self.configuration.refused).unwrap_or_default(),
            answers: self.configuration.answers.all()?,
        })
    }
}

/// The same without what is nobody's business.
pub fn redacted(findings: &Findings, surroundings: &Surroundings) -> Result<Saved, Trouble> {
    let mut redactor = Redactor::of_secrets(surroundings.secrets().map(str::to_owned));
    Ok(findings.saved()?.redacted(&mut redactor))
}

/// Keeps them without what is nobody's business, and gives what was kept: whoever reads the folder says the same.
pub fn save(findings: &Findings, folder: &Path, surroundings: &Surroundings) -> Result<Findings, Trouble> {
    folder::write(folder, &redacted(findings, surroundings)?).map_err(|error| {
        let hint = "name a folder that is empty, not there yet, or written by --save before";
        Trouble::usage(format!("saving into {}: {error}", folder.display()), hint)
    })?;
    read(folder)
}

/// What a person can do about a folder that cannot be read.
const HINT: &str = "name a folder that --save has written, whole";

/// Reads them back.
pub fn read(folder: &Path) -> Result<Findings, Trouble> {
    let doing = format!("reading {}", folder.display());
    let saved = folder::read(folder).map_err(|error| Trouble::usage(format!("{doing}: {error}"), HINT))?;
    understood(saved, &doing)
}

/// What was kept, as it was found.
pub fn understood(saved: Saved, doing: &str) -> Result<Findings, Trouble> {
    let wrong =
        |error: serde_json::Error| Trouble::usage(format!("{doing}: {}: {error}", folder::NAME), HINT);
    let mut records = Vec::new();
    for value in &saved.records {
        if value["version"] != RECORD_VERSION {
            let why = format!("{doing}: it was written by another version ({})", saved.program);
            return Err(Trouble::usage(why, "use that version"));
        }
        records.push(serde_json::from_value(value.clone()).map_err(wrong)?);
    }
    let refused: Vec<Refused> = serde_json::from_value(saved.refused).map_err(wrong)?;
    let configuration = if saved.configured {
        Configuration::of_answers(saved.answers, refused)
    } else {
        Configuration::default()
    };
    Ok(Findings { records, configuration })
}
