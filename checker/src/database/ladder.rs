//! Name, TCP, TLS, authentication, `SELECT NOW()`: climbed one by one, to the first rung that breaks.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::question::{self, Answer};
use super::roots::Roots;
use super::session::{self, Session};
use super::tls;
use super::verdict::{DatabaseFailure, Rung};
use crate::probe::dns::{self, NameOutcome};
use crate::probe::postgres::{self, TlsAnswer};
use crate::probe::tcp::{self, TcpObservation, TcpOutcome};

/// Which database, as whom, and how long each rung may take.
#[derive(Debug, Clone)]
pub struct Target {
    /// A name, or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database on the server.
    pub database: String,
    /// The role.
    pub user: String,
    /// Its password, or an IAM token.
    pub password: Password,
    /// How much is believed of the server.
    pub tls: TlsMode,
    /// Certificates to believe in place of Amazon's.
    pub sslrootcert: Option<PathBuf>,
    /// How long each rung may take, and each address of the name.
    pub deadline: Duration,
}

/// A password shorter than that is not looked for in texts.
const SHORTEST: usize = 4;

/// A password, which is never shown.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Takes it in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A text without it, wherever it stands. A short one would be found in every word, so it is left.
    pub fn taken_out_of(&self, text: &str) -> String {
        if self.0.len() < SHORTEST { text.to_owned() } else { text.replace(&self.0, "[removed]") }
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(password)")
    }
}

/// How much is believed of the server, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Its authority and its name.
    #[default]
    VerifyFull,
    /// Its authority.
    VerifyCa,
    /// That it speaks TLS.
    Require,
    /// Nothing; plain text.
    Disable,
}

impl TlsMode {
    /// The word that libpq's `sslmode` takes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerifyFull => "verify-full",
            Self::VerifyCa => "verify-ca",
            Self::Require => "require",
            Self::Disable => "disable",
        }
    }
}

/// The database answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// What it said.
    pub answer: Answer,
    /// The address that answered.
    pub address: SocketAddr,
    /// Each rung.
    pub rungs: Vec<Climbed>,
}

/// A rung that held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Climbed {
    /// Which.
    pub rung: Rung,
    /// What was seen there.
    pub seen: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// The rung that did not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Which.
    pub rung: Rung,
    /// Why, by name.
    pub failure: DatabaseFailure,
    /// The words of whoever refused, addresses and times; never a secret.
    pub detail: String,
    /// The rungs that held before.
    pub climbed: Vec<Climbed>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rung, self.failure)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl std::error::Error for Broken {}

/// Why a rung broke, before it is known what held below it.
pub(super) type Fault = (DatabaseFailure, String);

/// Climbs to the top, or says where it broke.
pub async fn climb(target: &Target) -> Result<Proof, Broken> {
    let mut ladder = Ladder { climbed: Vec::new() };
    let addresses = ladder
        .rung(Rung::Name, name(target), |found| NameOutcome::Addresses(found.clone()).to_string())
        .await?;
    let (address, stream) =
        ladder.rung(Rung::Tcp, port(target, addresses), |(address, _)| address.to_string()).await?;
    let private = ladder.rung(Rung::Tls, privacy(target, stream), |_| target.tls.as_str().to_owned()).await?;
    let session = ladder
        .rung(Rung::Authentication, session::begin(target, private), |_| format!("as {}", target.user))
        .await?;
    let answer = ladder
        .rung(Rung::Question, question::ask(session, target.deadline), |answer| answer.now.clone())
        .await?;
    Ok(Proof { answer, address, rungs: ladder.climbed })
}

struct Ladder {
    climbed: Vec<Climbed>,
}

impl Ladder {
    async fn rung<T>(
        &mut self,
        rung: Rung,
        attempt: impl Future<Output = Result<T, Fault>>,
        seen: impl FnOnce(&T) -> String,
    ) -> Result<T, Broken> {
        let began = Instant::now();
        match attempt.await {
            Ok(reached) => {
                self.climbed.push(Climbed { rung, seen: seen(&reached), elapsed: began.elapsed() });
                Ok(reached)
            }
            Err((failure, detail)) => {
                Err(Broken { rung, failure, detail, climbed: std::mem::take(&mut self.climbed) })
            }
        }
    }
}

async fn name(target: &Target) -> Result<Vec<IpAddr>, Fault> {
    if let Some(why) = malformed(&target.host) {
        return Err((DatabaseFailure::MalformedHost, format!("{:?} {why}", target.host)));
    }
    let seen = dns::resolve(&target.host, target.deadline).await;
    let failure = match seen.outcome {
        NameOutcome::Addresses(addresses) => return Ok(addresses),
        NameOutcome::NoSuchName => DatabaseFailure::NoSuchName,
        NameOutcome::NoAddress => DatabaseFailure::NoAddress,
        NameOutcome::ServerFailed(_) => DatabaseFailure::NameServerFailed,
        NameOutcome::TimedOut => DatabaseFailure::NameTimedOut,
        NameOutcome::NoNameServer => DatabaseFailure::NoNameServer,
        NameOutcome::Malformed(_) => DatabaseFailure::MalformedHost,
    };
    Err((failure, format!("{}: {} after {} ms", target.host, seen.outcome, seen.elapsed.as_millis())))
}

