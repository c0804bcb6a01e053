//! A key file: of which kind it is, its public half, and what will keep ssh from using it. The private half is never
//! kept, and no passphrase is asked for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pkcs1::RsaPrivateKeyRef;
use pkcs1::der::{Decode, Document};
use russh::keys::ssh_key::Mpint;
use russh::keys::ssh_key::public::{KeyData, RsaPublicKey};
use russh::keys::{HashAlg, PrivateKey, PublicKey};

use super::{Mistake, ec2_fingerprint};

/// More than any key file has.
const MOST: u64 = 256 * 1024;

/// What a key file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// Where it lies.
    pub path: PathBuf,
    /// How it is written.
    pub format: Format,
    /// Whether it asks for a passphrase.
    pub encrypted: bool,
    /// Its public half, from the file itself or from the `.pub` beside it.
    pub public_key: Option<PublicKey>,
    /// The forms in which EC2 may know it.
    pub of_ec2: Vec<String>,
    /// What keeps ssh from using it.
    pub problems: Vec<Problem>,
}

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `BEGIN OPENSSH PRIVATE KEY`: what `ssh-keygen` writes.
    OpenSsh,
    /// `BEGIN RSA PRIVATE KEY`: what AWS hands out as `.pem`.
    Pkcs1,
    /// `BEGIN PRIVATE KEY`, `BEGIN ENCRYPTED PRIVATE KEY`.
    Pkcs8,
    /// `BEGIN EC PRIVATE KEY`.
    Sec1,
    /// `PuTTY-User-Key-File`.
    Putty,
    /// A public key.
    Public,
}

/// What keeps ssh from using a key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Others may read it: `UNPROTECTED PRIVATE KEY FILE`.
    OpenToOthers {
        /// Its mode.
        mode: u32,
    },
    /// ssh does not read files of `PuTTY`.
    Putty,
    /// It is the public half.
    OnlyPublic,
    /// It does not end as it should: a copy that was cut off.
    CutOff,
    /// Its lines end as on Windows.
    CarriageReturns,
    /// Its last line has no end.
    NoFinalNewline,
    /// What stands between the first and the last line is not a key.
    Damaged,
}

impl Problem {
    /// What is wrong, as a sentence about the file.
    pub fn words(&self) -> String {
        match self {
            Self::OpenToOthers { mode } => {
                format!("others may read it (mode {mode:03o}), so ssh does not use it")
            }
            Self::Putty => "it is PuTTY's, which ssh does not read".into(),
            Self::OnlyPublic => "it is the public half".into(),
            Self::CutOff => "it is cut off".into(),
            Self::CarriageReturns => "its lines end as on Windows".into(),
            Self::NoFinalNewline => "its last line has no end".into(),
            Self::Damaged => "it is damaged".into(),
        }
    }

    /// The row of the table of symptoms.
    pub fn symptom(&self) -> &'static str {
        if matches!(self, Self::OpenToOthers { .. }) { "H34" } else { "H35" }
    }

    /// What to do about it.
    pub fn hint(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::OpenToOthers { .. } => format!("chmod 600 {path}"),
            Self::Putty => format!("convert it: puttygen {path} -O private-openssh -o {path}.pem"),
            Self::OnlyPublic => "name the file without .pub: the private key is beside it".to_owned(),
            Self::CutOff | Self::Damaged => "copy it again, whole, from where it was made".to_owned(),
            Self::CarriageReturns => format!("sed -i 's/\\r$//' {path}"),
            Self::NoFinalNewline => format!("echo >> {path}"),
        }
    }
}

impl KeyFile {
    /// `SHA256:…`, as `ssh-keygen -l` writes it.
    pub fn fingerprint(&self) -> Option<String> {
        self.public_key.as_ref().map(|key| key.fingerprint(HashAlg::Sha256).to_string())
    }
}

/// Reads a key file.
pub fn read(path: &Path) -> Result<KeyFile, Mistake> {
    let doing = || format!("reading the key {}", path.display());
    let found = fs::metadata(path).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "check the path of the key",
            _ => "check its owner and mode",
        };
        Mistake::new(doing(), error.to_string(), hint)
    })?;
    if !found.is_file() {
        return Err(Mistake::new(doing(), "it is not a file", "name the key file itself"));
    }
    if found.len() > MOST {
        return Err(Mistake::new(doing(), "it is too large for a key", "name the key file itself"));
    }
    let bytes = fs::read(path)
        .map_err(|error| Mistake::new(doing(), error.to_string(), "check its owner and mode"))?;
    let mut key = understood(path, &bytes).map_err(|(why, hint)| Mistake::new(doing(), why, hint))?;
    if let Some(mode) = open_to_others(&found).filter(|_| key.format != Format::Public) {
        key.problems.push(Problem::OpenToOthers { mode });
    }
    if key.public_key.is_none() {
        key.public_key = beside(path);
        key.of_ec2 = ec2_fingerprint::of("", key.public_key.as_ref());
    }
    Ok(key)
}

