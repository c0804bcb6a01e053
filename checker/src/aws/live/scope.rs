//! Where a flow begins and ends, as far as its user has said: from there on, only what it can meet is asked for.

use std::net::IpAddr;

/// What to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The ends that are in AWS.
    pub starts: Vec<Start>,
    /// Also what explains a host or a database that does not answer: status checks, key pairs, the console, events and
    /// parameters.
    pub details: bool,
}

/// One end of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// `i-0abc`.
    Instance(String),
    /// The Name tag of an instance.
    Name(String),
    /// `eni-0abc`.
    Interface(String),
    /// `vpc-0abc`.
    Vpc(String),
    /// The identifier of a database of RDS's.
    Database(String),
    /// The host name of a database of RDS's.
    Endpoint(String),
    /// An address of something in AWS, private or public.
    Address(IpAddr),
}
