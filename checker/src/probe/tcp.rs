//! Whether a port answers: each address by itself, more than once where asked.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use super::clock::Watch;
use super::observation::{Asked, Observation, Outcome};
use super::together::together;

/// What one attempt at one address came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpObservation {
    /// The address and port.
    pub address: SocketAddr,
    /// What happened.
    pub outcome: TcpOutcome,
    /// How long it took.
    pub elapsed: Duration,
}

/// What the kernel says of an attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpOutcome {
    /// Both sides agreed.
    Connected,
    /// Someone at that address sent a reset: `ECONNREFUSED`.
    Refused,
    /// Nobody said anything in time.
    TimedOut,
    /// The connection was reset while it was being made: `ECONNRESET`.
    Reset,
    /// No route to that network: `ENETUNREACH`. At 0 ms it is this side's.
    NetworkUnreachable,
    /// No way to that host, or a firewall that says so: `EHOSTUNREACH`.
    HostUnreachable,
    /// This side's own rules forbid it: `EACCES` or `EPERM`.
    Prohibited,
    /// Something else, with its errno.
    Other(i32),
}

impl fmt::Display for TcpOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Refused => f.write_str("connection refused"),
            Self::TimedOut => f.write_str("no answer"),
            Self::Reset => f.write_str("connection reset"),
            Self::NetworkUnreachable => f.write_str("network is unreachable"),
            Self::HostUnreachable => f.write_str("no route to host"),
            Self::Prohibited => f.write_str("forbidden by this host"),
            Self::Other(errno) => write!(f, "errno {errno}"),
        }
    }
}

impl fmt::Display for TcpObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} after {} ms", self.address, self.outcome, self.elapsed.as_millis())
    }
}

/// Tries one address, once.
pub async fn connect(address: SocketAddr, deadline: Duration) -> (TcpObservation, Option<TcpStream>) {
    let began = Instant::now();
    let (outcome, stream) = match timeout(deadline, dial(address)).await {
        Ok(Ok(stream)) => (TcpOutcome::Connected, Some(stream)),
        Ok(Err(error)) => (outcome(&error), None),
        Err(_) => (TcpOutcome::TimedOut, None),
    };
    (TcpObservation { address, outcome, elapsed: began.elapsed() }, stream)
}

/// Tries each address so many times, and tells of every attempt. The addresses are tried together, so that
/// a dead version 6 does not delay version 4; the attempts at one of them one after another.
pub async fn attempts(addresses: &[SocketAddr], times: usize, deadline: Duration) -> Vec<Observation> {
    let each = addresses.iter().map(|address| repeated(*address, times, deadline));
    together(addresses.len(), each).await.into_iter().flatten().collect()
}

async fn repeated(address: SocketAddr, times: usize, deadline: Duration) -> Vec<Observation> {
    let mut seen = Vec::new();
    for _ in 0..times {
        seen.push(attempt(address, deadline).await);
    }
    seen
}

/// Tries one address, once, and hangs up.
pub async fn attempt(address: SocketAddr, deadline: Duration) -> Observation {
    let watch = Watch::start();
    let (seen, stream) = connect(address, deadline).await;
    let from = stream.and_then(|stream| stream.local_addr().ok());
    Observation::of(Asked::Port, address, &watch, seen.outcome.into()).from(from)
}

/// Tries one address from one local port, once, and hangs up. A local port that is taken is not tried.
pub async fn attempt_from(local_port: u16, address: SocketAddr, deadline: Duration) -> Observation {
    let watch = Watch::start();
    let seen = |outcome| Observation::of(Asked::PortFrom { local_port }, address, &watch, outcome);
    let socket = match bound(local_port, address) {
        Ok(socket) => socket,
        Err(error) => return seen(Outcome::NotTried { why: error.to_string() }),
    };
    match timeout(deadline, socket.connect(address)).await {
        Ok(Ok(stream)) => seen(Outcome::Connected).from(stream.local_addr().ok()),
        // The port is in use towards this very address: by another program, or by an earlier attempt.
        Ok(Err(error)) if error.kind() == io::ErrorKind::AddrNotAvailable => {
            seen(Outcome::NotTried { why: error.to_string() })
        }
        Ok(Err(error)) => seen(outcome(&error).into()),
        Err(_) => seen(Outcome::TimedOut),
    }
}

