//! What every probe returns: what was asked of which address, when, and what happened. Never what it means.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::Watch;
use super::dns::{AddressClass, NameOutcome};
use super::postgres::startup::PostgresWords;
use super::ssh::words::SshWords;
use super::tcp::TcpOutcome;

/// One attempt at one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// What was asked.
    pub asked: Asked,
    /// Of which address; of none where a name was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// From which address and port of this side, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<SocketAddr>,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    #[serde(rename = "elapsed_us", with = "microseconds")]
    pub elapsed: Duration,
    /// What happened.
    pub outcome: Outcome,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// The addresses of a name.
    Name {
        /// The name.
        name: String,
    },
    /// The same, of one name server, whatever this host is set up to ask.
    NameOf {
        /// The name.
        name: String,
        /// The name server.
        server: IpAddr,
    },
    /// Whether a port answers.
    Port,
    /// Whether a port answers to one source port.
    PortFrom {
        /// The port of this side, before any translation on the way.
        local_port: u16,
    },
    /// The identification, the host key and, where a user is known, the methods of an SSH server.
    Ssh {
        /// In whose name the methods were asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    },
    /// Whether an SSH server would take these public keys from this user. Nothing is signed.
    SshKeys {
        /// The user.
        user: String,
    },
    /// Whether a PostgreSQL server speaks TLS.
    PostgresTls,
    /// What a PostgreSQL server asks of this user, in plain text and without a password.
    PostgresLogin {
        /// The user, who need not exist.
        user: String,
    },
}

/// What happened. Each class of errno is kept apart to the last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The name has these addresses.
    Resolved {
        /// All of them, version 4 first.
        addresses: Vec<IpAddr>,
    },
    /// The name has none that could be found.
    Unresolved {
        /// Why.
        why: Unresolved,
    },
    /// Both sides agreed; more was not asked.
    Connected,
    /// A reset answered, or an ICMP port-unreachable: `ECONNREFUSED`.
    Refused,
    /// Nobody said anything in time.
    TimedOut,
    /// A firewall or a router says that there is no way to the host: `EHOSTUNREACH`.
    HostUnreachable,
    /// A router says that there is no way to the network, or this side has none: `ENETUNREACH`.
    NetworkUnreachable,
    /// This side's own rules forbid it: `EACCES` or `EPERM`; in version 6 a far firewall that says so looks the same.
    Prohibited,
    /// The connection was reset before a word was said: `ECONNRESET`.
    Reset,
    /// Another errno.
    Errno {
        /// Its number on this system.
        number: i32,
    },
    /// It was not tried: the local port was taken, or the address is not this host's.
    NotTried {
        /// Why not.
        why: String,
    },
    /// The other side connected and closed without a word.
    ClosedBeforeBanner,
    /// The other side connected and said nothing in time.
    Silent,
    /// The other side spoke.
    Spoke(Words),
}

/// What the other side said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// SSH.
    Ssh(Box<SshWords>),
    /// PostgreSQL.
    Postgres(PostgresWords),
    /// Something that was not asked for.
    Unfamiliar {
        /// The first bytes, made printable.
        beginning: String,
        /// Who speaks like that, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        who: Option<String>,
    },
}

/// Why a name has no address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unresolved {
    /// NXDOMAIN.
    NoSuchName,
    /// The name exists without an address.
    NoAddress,
    /// The name server failed or refused, in its own word.
    ServerFailed(String),
    /// No name server answered in time.
    TimedOut,
    /// This host knows no name server.
    NoNameServer,
    /// No name can look like this.
    Malformed(String),
}

impl Observation {
    /// What a watch shows, of an attempt at an address.
    pub fn of(asked: Asked, address: SocketAddr, watch: &Watch, outcome: Outcome) -> Self {
        let (at, elapsed) = (watch.at(), watch.elapsed());
        Self { asked, address: Some(address), from: None, at, elapsed, outcome }
    }

    /// The same, from a known address of this side.
    #[must_use]
    pub fn from(mut self, from: Option<SocketAddr>) -> Self {
        self.from = from;
        self
    }

    /// Whether packets went there and back.
    pub fn connected(&self) -> bool {
        // A reset in answer to the first packet reads "refused"; one that reads "reset" came later.
        let outcome = &self.outcome;
        matches!(outcome, Outcome::Connected | Outcome::ClosedBeforeBanner | Outcome::Silent | Outcome::Reset)
            || matches!(outcome, Outcome::Spoke(_))
    }

    /// What an SSH server said.
    pub fn ssh(&self) -> Option<&SshWords> {
        match &self.outcome {
            Outcome::Spoke(Words::Ssh(words)) => Some(words),
            _ => None,
        }
    }

    /// What a PostgreSQL server said.
    pub fn postgres(&self) -> Option<&PostgresWords> {
        match &self.outcome {
            Outcome::Spoke(Words::Postgres(words)) => Some(words),
            _ => None,
        }
    }
}

impl From<TcpOutcome> for Outcome {
    fn from(outcome: TcpOutcome) -> Self {
        match outcome {
            TcpOutcome::Connected => Self::Connected,
            TcpOutcome::Refused => Self::Refused,
            TcpOutcome::TimedOut => Self::TimedOut,
            TcpOutcome::Reset => Self::Reset,
            TcpOutcome::NetworkUnreachable => Self::NetworkUnreachable,
            TcpOutcome::HostUnreachable => Self::HostUnreachable,
            TcpOutcome::Prohibited => Self::Prohibited,
            TcpOutcome::Other(number) => Self::Errno { number },
        }
    }
}

