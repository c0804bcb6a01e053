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

    fn saved(&self) -> Saved {
        let record = |record| serde_json::to_value(record).unwrap_or_default();
        Saved {
            program: format!("vivarium-check {}", env!("CARGO_PKG_VERSION")),
            configured: self.configuration.network.is_some(),
            records: self.records.iter().map(record).collect(),
            refused: serde_json::to_value(&self.configuration.refused).unwrap_or_default(),
            answers: self.configuration.answers.clone(),
        }
    }
}

/// Keeps them without what is nobody's business, and gives what was kept: whoever reads the folder says the same.
pub fn save(findings: &Findings, folder: &Path, surroundings: &Surroundings) -> Result<Findings, Trouble> {
    let mut redactor = Redactor::of_secrets(surroundings.secrets().map(str::to_owned));
    folder::write(folder, &findings.saved().redacted(&mut redactor)).map_err(|error| {
        let hint = "name a folder that is empty, not there yet, or written by --save before";
        Trouble::usage(format!("saving into {}: {error}", folder.display()), hint)
    })?;
    read(folder)
}

/// Reads them back.
pub fn read(folder: &Path) -> Result<Findings, Trouble> {
    let doing = || format!("reading {}", folder.display());
    let hint = "name a folder that --save has written, whole";
    let saved =
        folder::read(folder).map_err(|error| Trouble::usage(format!("{}: {error}", doing()), hint))?;
    let wrong =
        |error: serde_json::Error| Trouble::usage(format!("{}: {}: {error}", doing(), folder::NAME), hint);
    let mut records = Vec::new();
    for value in &saved.records {
        if value["version"] != RECORD_VERSION {
            let why = format!("{}: it was written by another version ({})", doing(), saved.program);
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
