//! The superblock of a device that may be mounted: read through the page cache, in which a mounted ext4
//! keeps its own, and not past it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::signatures::Pieces;
use super::signatures::superblock::{self, Superblock};

/// Enough of a device to hold the superblock of any filesystem that is kept.
const HEAD: u64 = 128 * 1024;

/// The head of a device.
pub(super) struct Head(Vec<u8>);

impl Head {
    /// Reads it.
    pub(super) fn read(device: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(device)?.take(HEAD).read_to_end(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The filesystem that it is the head of, if it is a known one.
    pub(super) fn superblock(&self) -> Option<Superblock> {
        let mut pieces = Pieces::default();
        pieces.add(0, self.0.clone());
        superblock::read(&pieces)
    }

    /// The bytes of an XFS's own log, which it leaves out of the size that statvfs tells.
    pub(super) fn xfs_log_bytes(&self) -> u64 {
        let number = |at: usize| self.0.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        let (block, blocks) = (number(4).map(u32::from_be_bytes), number(96).map(u32::from_be_bytes));
        u64::from(block.unwrap_or(0)) * u64::from(blocks.unwrap_or(0))
    }
}