impl From<NameOutcome> for Outcome {
    fn from(outcome: NameOutcome) -> Self {
        let why = match outcome {
            NameOutcome::Addresses(addresses) => return Self::Resolved { addresses },
            NameOutcome::NoSuchName => Unresolved::NoSuchName,
            NameOutcome::NoAddress => Unresolved::NoAddress,
            NameOutcome::ServerFailed(word) => Unresolved::ServerFailed(word),
            NameOutcome::TimedOut => Unresolved::TimedOut,
            NameOutcome::NoNameServer => Unresolved::NoNameServer,
            NameOutcome::Malformed(why) => Unresolved::Malformed(why),
        };
        Self::Unresolved { why }
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchName => f.write_str("no such name (NXDOMAIN)"),
            Self::NoAddress => f.write_str("the name has no address"),
            Self::ServerFailed(word) => write!(f, "the name server failed ({word})"),
            Self::TimedOut => f.write_str("no name server answered"),
            Self::NoNameServer => f.write_str("this host knows no name server"),
            Self::Malformed(why) => write!(f, "not a name: {why}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolved { addresses } => f.write_str(&with_classes(addresses)),
            Self::Unresolved { why } => why.fmt(f),
            Self::Connected => f.write_str("connected"),
            Self::Refused => f.write_str("connection refused"),
            Self::TimedOut => f.write_str("no answer"),
            Self::HostUnreachable => f.write_str("no route to host"),
            Self::NetworkUnreachable => f.write_str("network is unreachable"),
            Self::Prohibited => f.write_str("forbidden by a firewall"),
            Self::Reset => f.write_str("connection reset"),
            Self::Errno { number } => write!(f, "errno {number}"),
            Self::NotTried { why } => write!(f, "not tried: {why}"),
            Self::ClosedBeforeBanner => f.write_str("connected, then closed without a word"),
            Self::Silent => f.write_str("connected, then silence"),
            Self::Spoke(words) => words.fmt(f),
        }
    }
}

fn with_classes(addresses: &[IpAddr]) -> String {
    let each = addresses.iter().map(|address| format!("{address} ({})", AddressClass::of(*address).as_str()));
    each.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ssh(words) => words.fmt(f),
            Self::Postgres(words) => words.fmt(f),
            Self::Unfamiliar { beginning, who: None } => {
                write!(f, "something else, beginning with \"{beginning}\"")
            }
            Self::Unfamiliar { beginning, who: Some(who) } => {
                write!(f, "{who}, beginning with \"{beginning}\"")
            }
        }
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.asked, self.address) {
            (Asked::Name { name }, _) => write!(f, "dns {name}: ")?,
            (Asked::NameOf { name, server }, _) => write!(f, "dns {name} of {server}: ")?,
            (Asked::PortFrom { local_port }, Some(address)) => {
                write!(f, "tcp {address} from port {local_port}: ")?;
            }
            (Asked::Port, Some(address)) => write!(f, "tcp {address}: ")?,
            (Asked::Ssh { .. } | Asked::SshKeys { .. }, Some(address)) => write!(f, "ssh {address}: ")?,
            (_, Some(address)) => write!(f, "postgres {address}: ")?,
            (_, None) => {}
        }
        write!(f, "{} after {} ms", self.outcome, self.elapsed.as_millis())
    }
}

mod microseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> SocketAddr {
        "203.0.113.9:22".parse().expect("an address")
    }

    #[test]
    fn what_is_saved_is_read_back_the_same() {
        let outcomes = [
            Outcome::Unresolved { why: Unresolved::ServerFailed("SERVFAIL".to_owned()) },
            Outcome::Refused,
            Outcome::Errno { number: 99 },
            Outcome::NotTried { why: "taken".to_owned() },
            Outcome::Spoke(Words::Unfamiliar { beginning: "+OK".to_owned(), who: None }),
            Outcome::Spoke(Words::Ssh(Box::new(SshWords::identified("SSH-2.0-x")))),
            Outcome::Spoke(Words::Postgres(PostgresWords::TlsWilling)),
        ];
        for outcome in outcomes {
            let watch = Watch::start();
            let seen = Observation::of(Asked::PortFrom { local_port: 1024 }, address(), &watch, outcome);
            let saved = serde_json::to_string(&seen).expect("written");
            assert_eq!(serde_json::from_str::<Observation>(&saved).expect(&saved), seen, "{saved}");
        }
    }

    #[test]
    fn the_saved_form_names_things_as_the_documents_do() {
        let seen = Observation {
            asked: Asked::Port,
            address: Some(address()),
            from: None,
            at: "2026-11-23T15:00:00Z".parse().expect("a time"),
            elapsed: Duration::from_micros(1500),
            outcome: Outcome::TimedOut,
        };
        let wanted = r#"{"asked":"port","address":"203.0.113.9:22","at":"2026-11-23T15:00:00Z","elapsed_us":1500,"outcome":"timed_out"}"#;
        assert_eq!(serde_json::to_string(&seen).expect("written"), wanted);
        assert_eq!(seen.to_string(), "tcp 203.0.113.9:22: no answer after 1 ms");
    }
}
