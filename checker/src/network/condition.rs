//! What explains a machine or a database that can be reached and does not answer: EC2's status checks, what an
//! instance said on its console, its key pair; RDS's events, parameters and certificates.

use jiff::Timestamp;

use super::id::{DbInstanceId, InstanceId};

/// What EC2's status checks say of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct InstanceStatus {
    pub id: InstanceId,
    /// The check of the host that it runs on: `ok`, `impaired`, `initializing`, `insufficient-data`.
    pub system: Option<String>,
    /// The check of the instance itself.
    pub instance: Option<String>,
    /// What AWS is going to do to it.
    pub events: Vec<ScheduledEvent>,
}

/// Something that AWS is going to do to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct ScheduledEvent {
    pub code: String,
    pub description: Option<String>,
    pub not_before: Option<Timestamp>,
}

impl ScheduledEvent {
    /// Whether it is over, as AWS writes it into the description.
    pub fn is_over(&self) -> bool {
        let said = self.description.as_deref().unwrap_or_default();
        ["[Completed]", "[Canceled]"].iter().any(|word| said.starts_with(word))
    }
}

/// What an instance said on its console, as far as it tells anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleOutput {
    /// Whose.
    pub id: InstanceId,
    /// The fingerprints of its host keys: `SHA256:…`.
    pub host_keys: Vec<String>,
    /// What went wrong, each kind once, by its last line.
    pub troubles: Vec<ConsoleTrouble>,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleTrouble {
    /// Which.
    pub kind: ConsoleTroubleKind,
    /// The line that says so.
    pub line: String,
}

/// What can go wrong with a machine so that its console tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is said in words by who explains it")]
pub enum ConsoleTroubleKind {
    KernelPanic,
    EmergencyMode,
    MountFailed,
    NoSpaceLeft,
    OutOfMemory,
}

/// A key pair that EC2 keeps the public half of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct KeyPair {
    pub name: String,
    /// In one of EC2's three forms: of RSA the SHA-1 of the private key or the MD5 of the public one, of ED25519
    /// what OpenSSH prints.
    pub fingerprint: Option<String>,
    /// As a line of `authorized_keys`, where it was asked for.
    pub public_key: Option<String>,
}

/// Something that RDS tells of a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "RDS's own words")]
pub struct DbEvent {
    pub date: Option<Timestamp>,
    pub database: DbInstanceId,
    pub message: String,
}

/// Of a DB parameter group what a client must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbParameterGroup {
    /// Its name.
    pub name: String,
    /// `rds.force_ssl`: whether the server takes TLS only.
    pub force_ssl: Option<bool>,
}