#[cfg(unix)]
fn open_to_others(found: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = found.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_to_others(_found: &fs::Metadata) -> Option<u32> {
    None
}

fn beside(path: &Path) -> Option<PublicKey> {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PublicKey::from_openssh(fs::read_to_string(name).ok()?.trim()).ok()
}

/// What the bytes of a key file are.
pub fn understood(path: &Path, bytes: &[u8]) -> Result<KeyFile, (String, String)> {
    let again = || "name a key in the format of OpenSSH, or AWS's .pem".to_owned();
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(("it is not text, so not a key".to_owned(), again()));
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let format = match text.lines().next().map(str::trim) {
        None => {
            return Err((
                "it is empty".to_owned(),
                "copy the key again, whole, from where it was made".to_owned(),
            ));
        }
        Some("-----BEGIN OPENSSH PRIVATE KEY-----") => Format::OpenSsh,
        Some("-----BEGIN RSA PRIVATE KEY-----") => Format::Pkcs1,
        Some("-----BEGIN PRIVATE KEY-----" | "-----BEGIN ENCRYPTED PRIVATE KEY-----") => Format::Pkcs8,
        Some("-----BEGIN EC PRIVATE KEY-----") => Format::Sec1,
        Some(line) if line.starts_with("PuTTY-User-Key-File-") => Format::Putty,
        Some(line) if PublicKey::from_openssh(line).is_ok() => Format::Public,
        Some(line) if line.starts_with("-----BEGIN ") => {
            let kind = line.trim_start_matches("-----BEGIN ").trim_end_matches('-');
            return Err((format!("it holds a {}", kind.escape_debug()), again()));
        }
        Some(_) => return Err(("it does not begin as a key does".to_owned(), again())),
    };
    Ok(of_format(path, format, text))
}

fn of_format(path: &Path, format: Format, text: &str) -> KeyFile {
    let (public_key, encrypted) = match format {
        Format::OpenSsh => match PrivateKey::from_openssh(text) {
            Ok(key) => (Some(key.public_key().clone()), key.is_encrypted()),
            Err(_) => (None, false),
        },
        Format::Pkcs1 => (rsa(text), text.contains("ENCRYPTED")),
        Format::Pkcs8 | Format::Sec1 => (None, text.contains("ENCRYPTED")),
        Format::Putty => (putty(text), !text.contains("Encryption: none")),
        Format::Public => {
            (text.lines().next().and_then(|line| PublicKey::from_openssh(line.trim()).ok()), false)
        }
    };
    let mut problems = problems(format, text);
    let readable = public_key.is_some() || encrypted || matches!(format, Format::Pkcs8 | Format::Sec1);
    if problems.is_empty() && !readable {
        problems.push(Problem::Damaged);
    }
    let of_ec2 = ec2_fingerprint::of(text, public_key.as_ref());
    KeyFile { path: path.to_owned(), format, encrypted, public_key, of_ec2, problems }
}

fn problems(format: Format, text: &str) -> Vec<Problem> {
    match format {
        Format::Putty => vec![Problem::Putty],
        Format::Public => vec![Problem::OnlyPublic],
        _ if !text.trim_end().ends_with("KEY-----") || text.matches("-----END ").count() != 1 => {
            vec![Problem::CutOff]
        }
        // OpenSSL, which reads the other formats for ssh, takes both.
        Format::OpenSsh if text.contains('\r') => vec![Problem::CarriageReturns],
        Format::OpenSsh if !text.ends_with('\n') => vec![Problem::NoFinalNewline],
        _ => Vec::new(),
    }
}

/// The public half of an RSA key, whose private half is dropped here.
fn rsa(text: &str) -> Option<PublicKey> {
    let (_, document) = Document::from_pem(text).ok()?;
    let key = RsaPrivateKeyRef::from_der(document.as_bytes()).ok()?;
    let exponent = Mpint::from_positive_bytes(key.public_exponent.as_bytes());
    let modulus = Mpint::from_positive_bytes(key.modulus.as_bytes());
    Some(PublicKey::new(KeyData::Rsa(RsaPublicKey::new(exponent, modulus).ok()?), ""))
}

/// `Public-Lines: 2`, and so many lines of the public half.
fn putty(text: &str) -> Option<PublicKey> {
    let mut lines = text.lines().map(str::trim);
    let kind = lines.next()?.split(": ").nth(1)?;
    let count = lines.find_map(|line| line.strip_prefix("Public-Lines: "))?.parse().ok()?;
    let encoded: String = lines.take(count).collect();
    PublicKey::from_openssh(&format!("{kind} {encoded}")).ok()
}
