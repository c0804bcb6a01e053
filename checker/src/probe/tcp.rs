//! Whether a port answers.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

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
