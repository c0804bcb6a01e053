//! `userdata`: what to give to EC2 so that an instance sets itself up when it is launched.

use std::fs;
use std::path::Path;

use vivarium_bootstrap::host::files;

use crate::cli::UserData;
use crate::config::{self, ConfigError};
use crate::exit::Exit;
use crate::userdata::{self, Form, LIMIT, Refusal, Settings, Wanted};

use super::settings::mistakes;

const READABLE: u32 = 0o644;

/// Renders it, to stdout or into a file.
pub fn userdata(options: &UserData, config: Option<&Path>, sets: &[String]) -> (String, Exit) {
    match rendered(options, config, sets) {
        Ok(bytes) => written(&bytes, options),
        Err(Trouble::Settings(errors)) => mistakes(&errors),
        Err(Trouble::Refusal(refusal)) => failed(&refusal.to_string(), &refusal.hint),
    }
}

enum Trouble {
    Settings(Vec<ConfigError>),
    Refusal(Refusal),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

fn rendered(options: &UserData, config: Option<&Path>, sets: &[String]) -> Result<Vec<u8>, Trouble> {
    let settings = match &options.settings_from {
        Some(source) => Settings::From(source.clone()),
        None => Settings::Here(settings(config, sets)?),
    };
    let mut sums = options.sha256.clone();
    if let Some(file) = &options.sums {
        let text = fs::read_to_string(file).map_err(|error| {
            let hint = "name the SHA256SUMS that came with the program";
            Refusal { problem: format!("--sums {}: {error}", file.display()), hint: hint.to_owned() }
        })?;
        sums.extend(userdata::sums(&text));
    }
    let form = Form { each_boot: options.each_boot, mime: options.mime, gzip: options.gzip };
    Ok(userdata::render(&Wanted { urls: options.urls.clone(), sums, settings, form })?)
}

/// What is carried is valid: an instance that finds out at its first boot finds out too late.
fn settings(config: Option<&Path>, sets: &[String]) -> Result<String, Trouble> {
    let text = config::text(config).map_err(Trouble::Settings)?;
    let path = config.unwrap_or(Path::new(config::DEFAULT_PATH));
    config::parse(path, &text, sets).map_err(Trouble::Settings)?;
    Ok(userdata::settings_to_carry(&text, sets)?)
}

fn written(bytes: &[u8], options: &UserData) -> (String, Exit) {
    let Some(file) = &options.output else {
        return (String::from_utf8_lossy(bytes).into_owned(), Exit::Ok);
    };
    if let Err(error) = files::replace(file, bytes, READABLE) {
        return failed(&format!("writing {}: {error}", file.display()), "name a file that you may write to");
    }
    let scheme = if options.gzip { "fileb" } else { "file" };
    let (file, length) = (file.display(), bytes.len());
    let said = format!(
        "ok: {length} of the {LIMIT} bytes that EC2 takes are in {file}\n\
         hint: aws ec2 run-instances … --user-data {scheme}://{file}\n"
    );
    (said, Exit::Ok)
}

fn failed(what: &str, hint: &str) -> (String, Exit) {
    (format!("failed: {what}\nhint: {hint}\n"), Exit::Settings)
}
