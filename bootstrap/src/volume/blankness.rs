//! Whether a device is blank: a pure decision over observed facts. Blank is what is left when there is
//! no doubt at all; whatever is unknown is a doubt.

use std::fmt;

use super::reading::ReadError;
use super::signatures::superblock::Superblock;
use super::signatures::{Checksum, Signature};
use crate::settings::BlankPolicy;

/// Smaller devices are nobody's data volume: EBS has none below 1 GiB.
pub const SMALLEST: u64 = 1 << 30;

/// All that is known of a device before anything is written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Whether the opened device is still the volume that was found: serial, attachment, size.
    pub same_volume: Option<bool>,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it refuses writes.
    pub read_only: Option<bool>,
    /// Where it is mounted, and as what.
    pub mounts: Vec<(String, String)>,
    /// Whether the host swaps to it.
    pub swap: Option<bool>,
    /// What is built on it.
    pub holders: Option<Vec<String>>,
    /// Its partitions.
    pub partitions: Vec<String>,
    /// Whether it could be opened for ourselves alone.
    pub exclusive: Result<(), String>,
    /// Whether it could be locked.
    pub locked: Result<(), String>,
    /// What was read of it.
    pub reading: Reading,
    /// What the host's own tools say.
    pub second_opinion: Opinion,
}

/// What was read of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Whether every place that must be zero was read; if not, only where filesystems begin and end.
    pub thorough: bool,
    /// How many bytes.
    pub bytes: u64,
    /// What could not be read.
    pub errors: Vec<ReadError>,
    /// The marks that were found.
    pub signatures: Vec<Signature>,
    /// The superblock at the front, if there is one.
    pub superblock: Option<Superblock>,
    /// Where the first byte is that is not zero.
    pub first_nonzero: Option<u64>,
}

/// What `wipefs` and `blkid` say, which know marks that we do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opinion {
    /// They found nothing, or are not installed.
    Nothing,
    /// They were not asked.
    NotAsked,
    /// They found this.
    Found(String),
    /// They could not say.
    Failed(String),
}

/// What may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may be formatted.
    Blank,
    /// It holds a filesystem, which is kept.
    Known(Superblock),
    /// It is left alone.
    Refuse(Vec<Reason>),
}

/// Why a device is left alone, and what would change that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What is in the way.
    pub what: String,
    /// What a person can do about it.
    pub remedy: &'static str,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Decides. `consent` is the typed consent to format this very volume although it holds bytes that no
/// one recognises; it excuses those and nothing else.
pub fn decide(facts: &Facts, policy: BlankPolicy, consent: bool) -> Decision {
    if let Some(known) = known(facts) {
        return Decision::Known(known);
    }
    let mut reasons = use_reasons(facts);
    reasons.extend(content_reasons(facts));
    if policy == BlankPolicy::Zeros && !consent {
        reasons.extend(nonzero_reason(facts));
    }
    if reasons.is_empty() { Decision::Blank } else { Decision::Refuse(reasons) }
}

/// The filesystem at the front, if it is whole and the device is nothing else besides.
fn known(facts: &Facts) -> Option<Superblock> {
    let superblock = facts.reading.superblock.as_ref()?;
    // While it is mounted the kernel vouches for what it may be writing at this moment.
    let vouched = facts.mounts.iter().any(|(_, kind)| kind == superblock.kind);
    let intact = superblock.checksum == Checksum::Right || vouched;
    let plain = facts.reading.signatures.iter().all(|mark| goes_with(mark, superblock.kind));
    let whole = superblock.alone && superblock.bytes > 0 && superblock.bytes <= facts.size;
    let readable = facts.reading.errors.is_empty();
    let nothing_on_it = facts.partitions.is_empty() && facts.holders.as_ref().is_some_and(Vec::is_empty);
    let same = facts.same_volume == Some(true);
    (intact && plain && whole && readable && nothing_on_it && same).then(|| superblock.clone())
}

/// Whether a mark is the filesystem's own, or a harmless rest: the table of a disk that once had one.
fn goes_with(mark: &Signature, kind: &str) -> bool {
    match mark.family {
        "gpt_backup" => true,
        "ext_backup" => kind.starts_with("ext"),
        "btrfs_backup" => kind == "btrfs",
        family => family == kind,
    }
}

fn reason(what: impl Into<String>, remedy: &'static str) -> Reason {
    Reason { what: what.into(), remedy }
}

