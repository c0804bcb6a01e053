//! What is wrong with a file that should be an installer, and what a person can do about it.

use std::fmt;

use super::architecture::Architecture;

/// Why a file cannot be the installer it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// It is something else altogether.
    NotAnInstaller(&'static str),
    /// Its lines were changed on the way.
    TextMode,
    /// It ends before its header does.
    EndsInHeader(u64),
    /// The header lacks this.
    Lacks(&'static str),
    /// Two things in the header contradict each other.
    Contradicts(String),
    /// It is for another platform: what it says, what this machine is.
    Platform(String, Architecture),
    /// The program in it is for another processor.
    Machine(u16, Architecture),
    /// It is not as long as its header says: that, and how long it is.
    Size(u64, u64),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnInstaller(what) => write!(f, "it is no installer but {what}"),
            Self::TextMode => f.write_str("its lines end in CR LF: it was transferred as text"),
            Self::EndsInHeader(size) => {
                write!(f, "it is cut short: it ends after {size} bytes, inside its header")
            }
            Self::Lacks(what) => write!(f, "its header has no {what}"),
            Self::Contradicts(what) => write!(f, "its header contradicts itself: {what}"),
            Self::Platform(platform, here) => {
                write!(f, "it is made for {platform}, and this machine is {}", here.platform())
            }
            Self::Machine(machine, here) => {
                write!(f, "the program in it is for ELF machine {machine}, and this machine is {here}")
            }
            Self::Size(said, is) if is < said => {
                write!(f, "it is cut short: {is} bytes, where its header and what follows it are {said}")
            }
            Self::Size(said, is) => {
                write!(f, "it has {is} bytes, where its header and what follows it are {said}")
            }
        }
    }
}

impl std::error::Error for Damage {}

const PAGE: &str = "a web page";
const XML: &str = "an XML document, as object stores answer with errors";
const JSON: &str = "a JSON document";
const POINTER: &str = "a Git LFS pointer to one";
const EDITED: &str = "a text that an editor has saved with a byte order mark";
const WINDOWS: &str = "a Windows program";
const MACOS: &str = "a macOS package";

impl Damage {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Platform(..) | Self::Machine(..) | Self::NotAnInstaller(WINDOWS | MACOS) => {
                "take the installer for this processor: its name ends in Linux-x86_64.sh or Linux-aarch64.sh"
            }
            Self::NotAnInstaller(PAGE | XML | JSON) => {
                "the server or a proxy answered with this instead: read it, it says why, and mend the URL \
                 or the access"
            }
            Self::NotAnInstaller(POINTER) => "fetch the file itself with `git lfs pull`",
            Self::TextMode | Self::NotAnInstaller(EDITED) => {
                "fetch it again and transfer it as binary: no text mode, no editor, no line-end conversion"
            }
            _ => "delete it and fetch it again, and compare its SHA-256 with the publisher's",
        }
    }
}

/// How other files begin that are found under an installer's name.
const OTHERS: [(&[u8], &str); 13] = [
    (&[0x1f, 0x8b], "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"PK", "a zip file"),
    (b"\x7fELF", "a program"),
    (b"MZ", WINDOWS),
    (b"xar!", MACOS),
    (b"\xef\xbb\xbf", EDITED),
    (b"\xff\xfe", EDITED),
    (b"\0\0\0\0", "zeros: room was made for it, and nothing written"),
    (b"version https://git-lfs", POINTER),
    (b"{", JSON),
];

/// A shell script, whatever blank lines come before its first; or the name of what it is instead.
pub(super) fn recognise(head: &[u8]) -> Result<&[u8], Damage> {
    let start = head.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(head.len());
    let script = &head[start..];
    let first = script.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match script {
        [] => Err(Damage::NotAnInstaller("an empty file")),
        [b'#', b'!', ..] if first.ends_with(b"\r") => Err(Damage::TextMode),
        [b'#', b'!', ..] => Ok(script),
        [b'<', ..] => Err(Damage::NotAnInstaller(if is_page(first) { PAGE } else { XML })),
        _ => Err(Damage::NotAnInstaller(
            OTHERS
                .iter()
                .find(|(begin, _)| script.starts_with(begin))
                .map_or("something that does not begin as a shell script", |(_, name)| *name),
        )),
    }
}

fn is_page(first: &[u8]) -> bool {
    let lower = first.get(..first.len().min(64)).unwrap_or_default().to_ascii_lowercase();
    lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html")
}
