//! Protocols by name or number: security groups write `tcp`, network ACLs `6`, and both mean the same.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An IP protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Protocol {
    Tcp,
    Udp,
    Icmp,
    Icmpv6,
    /// Any other, by its number.
    Number(u8),
}

impl Protocol {
    /// By its number.
    pub fn of_number(number: u8) -> Self {
        match number {
            1 => Self::Icmp,
            6 => Self::Tcp,
            17 => Self::Udp,
            58 => Self::Icmpv6,
            other => Self::Number(other),
        }
    }

    /// By its name or number, as AWS writes it.
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "tcp" => Some(Self::Tcp),
            "udp" => Some(Self::Udp),
            "icmp" => Some(Self::Icmp),
            "icmpv6" | "ipv6-icmp" => Some(Self::Icmpv6),
            number => number.parse().ok().map(Self::of_number),
        }
    }

    /// Whether it has ports at all.
    pub fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("tcp"),
            Self::Udp => f.write_str("udp"),
            Self::Icmp => f.write_str("icmp"),
            Self::Icmpv6 => f.write_str("icmpv6"),
            Self::Number(number) => write!(f, "protocol {number}"),
        }
    }
}

/// Which protocols a rule speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProtocolMatch {
    /// `-1`.
    All,
    /// One of them.
    One(Protocol),
}

impl ProtocolMatch {
    /// As AWS writes it.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "-1" | "all" => Some(Self::All),
            one => Protocol::parse(one).map(Self::One),
        }
    }

    /// Whether the rule speaks of this protocol.
    pub fn admits(self, protocol: Protocol) -> bool {
        self == Self::All || self == Self::One(protocol)
    }
}

impl fmt::Display for ProtocolMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::One(protocol) => protocol.fmt(f),
        }
    }
}

/// Which messages of ICMP a rule speaks of; `None` is any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "ICMP's own words")]
pub struct IcmpMatch {
    pub icmp_type: Option<u8>,
    pub code: Option<u8>,
}

impl IcmpMatch {
    /// From AWS's pair, where -1 is any.
    pub fn of(icmp_type: i64, code: i64) -> Self {
        Self { icmp_type: u8::try_from(icmp_type).ok(), code: u8::try_from(code).ok() }
    }

    /// Whether the rule speaks of this message.
    pub fn admits(self, icmp_type: u8, code: u8) -> bool {
        self.icmp_type.is_none_or(|wanted| wanted == icmp_type)
            && self.code.is_none_or(|wanted| wanted == code)
    }
}
