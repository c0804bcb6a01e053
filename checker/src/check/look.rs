//! What `ssh` and `postgres` have in common: the means they are given, and a round of probes beside the reading of
//! the configuration.

use std::net::IpAddr;
use std::time::Duration;

use super::configuration::Configuration;
use super::record::Record;
use super::{Surroundings, Trouble, whereabouts};
use crate::config::Settings;
use crate::explain::Vantage;
use crate::local::Mistake;
use crate::local::target::Place;
use crate::network::Network;
use crate::probe::round::{Inquiry, Round, probe};
use crate::targets::{self, Reach};

/// How long an address may take to answer unless the settings say otherwise.
const TIMEOUT: u8 = 5;

/// What a command is given to look with.
pub struct Means<'a> {
    /// The user's side.
    pub surroundings: &'a Surroundings,
    /// What `check.toml` says.
    pub settings: &'a Settings,
    /// What is known of the configuration.
    pub configuration: Configuration,
    /// Whether AWS may be asked where this machine is seen.
    pub online: bool,
}

impl Means<'_> {
    /// How long an address may take to answer.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.settings.timeout.unwrap_or(TIMEOUT).into())
    }

    /// The network, where it was read.
    pub fn network(&self) -> Option<&Network> {
        self.configuration.network.as_ref()
    }

    /// Whether this machine is one of the network's.
    pub fn inside(&self) -> bool {
        let own = whereabouts::own_address([192, 0, 2, 1].into());
        let read = self.network().zip(own);
        self.settings.from.is_none() && read.is_some_and(|(network, own)| targets::is_inside(network, own))
    }

    /// Where a place is, or why that cannot be told.
    pub fn reach(&self, place: &Place) -> Result<Reach, Trouble> {
        targets::reach(place, self.network(), self.inside()).ok_or_else(|| self.nowhere(place))
    }

    fn nowhere(&self, place: &Place) -> Trouble {
        let (Place::Instance(name) | Place::Database(name)) = place else {
            return Trouble::usage("understanding the target: it is a URL", "name a host or an instance");
        };
        let why = match &self.configuration.not_read {
            Some(missing) => format!("only AWS knows where it is, and {missing}"),
            None => "it is not in what was read, or has no address".to_owned(),
        };
        let hint = "give its address, or see that the Region, the profile and the folder are the right ones";
        Trouble::unknown(format!("finding {name}: {why}"), hint)
    }

    /// Sends the probes and notes where from.
    pub async fn observe(&self, record: &mut Record, inquiry: &Inquiry) {
        let mirror = async {
            if self.online && !self.inside() {
                whereabouts::seen_by_mirror(inquiry.deadline).await
            } else {
                None
            }
        };
        let (round, mirrored) = tokio::join!(probe(inquiry), mirror);
        record.round = Some(round);
        self.place(record, mirrored);
        record.not_read.clone_from(&self.configuration.not_read);
        record.notes.extend(self.configuration.notes.iter().cloned());
    }

    fn place(&self, record: &mut Record, mirrored: Option<IpAddr>) {
        let address = record.address().map(|address| address.ip());
        let own = address.and_then(whereabouts::own_address);
        let inside = own.filter(|_| self.inside());
        record.vantage = if inside.is_some() { Vantage::Instance } else { Vantage::Outside };
        let public = own.filter(|own| whereabouts::is_public(*own));
        let said = record.round.as_ref().and_then(said_by_postgres);
        let seen = [
            ("the settings", self.settings.from),
            ("PostgreSQL", said),
            ("checkip", mirrored),
            ("this machine", public),
        ];
        record.client =
            seen.into_iter().filter_map(|(who, address)| Some((who.to_owned(), address?))).collect();
        let source = inside.or(record.client.first().map(|(_, address)| *address));
        record.question.from = source.map_or_else(|| "internet".to_owned(), |address| address.to_string());
        if record.question.to.is_empty() {
            record.question.to =
                address.map_or_else(|| record.question.target.clone(), |address| address.to_string());
        }
    }
}

/// The address that a database saw this machine come from, where others can see it too.
fn said_by_postgres(round: &Round) -> Option<IpAddr> {
    let said = round.postgres.iter().filter_map(|one| one.postgres()?.address_seen());
    said.into_iter().find(|address| whereabouts::is_public(*address))
}

/// The user's own mistake, as trouble.
pub fn mistake(mistake: &Mistake) -> Trouble {
    Trouble::usage(mistake, mistake.hint())
}
