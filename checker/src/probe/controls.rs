//! Controls: what should fail and what should work whatever the target does. They show a network that answers for
//! others, one that lets nothing out, and one that closes port 22.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

use super::clock::Watch;
use super::dns;
use super::observation::{Asked, Observation, Outcome};
use super::tcp;
use super::together::together;

/// A port on which hardly anyone listens: discard.
pub const SELDOM_OPEN: u16 = 9;

/// Where to look for controls. Nobody is asked who is not named here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Controls {
    /// A port of the target that should be closed.
    pub closed: Option<SocketAddr>,
    /// A host and port that should answer from anywhere, such as an AWS endpoint on 443.
    pub web: Option<(String, u16)>,
    /// A host that should answer on 22 from anywhere.
    pub ssh: Option<(String, u16)>,
}

/// What the controls came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Controlled {
    /// At the closed port.
    pub closed: Option<Observation>,
    /// At the known host: its name, if it has none; otherwise its port, at each address until one connects.
    pub web: Vec<Observation>,
    /// The same on 22.
    pub ssh: Vec<Observation>,
}

/// Asks all of them at once. What is silent is given up when `enough` says so: a wall that answers for a target does so
/// as fast as it, and where the target has spoken nobody wonders whether anything can be reached at all.
pub async fn control(
    controls: &Controls,
    deadline: Duration,
    enough: impl Future<Output = ()>,
) -> Controlled {
    let enough = enough.shared();
    let closed = async {
        match controls.closed {
            Some(address) => Some(closed(address, deadline, enough.clone()).await),
            None => None,
        }
    };
    let known = [&controls.web, &controls.ssh].map(|host| known(host.as_ref(), deadline));
    let known = together(
        2,
        known.map(|known| async {
            tokio::select! {
                seen = known => seen,
                () = enough.clone() => Vec::new(),
            }
        }),
    );
    let (closed, mut known) = tokio::join!(closed, known);
    let ssh = known.pop().unwrap_or_default();
    Controlled { closed, web: known.pop().unwrap_or_default(), ssh }
}

async fn closed(address: SocketAddr, deadline: Duration, enough: impl Future<Output = ()>) -> Observation {
    let watch = Watch::start();
    tokio::select! {
        seen = tcp::attempt(address, deadline) => seen,
        () = enough => Observation::of(Asked::Port, address, &watch, Outcome::TimedOut),
    }
}

async fn known(host: Option<&(String, u16)>, deadline: Duration) -> Vec<Observation> {
    let Some((name, port)) = host else { return Vec::new() };
    let name = dns::ask_for(name, deadline).await;
    let Outcome::Resolved { addresses } = &name.outcome else { return vec![name] };
    let mut seen = Vec::new();
    for address in addresses {
        let attempt = tcp::attempt(SocketAddr::new(*address, *port), deadline).await;
        let done = attempt.connected();
        seen.push(attempt);
        if done {
            break;
        }
    }
    seen
}

impl Controlled {
    /// What was asked, in the order in which it is told.
    pub fn all(&self) -> impl Iterator<Item = &Observation> {
        self.closed.iter().chain(&self.web).chain(&self.ssh)
    }

    /// Whether a port that should be closed opened: something answers for the target.
    pub fn closed_port_opened(&self) -> Option<bool> {
        self.closed.as_ref().map(Observation::connected)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::net::TcpListener;

    use super::*;

    const SECONDS: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn nobody_is_asked_who_is_not_named() {
        assert_eq!(control(&Controls::default(), SECONDS, pending()).await, Controlled::default());
    }

    #[tokio::test]
    async fn each_control_is_told_of_in_its_place() {
        let open = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = open.local_addr().expect("its address").port();
        let controls = Controls {
            closed: Some(SocketAddr::new("127.0.0.3".parse().expect("an address"), port)),
            web: Some(("127.0.0.1".to_owned(), port)),
            ssh: Some(("127.0.0.2".to_owned(), port)),
        };
        let seen = control(&controls, SECONDS, pending()).await;
        let outcomes: Vec<_> = seen.all().map(|one| one.outcome.clone()).collect();
        assert_eq!(outcomes, [Outcome::Refused, Outcome::Connected, Outcome::Refused]);
        assert_eq!(seen.closed_port_opened(), Some(false));
        assert!(seen.all().all(|one| one.asked == Asked::Port));
    }
}
