//! Reading an installer's header: what the script says of itself, over all the years of its kind. It is
//! text, then bytes that the text gives the sizes of; so a file that was cut short or changed on its way is
//! known before any of it is run. The script's own check, an MD5, only warns.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::architecture::Architecture;
pub use super::layout::Generation;
use super::layout::Layout;
use crate::step::{Failure, StepError};

/// More than any header is long: the longest, with its licence, has 76 KiB.
const HEAD: u64 = 1 << 20;
const END: &[u8] = b"@@END_HEADER@@";

/// What an installer says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `Anaconda3`
    pub name: String,
    /// `5.0.1`
    pub version: String,
    /// `linux-64`
    pub platform: String,
    /// The MD5 of all that follows the header.
    pub md5: String,
    /// How the script finds what follows it.
    pub generation: Generation,
    /// Where the header ends and the payload begins.
    pub payload: u64,
    /// How long the whole file must be.
    pub size: u64,
    /// The glibc it asks for, if it asks.
    pub glibc: Option<(u32, u32)>,
    /// What it says it will take up, in bytes, if it says.
    pub installed: Option<u64>,
    /// `e_machine` of the program that the payload begins with, if it begins with one.
    pub machine: Option<u16>,
}

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
            Self::EndsInHeader(size) => write!(f, "it ends after {size} bytes, inside its header"),
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

impl Damage {
    fn hint(&self) -> &'static str {
        match self {
            Self::Platform(..) | Self::Machine(..) => {
                "choose the installer for this processor, its name ends in Linux-x86_64.sh or Linux-aarch64.sh"
            }
            Self::NotAnInstaller("a web page") => {
                "the server or a proxy answered with a page: open the URL in a browser and see what it says"
            }
            _ => "delete it and fetch it again, and compare its SHA-256 with the publisher's",
        }
    }
}

/// Looks whether the file at `path` is an installer, whole, and for this processor. Runs nothing.
pub fn examine(path: &Path, architecture: Architecture) -> Result<Header, StepError> {
    let doing = || format!("examining the installer {}", path.display());
    let (head, length) =
        read_head(path).map_err(|error| StepError::new(Failure::Precondition, doing()).because(error))?;
    check(&head, length, architecture).map_err(|damage| {
        let hint = damage.hint();
        StepError::new(Failure::Precondition, doing()).because(damage).hint(hint)
    })
}

/// The same, over the first bytes of a file of this length.
pub fn check(head: &[u8], length: u64, architecture: Architecture) -> Result<Header, Damage> {
    let header = parse(head, length)?;
    if header.platform != architecture.platform() {
        return Err(Damage::Platform(header.platform, architecture));
    }
    if let Some(machine) = header.machine.filter(|machine| *machine != architecture.elf_machine()) {
        return Err(Damage::Machine(machine, architecture));
    }
    if header.size != length {
        return Err(Damage::Size(header.size, length));
    }
    Ok(header)
}

fn read_head(path: &Path) -> std::io::Result<(Vec<u8>, u64)> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head)?;
    Ok((head, length))
}

/// Reads the header at the head of a file of this length.
pub fn parse(head: &[u8], length: u64) -> Result<Header, Damage> {
    let script = recognise(head)?;
    let fields = Fields::read(&String::from_utf8_lossy(script));
    let payload = payload_offset(head, length, &fields)?;
    let text = String::from_utf8_lossy(&head[..usize::try_from(payload).unwrap_or(head.len())]).into_owned();
    let layout = Layout::read(&text, payload, fields.bytes)?;
    Ok(Header {
        name: fields.name.ok_or(Damage::Lacks("NAME"))?,
        version: fields.version.ok_or(Damage::Lacks("VER"))?,
        platform: fields.platform.ok_or(Damage::Lacks("PLAT"))?,
        md5: fields.md5.ok_or(Damage::Lacks("MD5"))?,
        generation: layout.generation,
        payload,
        size: layout.size,
        glibc: assigned(&text, "min_glibc_version").and_then(version_pair),
        installed: assigned(&text, "total_installation_size_kb").and_then(kibibytes),
        machine: elf_machine(head, payload),
    })
}

