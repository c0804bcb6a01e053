//! The command line, as plain values. Nothing is read and nothing is done here.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::exit;
use crate::fleet::Whom;
use crate::network::{PortSet, Protocol};

const EXAMPLES: &str = "\
Examples:
  vivarium-check                                    all that the settings name
  vivarium-check ssh my-instance                    why ssh does not get in, and what to type
  vivarium-check ssh ec2-user@203.0.113.9 --no-aws  the same from what the wire says alone
  vivarium-check postgres mydb                      from the name to SELECT NOW()
  vivarium-check ssh my-instance --from-instance    and what the instance itself says, though ssh does not work
  vivarium-check path --from internet --to i-0abc --port 22
  vivarium-check path --from web --to mydb --port 5432 --network saved/ --json
  vivarium-check postgres mydb --assert=not-reachable
  vivarium-check ssh my-instance --apply            the same, and makes the fix once you agree
  vivarium-check undo                               takes it back
  vivarium-check status my-instance                 what the agent on it reported
  vivarium-check status --fleet Vivarium=lab        the same of all that have the tag
";

const POLITE: &str = "\
What it does to others: a few TCP connections to the target, one SSH key exchange, and to a
database one request for TLS and one start-up without a password, which leaves a FATAL line in
its log. It reads AWS, and writes only with --apply and undo, after asking.
To compare, it opens and closes checkip.amazonaws.com on 443 and github.com on 22, and asks
checkip.amazonaws.com under which address others see this machine; unless --no-aws, --network or
--no-checkip is given.
--users asks an SSH server, with public keys alone and at most 4 users, which of them would be let
in; the server logs each as a failed attempt, and OpenSSH 9.8 or fail2ban may shut out who fails
too often: so only when asked.
--sample-ports opens and closes so many connections, four at a time, which to a server that shuts
out who leaves without logging in (OpenSSH 9.8, fail2ban) looks the same: so only when asked.
--from-instance has `vivarium-agent probe` run on the instance as root (ssm:SendCommand, with
AWS-RunShellScript): it looks and changes nothing there, and meanwhile this machine knocks on the
port once a second.
";

/// Finds out why an instance or its database cannot be reached, which rule decides it, and what to type.
#[derive(Debug, Parser)]
#[command(name = "vivarium-check", version, max_term_width = 100)]
pub struct Cli {
    /// What to look at; without it, all that the settings name.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to look and what to leave behind.
    #[command(flatten)]
    pub options: Options,
}

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Why ssh does not get in: the wire, the server, the network's configuration.
    Ssh(Ssh),
    /// Why the database does not answer: name, TCP, TLS, login, `SELECT NOW()`.
    Postgres(Postgres),
    /// Whether the configuration lets a connection through, there and back; no packet is sent.
    Path(Path),
    /// What instances reported to Systems Manager, as a table, and what is not known of them.
    Status(Status),
    /// Say again what was found, from a folder that --save has written.
    Replay {
        /// The folder.
        folder: PathBuf,
    },
    /// Undo what --apply has changed: the last time that is not undone yet, or the one named.
    Undo {
        /// Its name, as --list and --apply print it.
        name: Option<String>,
        /// Only list what was changed, and what of it stands.
        #[arg(long)]
        list: bool,
    },
    /// Check the settings, or print all there are.
    Settings {
        /// Print a complete commented sample.
        #[arg(long)]
        sample: bool,
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

/// Options of `ssh`.
#[derive(Debug, Args)]
pub struct Ssh {
    /// [USER@]TARGET: an instance id, a Name tag, a host of ~/.ssh/config, a host name or an address.
    pub target: String,
    /// The user to log in as.
    #[arg(long, short = 'l')]
    pub user: Option<String>,
    /// The port [default: that of ~/.ssh/config, or 22].
    #[arg(long, short)]
    pub port: Option<u16>,
    /// The key to log in with; only its public half is read.
    #[arg(long, short, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// Ask which user and which of your public keys would be let in. The server logs it: see below.
    #[arg(long)]
    pub users: bool,
    /// From which of this machine's ports.
    #[command(flatten)]
    pub sample: Sample,
}

/// Options of `postgres`.
#[derive(Debug, Args)]
pub struct Postgres {
    /// An RDS identifier, a host name, an address, a `postgres://` URL, or `service=NAME` of `pg_service.conf`.
    pub target: String,
    /// The role [default: of the URL, PGUSER, or the service file].
    #[arg(long, short = 'U')]
    pub user: Option<String>,
    /// The port [default: the endpoint's, or 5432].
    #[arg(long, short)]
    pub port: Option<u16>,
    /// The database [default: of the URL, PGDATABASE, or the role's name].
    #[arg(long, short)]
    pub dbname: Option<String>,
    /// From which of this machine's ports.
    #[command(flatten)]
    pub sample: Sample,
}

/// Options of both that send probes.
#[derive(Debug, Clone, Copy, Args)]
pub struct Sample {
    /// Connect from N of this machine's ports too, to find which of them get no answer [default: 12; at most 64].
    #[arg(
        long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "12",
        value_parser = clap::value_parser!(u16).range(2..=64)
    )]
    pub sample_ports: Option<u16>,
}

