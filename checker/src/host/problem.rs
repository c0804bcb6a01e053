//! A problem of a host: what is wrong, what shows it, what to type, and of what it is only a consequence.

use serde::Serialize;

/// What can be wrong with a host that somebody wants to log in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A filesystem has no room.
    DiskFull,
    /// Or no more files.
    InodesFull,
    /// The kernel killed sshd for its memory.
    OutOfMemory,
    /// sshd is not installed.
    SshdMissing,
    /// The user is not there that sshd becomes.
    UnprivilegedUser,
    /// The directory is not there that it locks itself into, or not root's alone.
    EmptyDirectory,
    /// It has no key that it may use.
    HostKeys,
    /// Its configuration is not valid.
    Configuration,
    /// Another program has its port.
    PortTaken,
    /// It does not run.
    SshdStopped,
    /// It listens on another port or address.
    ListensElsewhere,
    /// This host's own firewall drops or rejects.
    HostFirewall,
    /// This host has no route to the client.
    NoWayBack,
    /// `hosts.deny` turns the client away.
    TcpWrappers,
    /// `/etc/nologin` keeps everybody out.
    NoLogin,
    /// There is no such user.
    NoSuchUser,
    /// sshd's configuration keeps the user out.
    UserNotAllowed,
    /// The account has a lock on it that sshd heeds.
    AccountLocked,
    /// Or has ended.
    AccountExpired,
    /// Its shell is not there, or is no program.
    NoShell,
    /// Its shell says no and ends.
    ShellRefuses,
    /// Its home directory is not there.
    NoHome,
    /// sshd takes no public keys.
    KeysOff,
    /// Its file of keys is not there.
    NoKeyFile,
    /// Or may be written by others, which sshd takes for a forgery.
    OpenKeyFile,
    /// Or holds no key.
    NoKeys,
}

impl Kind {
    /// All of them, so that each comes after what it hangs on.
    pub const ALL: [Self; 26] = [
        Self::DiskFull,
        Self::InodesFull,
        Self::OutOfMemory,
        Self::SshdMissing,
        Self::UnprivilegedUser,
        Self::EmptyDirectory,
        Self::HostKeys,
        Self::Configuration,
        Self::PortTaken,
        Self::SshdStopped,
        Self::ListensElsewhere,
        Self::HostFirewall,
        Self::NoWayBack,
        Self::TcpWrappers,
        Self::NoLogin,
        Self::NoSuchUser,
        Self::UserNotAllowed,
        Self::AccountLocked,
        Self::AccountExpired,
        Self::NoShell,
        Self::ShellRefuses,
        Self::NoHome,
        Self::KeysOff,
        Self::NoKeyFile,
        Self::OpenKeyFile,
        Self::NoKeys,
    ];

    /// What explains it, where it is there: mend that first, and look again.
    pub fn hangs_on(self) -> &'static [Self] {
        use Kind as K;
        match self {
            K::UnprivilegedUser | K::EmptyDirectory => &[K::SshdMissing],
            K::HostKeys => &[K::SshdMissing, K::DiskFull, K::InodesFull],
            K::Configuration => &[K::SshdMissing, K::UnprivilegedUser, K::EmptyDirectory, K::HostKeys],
            K::SshdStopped => &[
                K::OutOfMemory,
                K::SshdMissing,
                K::UnprivilegedUser,
                K::EmptyDirectory,
                K::HostKeys,
                K::Configuration,
                K::PortTaken,
            ],
            K::ListensElsewhere => &[K::SshdStopped],
            K::UserNotAllowed | K::AccountLocked | K::AccountExpired | K::NoShell | K::ShellRefuses => {
                &[K::NoSuchUser]
            }
            K::NoHome => &[K::NoSuchUser],
            K::NoKeyFile | K::OpenKeyFile => &[K::NoHome, K::KeysOff],
            // Who writes a file of keys anew on a full disk leaves an empty one.
            K::NoKeys => &[K::DiskFull, K::InodesFull, K::KeysOff],
            _ => &[],
        }
    }

    /// The row of the table of symptoms that it shows as.
    pub fn symptom(self) -> Option<&'static str> {
        use Kind as K;
        match self {
            K::OutOfMemory => Some("H20"),
            K::SshdMissing
            | K::UnprivilegedUser
            | K::EmptyDirectory
            | K::HostKeys
            | K::Configuration
            | K::PortTaken
            | K::SshdStopped
            | K::ListensElsewhere => Some("H23"),
            K::HostFirewall => Some("H25"),
            K::TcpWrappers => Some("H26"),
            K::NoSuchUser | K::UserNotAllowed => Some("H31"),
            K::NoHome | K::NoKeyFile | K::OpenKeyFile | K::NoKeys => Some("H33"),
            K::KeysOff => Some("H38"),
            K::DiskFull
            | K::InodesFull
            | K::NoLogin
            | K::AccountLocked
            | K::AccountExpired
            | K::NoShell
            | K::ShellRefuses => Some("H39"),
            K::NoWayBack => Some("H9"),
        }
    }
}

/// One of them, found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Which.
    pub kind: Kind,
    /// Of whom or what: a user, a path. Empty where there is only one.
    pub about: String,
    /// What is wrong, in one sentence without its full stop.
    pub verdict: String,
    /// What shows it, a line each.
    pub evidence: Vec<String>,
    /// What to do, with the commands to type on the instance.
    pub hint: String,
    /// The problems that explain it; it is a root where there are none.
    pub follows: Vec<Kind>,
}

impl Problem {
    /// One of which nothing is said yet but its name.
    pub(super) fn new(kind: Kind, about: impl Into<String>, verdict: impl Into<String>) -> Self {
        let (about, verdict) = (about.into(), verdict.into());
        Self { kind, about, verdict, evidence: Vec::new(), hint: String::new(), follows: Vec::new() }
    }

    /// The same, shown by this too.
    #[must_use]
    pub(super) fn shown_by(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    /// The same, with what to do.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Whether nothing else that was found explains it.
    pub fn is_root(&self) -> bool {
        self.follows.is_empty()
    }
}
