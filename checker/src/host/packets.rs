//! What packets say that were seen on the wire: does the client's SYN arrive, and what leaves in answer. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::facts::Arrivals;

const TCP: u8 = 6;
const RESET: u8 = 0x04;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// What one packet is, as far as connections begin or are refused with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    source: IpAddr,
    destination: IpAddr,
    ports: (u16, u16),
    flags: u8,
}

/// The segment of TCP's in an IP packet. Fragments after the first have no ports, and are nothing here.
pub fn segment(packet: &[u8]) -> Option<Segment> {
    let (source, destination, rest): (IpAddr, IpAddr, &[u8]) = match packet.first()? >> 4 {
        4 => {
            let header = usize::from(packet.first()? & 15) * 4;
            let offset = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x1FFF;
            if *packet.get(9)? != TCP || offset != 0 || header < 20 {
                return None;
            }
            let at = |from: usize| packet.get(from..from + 4)?.try_into().ok().map(<[u8; 4]>::into);
            let (source, destination): (Ipv4Addr, Ipv4Addr) = (at(12)?, at(16)?);
            (source.into(), destination.into(), packet.get(header..)?)
        }
        6 => {
            if *packet.get(6)? != TCP {
                return None;
            }
            let at = |from: usize| packet.get(from..from + 16)?.try_into().ok().map(<[u8; 16]>::into);
            let (source, destination): (Ipv6Addr, Ipv6Addr) = (at(8)?, at(24)?);
            (source.into(), destination.into(), packet.get(40..)?)
        }
        _ => return None,
    };
    let port = |at: usize| Some(u16::from_be_bytes([*rest.get(at)?, *rest.get(at + 1)?]));
    Some(Segment { source, destination, ports: (port(0)?, port(2)?), flags: *rest.get(13)? })
}

/// Counts a segment. Without a client that is known, everybody is the client.
pub fn count(seen: &mut Arrivals, one: Segment, client: Option<IpAddr>, port: u16) {
    let is_client = |address| client.is_none_or(|client| client == address);
    let begins = one.flags & (SYN | ACK | RESET) == SYN;
    match one.ports {
        (_, to) if to == port && begins && is_client(one.source) => seen.syn += 1,
        (_, to) if to == port && begins => seen.others += 1,
        (from, _) if from == port && is_client(one.destination) => {
            if one.flags & RESET != 0 {
                seen.reset += 1;
            } else if one.flags & (SYN | ACK) == SYN | ACK {
                seen.syn_ack += 1;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: [u8; 4] = [203, 0, 113, 10];
    const HOST: [u8; 4] = [10, 0, 1, 10];

    fn packet(source: [u8; 4], destination: [u8; 4], ports: (u16, u16), flags: u8) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, TCP, 0, 0];
        packet.extend([source, destination].concat());
        packet.extend([ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat());
        packet.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        packet
    }

    fn counted(packets: &[Vec<u8>], client: Option<IpAddr>) -> Arrivals {
        let mut seen = Arrivals::default();
        for one in packets.iter().filter_map(|packet| segment(packet)) {
            count(&mut seen, one, client, 22);
        }
        seen
    }

    #[test]
    fn a_first_packet_its_answer_and_a_refusal_are_told_apart() {
        let packets = [
            packet(CLIENT, HOST, (50000, 22), SYN),
            packet(HOST, CLIENT, (22, 50000), SYN | ACK),
            packet(HOST, CLIENT, (22, 50001), RESET | ACK),
            packet(CLIENT, HOST, (50000, 22), ACK),
            packet([198, 18, 0, 1], HOST, (1, 22), SYN),
            packet(CLIENT, HOST, (50000, 443), SYN),
        ];
        let wanted = Arrivals { syn: 1, syn_ack: 1, reset: 1, others: 1, watched_ms: 0 };
        assert_eq!(counted(&packets, Some(CLIENT.into())), wanted);
        assert_eq!(counted(&packets, None), Arrivals { syn: 2, others: 0, ..wanted });
    }

    #[test]
    fn version_6_is_understood_too() {
        let mut packet = vec![0x60, 0, 0, 0, 0, 20, TCP, 64];
        packet.extend(Ipv6Addr::LOCALHOST.octets());
        packet.extend(Ipv6Addr::UNSPECIFIED.octets());
        packet.extend([0xC3, 0x50, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, SYN, 0, 0, 0, 0, 0, 0]);
        assert_eq!(counted(&[packet], Some(Ipv6Addr::LOCALHOST.into())).syn, 1);
    }

    #[test]
    fn whatever_is_cut_off_or_another_s_is_nothing() {
        let whole = packet(CLIENT, HOST, (50000, 22), SYN);
        assert!((0..34).all(|length| segment(&whole[..length]).is_none()));
        let mut fragment = whole.clone();
        fragment[7] = 1;
        assert_eq!(segment(&fragment), None);
        let mut udp = whole;
        udp[9] = 17;
        assert_eq!(segment(&udp), None);
    }
}
