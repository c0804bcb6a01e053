//! The settings file: read, checked against the one table of keys, and turned into what the rooms need.
//!
//! `keys` is that table, `kinds` says what values are, `read` turns text into checked values that know
//! where they stand, `build` turns those into settings, `sample` prints the table as a file, `source` is a place
//! that settings are fetched from.

mod build;
pub mod keys;
mod kinds;
mod read;
pub mod sample;
mod source;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vivarium_bootstrap::host::files;
use vivarium_bootstrap::settings::{Settings, Sha256};

use crate::aws::AwsSettings;
use crate::database::DatabaseSettings;
use crate::secret::SecretReference;

pub use source::SettingsSource;

/// Where the settings are, if nobody says otherwise.
pub const DEFAULT_PATH: &str = "/etc/vivarium/agent.toml";

/// Everything the program is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the steps on the host need.
    pub host: Settings,
    /// The database to prove, if there is one.
    pub database: Option<Database>,
    /// Where reports go.
    pub report: ReportSettings,
    /// How AWS is reached.
    pub aws: AwsSettings,
    /// The run as a whole.
    pub run: RunSettings,
    /// The SHA-256 of what was set, for reports: the same settings have the same digest.
    pub digest: Sha256,
}

/// The database to prove, and where its password comes from.
#[derive(Debug, Clone)]
pub struct Database {
    /// Where it is and how it is asked.
    pub settings: DatabaseSettings,
    /// Where its password comes from.
    pub secret: SecretReference,
}

/// Where reports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSettings {
    /// Whether reports leave this host at all.
    pub ssm: bool,
    /// A prefix of parameters to write the last report to, if that is wanted.
    pub parameter: Option<String>,
    /// How long a run waits for its delivery, which then goes on beside it.
    pub budget: Duration,
    /// The longest random wait before a delivery, for fleets that boot together.
    pub spread: Duration,
}

/// The run as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSettings {
    /// How long it may take.
    pub budget: Duration,
    /// How long to wait for another run to end.
    pub lock_wait: Duration,
    /// Exit with 2 when degraded, under UserData and Run Command too.
    pub strict: bool,
    /// Have systemd run it at each boot.
    pub boot_unit: bool,
}

/// A setting that is not what it should be, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// `agent.toml:3:8` or `--set volume.wait`.
    pub place: String,
    /// What is wrong, and what was expected.
    pub problem: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading settings: {}: {}", self.place, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// Reads settings from a file's text and from `key=value` one-offs, which win.
pub fn parse(path: &Path, text: &str, sets: &[String]) -> Result<Config, Vec<ConfigError>> {
    let mut values = read::file(&path.display().to_string(), text)?;
    values.overlay(read::sets(sets)?);
    build::config(&values).map_err(|error| vec![error])
}

/// Reads the settings of this host; a file that is not there is only missed by those who need it.
pub fn load(path: Option<PathBuf>, sets: &[String]) -> Result<Config, Vec<ConfigError>> {
    let text = text(path.as_deref())?;
    parse(&path.unwrap_or_else(|| PathBuf::from(DEFAULT_PATH)), &text, sets)
}

/// Makes the settings of a run outlast a power cut, whoever wrote them: the next boot goes on by them.
/// Those that come through a pipe are left to who reads them.
pub fn make_last(path: Option<&Path>) {
    let path = path.unwrap_or(Path::new(DEFAULT_PATH));
    if !path.is_file() {
        return;
    }
    let synced = File::open(path).and_then(|file| file.sync_all()).and_then(|()| files::sync_directory(path));
    if let Err(error) = synced {
        tracing::debug!("{} was not synced: {error}", path.display());
    }
}

/// The text of a settings file; none where the usual one is not there.
pub fn text(path: Option<&Path>) -> Result<String, Vec<ConfigError>> {
    match std::fs::read_to_string(path.unwrap_or(Path::new(DEFAULT_PATH))) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.is_none() => Ok(String::new()),
        Err(error) => Err(vec![ConfigError {
            place: path.unwrap_or(Path::new(DEFAULT_PATH)).display().to_string(),
            problem: error.to_string(),
            hint: "name a file that can be read with --config".to_owned(),
        }]),
    }
}

/// How AWS is reached, by one-offs alone: for who has no settings yet.
pub fn aws(sets: &[String]) -> Result<AwsSettings, Vec<ConfigError>> {
    Ok(build::aws(&read::sets(sets)?))
}

#[cfg(test)]
mod tests;