/// Whose device it is, and who uses it.
fn use_reasons(facts: &Facts) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if facts.same_volume != Some(true) {
        reasons.push(reason("it is not surely the volume that was found", "run this again"));
    }
    if facts.size < SMALLEST {
        let what = format!("its {} bytes are less than 1 GiB", facts.size);
        reasons.push(reason(what, "attach a volume of at least 1 GiB"));
    }
    match facts.read_only {
        Some(false) => {}
        Some(true) => reasons.push(reason("it is read-only", "attach it writable")),
        None => reasons.push(reason("whether it is read-only is unknown", "check `blockdev --getro`")),
    }
    for (point, kind) in &facts.mounts {
        reasons.push(reason(
            format!("it is mounted on {point} as {kind}"),
            "unmount it, if it is to be formatted",
        ));
    }
    match facts.swap {
        Some(false) => {}
        Some(true) => {
            reasons.push(reason("the host swaps to it", "`swapoff` it and erase its signature yourself"));
        }
        None => reasons.push(reason("whether the host swaps to it is unknown", "check /proc/swaps")),
    }
    reasons.extend(holder_reasons(facts));
    if let Err(cause) = &facts.exclusive {
        reasons.push(reason(
            format!("it is in use: {cause}"),
            "see who holds it: `lsof`, `dmsetup ls`, `cat /proc/mdstat`",
        ));
    }
    if let Err(cause) = &facts.locked {
        reasons.push(reason(
            format!("it is locked by another program: {cause}"),
            "wait for that program to end",
        ));
    }
    reasons
}

fn holder_reasons(facts: &Facts) -> Vec<Reason> {
    let mut reasons = Vec::new();
    match &facts.holders {
        Some(holders) if holders.is_empty() => {}
        Some(holders) => {
            let what = format!("{} is built on it", holders.join(", "));
            reasons.push(reason(what, "take that apart first, if nobody needs it"));
        }
        None => reasons.push(reason("what is built on it is unknown", "see `lsblk`")),
    }
    if !facts.partitions.is_empty() {
        let what = format!("it has partitions: {}", facts.partitions.join(", "));
        reasons.push(reason(what, "use a volume without partitions"));
    }
    reasons
}

/// What is on it.
fn content_reasons(facts: &Facts) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for error in &facts.reading.errors {
        let what = format!("it cannot be read at byte {}: {}", error.offset, error.cause);
        reasons.push(reason(what, "a volume that cannot be read is never formatted; replace it"));
    }
    reasons.extend(signature_reasons(&facts.reading.signatures));
    if facts.reading.superblock.is_some() && facts.reading.signatures.is_empty() {
        reasons.push(reason("it holds a superblock", "check it with the tools of its filesystem"));
    }
    if !facts.reading.thorough && reasons.is_empty() {
        reasons.push(reason("not all that must be zero was read", "run this again"));
    }
    match &facts.second_opinion {
        Opinion::Nothing => {}
        Opinion::NotAsked if !reasons.is_empty() => {}
        Opinion::NotAsked => reasons.push(reason("wipefs and blkid were not asked", "run this again")),
        Opinion::Found(what) => {
            reasons.push(reason(format!("the host's tools find {what}"), "see `wipefs` and `blkid -p`"));
        }
        Opinion::Failed(cause) => reasons
            .push(reason(format!("the host's tools cannot say: {cause}"), "see `wipefs` and `blkid -p`")),
    }
    reasons
}

/// One for each family, since a filesystem leaves backups by the dozen.
fn signature_reasons(marks: &[Signature]) -> Vec<Reason> {
    let mut families: Vec<(&Signature, usize)> = Vec::new();
    for mark in marks {
        match families.iter_mut().find(|(first, _)| first.family == mark.family) {
            Some((_, more)) => *more += 1,
            None => families.push((mark, 0)),
        }
    }
    let remedy = "if nobody needs what is on it, erase it yourself: `wipefs --all`, and \
                  `blkdiscard --zeroout` for the backups that wipefs does not see";
    let told = |(first, more): (&Signature, usize)| match more {
        0 => reason(format!("it holds {first}"), remedy),
        _ => reason(format!("it holds {first} and in {more} more places"), remedy),
    };
    families.into_iter().map(told).collect()
}

fn nonzero_reason(facts: &Facts) -> Option<Reason> {
    // Consent would not excuse what is recognised.
    let offset = facts.reading.first_nonzero.filter(|_| facts.reading.signatures.is_empty())?;
    Some(reason(
        format!("byte {offset} is not zero, and nothing says what it belongs to"),
        "if nobody needs what is on it, type its id: volume.format_if_unrecognised = \"vol-...\"; where new volumes are never zero, volume.blank = \"signatures\"",
    ))
}

#[cfg(test)]
mod tests;
