//! What was seen on an instance. It says what is there, never what it means, and holds nothing secret: of keys
//! their number, of accounts what decides about a login.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::firewall::Decision;
use super::told::Told;
use crate::database::login::Login;
use crate::probe::round::Round;

/// The version of the facts: raised when a name's meaning changes.
pub const FACTS_VERSION: u32 = 1;

/// All that was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// For whom it was looked.
    pub question: Question,
    /// Who listens for connections.
    pub listeners: Told<Vec<Listener>>,
    /// How many connections of the client to the port are half open: its SYN arrived, our answer was not heard.
    pub half_open: Told<usize>,
    /// What was seen on the wire while it was looked.
    pub arrivals: Told<Arrivals>,
    /// The SSH server.
    pub sshd: Sshd,
    /// The accounts that were asked about, or those that images come with.
    pub accounts: Told<Vec<Account>>,
    /// A file that keeps everybody out but root, and its first line.
    pub no_login: Told<Option<(String, String)>>,
    /// What the files of the TCP wrappers say of the client, where sshd heeds them.
    pub tcp_wrappers: Told<Wrapped>,
    /// The filesystems that a login needs.
    pub rooms: Vec<Room>,
    /// Memory, and whom the kernel killed for it.
    pub memory: Memory,
    /// What this host's own firewall does with the client's first packet.
    pub firewall: Told<Decision>,
    /// The address that this host answers the client from; none where it has no way there.
    pub way_back: Told<Option<IpAddr>>,
    /// The way to the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
}

/// For whom it was looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The address that the client comes from, where it is known.
    pub client: Option<IpAddr>,
    /// The port that it wants.
    pub port: u16,
    /// As whom it wants to log in; whom images come with, where nobody was named.
    pub users: Vec<String>,
}

/// A socket that listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Where.
    pub address: SocketAddr,
    /// Whose it is, where that could be seen.
    pub program: Option<String>,
}

/// What was seen on the wire, before any firewall of this host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrivals {
    /// For how long it was watched.
    pub watched_ms: u64,
    /// First packets of the client.
    pub syn: usize,
    /// This host's answers to them.
    pub syn_ack: usize,
    /// This host's refusals.
    pub reset: usize,
    /// First packets of others to the same port.
    pub others: usize,
}

/// The SSH server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sshd {
    /// Where the program is; none where it is not installed.
    pub program: Told<Option<String>>,
    /// How many processes of it there are.
    pub processes: Told<usize>,
    /// What systemd says of it.
    pub unit: Told<Unit>,
    /// What `sshd -t` says: nothing where the configuration is sound.
    pub test: Told<Option<String>>,
    /// Its keys: none is given out.
    pub host_keys: Told<Vec<PathFact>>,
    /// The directory that it locks itself into.
    pub empty_directory: Told<PathFact>,
    /// Whether the user exists that it becomes there.
    pub unprivileged_user: Told<bool>,
}

/// What systemd says of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unit {
    /// `ssh.service`.
    pub name: String,
    /// `active`, `inactive`, `failed`.
    pub active: String,
    /// `success`, `exit-code`, `oom-kill`.
    pub result: String,
    /// `enabled`, `disabled`, `masked`.
    pub enabled: String,
    /// Whether systemd makes the directory that sshd locks itself into when it starts it.
    pub makes_directory: bool,
}

/// A path, and who may do what with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFact {
    /// Where.
    pub path: String,
    /// What is there; nothing where nothing is.
    pub is: Option<Inode>,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inode {
    /// The permission bits.
    pub mode: u32,
    /// Whose it is.
    pub owner: u32,
    /// Whether it is a directory.
    pub directory: bool,
}

/// An account, as far as it decides about a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name.
    pub user: String,
    /// Its entry; none where there is no such account.
    pub entry: Option<Entry>,
    /// What `sshd -T` says for it.
    pub policy: Told<Policy>,
    /// The paths from its home directory down to the file of keys, for each file that sshd reads.
    pub key_files: Vec<KeyFile>,
}

/// An entry of the files of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number.
    pub uid: u32,
    /// Its home directory.
    pub home: PathFact,
    /// Its shell.
    pub shell: PathFact,
    /// Its groups.
    pub groups: Vec<String>,
    /// Whether its password begins with `!`.
    pub locked: Told<bool>,
    /// The day after which it is not let in.
    pub expired_on: Told<Option<String>>,
}

/// What sshd's configuration says for one user and client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is a keyword of sshd_config")]
pub struct Policy {
    pub allow_users: Vec<String>,
    pub deny_users: Vec<String>,
    pub allow_groups: Vec<String>,
    pub deny_groups: Vec<String>,
    pub authorized_keys_file: Vec<String>,
    pub pubkey_authentication: bool,
    pub permit_root_login: String,
    pub strict_modes: bool,
    pub use_pam: bool,
    pub force_command: Option<String>,
}

/// One file of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    /// The file, then each directory above it up to where sshd stops looking.
    pub components: Vec<PathFact>,
    /// How many keys are in it.
    pub keys: Told<usize>,
}

/// What the TCP wrappers do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrapped {
    /// sshd does not heed them.
    NotHeeded,
    /// They let the client in.
    LetIn,
    /// This line turns it away.
    TurnedAway {
        /// With its file and number.
        line: String,
    },
}

/// A filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// What it is needed for.
    pub path: String,
    /// How much anyone but root may still write.
    pub bytes_free: u64,
    /// Of how much.
    pub bytes: u64,
    /// How many files may still be made; nothing where there is no limit.
    pub inodes_free: Option<u64>,
}

/// Memory, and whom the kernel killed for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Memory that programs can still have, in bytes.
    pub available: Told<u64>,
    /// What the kernel said when it killed sshd.
    pub killed: Told<Option<String>>,
}

/// The way to the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// What the probes saw from here.
    pub round: Round,
    /// How far a login came, where there are settings for one.
    pub login: Option<Login>,
    /// Why none was tried, where the settings ask for one.
    pub not_tried: Option<String>,
}
