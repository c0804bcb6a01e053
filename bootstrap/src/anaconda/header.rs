//! Reading an installer's header: what the script says of itself, over all the years of its kind. It is
//! text, then bytes that the text gives the sizes of; so a file that was cut short or changed on its way is
//! known before any of it is run. The script's own check, an MD5, only warns.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::architecture::Architecture;
pub use super::damage::Damage;
use super::damage::recognise;
pub use super::layout::Generation;
use super::layout::Layout;
use crate::step::{Failure, StepError};

/// More than any header is long: the longest, with its licence, has 76 KiB.
const HEAD: u64 = 1 << 20;
/// A script that has not said its name by here never does.
const SURELY: u64 = 4096;
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

/// A header that could be read, and what is wrong with the file for all that.
#[derive(Debug)]
pub struct Examined {
    /// What the script says of itself.
    pub header: Header,
    /// How long the file is.
    pub length: u64,
    /// Why it cannot be used here.
    pub damage: Option<Damage>,
}

/// Looks whether the file at `path` is an installer, whole, and for this processor. Runs nothing.
pub fn examine(path: &Path, architecture: Architecture) -> Result<Header, StepError> {
    let examined = look(path, architecture)?;
    examined.damage.map_or(Ok(examined.header), |damage| Err(refusal(path, damage)))
}

/// The same, and tells what the header says of a file that cannot be used, too.
pub fn look(path: &Path, architecture: Architecture) -> Result<Examined, StepError> {
    let (head, length) = read_head(path).map_err(|error| {
        StepError::new(Failure::Precondition, examining(path)).because(error).hint(
            "give the path of the installer's file, whose name ends in Linux-x86_64.sh or Linux-aarch64.sh",
        )
    })?;
    let header = parse(&head, length).map_err(|damage| refusal(path, damage))?;
    let damage = fits(&header, length, architecture).err();
    Ok(Examined { header, length, damage })
}

/// What a person is told of a file that cannot be used.
pub fn refusal(path: &Path, damage: Damage) -> StepError {
    let hint = damage.hint();
    StepError::new(Failure::Precondition, examining(path)).because(damage).hint(hint)
}

fn examining(path: &Path) -> String {
    format!("examining the installer {}", path.display())
}

/// The same, over the first bytes of a file of this length.
pub fn check(head: &[u8], length: u64, architecture: Architecture) -> Result<Header, Damage> {
    let header = parse(head, length)?;
    fits(&header, length, architecture)?;
    Ok(header)
}

/// The size comes before the program: in a file whose bytes were lost or changed, that may be anything.
fn fits(header: &Header, length: u64, architecture: Architecture) -> Result<(), Damage> {
    if header.platform != architecture.platform() {
        return Err(Damage::Platform(header.platform.clone(), architecture));
    }
    if header.size != length {
        return Err(Damage::Size(header.size, length));
    }
    match header.machine.filter(|machine| *machine != architecture.elf_machine()) {
        Some(machine) => Err(Damage::Machine(machine, architecture)),
        None => Ok(()),
    }
}

fn read_head(path: &Path) -> std::io::Result<(Vec<u8>, u64)> {
    // Opening a pipe would wait for whoever writes to it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
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
    if fields.name.is_none() && length > SURELY {
        return Err(Damage::NotAnInstaller("a shell script that says nothing of what it installs"));
    }
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
