//! The settings: `check.toml` as checked values. What is typed on the command line goes before them.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What `check.toml` says. Nothing in it is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A folder of describe-* JSON to read instead of AWS.
    pub network: Option<PathBuf>,
    /// The address that this machine is seen with, where it is known.
    pub from: Option<IpAddr>,
    /// How many seconds an address may take to answer.
    pub timeout: Option<u8>,
    /// Whether what worked is kept, so that what changed since can be told.
    pub history: Option<bool>,
    /// How many seconds a change that --apply made may take to work.
    pub settle: Option<u16>,
    /// Whether checkip.amazonaws.com is asked which address this machine is seen with.
    pub checkip: Option<bool>,
    /// Where vivarium-agent is on an instance, for `--from-instance`.
    pub agent: Option<String>,
    /// How AWS is asked.
    pub aws: Aws,
    /// The instances to look at.
    pub ssh: Vec<Ssh>,
    /// The databases.
    pub postgres: Vec<Postgres>,
    /// The connections that the configuration should let through.
    pub path: Vec<Connection>,
}

/// How AWS is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "AWS's own words")]
pub struct Aws {
    pub profile: Option<String>,
    pub region: Option<String>,
    pub endpoint: Option<String>,
}

/// An instance and how to log in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each is an option of `ssh`")]
pub struct Ssh {
    pub target: String,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub identity: Option<PathBuf>,
}

/// A database and how to log in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each is an option of `postgres`")]
pub struct Postgres {
    pub target: String,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub dbname: Option<String>,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each is an option of `path`")]
pub struct Connection {
    pub from: String,
    pub to: String,
    pub port: u16,
}

/// The least that an address is given to answer, and what it is given unless the settings say otherwise.
const TIMEOUTS: std::ops::RangeInclusive<u8> = 1..=60;

/// What is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    message: String,
    hint: &'static str,
}

impl SettingsError {
    /// What a person can do about it.
    pub fn hint(&self) -> &str {
        self.hint
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SettingsError {}

/// Reads the file that was named, or the usual one, which need not be there.
pub fn load(named: Option<&Path>, usual: Option<&Path>) -> Result<Settings, SettingsError> {
    let Some(path) = named.or(usual) else { return Ok(Settings::default()) };
    match fs::read_to_string(path) {
        Ok(text) => read(&text, &path.display().to_string()),
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => Ok(Settings::default()),
        Err(error) => Err(SettingsError {
            message: format!("reading {}: {error}", path.display()),
            hint: "name a file of settings that you may read: --config FILE",
        }),
    }
}

/// The settings of a text. An error names the line and never repeats it: it may hold a password.
pub fn read(text: &str, source: &str) -> Result<Settings, SettingsError> {
    let settings: Settings = toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        SettingsError {
            message: format!("reading {source} line {line}: {}", error.message()),
            hint: "`vivarium-check settings --sample` prints every setting there is",
        }
    })?;
    match settings.timeout {
        Some(timeout) if !TIMEOUTS.contains(&timeout) => Err(SettingsError {
            message: format!("reading {source}: timeout = {timeout} is not between 1 and 60 seconds"),
            hint: "leave it out, or give the seconds that an address may take to answer",
        }),
        _ => Ok(settings),
    }
}

/// The complete commented sample.
pub fn sample() -> &'static str {
    "\
# Settings of vivarium-check, read from ~/.config/vivarium/check.toml. Nothing in it is needed; every line shows an
# example. Passwords do not belong here: they come from ~/.pgpass, PGPASSWORD or a service file, as with psql.

# Read the network from this folder of describe-* JSON, as the AWS CLI prints it, instead of from AWS.
#network = \"/home/ada/network\"

# The address that this machine is seen with from outside, where it is known. Else it is found out.
#from = \"203.0.113.9\"

# How many seconds an address may take to answer, from 1 to 60.
#timeout = 5

# Whether to keep what was found when a target worked, in ~/.local/state/vivarium (without secrets and account ids), and
# to tell what has changed since when it does not.
#history = true

# How many seconds a change that --apply made may take to work before it is given up. Else by what it is: half a
# minute for a rule, a quarter of an hour for a database that starts.
#settle = 30

# Whether checkip.amazonaws.com is asked which address this machine is seen with, and known hosts to compare.
#checkip = true

# Where vivarium-agent is on an instance that --from-instance asks.
#agent = \"/usr/local/bin/vivarium-agent\"


[aws]
# The profile, the region and the endpoint, where they are not those of the AWS CLI.
#profile = \"default\"
#region = \"eu-west-1\"
#endpoint = \"https://vpce-0123.ec2.eu-west-1.vpce.amazonaws.com\"


# An instance: by its id, its Name tag, a host of ~/.ssh/config, a host name or an address. As many as you like.
#[[ssh]]
#target = \"my-instance\"
#user = \"ec2-user\"
#port = 22
#identity = \"~/.ssh/my-key.pem\"


# A database: by its RDS identifier, a host name, an address, a postgres:// URL, or service=NAME. As many as you like.
#[[postgres]]
#target = \"mydb\"
#user = \"postgres\"
#port = 5432
#dbname = \"postgres\"


# A connection that the configuration should let through. As many as you like.
#[[path]]
#from = \"my-instance\"
#to = \"mydb\"
#port = 5432
"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample with its examples in force.
    fn in_force() -> String {
        let live =
            |line: &str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).map(str::to_owned);
        sample().lines().map(|line| live(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
    }

    #[test]
    fn the_sample_is_valid_as_it_is_and_with_every_example_in_force() {
        assert_eq!(read(sample(), "sample"), Ok(Settings::default()));
        let all = read(&in_force(), "sample").expect("every example is valid");
        assert_eq!((all.timeout, all.history), (Some(5), Some(true)));
        assert_eq!(all.ssh[0].user.as_deref(), Some("ec2-user"));
        assert_eq!(all.postgres[0].target, "mydb");
        assert_eq!(all.path[0].port, 5432);
        assert_eq!(all.aws.region.as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_never_with_what_stands_there() {
        let table = [
            (
                "timeout = 5\n[[postgres]]\ntarget = \"x\"\npassword = \"hunter2\"\n",
                "line 4: unknown field `password`",
            ),
            ("[[ssh]]\nport = 22\n", "missing field `target`"),
            ("[ssh]\ntarget = \"x\"\n", "invalid type: map"),
            ("timeout = 0\n", "timeout = 0 is not between"),
            ("timeout = 500\n", "line 1"),
            ("from = \"home\"\n", "line 1"),
            ("region = \"x\n", "line 1"),
        ];
        for (text, wanted) in table {
            let error = read(text, "check.toml").expect_err(text).to_string();
            assert!(error.contains(wanted), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_usual_file_need_not_be_there_and_a_named_one_must() {
        let nowhere = Path::new("/nowhere/check.toml");
        assert_eq!(load(None, Some(nowhere)), Ok(Settings::default()));
        assert!(
            load(Some(nowhere), None)
                .expect_err("it is not there")
                .to_string()
                .contains("/nowhere/check.toml")
        );
    }
}
