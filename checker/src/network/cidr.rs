//! Sets of addresses, IPv4 and IPv6 apart: a rule for one never speaks of the other.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use super::ranges::RangeSet;

/// One of the two Internet Protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    /// Of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }
}

/// A set of addresses of both families.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CidrSet {
    v4: RangeSet<u32>,
    v6: RangeSet<u128>,
}

impl CidrSet {
    /// One address.
    pub fn one(address: IpAddr) -> Self {
        Self::range(address, address)
    }

    /// From one address to another, both included; nothing where their families differ.
    pub fn range(first: IpAddr, last: IpAddr) -> Self {
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                Self { v4: RangeSet::range(first.to_bits(), last.to_bits()), v6: RangeSet::default() }
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                Self { v4: RangeSet::default(), v6: RangeSet::range(first.to_bits(), last.to_bits()) }
            }
            _ => Self::default(),
        }
    }

    /// What the internet routes: no private, shared, loopback, link-local or multicast addresses.
    pub fn internet(family: Family) -> Self {
        if family == Family::Ipv6 {
            return Self::from("2000::/3".parse::<IpNet>().expect("written as a CIDR"));
        }
        let none: Self = ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"]
            .into_iter()
            .chain(["172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"])
            .map(|cidr| cidr.parse::<IpNet>().expect("written as a CIDR"))
            .collect();
        Self { v4: none.v4.complement(), v6: RangeSet::default() }
    }

    /// Whether no address is in it.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }

    /// What is in this and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }

    /// Its ranges, IPv4 first.
    pub fn ranges(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> + '_ {
        let v4 = self.v4.ranges().map(|(first, last)| {
            (IpAddr::V4(Ipv4Addr::from_bits(first)), IpAddr::V4(Ipv4Addr::from_bits(last)))
        });
        let v6 = self.v6.ranges().map(|(first, last)| {
            (IpAddr::V6(Ipv6Addr::from_bits(first)), IpAddr::V6(Ipv6Addr::from_bits(last)))
        });
        v4.chain(v6)
    }

    /// An address of it.
    pub fn first(&self) -> Option<IpAddr> {
        self.ranges().next().map(|(first, _)| first)
    }

    /// How many addresses.
    pub fn count(&self) -> u128 {
        self.v4.count().saturating_add(self.v6.count())
    }

    /// The fewest CIDR blocks that make it up.
    pub fn blocks(&self) -> Vec<IpNet> {
        self.ranges()
            .flat_map(|(first, last)| match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    ipnet::Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect::<Vec<_>>()
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    ipnet::Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect()
                }
                _ => Vec::new(),
            })
            .collect()
    }
}

impl From<IpNet> for CidrSet {
    fn from(block: IpNet) -> Self {
        Self::range(block.network(), block.broadcast())
    }
}

impl FromIterator<IpNet> for CidrSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(blocks: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for block in blocks {
            match block {
                IpNet::V4(block) => v4.push((block.network().to_bits(), block.broadcast().to_bits())),
                IpNet::V6(block) => v6.push((block.network().to_bits(), block.broadcast().to_bits())),
            }
        }
        Self { v4: RangeSet::from_ranges(v4), v6: RangeSet::from_ranges(v6) }
    }
}

impl fmt::Display for CidrSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        if self.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

/// Whether the internet never carries it because it is private (RFC 1918), link-local or loopback; for IPv6,
/// unique local.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// Whether it is shared between customers of a carrier (RFC 6598).
pub fn is_shared(address: IpAddr) -> bool {
    let shared = Ipv4Net::new(Ipv4Addr::new(100, 64, 0, 0), 10).expect("10 is at most 32");
    matches!(address, IpAddr::V4(v4) if shared.contains(&v4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(blocks: &[&str]) -> CidrSet {
        blocks.iter().map(|block| block.parse::<IpNet>().expect("a block")).collect()
    }

    #[test]
    fn a_block_split_in_halves_is_the_same_set() {
        assert_eq!(set(&["10.0.0.0/16"]), set(&["10.0.128.0/17", "10.0.0.0/17"]));
        assert_eq!(set(&["2001:db8::/32"]), set(&["2001:db8:8000::/33", "2001:db8::/33"]));
    }

    #[test]
    fn all_of_ipv4_holds_no_address_of_ipv6() {
        let all = set(&["0.0.0.0/0"]);
        assert!(all.contains("203.0.113.9".parse().expect("v4")));
        assert!(!all.contains("::1".parse().expect("v6")));
    }

    #[test]
    fn what_is_left_of_a_block_is_said_in_the_fewest_blocks() {
        let rest = set(&["10.0.0.0/24"]).difference(&set(&["10.0.0.0/26"]));
        let blocks: Vec<String> = rest.blocks().iter().map(ToString::to_string).collect();
        assert_eq!(blocks, ["10.0.0.64/26", "10.0.0.128/25"]);
    }
}
