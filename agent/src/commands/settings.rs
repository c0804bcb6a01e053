//! `settings`: check the file, or print all the settings there are.

use crate::config::{Config, ConfigError, sample};
use crate::exit::Exit;

/// A complete commented file.
pub fn sample() -> String {
    sample::file()
}

/// The documentation's table.
pub fn markdown() -> String {
    sample::markdown()
}

/// What the settings come to.
pub fn checked(config: &Config) -> String {
    let database = match &config.database {
        Some(database) => format!("database {} port {}", database.settings.host, database.settings.port),
        None => "no database".to_owned(),
    };
    format!(
        "ok: volume {} at {}, Anaconda in {}, {database}\n",
        config.host.volume.identity,
        config.host.mount.point.display(),
        config.host.anaconda.prefix.display(),
    )
}

/// Every mistake in the settings, with its place and what to do.
pub fn mistakes(errors: &[ConfigError]) -> (String, Exit) {
    let told = errors.iter().map(|error| format!("failed: {error}\nhint: {}\n", error.hint));
    (told.collect(), Exit::Settings)
}
