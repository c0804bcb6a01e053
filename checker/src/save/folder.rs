//! A saved folder: the records in `vivarium.json`, AWS's answers as files of their own beside it. Written whole or
//! not at all.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::redact::Redactor;

/// The file that makes a folder one of ours.
pub const NAME: &str = "vivarium.json";

/// What is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// By which program.
    pub program: String,
    /// Whether there is a configuration at all.
    pub configured: bool,
    /// What was seen, question by question.
    pub records: Vec<Value>,
    /// What AWS did not tell.
    pub refused: Value,
    /// AWS's answers, each with the command that prints it.
    #[serde(skip)]
    pub answers: Vec<(String, Value)>,
}

impl Saved {
    /// The same without what is nobody's business.
    #[must_use]
    pub fn redacted(&self, redactor: &mut Redactor) -> Self {
        Self {
            program: self.program.clone(),
            configured: self.configured,
            records: self.records.iter().map(|record| redactor.words(record)).collect(),
            refused: redactor.words(&self.refused),
            answers: self
                .answers
                .iter()
                .map(|(source, answer)| (redactor.text(source), redactor.answer(answer)))
                .filter(|(_, answer)| answer.as_object().is_none_or(|fields| !fields.is_empty()))
                .collect(),
        }
    }
}

/// Writes it. What stood there under the same names is replaced; a folder with other things in it is left alone.
pub fn write(folder: &Path, saved: &Saved) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let network = folder.join("network");
    if fs::read_dir(folder)?.next().is_some() && !folder.join(NAME).is_file() {
        return Err(io::Error::other("something else is in it"));
    }
    if network.is_dir() {
        fs::remove_dir_all(&network)?;
    }
    fs::create_dir(&network)?;
    for (number, (source, answer)) in saved.answers.iter().enumerate() {
        // The number keeps the order, and apart what is called the same.
        let name = format!("{number:03}-{}.json", file_name(source));
        put(&network.join(name), answer)?;
    }
    put(&folder.join(NAME), &serde_json::to_value(saved)?)
}

fn file_name(source: &str) -> String {
    let name = source.strip_suffix(".json").unwrap_or(source);
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    name.chars().map(plain).take(80).collect()
}

fn put(path: &Path, value: &Value) -> io::Result<()> {
    let temporary = path.with_extension("part");
    fs::write(&temporary, serde_json::to_string_pretty(value)? + "\n")?;
    fs::rename(temporary, path)
}

/// Reads it back.
pub fn read(folder: &Path) -> io::Result<Saved> {
    let text = fs::read_to_string(folder.join(NAME))?;
    let mut saved: Saved = serde_json::from_str(&text)?;
    let network = folder.join("network");
    let mut files: Vec<_> =
        fs::read_dir(&network)?.map(|row| row.map(|row| row.path())).collect::<io::Result<_>>()?;
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
        let answer = serde_json::from_str(&fs::read_to_string(file)?)?;
        saved.answers.push((file.file_name().unwrap_or_default().to_string_lossy().into_owned(), answer));
    }
    Ok(saved)
}
