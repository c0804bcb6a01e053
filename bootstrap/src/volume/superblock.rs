//! What ext and XFS say of themselves in their superblocks: kind, UUID, size.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Enough of a device to hold either superblock.
const HEAD: usize = 4096;

/// A filesystem, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    /// `ext4`, `ext3`, `ext2` or `xfs`.
    pub kind: &'static str,
    /// Its UUID, hyphenated, in lower case.
    pub uuid: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Bytes of its own log, which XFS leaves out of the size that statvfs tells.
    pub log_bytes: u64,
    /// The least that it can grow by: less than this at the end of a device is no room.
    pub grain: u64,
}

/// Reads the superblock of a device. Nothing, if it is of another kind.
pub fn read(device: &Path) -> io::Result<Option<Superblock>> {
    let mut head = [0; HEAD];
    File::open(device)?.read_exact_at(&mut head, 0)?;
    Ok(parse(&head))
}

/// Reads the head of a device.
pub fn parse(head: &[u8]) -> Option<Superblock> {
    xfs(head).or_else(|| ext(head.get(1024..)?))
}

fn xfs(block: &[u8]) -> Option<Superblock> {
    (bytes::<4>(block, 0)? == *b"XFSB").then_some(())?;
    let block_size = u64::from(u32::from_be_bytes(bytes(block, 4)?));
    let has_own_log = u64::from_be_bytes(bytes(block, 48)?) != 0;
    let log_blocks = u64::from(u32::from_be_bytes(bytes(block, 96)?));
    Some(Superblock {
        kind: "xfs",
        uuid: uuid(bytes(block, 32)?),
        bytes: u64::from_be_bytes(bytes(block, 8)?).checked_mul(block_size)?,
        log_bytes: if has_own_log { log_blocks.checked_mul(block_size)? } else { 0 },
        grain: 1 << 20,
    })
}

fn ext(block: &[u8]) -> Option<Superblock> {
    (u16_at(block, 56)? == 0xEF53).then_some(())?;
    let (compatible, incompatible) = (u32_at(block, 92)?, u32_at(block, 96)?);
    let sixty_four_bit = incompatible & 0x80 != 0;
    let high = if sixty_four_bit { u64::from(u32_at(block, 336)?) << 32 } else { 0 };
    let block_size = 1024_u64.checked_shl(u32_at(block, 24)?).filter(|size| *size <= 1 << 16)?;
    let group = u64::from(u32_at(block, 32)?).checked_mul(block_size)?;
    Some(Superblock {
        kind: generation(compatible, incompatible),
        uuid: uuid(bytes(block, 104)?),
        bytes: (high | u64::from(u32_at(block, 4)?)).checked_mul(block_size)?,
        log_bytes: 0,
        grain: group.max(1 << 20),
    })
}

/// ext2 has no journal; ext3 has one and nothing that an ext3 driver would refuse.
fn generation(compatible: u32, incompatible: u32) -> &'static str {
    const KNOWN_TO_EXT3: u32 = 0x2 | 0x4 | 0x10;
    match (compatible & 0x4 != 0, incompatible & !KNOWN_TO_EXT3 != 0) {
        (_, true) => "ext4",
        (true, false) => "ext3",
        (false, false) => "ext2",
    }
}

fn uuid(bytes: [u8; 16]) -> String {
    uuid::Uuid::from_bytes(bytes).to_string()
}

fn u16_at(block: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes(block, offset)?))
}

fn u32_at(block: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes(block, offset)?))
}

fn bytes<const N: usize>(block: &[u8], offset: usize) -> Option<[u8; N]> {
    block.get(offset..offset + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_and_short_heads_are_of_no_kind() {
        assert_eq!(parse(&[0; HEAD]), None);
        assert_eq!(parse(b"XFSB"), None);
        assert_eq!(parse(&[]), None);
    }

    #[test]
    fn sizes_that_no_device_has_are_of_no_kind() {
        let mut head = [0xff; HEAD];
        head[1024 + 56..1024 + 58].copy_from_slice(&0xEF53_u16.to_le_bytes());
        assert_eq!(parse(&head), None);
        head[..4].copy_from_slice(b"XFSB");
        assert_eq!(parse(&head), None);
    }
}
