//! What an explanation is made from: the question, what was seen, what was read, and how to ask the model again.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::database::ladder::{Broken, Proof};
use crate::evaluate::Trace;
use crate::host::Inside;
use crate::network::{Missing, Network, is_private};
use crate::probe::controls::Controlled;
use crate::probe::observation::Observation;
use crate::since::Since;

/// What one wants to speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// An SSH server.
    Ssh,
    /// A PostgreSQL server.
    Postgres,
    /// Anything that listens.
    Port,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssh => "ssh",
            Self::Postgres => "postgres",
            Self::Port => "tcp",
        })
    }
}

/// Where the probes ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vantage {
    /// On a person's own machine, outside the VPC.
    #[default]
    Outside,
    /// On an instance.
    Instance,
}

/// What `known_hosts` says of a server's key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownHost {
    /// Nobody looked, or no server was heard.
    #[default]
    NotAsked,
    /// It names no key for the server.
    New,
    /// It names this one.
    Same,
    /// It names another.
    Changed {
        /// Where: `~/.ssh/known_hosts line 12`.
        place: String,
    },
}

/// What the user's own files say that may keep a login from working. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    /// The keys that ssh would offer.
    pub keys: Vec<OwnKey>,
    /// `sslrootcert`, where it is set.
    pub sslrootcert: Option<String>,
    /// Why the token of IAM that is the password cannot be taken.
    pub token: Option<String>,
    /// What looks wrong about the password.
    pub password: Option<OwnProblem>,
    /// How many keys ssh-agent holds.
    pub agent_keys: Option<usize>,
}

/// A key of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnKey {
    /// Where it lies.
    pub path: String,
    /// `SHA256:…`, where its public half could be read.
    pub fingerprint: Option<String>,
    /// The public half as a line of `authorized_keys`, without a comment.
    pub public_key: Option<String>,
    /// The forms in which EC2 may know it.
    pub of_ec2: Vec<String>,
    /// Whether it asks for a passphrase.
    pub encrypted: bool,
    /// What keeps ssh from using it.
    pub problems: Vec<OwnProblem>,
}

/// What keeps a program from using a file of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnProblem {
    /// The row of the table of symptoms.
    pub symptom: String,
    /// In words, about the file.
    pub words: String,
    /// What to do.
    pub hint: String,
}

/// What an explanation is made from. Everything but the question may be missing.
#[derive(Default)]
pub struct Case<'a> {
    /// Who asks, in the words of the question.
    pub from: String,
    /// For whom, in the words of the question.
    pub to: String,
    /// For which service.
    pub service: Option<Service>,
    /// On which port.
    pub port: u16,
    /// At which address, where there is one: an observation of another one says nothing of the target.
    pub address: Option<SocketAddr>,
    /// Where the probes ran.
    pub vantage: Vantage,
    /// The addresses that others saw this client come from, and who: `("sts", 203.0.113.9)`.
    pub client: Vec<(String, IpAddr)>,
    /// Which user SSH would log in as.
    pub user: Option<String>,
    /// What was seen of the target.
    pub observations: &'a [Observation],
    /// What was seen of the controls.
    pub controls: Option<&'a Controlled>,
    /// How far the login to the database came.
    pub login: Option<&'a Result<Proof, Broken>>,
    /// What `known_hosts` says of the server's key.
    pub known_host: KnownHost,
    /// What the user's own files say.
    pub own: Own,
    /// What changed since it worked, where it does not and did.
    pub since: Option<Since>,
    /// What the instance itself says, where it was asked.
    pub inside: Option<&'a Inside>,
    /// What the configuration says of the flow.
    pub trace: Option<&'a Trace>,
    /// Why there is no configuration, where there is none.
    pub not_read: Option<Missing>,
    /// The configuration itself: fixes are tried on a copy.
    pub network: Option<&'a Network>,
    /// Asks the model the same question of a changed network.
    pub evaluate: Option<&'a dyn Fn(&Network) -> Trace>,
    /// The Region and the profile that commands name, where they are not the usual ones.
    pub region: Option<String>,
    /// The same.
    pub profile: Option<String>,
}

impl Case<'_> {
    /// Which service, where it was said.
    pub fn service(&self) -> Service {
        self.service.unwrap_or(Service::Port)
    }

    /// Whether probes were sent and nobody could say from which address: the trace is of the whole internet then.
    pub fn source_is_unknown(&self) -> bool {
        let anywhere = self.trace.is_some_and(|trace| trace.flow.from == "internet");
        anywhere && self.client.is_empty() && !self.observations.is_empty()
    }

    /// Whether the address is one of the whole internet's, which was asked about: it stands for all of them.
    pub fn stands_for_everybody(&self, address: IpAddr) -> bool {
        let asked = self.trace.map(|trace| trace.flow.from.as_str()).unwrap_or_default();
        !is_private(address) && (asked == "internet" || asked.starts_with("igw-"))
    }

    /// The row of SSH's symptoms or of PostgreSQL's, as the question has it.
    pub fn symptom(&self, ssh: &'static str, postgres: &'static str) -> Option<&'static str> {
        let symptom = match self.service() {
            Service::Ssh => ssh,
            Service::Postgres => postgres,
            Service::Port => "",
        };
        (!symptom.is_empty()).then_some(symptom)
    }

    /// `54.1.2.3:22`, or the words of the question where no address is known.
    pub fn target(&self) -> String {
        match self.address {
            Some(address) => address.to_string(),
            None => format!("{} port {}", self.to, self.port),
        }
    }
}
