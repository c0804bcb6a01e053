//! `path`: what the configuration says of a connection. No packet is sent.

use super::Trouble;
use super::configuration::Configuration;
use super::record::{Question, Record};
use crate::explain::Service;
use crate::network::{PortSet, Protocol};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Who connects.
    pub from: String,
    /// To whom.
    pub to: String,
    /// To which port.
    pub port: u16,
    /// By which protocol.
    pub protocol: Protocol,
    /// From which ports.
    pub source_ports: Option<PortSet>,
}

/// The question as it is kept; the configuration alone answers it.
pub fn record(wanted: &Wanted, configuration: &Configuration) -> Result<Record, Trouble> {
    let (from, to) = (word("--from", &wanted.from)?, word("--to", &wanted.to)?);
    if configuration.network.is_none() {
        let why = configuration.not_read.as_ref().map(ToString::to_string).unwrap_or_default();
        let hint = "name a folder of describe-* JSON: --network DIR";
        return Err(Trouble::usage(format!("reading the network: {why}"), hint));
    }
    let mut record = Record::of(Question {
        service: Service::Port,
        from,
        target: to.clone(),
        to,
        port: wanted.port,
        protocol: match wanted.protocol {
            Protocol::Number(number) => number.to_string(),
            named => named.to_string(),
        },
        source_ports: wanted.source_ports.as_ref().map(|ports| ports.ranges().collect()),
        user: None,
    });
    record.notes.clone_from(&configuration.notes);
    Ok(record)
}

fn word(option: &str, word: &str) -> Result<String, Trouble> {
    match word.trim() {
        "" => {
            let hint = "give an id, an address, a block, a Name tag, an RDS identifier or `internet`";
            Err(Trouble::usage(format!("reading {option}: it is empty"), hint))
        }
        word => Ok(word.to_owned()),
    }
}
