//! The door to the wire: packets as they come in, before any firewall of this host, and the address that this host
//! would answer from.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use vivarium_checker::host::Told;
use vivarium_checker::host::facts::Arrivals;
use vivarium_checker::host::packets::{count, segment};

use super::Wanted;

/// The headers of a packet; what it carries is not read.
const HEADERS: usize = 128;

/// A reader that waits longer for a packet would not see when its time is over.
const PAUSE: i64 = 50_000;

/// Counts what arrives and what leaves, for as long as was asked.
pub(super) async fn watch(wanted: &Wanted) -> Told<Arrivals> {
    if wanted.watch.is_zero() {
        return Told::Unknown("the wire was not watched; --watch SECONDS does".to_owned());
    }
    let open = match listen() {
        Ok(open) => open,
        Err(error) => return Told::Unknown(format!("watching the wire: {error}; root may")),
    };
    let (client, port, time) = (wanted.client, wanted.port, wanted.watch);
    // A thread of its own: what comes while this one waits for a program must not be lost.
    tokio::task::spawn_blocking(move || counted(&open, client, port, time)).await.into()
}

fn listen() -> nix::Result<OwnedFd> {
    let kind = (AddressFamily::Packet, SockType::Datagram, SockFlag::SOCK_CLOEXEC);
    let open = socket(kind.0, kind.1, kind.2, SockProtocol::EthAll)?;
    setsockopt(&open, sockopt::ReceiveTimeout, &TimeVal::microseconds(PAUSE))?;
    Ok(open)
}

fn counted(open: &OwnedFd, client: Option<IpAddr>, port: u16, time: Duration) -> Arrivals {
    let (began, mut seen) = (Instant::now(), Arrivals::default());
    let mut packet = [0; HEADERS];
    while began.elapsed() < time {
        match recv(open.as_raw_fd(), &mut packet, MsgFlags::empty()) {
            Ok(length) => {
                if let Some(one) = packet.get(..length).and_then(segment) {
                    count(&mut seen, one, client, port);
                }
            }
            Err(nix::Error::EAGAIN | nix::Error::EINTR | nix::Error::ENETDOWN) => {}
            // What was counted so far is what there is.
            Err(_) => break,
        }
    }
    seen.watched_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    seen
}

/// The address that this host would answer the client from; none where it has no route. Nothing is sent.
pub(super) fn way_back(client: Option<IpAddr>) -> Told<Option<IpAddr>> {
    let Some(client) = client else { return Told::Unknown("the client's address was not said".to_owned()) };
    let any: IpAddr = if client.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let opened = UdpSocket::bind(SocketAddr::new(any, 0))
        .and_then(|open| open.connect(SocketAddr::new(client, 9)).and_then(|()| open.local_addr()));
    match opened {
        Ok(own) => Told::Known(Some(own.ip())),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) =>
        {
            Told::Known(None)
        }
        Err(error) => Told::Unknown(format!("looking for a route to {client}: {error}")),
    }
}

/// The device that has this address.
pub(super) fn device(own: IpAddr) -> Option<String> {
    let named = |address: &nix::ifaddrs::InterfaceAddress| -> Option<IpAddr> {
        let address = address.address?;
        let four = address.as_sockaddr_in().map(|one| IpAddr::from(one.ip()));
        four.or_else(|| address.as_sockaddr_in6().map(|one| one.ip().into()))
    };
    let mut all = getifaddrs().ok()?;
    all.find(|one| named(one) == Some(own)).map(|one| one.interface_name)
}
