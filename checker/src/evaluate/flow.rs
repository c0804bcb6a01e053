//! The question: from where, to where, to which port.

use std::fmt;
use std::net::IpAddr;

use crate::network::{
    DbInstanceId, InstanceId, InternetGatewayId, IpNet, NetworkInterfaceId, PortSet, Protocol,
};

/// One end of a flow, as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// `i-…`
    Instance(InstanceId),
    /// `eni-…`
    NetworkInterface(NetworkInterfaceId),
    /// A database instance by its identifier.
    Database(DbInstanceId),
    /// One address, private or public.
    Address(IpAddr),
    /// A block of addresses: the answer is for each of them.
    Cidr(IpNet),
    /// Any public IPv4 address: the answer is for each of them.
    Internet,
    /// `igw-…`: as Reachability Analyzer has it, some address beyond this gateway.
    InternetGateway(InternetGatewayId),
    /// A Name tag, a database's identifier or endpoint, or an instance's DNS name.
    Name(String),
}

impl End {
    /// What a person means by a word: an id by its prefix, an address, a block, `internet`, else a name.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if text.eq_ignore_ascii_case("internet") {
            Self::Internet
        } else if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            Self::Address(address)
        } else if let Ok(block) = text.parse::<IpNet>() {
            Self::of_block(block)
        } else {
            Self::of_id(text)
        }
    }

    fn of_block(block: IpNet) -> Self {
        if block.prefix_len() == block.max_prefix_len() {
            Self::Address(block.addr())
        } else {
            Self::Cidr(block.trunc())
        }
    }

    fn of_id(text: &str) -> Self {
        let is_id = |prefix: &str| {
            text.strip_prefix(prefix).is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
        };
        if is_id("i-") {
            Self::Instance(text.into())
        } else if is_id("eni-") {
            Self::NetworkInterface(text.into())
        } else if is_id("igw-") {
            Self::InternetGateway(text.into())
        } else {
            Self::Name(text.into())
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(id) => id.fmt(f),
            Self::NetworkInterface(id) => id.fmt(f),
            Self::Database(id) => id.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Cidr(block) => block.fmt(f),
            Self::Internet => f.write_str("internet"),
            Self::InternetGateway(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// The question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Who connects.
    pub source: End,
    /// To whom.
    pub destination: End,
    /// By which protocol.
    pub protocol: Protocol,
    /// To which port; without meaning where the protocol has none.
    pub port: u16,
    /// From which ports; `None` where the source's operating system decides.
    pub source_ports: Option<PortSet>,
}

impl Flow {
    /// A TCP connection from whatever port the source picks.
    pub fn tcp(source: End, destination: End, port: u16) -> Self {
        Self { source, destination, protocol: Protocol::Tcp, port, source_ports: None }
    }

    /// The same, from these source ports.
    #[must_use]
    pub fn from_ports(mut self, ports: PortSet) -> Self {
        self.source_ports = Some(ports);
        self
    }
}

/// The ports that a connection can come from (N13).
pub mod ephemeral {
    use crate::network::PortSet;

    /// Behind anybody's NAT the port can be any of these: from the internet, and behind NAT gateways.
    pub fn internet() -> PortSet {
        PortSet::range(1024, 65535)
    }

    /// What Linux picks.
    pub fn linux() -> PortSet {
        PortSet::range(32768, 60999)
    }

    /// What Windows picks since 2008.
    pub fn windows() -> PortSet {
        PortSet::range(49152, 65535)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_an_id_only_by_its_prefix_and_a_single_address_block_is_an_address() {
        assert!(matches!(End::parse("i-0abc"), End::Instance(_)));
        assert!(matches!(End::parse("i-"), End::Name(_)));
        assert!(matches!(End::parse("i-love.example.com"), End::Name(_)));
        assert!(matches!(End::parse("eni-0abc"), End::NetworkInterface(_)));
        assert!(matches!(End::parse("203.0.113.9/32"), End::Address(_)));
        assert!(matches!(End::parse("[2001:db8::1]"), End::Address(_)));
        assert_eq!(End::parse("10.0.1.9/24").to_string(), "10.0.1.0/24");
        assert_eq!(End::parse("Internet"), End::Internet);
        assert_eq!(End::parse("mydb"), End::Name("mydb".into()));
    }
}
