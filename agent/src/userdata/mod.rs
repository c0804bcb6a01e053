//! UserData: what EC2 hands to cloud-init at the first boot. A launcher that fetches this program, and the settings,
//! by value or by reference. Pure: text in, bytes out.

mod document;
mod launcher;
mod secrecy;

use std::fmt;
use std::str::FromStr;

use vivarium_bootstrap::anaconda::architecture::Architecture;
use vivarium_bootstrap::settings::Sha256;

use crate::config::SettingsSource;

pub use document::{Form, LIMIT};
pub use secrecy::settings_to_carry;

/// What UserData is to hold.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where this program can be fetched, in the order of trying; `{architecture}` stands for `uname -m`.
    pub urls: Vec<String>,
    /// What it must be, for each processor that it is there for.
    pub sums: Vec<(Architecture, Sha256)>,
    /// The settings.
    pub settings: Settings,
    /// How it is wrapped, and how often it runs.
    pub form: Form,
}

/// How the settings come to the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    /// In UserData itself, as the text of a file.
    Here(String),
    /// The agent fetches them.
    From(SettingsSource),
}

/// Why there is no UserData to be had, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub hint: String,
}

impl Refusal {
    fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: hint.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rendering UserData: {}", self.problem)
    }
}

impl std::error::Error for Refusal {}

/// UserData as it is given to EC2, before base64.
pub fn render(wanted: &Wanted) -> Result<Vec<u8>, Refusal> {
    let script = launcher::script(wanted)?;
    document::wrap(&script, wanted.form)
}

/// `x86_64=HEX`, as `--sha256` takes it.
pub fn sum(text: &str) -> Result<(Architecture, Sha256), String> {
    let (architecture, digits) = text.split_once('=').ok_or("expected ARCHITECTURE=SHA256")?;
    Ok((architecture.parse()?, Sha256::from_str(digits)?))
}

/// The lines of a SHA256SUMS file that are about this program, by the processor in the file's name.
pub fn sums(text: &str) -> Vec<(Architecture, Sha256)> {
    text.lines()
        .filter_map(|line| {
            let (digits, name) = line.split_once(char::is_whitespace)?;
            let name = name.trim_start_matches([' ', '*']);
            let architecture = name.rsplit('/').next()?.strip_prefix("vivarium-agent-")?;
            Some((architecture.parse().ok()?, digits.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests;
