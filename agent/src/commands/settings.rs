//! `settings`: check the file, print all the settings there are, or fetch them from where UserData points to.

use std::fs;
use std::path::Path;

use vivarium_bootstrap::host::files;
use vivarium_bootstrap::host::http::Http;

use crate::cloud::Cloud;
use crate::config::{self, Config, ConfigError, SettingsSource, sample};
use crate::exit::Exit;
use crate::imds::Patience;
use crate::settings_source;

const READABLE: u32 = 0o644;

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

/// Settings from a parameter or from S3, checked and put where every later run finds them.
pub async fn fetch(
    source: &SettingsSource,
    file: Option<&Path>,
    sets: &[String],
    http: &Http,
) -> (String, Exit) {
    let aws = match config::aws(sets) {
        Ok(aws) => aws,
        Err(errors) => return mistakes(&errors),
    };
    let aws = Cloud::new(aws, Patience::BOOTING).sdk_config().await;
    let text = match settings_source::fetch(source, &aws, http).await {
        Ok(text) => text,
        Err(error) => return failed(&format!("fetching settings from {source}: {error}"), error.hint()),
    };
    let config = match config::parse(Path::new(&source.to_string()), &text, &[]) {
        Ok(config) => config,
        Err(errors) => return mistakes(&errors),
    };
    let file = file.unwrap_or(Path::new(config::DEFAULT_PATH));
    let folder = file.parent().unwrap_or(Path::new("/"));
    let put = fs::create_dir_all(folder).and_then(|()| files::replace(file, text.as_bytes(), READABLE));
    match put {
        Ok(()) => (checked(&config), Exit::Ok),
        Err(error) => failed(&format!("writing {}: {error}", file.display()), "run it as root"),
    }
}

fn failed(what: &str, hint: &str) -> (String, Exit) {
    (format!("failed: {what}\nhint: {hint}\n"), Exit::Settings)
}
