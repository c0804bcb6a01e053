//! The superblocks of filesystems that are kept: ext2 to ext4, XFS and btrfs. Which UUID, how large,
//! and whether the checksum is right.

use uuid::Uuid;

use super::{Checksum, Pieces, Signature, crc32c};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const EXT: u64 = KIB;
const BTRFS: u64 = 64 * KIB;

/// What a superblock says of its filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    /// `ext4`, `xfs`, `btrfs`, as mount and fstab call it.
    pub kind: &'static str,
    /// Its UUID in lower case.
    pub uuid: String,
    /// The bytes it spans on its device.
    pub bytes: u64,
    /// Whether its checksum is right.
    pub checksum: Checksum,
    /// Whether it is whole by itself: no journal elsewhere, no second device.
    pub alone: bool,
}

/// The first superblock among what was read. Which marks stand beside it is for others to weigh.
pub fn read(pieces: &Pieces) -> Option<Superblock> {
    let ext = || ext(pieces.at(EXT, 1024)?);
    let xfs = || xfs(pieces);
    let btrfs = || btrfs(pieces.at(BTRFS, 4096)?);
    None.or_else(ext).or_else(xfs).or_else(btrfs)
}

/// Marks of these filesystems, those of their backups included: a killed mkfs may leave only these.
pub(super) fn scan(pieces: &Pieces) -> Vec<Signature> {
    let mut found = Vec::new();
    let mut add = |family, offset, checksum| found.push(Signature { family, offset, checksum });
    if pieces.has(EXT + 56, b"\x53\xef") {
        let decoded = pieces.at(EXT, 1024).and_then(ext);
        add(
            decoded.as_ref().map_or("ext", |it| it.kind),
            EXT,
            decoded.map_or(Checksum::Wrong, |it| it.checksum),
        );
    }
    if pieces.has(0, b"XFSB") {
        add("xfs", 0, xfs(pieces).map_or(Checksum::Wrong, |it| it.checksum));
    }
    if pieces.has(BTRFS + 64, b"_BHRfS_M") {
        let decoded = pieces.at(BTRFS, 4096).and_then(btrfs);
        add("btrfs", BTRFS, decoded.map_or(Checksum::Wrong, |it| it.checksum));
    }
    for offset in ext_copies().filter(|offset| pieces.has(offset + 56, b"\x53\xef")) {
        add("ext_backup", offset, Checksum::Unknown);
    }
    for offset in btrfs_copies().filter(|offset| pieces.has(offset + 64, b"_BHRfS_M")) {
        add("btrfs_backup", offset, Checksum::Unknown);
    }
    found
}

/// Where ext keeps the backups of its superblock, for each size of block.
pub(super) fn ext_copies() -> impl Iterator<Item = u64> {
    let groups = [1, 3, 5, 7, 9, 25];
    [KIB, 2 * KIB, 4 * KIB].into_iter().flat_map(move |block| {
        // With blocks of 1 KiB the first block is the boot sector's, and every group begins one later.
        let first = if block == KIB { KIB } else { 0 };
        groups.into_iter().map(move |group| group * 8 * block * block + first)
    })
}

/// Where btrfs keeps the copies of its superblock.
pub(super) fn btrfs_copies() -> impl Iterator<Item = u64> {
    [64 * MIB, 256 * KIB * MIB].into_iter()
}

fn ext(block: &[u8]) -> Option<Superblock> {
    if little::<2>(block, 56)? != 0xef53 {
        return None;
    }
    let (compatible, incompatible, read_only) =
        (little::<4>(block, 92)?, little::<4>(block, 96)?, little::<4>(block, 100)?);
    let high = if incompatible & 0x80 != 0 { little::<4>(block, 0x150)? } else { 0 };
    let block_size =
        KIB.checked_shl(u32::try_from(little::<4>(block, 24)?).ok().filter(|shift| *shift <= 6)?)?;
    let wrong = read_only & 0x400 != 0 && u64::from(crc32c::raw(&block[..1020])) != little::<4>(block, 1020)?;
    let new_features = incompatible & !0x1f != 0 || read_only & !0x7 != 0;
    Some(Superblock {
        kind: if new_features {
            "ext4"
        } else if compatible & 4 != 0 {
            "ext3"
        } else {
            "ext2"
        },
        uuid: uuid(block, 104)?,
        bytes: (high << 32 | little::<4>(block, 4)?).checked_mul(block_size)?,
        checksum: if wrong { Checksum::Wrong } else { Checksum::Right },
        // 8: this is itself the journal of another filesystem.
        alone: incompatible & 8 == 0,
    })
}

/// Its checksum spans a sector, whose size it tells itself.
fn xfs(pieces: &Pieces) -> Option<Superblock> {
    let block = pieces.at(0, 512).filter(|block| block.starts_with(b"XFSB"))?;
    let sector = usize::try_from(big::<2>(block, 102)?).ok()?;
    xfs_superblock(block, pieces.at(0, sector.max(512))?)
}

fn xfs_superblock(block: &[u8], sector: &[u8]) -> Option<Superblock> {
    let version = big::<2>(block, 100)? & 0xf;
    let mut blanked = sector.to_vec();
    blanked[224..228].fill(0);
    let wrong = version == 5 && u64::from(!crc32c::raw(&blanked)) != little::<4>(block, 224)?;
    // Byte 126 is set while mkfs is at work.
    let unfinished = block[126] != 0 || !matches!(version, 4 | 5);
    Some(Superblock {
        kind: "xfs",
        uuid: uuid(block, 32)?,
        bytes: big::<8>(block, 8)?.checked_mul(big::<4>(block, 4)?)?,
        checksum: if wrong || unfinished { Checksum::Wrong } else { Checksum::Right },
        // An internal log has a place on this device.
        alone: big::<8>(block, 48)? != 0,
    })
}

fn btrfs(block: &[u8]) -> Option<Superblock> {
    if block.get(64..72)? != b"_BHRfS_M" {
        return None;
    }
    let right = u64::from(!crc32c::raw(&block[32..4096])) == little::<4>(block, 0)?;
    Some(Superblock {
        kind: "btrfs",
        uuid: uuid(block, 32)?,
        bytes: little::<8>(block, 0x70)?,
        checksum: match little::<2>(block, 0xc4)? {
            0 if right => Checksum::Right,
            0 => Checksum::Wrong,
            _ => Checksum::Unknown,
        },
        alone: little::<8>(block, 0x88)? == 1,
    })
}

fn uuid(block: &[u8], at: usize) -> Option<String> {
    Some(Uuid::from_slice(block.get(at..at + 16)?).ok()?.hyphenated().to_string())
}

fn little<const N: usize>(block: &[u8], at: usize) -> Option<u64> {
    Some(block.get(at..at + N)?.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn big<const N: usize>(block: &[u8], at: usize) -> Option<u64> {
    Some(block.get(at..at + N)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}
