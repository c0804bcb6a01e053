//! Where this machine is, as others see it: on an instance, or somewhere outside with a public address.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::network::{is_private, is_shared};
use crate::probe::dns::{self, NameOutcome};
use crate::probe::tcp;

/// AWS's own mirror: it answers with the address that it is asked from.
const MIRROR: &str = "checkip.amazonaws.com";
const QUESTION: &[u8] = b"GET / HTTP/1.0\r\nHost: checkip.amazonaws.com\r\nConnection: close\r\n\r\n";
/// More than the answer has.
const MOST: u64 = 4096;

/// The address that this machine would use to speak to another. Nothing is sent.
pub fn own_address(to: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(SocketAddr::new(to, 53)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// Whether others see this machine under the same address.
pub fn is_public(address: IpAddr) -> bool {
    !is_private(address) && !is_shared(address) && !address.is_loopback() && !address.is_unspecified()
}

/// The address that AWS's mirror sees, if it answers in time.
pub async fn seen_by_mirror(deadline: Duration) -> Option<IpAddr> {
    timeout(deadline, ask(deadline)).await.ok().flatten()
}

async fn ask(deadline: Duration) -> Option<IpAddr> {
    let NameOutcome::Addresses(addresses) = dns::resolve(MIRROR, deadline).await.outcome else { return None };
    let (_, stream) = tcp::connect(SocketAddr::new(*addresses.first()?, 80), deadline).await;
    let mut stream = stream?;
    stream.write_all(QUESTION).await.ok()?;
    let mut answer = String::new();
    stream.take(MOST).read_to_string(&mut answer).await.ok()?;
    mirrored(&answer)
}

/// The body of the answer. A portal that answers in the mirror's place says something else than an address.
fn mirrored(answer: &str) -> Option<IpAddr> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.").then_some(())?;
    body.trim().parse().ok().filter(|address| is_public(*address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_others_can_see_is_taken_from_the_mirror() {
        let of = |body: &str| mirrored(&format!("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n{body}"));
        assert_eq!(of("203.0.113.9\n"), Some([203, 0, 113, 9].into()));
        assert_eq!(of("10.0.0.1\n"), None);
        assert_eq!(of("<html>please log in</html>"), None);
        assert_eq!(mirrored("203.0.113.9"), None);
    }

    #[test]
    fn this_machine_speaks_to_itself_from_loopback() {
        let own = own_address([127, 0, 0, 1].into());
        assert_eq!(own, Some([127, 0, 0, 1].into()));
        assert!(!is_public([127, 0, 0, 1].into()));
    }
}
