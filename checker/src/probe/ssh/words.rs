//! What an SSH server says before anyone has logged in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was heard, as far as it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshWords {
    /// `SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7`.
    pub identification: String,
    /// The key exchange both sides agreed on: `curve25519-sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_exchange: Option<String>,
    /// The server's key, whose possession it has proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<HostKey>,
    /// The best signature the server takes of an RSA key, from its `server-sig-algs`: `rsa-sha2-512`. None where it
    /// did not say, or takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rsa_signature: Option<String>,
    /// The ways in that it offers the user; none where no user was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<String>>,
    /// What it shows before a login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<String>,
    /// What it says of each public key that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyAnswer>,
    /// Where it ended, if not all that was asked was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// A server's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` and the console write it.
    pub fingerprint: String,
    /// The key as a line of `known_hosts` has it, without the host: `ssh-ed25519 AAAA…`.
    pub public_key: String,
}

/// What a server says of a public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAnswer {
    /// `SHA256:…`.
    pub fingerprint: String,
    /// The signature that would be made with it: `rsa-sha2-512`.
    pub algorithm: String,
    /// Whether a signature would be taken: `SSH_MSG_USERAUTH_PK_OK`.
    pub taken: bool,
}

/// Where a conversation ended before its time, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// What was under way.
    pub during: During,
    /// How it ended.
    pub how: How,
}

/// What was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum During {
    /// After the identification, until both have keys.
    KeyExchange,
    /// After that.
    Authentication,
}

/// How a conversation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The other side closed the connection.
    Closed,
    /// It reset the connection.
    Reset,
    /// It said nothing more in time.
    Silent,
    /// Both share no algorithm of this kind.
    NoCommonAlgorithm {
        /// Which kind: `key exchange`, `host key`, `cipher`, `mac`.
        kind: String,
        /// What the server has.
        theirs: Vec<String>,
    },
    /// The server said goodbye, in these words.
    Disconnected {
        /// Its words.
        words: String,
    },
    /// Something else.
    Failed {
        /// What.
        why: String,
    },
}

impl SshWords {
    /// A server of which no more is known yet.
    pub fn identified(identification: &str) -> Self {
        Self {
            identification: identification.to_owned(),
            key_exchange: None,
            host_key: None,
            rsa_signature: None,
            methods: None,
            banner: None,
            keys: Vec::new(),
            ended: None,
        }
    }

    /// The key that the server would take, if there is one.
    pub fn taken_key(&self) -> Option<&KeyAnswer> {
        self.keys.iter().find(|key| key.taken)
    }
}

impl fmt::Display for SshWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.identification)?;
        if let Some(key) = &self.host_key {
            write!(f, ", host key {} {}", key.algorithm, key.fingerprint)?;
        }
        if let Some(methods) = &self.methods {
            write!(f, ", offers {}", methods.join(", "))?;
        }
        for key in &self.keys {
            let word = if key.taken { "would take" } else { "does not take" };
            write!(f, ", {word} {} {}", key.algorithm, key.fingerprint)?;
        }
        match &self.ended {
            Some(ended) => write!(f, ", then {ended}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::Closed => f.write_str("closed")?,
            How::Reset => f.write_str("reset")?,
            How::Silent => f.write_str("silence")?,
            How::NoCommonAlgorithm { kind, theirs } => {
                write!(f, "no common {kind} algorithm (it has {})", theirs.join(", "))?;
            }
            How::Disconnected { words } => write!(f, "goodbye: \"{}\"", words.escape_debug())?,
            How::Failed { why } => f.write_str(why)?,
        }
        f.write_str(match self.during {
            During::KeyExchange => " in the key exchange",
            During::Authentication => " before the login",
        })
    }
}
