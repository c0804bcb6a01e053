//! What is written on a device: every mark that a filesystem, a partition table, a RAID or a volume
//! manager leaves at the front, at the tail or in its backups. A mark counts whatever its checksum says.

pub mod crc32c;
mod magics;
pub mod places;
pub mod superblock;
mod tables;
mod tails;

use std::fmt;

/// A mark that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who left it: `ext4`, `gpt`, `linux_raid_member`.
    pub family: &'static str,
    /// Where, in bytes from the front.
    pub offset: u64,
    /// Whether what it marks is intact.
    pub checksum: Checksum,
}

/// What a checksum says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// It is right, or the format has none and its values make sense.
    Right,
    /// It is wrong: half written, or damaged.
    Wrong,
    /// It was not computed.
    Unknown,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.family, self.offset)?;
        if self.checksum == Checksum::Wrong { f.write_str(" (with a wrong checksum)") } else { Ok(()) }
    }
}

impl Signature {
    fn new(family: &'static str, offset: u64) -> Self {
        Self { family, offset, checksum: Checksum::Unknown }
    }
}

/// What was read of a device, in pieces.
#[derive(Debug, Default)]
pub struct Pieces {
    pieces: Vec<(u64, Vec<u8>)>,
}

impl Pieces {
    /// Adds what was read at an offset.
    pub fn add(&mut self, offset: u64, bytes: Vec<u8>) {
        self.pieces.push((offset, bytes));
    }

    /// These bytes, if one piece holds them all.
    pub fn at(&self, offset: u64, length: usize) -> Option<&[u8]> {
        self.pieces.iter().find_map(|(start, bytes)| {
            let from = usize::try_from(offset.checked_sub(*start)?).ok()?;
            bytes.get(from..from.checked_add(length)?)
        })
    }

    /// Where the first byte is that is not zero.
    pub fn first_nonzero(&self) -> Option<u64> {
        let first = |(start, bytes): &(u64, Vec<u8>)| {
            let at = bytes.iter().position(|byte| *byte != 0)?;
            Some(start + at as u64)
        };
        self.pieces.iter().filter_map(first).min()
    }

    /// How many bytes were read.
    pub fn length(&self) -> u64 {
        self.pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    fn has(&self, offset: u64, magic: &[u8]) -> bool {
        self.at(offset, magic.len()) == Some(magic)
    }
}

/// All marks in what was read of a device of this size.
pub fn scan(pieces: &Pieces, size: u64) -> Vec<Signature> {
    let mut found = superblock::scan(pieces);
    found.extend(magics::scan(pieces));
    found.extend(tables::scan(pieces, size));
    found.extend(tails::scan(pieces, size));
    found.sort_by_key(|signature| signature.offset);
    found.dedup();
    found
}