/// Options of `path`.
#[derive(Debug, Args)]
pub struct Path {
    /// Who connects: i-…, eni-…, igw-…, an address or block, a Name tag, an RDS identifier, or `internet`.
    #[arg(long, value_name = "WHO")]
    pub from: String,
    /// To whom, in the same words.
    #[arg(long, value_name = "WHOM")]
    pub to: String,
    /// To which port.
    #[arg(long)]
    pub port: u16,
    /// By which protocol: tcp, udp, icmp, icmpv6, or a number.
    #[arg(long, default_value = "tcp", value_parser = protocol)]
    pub protocol: Protocol,
    /// From which ports, such as 32768-60999 or 1024,2048-4096 [default: those that the source can use].
    #[arg(long, value_name = "PORTS", value_parser = ports)]
    pub source_ports: Option<PortSet>,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Instance ids or Name tags.
    #[arg(value_name = "TARGET", required_unless_present = "fleet", conflicts_with = "fleet")]
    pub targets: Vec<String>,
    /// All instances with this tag: `Key=Value`, or `Key` for any value.
    #[arg(long, value_name = "TAG", value_parser = tag)]
    pub fleet: Option<Whom>,
}

/// How to look and what to leave behind.
#[derive(Debug, Args)]
pub struct Options {
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Succeed (0) only if the answer is this one, and say so in a line; for CI.
    #[arg(
        long, global = true, value_name = "VERDICT", value_enum, num_args = 0..=1, require_equals = true,
        default_missing_value = "reachable"
    )]
    pub assert: Option<Assertion>,
    /// Read the network from this folder of describe-* JSON, as the AWS CLI prints it, instead of from AWS.
    #[arg(long, global = true, value_name = "DIR")]
    pub network: Option<PathBuf>,
    /// The AWS profile to ask with [default: as the AWS CLI has it].
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// The Region to ask about [default: as the AWS CLI has it].
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// One endpoint for all of AWS's services [default: as the AWS CLI has it].
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Send probes only; ask AWS nothing.
    #[arg(long, global = true)]
    pub no_aws: bool,
    /// Make the changes that were found to open the way: each is shown with its undo, asked about, kept on disk, made
    /// and probed again.
    #[arg(long, global = true)]
    pub apply: bool,
    /// Do not ask before a change: for scripts.
    #[arg(long, global = true)]
    pub yes: bool,
    /// Ask neither checkip.amazonaws.com which address this machine is seen with, nor known hosts to compare.
    #[arg(long, global = true)]
    pub no_checkip: bool,
    /// Ask the instance itself too, over SSM Run Command: WHICH is an id or a Name tag [default: the target].
    #[arg(
        long, global = true, value_name = "WHICH", num_args = 0..=1, require_equals = true,
        default_missing_value = "", conflicts_with = "no_aws"
    )]
    pub from_instance: Option<String>,
    /// Write a page for people, with the way drawn: one file that loads nothing from elsewhere.
    #[arg(long, global = true, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Keep what was seen and read in this folder, without account ids and secrets, for `replay` and for others.
    #[arg(long, global = true, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// Neither keep what worked, nor tell what changed since: see ~/.local/state/vivarium.
    #[arg(long, global = true)]
    pub no_history: bool,
    /// The settings file [default: ~/.config/vivarium/check.toml].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log what is asked, too.
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// What `--assert` wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Assertion {
    /// All of it gets there and back.
    Reachable,
    /// Nothing of it does.
    NotReachable,
}

impl Assertion {
    /// As it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::NotReachable => "not-reachable",
        }
    }
}

/// The command line with its examples and exit codes, as help shows it.
pub fn command() -> clap::Command {
    Cli::command().after_help(format!("{EXAMPLES}\n{POLITE}\nExit codes:\n{}", exit::table()))
}

fn protocol(word: &str) -> Result<Protocol, String> {
    Protocol::parse(word).ok_or_else(|| "tcp, udp, icmp, icmpv6 or a number up to 255".to_owned())
}

fn tag(text: &str) -> Result<Whom, String> {
    match Whom::tagged(text) {
        Whom::Tagged(key, _) if key.is_empty() => Err("a tag is Key=Value, or Key".to_owned()),
        whom => Ok(whom),
    }
}

fn ports(text: &str) -> Result<PortSet, String> {
    text.split(',').map(range).collect::<Result<Vec<_>, _>>().map(PortSet::from_ranges)
}

fn range(part: &str) -> Result<(u16, u16), String> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok((first, last)),
        (Ok(_), Ok(_)) => Err(format!("`{part}` ends before it begins")),
        _ => Err(format!("`{part}` is no port or range of ports")),
    }
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
        let examples: Vec<&str> = EXAMPLES.lines().skip(1).map(str::trim).collect();
        for line in &examples {
            let words = line.split("  ").next().expect("there is a first part");
            Cli::try_parse_from(words.split_whitespace()).expect(line);
        }
        assert!(examples.len() > 5);
    }

    #[test]
    fn source_ports_are_numbers_and_ranges_in_any_order() {
        let wanted = PortSet::from_ranges([(80, 80), (1024, 2047)]);
        assert_eq!(ports("1024-2000, 2001-2047,80"), Ok(wanted));
        for wrong in ["", "x", "1-", "9-1", "65536", "1,,2"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
