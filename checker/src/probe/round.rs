//! One round of all probes at one host: they take hardly longer than the slowest of them, and ask each port no more often
//! than they must.

use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use russh::keys::{Algorithm, PublicKey};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::controls::{Controlled, Controls, SELDOM_OPEN, control};
use super::observation::{Observation, Outcome};
use super::source_ports::{EPHEMERAL, sample};
use super::together::together;
use super::{dns, postgres, ssh, tcp};

/// A name seldom has more addresses that matter.
const MOST_ADDRESSES: usize = 4;

/// What an answer may take at least, however fast another one was.
const MOMENT: Duration = Duration::from_millis(200);

/// What to ask.
#[derive(Debug, Clone)]
pub struct Inquiry {
    /// A name or an address.
    pub host: String,
    /// The SSH server on it, if that is asked about.
    pub ssh: Option<SshInquiry>,
    /// The PostgreSQL server on it, if that is asked about.
    pub postgres: Option<PostgresInquiry>,
    /// Known hosts to compare with. The closed port of the target is filled in, if it is left open.
    pub controls: Controls,
    /// From how many of this side's ports to connect; 0 unless asked for.
    pub source_ports: usize,
    /// How long each step may take.
    pub deadline: Duration,
}

/// What to ask an SSH server.
#[derive(Debug, Clone)]
pub struct SshInquiry {
    /// Its port.
    pub port: u16,
    /// In whose name to ask for the ways in.
    pub user: Option<String>,
    /// Kinds of host key already known for it.
    pub prefer: Vec<Algorithm>,
    /// Whether some users would be let in with some keys; empty unless asked for.
    pub users: Vec<String>,
    /// Which keys.
    pub keys: Vec<PublicKey>,
}

/// What to ask a PostgreSQL server.
#[derive(Debug, Clone)]
pub struct PostgresInquiry {
    /// Its port.
    pub port: u16,
    /// The role to begin a session as, without its password: [`postgres::startup::NOBODY`] if none is known.
    pub user: String,
    /// The database.
    pub database: String,
}

/// What was seen. It is saved and read back as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Of the name.
    pub name: Observation,
    /// Of the controls.
    pub controls: Controlled,
    /// At the SSH port, address by address.
    pub ssh: Vec<Observation>,
    /// Of users and keys.
    pub keys: Vec<Observation>,
    /// At the PostgreSQL port, address by address.
    pub postgres: Vec<Observation>,
    /// From several of this side's ports.
    pub source_ports: Vec<Observation>,
}

impl Round {
    /// All observations, in the order in which they are told.
    pub fn all(&self) -> impl Iterator<Item = &Observation> {
        let target = [&self.ssh, &self.keys, &self.postgres, &self.source_ports].into_iter().flatten();
        std::iter::once(&self.name).chain(self.controls.all()).chain(target)
    }
}

/// Asks everything.
pub async fn probe(inquiry: &Inquiry) -> Round {
    let name = dns::ask_for(&inquiry.host, inquiry.deadline).await;
    let addresses = match &name.outcome {
        Outcome::Resolved { addresses } => &addresses[..addresses.len().min(MOST_ADDRESSES)],
        _ => &[],
    };
    let controls = controls(inquiry, addresses);
    let (over, heard) = oneshot::channel();
    let target = async {
        let ((ssh, keys), postgres) =
            tokio::join!(at_ssh(inquiry, addresses), at_postgres(inquiry, addresses));
        // Who listens no more has heard enough.
        let _ = over.send(patience(ssh.iter().chain(&postgres)));
        (ssh, keys, postgres)
    };
    let enough = async {
        match heard.await {
            Ok(Some(patience)) => tokio::time::sleep(patience).await,
            _ => pending().await,
        }
    };
    let (controls, (ssh, keys, postgres)) =
        tokio::join!(control(&controls, inquiry.deadline, enough), target);
    let source_ports = from_many_ports(inquiry, addresses).await;
    Round { name, controls, ssh, keys, postgres, source_ports }
}

/// How much longer the controls may be silent once the target has spoken; for ever where it has not. They were asked
/// together with it, and it has said more than they have to.
fn patience<'o>(mut seen: impl Iterator<Item = &'o Observation>) -> Option<Duration> {
    seen.find(|one| one.connected()).map(|one| MOMENT.saturating_sub(one.elapsed))
}

fn controls(inquiry: &Inquiry, addresses: &[IpAddr]) -> Controls {
    let closed = addresses.first().map(|address| SocketAddr::new(*address, SELDOM_OPEN));
    Controls { closed: inquiry.controls.closed.or(closed), ..inquiry.controls.clone() }
}

async fn at_ssh(inquiry: &Inquiry, addresses: &[IpAddr]) -> (Vec<Observation>, Vec<Observation>) {
    let Some(ssh) = &inquiry.ssh else { return Default::default() };
    let each =
        addresses.iter().map(|address| one_ssh(SocketAddr::new(*address, ssh.port), ssh, inquiry.deadline));
    let seen: Vec<Observation> = together(MOST_ADDRESSES, each).await.into_iter().flatten().collect();
    let spoke = seen.iter().find(|one| one.ssh().is_some()).and_then(|one| one.address);
    let keys = match spoke.filter(|_| !ssh.users.is_empty() && !ssh.keys.is_empty()) {
        Some(address) => ssh::query_users(address, &ssh.users, &ssh.keys, inquiry.deadline).await,
        None => Vec::new(),
    };
    (seen, keys)
}

/// The conversation is the first attempt. Where it did not come to one, a second attempt tells bad luck from a wall.
async fn one_ssh(address: SocketAddr, ssh: &SshInquiry, deadline: Duration) -> Vec<Observation> {
    let first = ssh::ask(address, ssh.user.as_deref(), &ssh.prefer, deadline).await;
    if first.connected() {
        return vec![first];
    }
    vec![first, tcp::attempt(address, deadline).await]
}

async fn at_postgres(inquiry: &Inquiry, addresses: &[IpAddr]) -> Vec<Observation> {
    let Some(postgres) = &inquiry.postgres else { return Vec::new() };
    let each = addresses.iter().map(async |address| {
        let address = SocketAddr::new(*address, postgres.port);
        let tls = postgres::ask(address, inquiry.deadline);
        let login = postgres::startup::ask(address, &postgres.user, &postgres.database, inquiry.deadline);
        let (tls, login) = tokio::join!(tls, login);
        [tls, login]
    });
    together(MOST_ADDRESSES, each).await.into_iter().flatten().collect()
}

/// Not beside the others: a server counts how many connect at once.
async fn from_many_ports(inquiry: &Inquiry, addresses: &[IpAddr]) -> Vec<Observation> {
    let ssh = inquiry.ssh.as_ref().map(|ssh| ssh.port);
    let port = ssh.or(inquiry.postgres.as_ref().map(|postgres| postgres.port));
    match (addresses.first(), port) {
        (Some(address), Some(port)) if inquiry.source_ports > 0 => {
            sample(SocketAddr::new(*address, port), EPHEMERAL, inquiry.source_ports, inquiry.deadline).await
        }
        _ => Vec::new(),
    }
}

/// How often each address and port was connected to: for those who count, and for the tests.
pub fn connections(round: &Round) -> Vec<(SocketAddr, usize)> {
    let mut counted: Vec<(SocketAddr, usize)> = Vec::new();
    // A name has no address of its own.
    for address in round.all().filter_map(|one| one.address) {
        match counted.iter_mut().find(|(known, _)| *known == address) {
            Some((_, count)) => *count += 1,
            None => counted.push((address, 1)),
        }
    }
    counted
}
