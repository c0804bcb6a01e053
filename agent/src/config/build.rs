//! Checked values to settings: defaults filled in, and what only makes sense together held together.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use sha2::Digest;
use vivarium_bootstrap::settings::{
    AnacondaSettings, BlankPolicy, DownloadSettings, FilesystemKind, InstallerChoice, MountSettings,
    Psycopg2, PythonSettings, Settings, Sha256, VolumeId, VolumeIdentity, VolumeSettings, WheelSource,
};
use vivarium_checker::database::ladder::TlsMode;

use super::keys::{self, Key};
use super::kinds::Value;
use super::read::Values;
use super::{Config, ConfigError, Database, ReportSettings, RunSettings};
use crate::aws::AwsSettings;
use crate::database::DatabaseSettings;

/// The settings that these values mean.
pub fn config(values: &Values) -> Result<Config, ConfigError> {
    let host = Settings {
        volume: volume(values)?,
        mount: MountSettings {
            point: path(values, "mount.point"),
            allow_duplicate_uuid: flag(values, "mount.allow_duplicate_uuid"),
        },
        anaconda: anaconda(values)?,
        download: download(values),
        python: python(values)?,
    };
    apart(values, &host.mount.point)?;
    inside(values, &host)?;
    Ok(Config {
        host,
        database: database(values)?,
        report: ReportSettings {
            ssm: flag(values, "report.ssm"),
            parameter: text_if_set(values, "report.parameter"),
            budget: duration(values, "report.budget"),
            spread: duration(values, "report.spread"),
        },
        aws: aws(values),
        run: RunSettings {
            budget: duration(values, "run.budget"),
            lock_wait: duration(values, "run.lock_wait"),
            strict: flag(values, "run.strict"),
            boot_unit: flag(values, "boot.unit"),
        },
        digest: Sha256::from_bytes(&sha2::Sha256::digest(values.canonical())),
    })
}

/// How AWS is reached.
pub fn aws(values: &Values) -> AwsSettings {
    AwsSettings {
        region: text_if_set(values, "aws.region"),
        endpoint: urls_if_set(values, "aws.endpoint").into_iter().next(),
        ..AwsSettings::default()
    }
}

fn volume(values: &Values) -> Result<VolumeSettings, ConfigError> {
    let set: Vec<VolumeIdentity> = [
        volume_id(values, "volume.id").map(VolumeIdentity::Id),
        text_if_set(values, "volume.device").map(VolumeIdentity::DeviceName),
        path_if_set(values, "volume.path").map(VolumeIdentity::Path),
    ]
    .into_iter()
    .flatten()
    .collect();
    let [identity] = <[VolumeIdentity; 1]>::try_from(set).map_err(|set| {
        let names = ["volume.id", "volume.device", "volume.path"];
        let place = names.iter().find_map(|name| values.place(name)).unwrap_or("volume").to_owned();
        let problem = if set.is_empty() { "no volume is named" } else { "the volume is named twice" };
        let hint = "name it once: volume = \"vol-...\", or volume.device, or volume.path";
        ConfigError { place, problem: problem.to_owned(), hint: hint.to_owned() }
    })?;
    Ok(VolumeSettings {
        identity,
        wait: duration(values, "volume.wait"),
        filesystem: match text(values, "volume.filesystem").as_str() {
            "xfs" => FilesystemKind::Xfs,
            _ => FilesystemKind::Ext4,
        },
        blank: match text(values, "volume.blank").as_str() {
            "signatures" => BlankPolicy::Signatures,
            _ => BlankPolicy::Zeros,
        },
        format_if_unrecognised: volume_id(values, "volume.format_if_unrecognised"),
    })
}

fn anaconda(values: &Values) -> Result<AnacondaSettings, ConfigError> {
    let urls = urls_if_set(values, "anaconda.url");
    let installer = match (urls.is_empty(), values.get("anaconda.sha256")) {
        (true, None) => InstallerChoice::Catalogue(text(values, "anaconda.version")),
        (false, Some(Value::Sha256(sha256))) => InstallerChoice::Own { urls, sha256: sha256.clone() },
        (false, _) => return Err(alone(values, "anaconda.url", "anaconda.sha256")),
        (true, _) => return Err(alone(values, "anaconda.sha256", "anaconda.url")),
    };
    if let (InstallerChoice::Own { .. }, Some(place)) = (&installer, values.place("anaconda.version")) {
        return Err(ConfigError {
            place: place.to_owned(),
            problem: "anaconda.version and anaconda.url exclude each other".to_owned(),
            hint: "remove one of them".to_owned(),
        });
    }
    Ok(AnacondaSettings {
        installer,
        mirrors: urls_if_set(values, "anaconda.mirrors"),
        accept_license: flag(values, "anaconda.accept_license"),
        prefix: path(values, "anaconda.prefix"),
        keep_installer: flag(values, "anaconda.keep_installer"),
        patience: duration(values, "anaconda.patience"),
    })
}

fn download(values: &Values) -> DownloadSettings {
    DownloadSettings {
        budget: duration(values, "download.budget"),
        stall: duration(values, "download.stall"),
        slow_below: number(values, "download.slow_below"),
        ca_file: path_if_set(values, "download.ca_file"),
        second_opinion: flag(values, "download.second_opinion"),
    }
}

