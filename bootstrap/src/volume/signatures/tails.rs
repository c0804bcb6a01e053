//! Marks whose place follows from the device's size: RAID members, ZFS labels, backups at the end.

use super::{Pieces, Signature};

const KIB: u64 = 1024;

pub(super) fn scan(pieces: &Pieces, size: u64) -> Vec<Signature> {
    let mut found = zfs(pieces, size);
    found.extend(
        candidates(size)
            .into_iter()
            .filter(|(_, offset, magic)| pieces.has(*offset, magic))
            .map(|(family, offset, _)| Signature::new(family, offset)),
    );
    found
}

type Candidate = (&'static str, u64, &'static [u8]);

fn candidates(size: u64) -> Vec<Candidate> {
    let mut all = linux_raid(size);
    all.extend(firmware_raid(size));
    let last_block = (size & !4095).saturating_sub(4096);
    for magic in [b"\x83\x74\x02\x6a", b"\x83\x74\x02\x6b", b"\x83\x74\x02\x6c", b"\x83\x74\x02\x6d"] {
        all.push(("drbd", last_block + 60, magic));
    }
    // NTFS keeps a copy of its boot sector in the last sector of its partition.
    all.push(("ntfs", size.saturating_sub(512) + 3, b"NTFS    "));
    all.push(("reiserfs", size.saturating_sub(4096) + 52, b"ReIsEr"));
    all
}

/// Versions 0.90, in either byte order, and 1.0; the others are at the front.
fn linux_raid(size: u64) -> Vec<Candidate> {
    let old = (size & !(64 * KIB - 1)).saturating_sub(64 * KIB);
    let new = ((size / 512).saturating_sub(16) & !7) * 512;
    vec![
        ("linux_raid_member", old, b"\xfc\x4e\x2b\xa9"),
        ("linux_raid_member", old, b"\xa9\x2b\x4e\xfc"),
        ("linux_raid_member", new, b"\xfc\x4e\x2b\xa9"),
    ]
}

/// RAID that controllers and firmware keep in the last sectors.
fn firmware_raid(size: u64) -> Vec<Candidate> {
    let sectors_from_end = |count: u64| size.saturating_sub(count * 512);
    let mut all: Vec<Candidate> = vec![
        ("ddf_raid_member", sectors_from_end(1), b"\xde\x11\xde\x11"),
        ("ddf_raid_member", sectors_from_end(257), b"\xde\x11\xde\x11"),
        ("isw_raid_member", sectors_from_end(2), b"Intel Raid ISM Cfg Sig. "),
        ("isw_raid_member", size.saturating_sub(8192), b"Intel Raid ISM Cfg Sig. "),
        ("lsi_mega_raid_member", sectors_from_end(1), b"$XIDE$"),
        ("nvidia_raid_member", sectors_from_end(2), b"NVIDIA"),
        ("jmicron_raid_member", sectors_from_end(1), b"JM"),
        ("adaptec_raid_member", sectors_from_end(1), b"\x37\xfc\x4d\x1e"),
        ("hpt45x_raid_member", sectors_from_end(11), b"\xf3\x16\x78\x5a"),
    ];
    for sectors in [63, 255, 256, 16, 399, 591, 675, 735, 911, 951, 974, 991] {
        all.push(("promise_fasttrack_raid_member", sectors_from_end(sectors), b"Promise Technology, Inc."));
    }
    all
}

/// Two labels at the front and two at the end, each with a ring of uberblocks in its second half.
fn zfs(pieces: &Pieces, size: u64) -> Vec<Signature> {
    let end = size & !(256 * KIB - 1);
    let labels = [0, 256 * KIB, end.saturating_sub(512 * KIB), end.saturating_sub(256 * KIB)];
    let uberblocks = labels.iter().flat_map(|label| (0..128).map(move |slot| label + 128 * KIB + slot * KIB));
    let marked = |offset: u64| {
        pieces.has(offset, b"\x0c\xb1\xba\0\0\0\0\0") || pieces.has(offset, b"\0\0\0\0\0\xba\xb1\x0c")
    };
    uberblocks
        .filter(|offset| marked(*offset))
        .map(|offset| Signature::new("zfs_member", offset))
        .take(1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 8 * 1024 * KIB + 512 * 7;

    fn found_with(offset: u64, magic: &[u8]) -> Vec<Signature> {
        let mut bytes = vec![0; usize::try_from(SIZE).expect("small")];
        let at = usize::try_from(offset).expect("small");
        bytes[at..at + magic.len()].copy_from_slice(magic);
        let mut pieces = Pieces::default();
        pieces.add(0, bytes);
        scan(&pieces, SIZE)
    }

    #[test]
    fn every_mark_at_the_tail_is_found_on_a_size_that_is_no_round_number() {
        for (family, offset, magic) in candidates(SIZE) {
            assert!(
                found_with(offset, magic).iter().any(|found| found.family == family),
                "{family} at {offset}"
            );
        }
    }

    #[test]
    fn one_uberblock_of_the_last_label_in_either_byte_order_is_enough() {
        let last = (SIZE & !(256 * KIB - 1)) - 256 * KIB + 128 * KIB + 127 * KIB;
        assert_eq!(found_with(last, b"\x0c\xb1\xba\0\0\0\0\0"), [Signature::new("zfs_member", last)]);
        assert_eq!(found_with(last, b"\0\0\0\0\0\xba\xb1\x0c"), [Signature::new("zfs_member", last)]);
    }
}