/// What people paste into a host that is not one.
fn malformed(host: &str) -> Option<&'static str> {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    match host {
        "" => Some("is empty"),
        _ if host.contains("://") => Some("begins with a scheme"),
        _ if host.contains('/') => Some("has a path"),
        _ if host.contains(char::is_whitespace) => Some("has a space in it"),
        _ if host.contains(':') && !address => Some("has a port in it"),
        _ => None,
    }
}

/// The first address that answers. All are tried, and all are told of if none does.
async fn port(target: &Target, addresses: Vec<IpAddr>) -> Result<(SocketAddr, TcpStream), Fault> {
    let mut seen = Vec::new();
    for address in addresses {
        match tcp::connect(SocketAddr::new(address, target.port), target.deadline).await {
            (observation, Some(stream)) => return Ok((observation.address, stream)),
            (observation, None) => seen.push(observation),
        }
    }
    Err(no_port(&seen))
}

fn no_port(seen: &[TcpObservation]) -> Fault {
    let failures = seen.iter().map(|observation| match observation.outcome {
        TcpOutcome::Refused => DatabaseFailure::Refused,
        TcpOutcome::Reset => DatabaseFailure::Reset,
        TcpOutcome::TimedOut => DatabaseFailure::TimedOut,
        TcpOutcome::HostUnreachable => DatabaseFailure::HostUnreachable,
        TcpOutcome::Prohibited => DatabaseFailure::Prohibited,
        TcpOutcome::NetworkUnreachable => DatabaseFailure::NetworkUnreachable,
        TcpOutcome::Connected | TcpOutcome::Other(_) => DatabaseFailure::Other,
    });
    let each: Vec<String> = seen.iter().map(ToString::to_string).collect();
    (failures.min_by_key(|failure| distance(*failure)).unwrap_or(DatabaseFailure::NoAddress), each.join("; "))
}

/// Of several addresses, the one that came nearest to an answer says most; a missing route of this
/// host's own, as for version 6, says least.
fn distance(failure: DatabaseFailure) -> u8 {
    match failure {
        DatabaseFailure::Refused => 0,
        DatabaseFailure::Reset => 1,
        DatabaseFailure::TimedOut => 2,
        DatabaseFailure::HostUnreachable => 3,
        DatabaseFailure::Prohibited => 4,
        _ => 5,
    }
}

async fn privacy(target: &Target, mut stream: TcpStream) -> Result<Session, Fault> {
    if target.tls == TlsMode::Disable {
        return Ok(Session::Plain(stream));
    }
    let roots = target.sslrootcert.as_deref().map_or(Roots::Rds, Roots::File);
    let client = tls::client(target.tls, roots).map_err(|why| (DatabaseFailure::RootsUnreadable, why))?;
    willing(postgres::ask_for_tls(&mut stream, target.deadline).await)?;
    session::encrypt(client, &target.host, stream, target.deadline).await
}

fn willing(answer: TlsAnswer) -> Result<(), Fault> {
    match answer {
        TlsAnswer::Willing => Ok(()),
        TlsAnswer::Unwilling => Err((DatabaseFailure::NoTls, "it answered N".to_owned())),
        TlsAnswer::Error(words) => Err((super::server::refused(None, &words), words)),
        TlsAnswer::NotPostgres(why) => Err((DatabaseFailure::NotPostgres, why)),
        TlsAnswer::Closed => Err((DatabaseFailure::ClosedEarly, "when asked for TLS".to_owned())),
        TlsAnswer::Silent => Err((DatabaseFailure::Silent, "when asked for TLS".to_owned())),
        TlsAnswer::Broken(why) => Err((DatabaseFailure::ClosedEarly, why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_paste_is_told_from_a_name() {
        for (host, wanted) in [
            ("mydb.abc123.eu-west-1.rds.amazonaws.com", None),
            ("fd00::1", None),
            ("[fd00::1]", None),
            ("", Some("is empty")),
            ("mydb.example:5432", Some("has a port in it")),
            ("https://mydb.example", Some("begins with a scheme")),
            ("mydb.example/app", Some("has a path")),
            ("mydb.example ", Some("has a space in it")),
        ] {
            assert_eq!(malformed(host), wanted, "{host}");
        }
    }

    #[test]
    fn of_several_addresses_the_nearest_to_an_answer_is_the_verdict() {
        let seen = |address: &str, outcome| TcpObservation {
            address: address.parse().expect("an address"),
            outcome,
            elapsed: Duration::from_millis(7),
        };
        let both = [
            seen("10.0.2.20:5432", TcpOutcome::TimedOut),
            seen("[fd00::1]:5432", TcpOutcome::NetworkUnreachable),
        ];
        let (failure, detail) = no_port(&both);
        assert_eq!(failure, DatabaseFailure::TimedOut);
        let wanted =
            "10.0.2.20:5432: no answer after 7 ms; [fd00::1]:5432: network is unreachable after 7 ms";
        assert_eq!(detail, wanted);
    }

    #[test]
    fn a_password_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Password::new("s3cret")), "(password)");
    }
}
