//! `known_hosts`: whether a server's key is the one that was seen before. Hashed names are understood.

use std::fs;
use std::io;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, KnownHosts, Marker};
use russh::keys::{Algorithm, HashAlg, PublicKey};
use serde::{Deserialize, Serialize};
use sha1::Sha1;

use super::Mistake;
use super::wildcard::list_matches;

/// What the file says of a server's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownHost {
    /// It is the key that was seen before.
    Known {
        /// The line that has it.
        line: usize,
    },
    /// Another key of the same kind was seen before: ssh warns in capitals.
    Changed {
        /// The line that has the other.
        line: usize,
        /// The other's fingerprint.
        recorded: String,
    },
    /// Only keys of other kinds were seen before; ssh would ask for one of those.
    OtherKinds {
        /// Which kinds.
        algorithms: Vec<String>,
    },
    /// The key is marked as revoked.
    Revoked {
        /// By which line.
        line: usize,
    },
    /// The server has not been seen before.
    Unknown,
}

/// The lines of a file that speak of one server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    keys: Vec<(usize, PublicKey)>,
    revoked: Vec<(usize, PublicKey)>,
    /// Lines that could not be read.
    pub unreadable: Vec<usize>,
}

/// Reads what a file has of a server. A file that is not there has nothing.
pub fn read(path: &Path, host: &str, port: u16) -> Result<Recorded, Mistake> {
    match fs::read(path) {
        Ok(bytes) => Ok(recorded(&String::from_utf8_lossy(&bytes), host, port)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Recorded::default()),
        Err(error) => {
            let doing = format!("reading {}", path.display());
            Err(Mistake::new(doing, error.to_string(), "check its owner and mode"))
        }
    }
}

/// What a text has of a server.
pub fn recorded(text: &str, host: &str, port: u16) -> Recorded {
    let name = if port == 22 { host.to_lowercase() } else { format!("[{}]:{port}", host.to_lowercase()) };
    let mut recorded = Recorded::default();
    for (number, line) in (1..).zip(text.lines()) {
        match KnownHosts::new(line).next() {
            Some(Err(_)) => recorded.unreadable.push(number),
            Some(Ok(entry)) if speaks_of(&entry, &name) => recorded.note(number, &entry),
            // Nothing, or another server's.
            _ => {}
        }
    }
    recorded
}

fn speaks_of(entry: &Entry, name: &str) -> bool {
    match entry.host_patterns() {
        HostPatterns::Patterns(patterns) => {
            let patterns: Vec<String> = patterns.iter().map(|pattern| pattern.to_lowercase()).collect();
            list_matches(patterns.iter().map(String::as_str), name)
        }
        HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
            .is_ok_and(|keyed| keyed.chain_update(name).verify_slice(hash).is_ok()),
    }
}

impl Recorded {
    fn note(&mut self, number: usize, entry: &Entry) {
        let line = (number, entry.public_key().clone());
        match entry.marker() {
            None => self.keys.push(line),
            Some(Marker::Revoked) => self.revoked.push(line),
            // An authority's key is not the server's.
            Some(Marker::CertAuthority) => {}
        }
    }

    /// Holds a server's key against what was seen before.
    pub fn verdict(&self, key: &PublicKey) -> KnownHost {
        let line_of = |keys: &[(usize, PublicKey)]| {
            keys.iter().find(|(_, known)| known.key_data() == key.key_data()).map(|(line, _)| *line)
        };
        if let Some(line) = line_of(&self.revoked) {
            return KnownHost::Revoked { line };
        }
        if let Some(line) = line_of(&self.keys) {
            return KnownHost::Known { line };
        }
        match self.keys.iter().find(|(_, known)| known.algorithm() == key.algorithm()) {
            Some((line, known)) => {
                let recorded = known.fingerprint(HashAlg::Sha256).to_string();
                KnownHost::Changed { line: *line, recorded }
            }
            None if self.keys.is_empty() => KnownHost::Unknown,
            None => KnownHost::OtherKinds {
                algorithms: self.algorithms().iter().map(ToString::to_string).collect(),
            },
        }
    }

    /// The same, of a key as an observation keeps it: `ssh-ed25519 AAAA…`.
    pub fn verdict_on(&self, public_key: &str) -> Option<KnownHost> {
        PublicKey::from_openssh(public_key).ok().map(|key| self.verdict(&key))
    }

    /// The kinds of key seen before: a probe asks for these first, as ssh does.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut kinds: Vec<Algorithm> = self.keys.iter().map(|(_, key)| key.algorithm()).collect();
        kinds.dedup();
        kinds
    }
}
