//! What a bootstrap needs to know, already validated. No file and no environment is read here.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Everything the steps of this crate are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Which volume, and what may be done to it.
    pub volume: VolumeSettings,
    /// Where it is mounted.
    pub mount: MountSettings,
    /// Which installer, from where.
    pub anaconda: AnacondaSettings,
    /// How it is fetched.
    pub download: DownloadSettings,
    /// What is put into it.
    pub python: PythonSettings,
}

/// Which volume, and what may be done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSettings {
    /// How the volume is told from all others.
    pub identity: VolumeIdentity,
    /// How long to wait for it to be attached.
    pub wait: Duration,
    /// The filesystem made on a blank volume; a known one is kept whatever it is.
    pub filesystem: FilesystemKind,
    /// What counts as blank.
    pub blank: BlankPolicy,
    /// Typed consent: this very volume may be formatted although it holds something no one recognises.
    pub format_if_unrecognised: Option<VolumeId>,
}

/// How the volume is told from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeIdentity {
    /// By the serial number that the NVMe controller reports: `vol-0123456789abcdef0`.
    Id(VolumeId),
    /// By the device name asked for when it was attached: `/dev/sdf`.
    DeviceName(String),
    /// By a path on this host, for whoever knows better.
    Path(PathBuf),
}

impl fmt::Display for VolumeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::DeviceName(name) => f.write_str(name),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// `vol-` and 8 or 17 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VolumeId(String);

impl VolumeId {
    /// The id as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a serial number as NVMe controllers report it, with or without its hyphen.
    pub fn from_serial(serial: &str) -> Option<Self> {
        let digits = serial.trim_matches([' ', '\0', '\n']).strip_prefix("vol")?;
        format!("vol-{}", digits.strip_prefix('-').unwrap_or(digits)).parse().ok()
    }
}

impl FromStr for VolumeId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("vol-").unwrap_or_default();
        let hexadecimal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hexadecimal && matches!(digits.len(), 8 | 17) {
            return Ok(Self(text.to_owned()));
        }
        Err("a volume id is vol- and 8 or 17 hexadecimal digits, such as vol-0123456789abcdef0".to_owned())
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A filesystem that a blank volume can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilesystemKind {
    /// The default: every kernel reads it.
    Ext4,
    /// For those who want it.
    Xfs,
}

impl FilesystemKind {
    /// The name that mkfs, mount and fstab use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }
}

/// What counts as blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlankPolicy {
    /// No signature, and every byte sampled is zero.
    Zeros,
    /// No signature; bytes that mean nothing to anyone are allowed.
    Signatures,
}

/// Where the volume is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountSettings {
    /// The mount point, `/anaconda` by default.
    pub point: PathBuf,
    /// Mount an XFS whose UUID is mounted elsewhere too, as copies made by snapshots are.
    pub allow_duplicate_uuid: bool,
}

/// Which installer, from where, and whether its licence is accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct AnacondaSettings {
    /// Which installer.
    pub installer: InstallerChoice,
    /// Base URLs asked in turn for a catalogue installer; Anaconda's own where empty.
    pub mirrors: Vec<String>,
    /// Batch mode accepts the licence in the user's name: so the user must have said so.
    pub accept_license: bool,
    /// The directory Anaconda is installed into.
    pub prefix: PathBuf,
    /// Keep the installer after it has been used.
    pub keep_installer: bool,
    /// How long an installation may go on without writing anything.
    pub patience: Duration,
}

/// Which installer is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallerChoice {
    /// One of the catalogue: `latest`, `2025.12-2`, `5.0.1`, `Miniconda3-py312_25.1.1-2`.
    Catalogue(String),
    /// The user's own, with the hash that proves it.
    Own {
        /// `https:`, `http:` or `file:` URLs of the same bytes.
        urls: Vec<String>,
        /// Their SHA-256.
        sha256: Sha256,
    },
}

/// A SHA-256, 64 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sha256(String);

impl Sha256 {
    /// From the bytes a hasher gave.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        use fmt::Write;
        let mut text = String::with_capacity(64);
        for byte in bytes {
            write!(text, "{byte:02x}").expect("writing to a string does not fail");
        }
        Self(text)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sha256 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        if lower.len() == 64 && lower.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(lower));
        }
        Err("a SHA-256 is 64 hexadecimal digits".to_owned())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a file is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadSettings {
    /// How long one file may take in all, retries included.
    pub budget: Duration,
    /// How long a connection may bring less than `slow_below` bytes a second before it is dropped.
    pub stall: Duration,
    /// See `stall`.
    pub slow_below: u64,
    /// Certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Compare the vendor's own list of hashes with the catalogue's where it can be reached.
    pub second_opinion: bool,
}

/// What is put into the interpreter.
#[derive(Debug, Clone, PartialEq)]
pub struct PythonSettings {
    /// Which form of psycopg2.
    pub psycopg2: Psycopg2,
    /// Where pip finds it.
    pub wheels: WheelSource,
    /// `pip install --upgrade pip` before; off unless asked, since it leaves conda's records wrong.
    pub upgrade_pip: bool,
    /// The file that gives every login shell its `$python3`.
    pub profile: PathBuf,
}

/// Which form of the module psycopg2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Psycopg2 {
    /// `psycopg2-binary` in the newest version that fits; or in this one, which must be in the table.
    Binary(Option<String>),
    /// `psycopg2` compiled here: needs a compiler and libpq.
    Source(Option<String>),
}

/// Where pip finds the wheel. The hash is ours in every case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WheelSource {
    /// The index pip is set up with.
    DefaultIndex,
    /// This index URL.
    Index(String),
    /// A folder with the wheel in it; no network.
    Wheelhouse(PathBuf),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_id_is_read_from_a_serial_with_or_without_its_hyphen() {
        let wanted: VolumeId = "vol-0123456789abcdef0".parse().expect("a volume id");
        assert_eq!(VolumeId::from_serial("vol0123456789abcdef0   "), Some(wanted.clone()));
        assert_eq!(VolumeId::from_serial("vol-0123456789abcdef0\n"), Some(wanted));
        assert_eq!(VolumeId::from_serial("AWS1234567890ABCDEF"), None);
    }

    #[test]
    fn a_volume_id_with_other_letters_or_lengths_is_refused() {
        for text in ["vol-0123", "vol-0123456789ABCDEF0", "0123456789abcdef0", "vol-0123456789abcdeg0"] {
            assert!(text.parse::<VolumeId>().is_err(), "{text}");
        }
    }
}
