//! What changed since it worked: the difference between the last time that a target spoke and now. Pure.

mod ends;
mod rules;

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::evaluate::Trace;
use crate::network::Network;

/// What changed since it worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// When it worked last.
    pub worked: Timestamp,
    /// What is different now; nothing where nothing that was read has changed.
    pub changes: Vec<Change>,
}

/// One thing that is different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What kind of thing: `your address`, `security group rule`.
    pub what: String,
    /// Whose or which, by id; nothing where there is only one.
    pub element: String,
    /// What it was; nothing where there was none.
    pub was: Option<String>,
    /// What it is; nothing where there is none.
    pub is: Option<String>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        if !self.element.is_empty() {
            write!(f, " {}", self.element)?;
        }
        match (&self.was, &self.is) {
            (Some(was), Some(is)) => write!(f, ": was {was}, is {is}"),
            (Some(was), None) => write!(f, ": was {was}, is gone"),
            (None, Some(is)) => write!(f, ": is new: {is}"),
            (None, None) => Ok(()),
        }
    }
}

/// One moment: what was seen and read of a target.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// To whom, as the model takes it.
    pub to: &'a str,
    /// The addresses that this machine was seen with.
    pub client: &'a [(String, IpAddr)],
    /// The address that was spoken to.
    pub address: Option<SocketAddr>,
    /// The fingerprint of the server's key.
    pub host_key: Option<&'a str>,
    /// The configuration.
    pub network: Option<&'a Network>,
    /// What it says of the connection.
    pub trace: Option<&'a Trace>,
}

/// What is different, in the order in which a person would look.
pub fn changes(then: &Moment, now: &Moment) -> Vec<Change> {
    let mut all = Changes::default();
    client(&mut all, then, now);
    let address = |moment: &Moment| moment.address.map(|address| address.ip().to_string());
    all.both("address of the target", "", address(then), address(now));
    let key = |moment: &Moment| moment.host_key.map(str::to_owned);
    all.both("host key", "", key(then), key(now));
    if let (Some(before), Some(after)) = (then.network, now.network) {
        ends::compare(&mut all, (then, before), (now, after));
        rules::compare(&mut all, (then, before), (now, after));
    }
    all.0
}

/// The addresses of one family with nothing in common: a client may be seen with several.
fn client(all: &mut Changes, then: &Moment, now: &Moment) {
    let Some((_, first)) = now.client.first() else { return };
    let before: Vec<&IpAddr> = then
        .client
        .iter()
        .map(|(_, address)| address)
        .filter(|one| one.is_ipv4() == first.is_ipv4())
        .collect();
    let known = now.client.iter().any(|(_, address)| before.contains(&address));
    if let (Some(was), false) = (before.first(), known) {
        all.both("your address", "", Some(was.to_string()), Some(first.to_string()));
    }
}

/// Collects what is different.
#[derive(Debug, Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn put(&mut self, what: &str, element: &str, was: Option<String>, is: Option<String>) {
        if was != is {
            self.0.push(Change { what: what.to_owned(), element: element.to_owned(), was, is });
        }
    }

    /// Only where both are known: what was not seen has not changed.
    fn both(&mut self, what: &str, element: &str, was: Option<String>, is: Option<String>) {
        if was.is_some() && is.is_some() {
            self.put(what, element, was, is);
        }
    }
}
