//! The command line, as plain values. Nothing is read and nothing is done here.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use vivarium_bootstrap::anaconda::architecture::Architecture;
use vivarium_bootstrap::settings::Sha256;

use crate::config::SettingsSource;
use crate::{exit, userdata};

/// The names that `--only` takes, in the order of a run.
pub const STEPS: [&str; 10] = [
    "boot",
    "volume",
    "filesystem",
    "mount",
    "grow",
    "download",
    "anaconda",
    "psycopg2",
    "python3",
    "database",
];

const EXAMPLES: &str = "\
Examples:
  vivarium-agent plan                       what a run would change, and nothing else
  vivarium-agent run                        bring this host to what the settings ask
  vivarium-agent run --only database        prove the database again
  vivarium-agent run --set anaconda=5.0.1   with another installer, this once
  vivarium-agent status --json              the last run and the host as it is now
  vivarium-agent doctor                     what would go wrong, in five seconds
  vivarium-agent probe --client 203.0.113.9 --watch 5   why ssh from there does not get in
  vivarium-agent userdata --url https://HOST/vivarium-agent-{architecture} --sums SHA256SUMS
                                            what to launch an instance with
";

/// Makes an EC2 instance a data scientist's machine: an EBS volume mounted, Anaconda on it, psycopg2 in
/// that, and the database proven with `SELECT NOW()`. Running it again is always safe.
#[derive(Debug, Parser)]
#[command(name = "vivarium-agent", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// The settings file [default: /etc/vivarium/agent.toml].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting for this once, over the file's; may be repeated.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// Log what is run and asked, too.
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring this host to what the settings ask, step by step.
    Run(Run),
    /// Show exactly what a run would change, with a hash for `run --plan`.
    Plan(Look),
    /// Show the last run and what the host is like now; exit 0 if nothing is left to do.
    Status(Look),
    /// Look for what would go wrong, in under five seconds, changing nothing.
    Doctor {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Look at this host with the eyes of somebody who cannot log in: does his packet arrive, does sshd let him in.
    Probe(Probe),
    /// Send the reports that wait on disk, since Systems Manager could not be reached when their runs ended.
    Report {
        /// Go on for up to an hour, with pauses, while it may still succeed; `run` starts this itself where a report waits.
        #[arg(long)]
        keep_trying: bool,
    },
    /// Check the settings, or print all there are.
    Settings {
        /// Print a complete commented sample.
        #[arg(long)]
        sample: bool,
        /// Print the table of settings in Markdown.
        #[arg(long, hide = true, conflicts_with = "sample")]
        markdown: bool,
        /// Fetch them with the instance's role from `ssm:/NAME` or `s3://BUCKET/KEY`, check them, and write the file.
        #[arg(long, value_name = "PLACE", conflicts_with = "sample")]
        from: Option<SettingsSource>,
    },
    /// Render UserData: a launcher that fetches this program and runs it, with these settings. It holds no secret.
    Userdata(UserData),
    /// Read the header of an Anaconda or Miniconda installer and say whether it could be used here.
    Installer {
        /// The installer.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder.
    Man {
        /// The folder.
        folder: PathBuf,
    },
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Carry out this step alone.
    #[arg(long, value_name = "STEP", value_parser = STEPS)]
    pub only: Option<String>,
    /// Show what would be changed, as `plan` does.
    #[arg(long, conflicts_with = "plan")]
    pub dry_run: bool,
    /// Run only if the plan still has this hash.
    #[arg(long, value_name = "HASH")]
    pub plan: Option<String>,
    /// For an image: all but the database and the report, which are for the instances made from it.
    #[arg(long, conflicts_with_all = ["only", "dry_run", "plan"])]
    pub bake: bool,
    /// Who starts this run.
    #[arg(long, value_enum, default_value_t = Caller::Person)]
    pub caller: Caller,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `userdata`.
#[derive(Debug, Args)]
pub struct UserData {
    /// Where this program can be fetched, in the order of trying: `https://…` or `s3://…`, where `{architecture}` stands
    /// for the processor; may be repeated.
    #[arg(long = "url", value_name = "URL")]
    pub urls: Vec<String>,
    /// What the fetched program must be; once for each processor.
    #[arg(long, value_name = "ARCHITECTURE=HEX", value_parser = userdata::sum)]
    pub sha256: Vec<(Architecture, Sha256)>,
    /// The same from a SHA256SUMS file, by the names `vivarium-agent-x86_64` and `vivarium-agent-aarch64`.
    #[arg(long, value_name = "FILE")]
    pub sums: Option<PathBuf>,
    /// Do not carry the settings: the instance fetches them from `ssm:/NAME` or `s3://BUCKET/KEY`.
    #[arg(long, value_name = "PLACE")]
    pub settings_from: Option<SettingsSource>,
    /// Run at each boot, and not only at an instance's first.
    #[arg(long)]
    pub each_boot: bool,
    /// As a MIME message, to be joined with parts of your own.
    #[arg(long)]
    pub mime: bool,
    /// Compressed; cloud-init opens it.
    #[arg(long, requires = "output")]
    pub gzip: bool,
    /// Write into this file instead of to stdout.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Options of the commands that only look.
#[derive(Debug, Args)]
pub struct Look {
    /// Look at this step alone.
    #[arg(long, value_name = "STEP", value_parser = STEPS)]
    pub only: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `probe`.
#[derive(Debug, Args)]
pub struct Probe {
    /// The address that the client comes from, as this host sees it.
    #[arg(long, value_name = "ADDRESS")]
    pub client: Option<IpAddr>,
    /// The port that it wants.
    #[arg(long, default_value_t = 22)]
    pub port: u16,
    /// As whom it wants to log in; may be repeated [default: whom the image comes with].
    #[arg(long = "user", value_name = "USER", value_parser = user)]
    pub users: Vec<String>,
    /// For how many seconds to watch the wire for its packets; needs root.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=30))]
    pub watch: u8,
    /// Look for this database too [default: that of the settings].
    #[arg(long, value_name = "HOST[:PORT]", value_parser = database)]
    pub database: Option<(String, u16)>,
    /// Print JSON, in one line that fits into what Run Command keeps.
    #[arg(long)]
    pub json: bool,
}

/// Who starts a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Caller {
    /// Someone at a terminal.
    Person,
    /// cloud-init, from UserData.
    Userdata,
    /// SSM Run Command or State Manager.
    Ssm,
    /// systemd, at boot.
    Boot,
}

impl Caller {
    /// The word that journals and reports carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Userdata => "userdata",
            Self::Ssm => "ssm",
            Self::Boot => "boot",
        }
    }
}

/// The command line with its examples and exit codes, as help, completions and man pages show it.
pub fn command() -> clap::Command {
    Cli::command().after_help(format!("{EXAMPLES}\nExit codes:\n{}", exit::table()))
}

/// A user as accounts are named: it is given to programs.
fn user(word: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-@\\$".contains(letter);
    if word.chars().all(plain) && !word.is_empty() && !word.starts_with('-') {
        Ok(word.to_owned())
    } else {
        Err("letters, digits, and . _ - @ are what a user's name is made of".to_owned())
    }
}

fn database(word: &str) -> Result<(String, u16), String> {
    let (host, port) = match word.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().map_err(|_| format!("{port} is no port"))?)
        }
        _ => (word, 5432),
    };
    let host = host.trim_matches(['[', ']']);
    if host.is_empty() { Err("there is no host in it".to_owned()) } else { Ok((host.to_owned(), port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_example_of_the_help_is_a_valid_command_line() {
        let examples = EXAMPLES.lines().map(str::trim).filter(|line| line.starts_with("vivarium-agent"));
        let mut count = 0;
        for example in examples {
            let line = example.split("  ").next().unwrap_or_default();
            Cli::try_parse_from(line.split_whitespace()).expect(line);
            count += 1;
        }
        assert_eq!(count, 8);
    }
}
