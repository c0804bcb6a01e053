//! All that a conclusion is drawn from, besides the network: what was asked, from where, and what was seen. It is
//! saved and read back as it is.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::evaluate::{End, Flow};
use crate::explain::{KnownHost, Own, Service, Vantage};
use crate::host::Inside;
use crate::network::{Missing, PortSet, Protocol};
use crate::probe::round::Round;
use crate::since::Since;

pub use crate::database::login::Login;

/// The version of what is saved: raised when a name's meaning changes.
pub const RECORD_VERSION: u32 = 1;

/// What a conclusion is drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// What was asked.
    pub question: Question,
    /// Where the probes ran.
    pub vantage: Vantage,
    /// The addresses that others saw this machine come from, and who.
    pub client: Vec<(String, IpAddr)>,
    /// What the probes saw; nothing where none was sent.
    pub round: Option<Round>,
    /// How far the login to a database came, where one was tried.
    pub login: Option<Login>,
    /// What `known_hosts` says of the server's key.
    pub known_host: KnownHost,
    /// What the user's own files say.
    #[serde(default)]
    pub own: Own,
    /// What changed since it worked, where it does not and did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// What the instance itself says, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
    /// Why there is no configuration, where there is none.
    pub not_read: Option<Missing>,
    /// What was passed over of the configuration, and other remarks.
    pub notes: Vec<String>,
    /// The Region and the profile that commands must name.
    pub region: Option<String>,
    /// The same.
    pub profile: Option<String>,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// For which service.
    pub service: Service,
    /// Who connects, as `path --from` takes it.
    pub from: String,
    /// To whom, as `path --to` takes it.
    pub to: String,
    /// The same in the words of the person who asked.
    pub target: String,
    /// To which port.
    pub port: u16,
    /// By which protocol.
    pub protocol: String,
    /// From which ports, where that was said.
    pub source_ports: Option<Vec<(u16, u16)>>,
    /// As whom.
    pub user: Option<String>,
}

impl Question {
    /// The same for the model.
    pub fn flow(&self) -> Flow {
        Flow {
            source: End::parse(&self.from),
            destination: End::parse(&self.to),
            protocol: Protocol::parse(&self.protocol).unwrap_or(Protocol::Tcp),
            port: self.port,
            source_ports: self.source_ports.clone().map(PortSet::from_ranges),
        }
    }
}

impl Record {
    /// A question of which nothing is known yet.
    pub fn of(question: Question) -> Self {
        Self {
            version: RECORD_VERSION,
            question,
            vantage: Vantage::Outside,
            client: Vec::new(),
            round: None,
            login: None,
            known_host: KnownHost::NotAsked,
            own: Own::default(),
            since: None,
            inside: None,
            not_read: None,
            notes: Vec::new(),
            region: None,
            profile: None,
        }
    }

    /// Whether the probes are the instance's, and not this machine's.
    pub fn is_seen_from_the_instance(&self) -> bool {
        let told = self.inside.as_ref().is_some_and(|inside| inside.facts.known().is_some());
        told && self.question.service == Service::Postgres
    }

    /// The address that the probes spoke to: the one that answered, else the first.
    pub fn address(&self) -> Option<SocketAddr> {
        let round = self.round.as_ref()?;
        let seen = || round.ssh.iter().chain(&round.postgres);
        let answered = seen().find(|one| one.connected());
        answered.or_else(|| seen().next()).and_then(|one| one.address)
    }
}