fn python(values: &Values) -> Result<PythonSettings, ConfigError> {
    let version = text_if_set(values, "psycopg2.version");
    let index = urls_if_set(values, "psycopg2.index").into_iter().next();
    let wheels = match (index, path_if_set(values, "psycopg2.wheelhouse")) {
        (None, None) => WheelSource::DefaultIndex,
        (Some(index), None) => WheelSource::Index(index),
        (None, Some(folder)) => WheelSource::Wheelhouse(folder),
        (Some(_), Some(_)) => {
            return Err(ConfigError {
                place: values.place("psycopg2.index").unwrap_or_default().to_owned(),
                problem: "psycopg2.index and psycopg2.wheelhouse exclude each other".to_owned(),
                hint: "remove one of them".to_owned(),
            });
        }
    };
    Ok(PythonSettings {
        psycopg2: match text(values, "psycopg2.form").as_str() {
            "source" => Psycopg2::Source(version),
            _ => Psycopg2::Binary(version),
        },
        wheels,
        upgrade_pip: flag(values, "psycopg2.upgrade_pip"),
        profile: path(values, "python.profile"),
    })
}

fn database(values: &Values) -> Result<Option<Database>, ConfigError> {
    let Some(host) = text_if_set(values, "database.host") else { return Ok(None) };
    let Some(Value::Secret(secret)) = values.get("database.secret") else {
        return Err(alone(values, "database.host", "database.secret"));
    };
    let settings = DatabaseSettings {
        host,
        port: u16::try_from(number(values, "database.port")).expect("the table's range is that of ports"),
        name: text(values, "database.name"),
        user: text_if_set(values, "database.user"),
        sslrootcert: path_if_set(values, "database.sslrootcert"),
        sslmode: match text(values, "database.sslmode").as_str() {
            "require" => TlsMode::Require,
            "verify-ca" => TlsMode::VerifyCa,
            _ => TlsMode::VerifyFull,
        },
        timeout: duration(values, "database.timeout"),
    };
    Ok(Some(Database { settings, secret: secret.clone() }))
}

/// The directories of the system itself: what is mounted over one of them hides the host from itself.
const THE_SYSTEM_S: [&str; 16] = [
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin",
    "/sys", "/tmp", "/usr", "/var",
];

/// The volume gets a place of its own.
fn apart(values: &Values, point: &Path) -> Result<(), ConfigError> {
    let plain = point.components().all(|part| part != Component::ParentDir);
    if plain && THE_SYSTEM_S.iter().all(|taken| point != Path::new(taken)) {
        return Ok(());
    }
    Err(ConfigError {
        place: values.place("mount.point").unwrap_or("mount.point").to_owned(),
        problem: format!("mount.point {} is no place for a volume", point.display()),
        hint: "name a directory of its own, such as \"/anaconda\"".to_owned(),
    })
}

/// The prefix must be on the volume: it is what the volume is for.
fn inside(values: &Values, host: &Settings) -> Result<(), ConfigError> {
    let (prefix, point) = (&host.anaconda.prefix, &host.mount.point);
    if prefix.starts_with(point) && prefix != point {
        return Ok(());
    }
    let place = values.place("anaconda.prefix").or(values.place("mount.point")).unwrap_or("anaconda.prefix");
    Err(ConfigError {
        place: place.to_owned(),
        problem: format!("anaconda.prefix {} is not below mount.point {}", prefix.display(), point.display()),
        hint: format!("set anaconda.prefix to {}/anaconda3", point.display()),
    })
}

fn alone(values: &Values, set: &str, missing: &str) -> ConfigError {
    ConfigError {
        place: values.place(set).unwrap_or(set).to_owned(),
        problem: format!("{set} needs {missing}"),
        hint: keys::find(missing).map_or_else(String::new, |key| key.meaning.to_owned()),
    }
}

/// The value that was set, or the table's default.
fn value(values: &Values, name: &str) -> Value {
    if let Some(value) = values.get(name) {
        return value.clone();
    }
    let Key { kind, default, .. } = keys::find(name).expect("names here are names of the table");
    let default = default.parse().expect("a test parses every default");
    kind.check(&default).expect("a test checks every default")
}

fn text(values: &Values, name: &str) -> String {
    match value(values, name) {
        Value::Text(text) => text,
        other => unreachable!("{name} is {other:?}"),
    }
}

fn text_if_set(values: &Values, name: &str) -> Option<String> {
    values.get(name).map(|_| text(values, name))
}

fn flag(values: &Values, name: &str) -> bool {
    matches!(value(values, name), Value::Flag(true))
}

fn number(values: &Values, name: &str) -> u64 {
    match value(values, name) {
        Value::Number(number) => number,
        other => unreachable!("{name} is {other:?}"),
    }
}

fn duration(values: &Values, name: &str) -> Duration {
    match value(values, name) {
        Value::Duration(duration) => duration,
        other => unreachable!("{name} is {other:?}"),
    }
}

fn path(values: &Values, name: &str) -> PathBuf {
    match value(values, name) {
        Value::Path(path) => path,
        other => unreachable!("{name} is {other:?}"),
    }
}

fn path_if_set(values: &Values, name: &str) -> Option<PathBuf> {
    values.get(name).map(|_| path(values, name))
}

fn urls_if_set(values: &Values, name: &str) -> Vec<String> {
    match values.get(name) {
        Some(Value::Urls(urls)) => urls.clone(),
        _ => Vec::new(),
    }
}

fn volume_id(values: &Values, name: &str) -> Option<VolumeId> {
    match values.get(name) {
        Some(Value::Volume(id)) => Some(id.clone()),
        _ => None,
    }
}