/// A shell script, whatever blank lines come before its first; or the name of what it is instead.
fn recognise(head: &[u8]) -> Result<&[u8], Damage> {
    let start = head.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(head.len());
    let script = &head[start..];
    let first = script.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let lower = first.get(..first.len().min(64)).unwrap_or_default().to_ascii_lowercase();
    match script {
        [] => Err(Damage::NotAnInstaller("an empty file")),
        [b'#', b'!', ..] if first.ends_with(b"\r") => Err(Damage::TextMode),
        [b'#', b'!', ..] => Ok(script),
        [0x1f, 0x8b, ..] => Err(Damage::NotAnInstaller("a gzip file")),
        [b'P', b'K', ..] => Err(Damage::NotAnInstaller("a zip file")),
        [0x7f, b'E', b'L', b'F', ..] => Err(Damage::NotAnInstaller("a program")),
        _ if lower.starts_with(b"<!doctype") || lower.starts_with(b"<html") => {
            Err(Damage::NotAnInstaller("a web page"))
        }
        [b'<', ..] => Err(Damage::NotAnInstaller("an XML document, as object stores answer with errors")),
        [b'{', ..] => Err(Damage::NotAnInstaller("a JSON document")),
        _ if first.starts_with(b"version https://git-lfs") => {
            Err(Damage::NotAnInstaller("a Git LFS pointer to one"))
        }
        _ => Err(Damage::NotAnInstaller("something that does not begin as a shell script")),
    }
}

/// The comment lines at the top: `# NAME:  Anaconda3`.
#[derive(Default)]
struct Fields {
    name: Option<String>,
    version: Option<String>,
    platform: Option<String>,
    md5: Option<String>,
    bytes: Option<u64>,
    lines: Option<u64>,
}

impl Fields {
    fn read(script: &str) -> Self {
        let mut fields = Self::default();
        let comments = script.lines().skip(1).take_while(|line| line.is_empty() || line.starts_with('#'));
        for (name, value) in comments.filter_map(|line| line.trim_start_matches('#').split_once(':')) {
            let value = value.trim().to_owned();
            match name.trim().to_ascii_uppercase().as_str() {
                "NAME" => fields.name = Some(value),
                "VER" | "VERSION" => fields.version = Some(value),
                "PLAT" | "PLATFORM" => fields.platform = Some(value),
                "MD5" => fields.md5 = Some(value),
                "BYTES" => fields.bytes = value.parse().ok(),
                "LINES" => fields.lines = value.parse().ok(),
                _ => {}
            }
        }
        fields
    }
}

/// Where the payload begins: after the mark, which the older scripts also count in lines.
fn payload_offset(head: &[u8], length: u64, fields: &Fields) -> Result<u64, Damage> {
    let marked = after_mark(head);
    let counted = fields.lines.and_then(|lines| after_lines(head, lines.saturating_sub(1)));
    let cut = || {
        if length <= HEAD { Damage::EndsInHeader(length) } else { Damage::Lacks("end in its first MiB") }
    };
    match (marked, counted, fields.lines) {
        (Some(marked), Some(counted), _) if marked != counted => Err(Damage::Contradicts(format!(
            "it ends at byte {marked}, and line {} begins at byte {counted}",
            fields.lines.unwrap_or_default()
        ))),
        (Some(marked), _, None) | (Some(marked), Some(_), _) | (None, Some(marked), _) => Ok(marked),
        _ => Err(cut()),
    }
}

/// The mark counts only at the start of a line: the script also speaks of it.
fn after_mark(head: &[u8]) -> Option<u64> {
    let mut offset = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        offset += line.len();
        if line.starts_with(END) && line.ends_with(b"\n") {
            return u64::try_from(offset).ok();
        }
    }
    None
}

fn after_lines(head: &[u8], lines: u64) -> Option<u64> {
    let last = usize::try_from(lines.checked_sub(1)?).ok()?;
    let (newline, _) = head.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(last)?;
    u64::try_from(newline + 1).ok()
}

/// `name="value"` on a line of its own.
fn assigned<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))
        .map(|value| value.trim_matches('"'))
}

fn version_pair(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

fn kibibytes(text: &str) -> Option<u64> {
    text.parse::<u64>().ok()?.checked_mul(1024)
}

fn elf_machine(head: &[u8], payload: u64) -> Option<u16> {
    let program = head.get(usize::try_from(payload).ok()?..)?;
    let machine = program.get(18..20)?;
    program.starts_with(b"\x7fELF").then(|| u16::from_le_bytes([machine[0], machine[1]]))
}
