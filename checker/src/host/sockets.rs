//! What `/proc/net/tcp` and `tcp6` say: who listens, and which connections are half open. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The states that matter, as the kernel numbers them.
const SYN_RECEIVED: &str = "03";
const LISTEN: &str = "0A";

/// A socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// This end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// Whether it listens.
    pub listens: bool,
    /// The number by which a process holds it.
    pub inode: u64,
}

/// The sockets of a table that listen or are half open.
pub fn sockets(table: &str) -> Vec<Socket> {
    table.lines().skip(1).filter_map(socket).collect()
}

/// How many connections from the client to the port are half open.
pub fn half_open(sockets: &[Socket], client: Option<IpAddr>, port: u16) -> usize {
    let is_it = |one: &&Socket| {
        let from_client = client.is_none_or(|client| one.remote.ip().to_canonical() == client);
        !one.listens && one.local.port() == port && from_client
    };
    sockets.iter().filter(is_it).count()
}

fn socket(line: &str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, remote, state) = (words.next()?, words.next()?, words.next()?);
    if state != LISTEN && state != SYN_RECEIVED {
        return None;
    }
    let inode = words.nth(5)?.parse().ok()?;
    Some(Socket { local: address(local)?, remote: address(remote)?, listens: state == LISTEN, inode })
}

/// The kernel writes each word of an address as this machine keeps it.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Option<Vec<[u8; 4]>> = (0..host.len() / 8)
        .map(|at| Some(u32::from_str_radix(host.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes()))
        .collect();
    let ip: IpAddr = match words?.as_slice() {
        [one] => Ipv4Addr::from(*one).into(),
        [a, b, c, d] => {
            let bytes: [u8; 16] = [*a, *b, *c, *d].concat().try_into().ok()?;
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0A01000A:0016 0A7100CB:C350 03 00000000:00000000 01:00000063 00000001     0        0 0 1 0000000000000000
   2: 0A01000A:0016 0A7100CB:C351 01 00000000:00000000 02:000A7214 00000000     0        0 4712 2 0000000000000000 20 4 30 10 -1
";

    #[test]
    fn who_listens_and_what_is_half_open_is_told_and_the_rest_is_not() {
        let sockets = sockets(TABLE);
        assert_eq!(sockets.len(), 2);
        assert_eq!((sockets[0].local.to_string(), sockets[0].inode), ("0.0.0.0:22".to_owned(), 4711));
        assert_eq!(sockets[1].remote.to_string(), "203.0.113.10:50000");
        let client = Some([203, 0, 113, 10].into());
        assert_eq!(half_open(&sockets, client, 22), 1);
        assert_eq!(half_open(&sockets, None, 22), 1);
        assert_eq!(half_open(&sockets, Some([203, 0, 113, 11].into()), 22), 0);
        assert_eq!(half_open(&sockets, client, 23), 0);
    }

    #[test]
    fn addresses_of_version_6_are_read_and_those_of_version_4_in_them_are_found() {
        assert_eq!(address("00000000000000000000000001000000:0016"), "[::1]:22".parse().ok());
        let mapped = address("0000000000000000FFFF00000A7100CB:C350").expect("an address");
        assert_eq!(mapped.ip().to_canonical(), IpAddr::from([203, 0, 113, 10]));
    }

    #[test]
    fn what_is_no_table_has_no_sockets() {
        assert_eq!(sockets(""), []);
        assert_eq!(sockets("a\n0: x y 0A\n1: 0000:0 0:0 0A 0 0 0 0 0 0\n"), []);
    }
}