fn bound(local_port: u16, towards: SocketAddr) -> io::Result<TcpSocket> {
    let (socket, any) = match towards {
        SocketAddr::V4(_) => (TcpSocket::new_v4()?, IpAddr::from(Ipv4Addr::UNSPECIFIED)),
        SocketAddr::V6(_) => (TcpSocket::new_v6()?, IpAddr::from(Ipv6Addr::UNSPECIFIED)),
    };
    // An earlier connection from the same port, to someone else, may still be closing.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(any, local_port))?;
    Ok(socket)
}

#[expect(clippy::disallowed_methods, reason = "this is the door to other hosts' ports")]
async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What an error of `connect` says.
pub fn outcome(error: &io::Error) -> TcpOutcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => TcpOutcome::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => TcpOutcome::Reset,
        io::ErrorKind::TimedOut => TcpOutcome::TimedOut,
        io::ErrorKind::NetworkUnreachable => TcpOutcome::NetworkUnreachable,
        io::ErrorKind::HostUnreachable => TcpOutcome::HostUnreachable,
        io::ErrorKind::PermissionDenied => TcpOutcome::Prohibited,
        _ => TcpOutcome::Other(error.raw_os_error().unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_errno_of_connect_has_its_own_outcome() {
        // The numbers are Linux's: ECONNREFUSED, ETIMEDOUT, ECONNRESET, ENETUNREACH, EHOSTUNREACH, EACCES, EPERM.
        let table = [
            (111, TcpOutcome::Refused),
            (110, TcpOutcome::TimedOut),
            (104, TcpOutcome::Reset),
            (101, TcpOutcome::NetworkUnreachable),
            (113, TcpOutcome::HostUnreachable),
            (13, TcpOutcome::Prohibited),
            (1, TcpOutcome::Prohibited),
            (22, TcpOutcome::Other(22)),
        ];
        for (errno, wanted) in table {
            assert_eq!(outcome(&io::Error::from_raw_os_error(errno)), wanted, "errno {errno}");
        }
    }

    #[tokio::test]
    async fn every_attempt_at_every_address_is_told_of() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let open = listener.local_addr().expect("its address");
        let closed = SocketAddr::new("127.0.0.2".parse().expect("an address"), open.port());
        let seen = attempts(&[open, closed], 2, Duration::from_secs(5)).await;
        let outcomes: Vec<_> = seen.iter().map(|one| (one.address, one.outcome.clone())).collect();
        let wanted = [(open, Outcome::Connected), (closed, Outcome::Refused)];
        let twice = wanted.into_iter().flat_map(|(address, outcome)| vec![(Some(address), outcome); 2]);
        assert_eq!(outcomes, twice.collect::<Vec<_>>());
        assert!(seen[0].from.is_some() && seen[2].from.is_none());
    }

    #[tokio::test]
    async fn a_local_port_that_is_taken_is_not_tried() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let open = listener.local_addr().expect("its address");
        let seen = attempt_from(open.port(), open, Duration::from_secs(5)).await;
        assert!(matches!(seen.outcome, Outcome::NotTried { .. }), "{seen}");
    }

    #[tokio::test]
    async fn a_closed_port_refuses_and_an_open_one_connects() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (seen, stream) = connect(address, Duration::from_secs(5)).await;
        assert_eq!((seen.outcome, stream.is_some()), (TcpOutcome::Connected, true));
        drop((stream, listener));
        let (seen, stream) = connect(address, Duration::from_secs(5)).await;
        assert_eq!((seen.outcome, stream.is_some()), (TcpOutcome::Refused, false));
    }
}
