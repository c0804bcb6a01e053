//! Which parts of a device are read: where marks can be, and a sample of all the rest.

use super::magics::SECOND_LUKS_HEADERS;
use super::superblock::{btrfs_copies, ext_copies};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// The unit in which devices are read without the page cache.
const BLOCK: u64 = 4096;
/// How many blocks are sampled at even distances, and how many at others.
const SAMPLES: u64 = 64;

/// A part of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where it begins, a multiple of 4096.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
}

/// Where a filesystem that is in good order, and what it might be part of, can be told by.
pub fn quick(size: u64) -> Vec<Place> {
    clipped(size, [(0, MIB), (size.saturating_sub(MIB), MIB)])
}

/// What must be zero on a blank device. `seed` chooses the sample, so that no two proofs read the same.
pub fn thorough(size: u64, seed: u64) -> Vec<Place> {
    let ends = [(0, 4 * MIB), (size.saturating_sub(4 * MIB), 4 * MIB)];
    let copies = ext_copies().chain(btrfs_copies()).chain(SECOND_LUKS_HEADERS);
    let samples = (0..SAMPLES).map(|index| size / SAMPLES * index).chain(scattered(size, seed));
    let blocks = samples.map(|offset| (offset & !(BLOCK - 1), 64 * KIB));
    clipped(size, ends.into_iter().chain(copies.map(|offset| (offset, BLOCK))).chain(blocks))
}

fn clipped(size: u64, wanted: impl IntoIterator<Item = (u64, u64)>) -> Vec<Place> {
    let clip = |(offset, length): (u64, u64)| {
        let aligned = offset & !(BLOCK - 1);
        Place { offset: aligned, length: (offset + length).min(size).saturating_sub(aligned) }
    };
    wanted.into_iter().map(clip).filter(|place| place.length > 0).collect()
}

/// Offsets anywhere on the device: the sequence known as splitmix64.
fn scattered(size: u64, seed: u64) -> impl Iterator<Item = u64> {
    let room = size.saturating_sub(64 * KIB).max(1);
    (1..=SAMPLES).map(move |index| {
        let mut mixed = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % room
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_read_to_the_last_byte_and_nothing_beyond() {
        for size in [1 << 30, (1 << 30) + 512 * 3, 100 << 30] {
            for places in [quick(size), thorough(size, 1)] {
                assert!(
                    places
                        .iter()
                        .all(|place| place.offset % BLOCK == 0 && place.offset + place.length <= size)
                );
                assert!(places.iter().any(|place| place.offset == 0));
                assert!(places.iter().any(|place| place.offset + place.length == size));
            }
        }
    }

    #[test]
    fn the_same_number_of_bytes_is_read_whatever_the_seed() {
        let bytes = |seed| thorough(100 << 30, seed).iter().map(|place| place.length).sum::<u64>();
        assert_eq!(bytes(1), bytes(2));
        assert_ne!(thorough(100 << 30, 1), thorough(100 << 30, 2));
    }
}
