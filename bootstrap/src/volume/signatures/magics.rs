//! Marks that are the same bytes at the same place on every device.

use super::{Pieces, Signature};

/// Who, where, and which bytes.
type Magic = (&'static str, u64, &'static [u8]);

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Filesystems that are not decoded: whatever is on them, nothing is installed there.
const FILESYSTEMS: [Magic; 43] = [
    ("vfat", 54, b"FAT12   "),
    ("vfat", 54, b"FAT16   "),
    ("vfat", 82, b"FAT32   "),
    ("vfat", 6 * 512 + 82, b"FAT32   "),
    ("vfat", 0, b"\xeb\x3c\x90"),
    ("vfat", 0, b"\xeb\x58\x90"),
    ("exfat", 3, b"EXFAT   "),
    ("exfat", 12 * 512 + 3, b"EXFAT   "),
    ("ntfs", 3, b"NTFS    "),
    ("refs", 3, b"ReFS\0"),
    ("f2fs", KIB, b"\x10\x20\xf5\xf2"),
    ("f2fs", 5 * KIB, b"\x10\x20\xf5\xf2"),
    ("iso9660", 32 * KIB + 1, b"CD001"),
    ("udf", 32 * KIB + 1, b"BEA01"),
    ("udf", 32 * KIB + 1, b"NSR0"),
    ("udf", 34 * KIB + 1, b"NSR0"),
    ("udf", 36 * KIB + 1, b"NSR0"),
    ("squashfs", 0, b"hsqs"),
    ("squashfs", 0, b"sqsh"),
    ("cramfs", 0, b"\x45\x3d\xcd\x28"),
    ("romfs", 0, b"-rom1fs-"),
    ("erofs", KIB, b"\xe2\xe1\xf5\xe0"),
    ("reiserfs", 8 * KIB + 52, b"ReIsEr"),
    ("reiserfs", 64 * KIB + 52, b"ReIsEr"),
    ("reiser4", 64 * KIB, b"ReIsEr4"),
    ("jfs", 32 * KIB, b"JFS1"),
    ("jfs", 60 * KIB, b"JFS1"),
    ("nilfs2", KIB + 6, b"\x34\x34"),
    ("ocfs2", 2 * KIB, b"OCFSV2"),
    ("ocfs2", 4 * KIB, b"OCFSV2"),
    ("ocfs2", 8 * KIB, b"OCFSV2"),
    ("gfs2", 64 * KIB, b"\x01\x16\x19\x70"),
    ("hfs", KIB, b"BD"),
    ("hfsplus", KIB, b"H+"),
    ("hfsplus", KIB, b"HX"),
    ("apfs", 32, b"NXSB"),
    ("ufs", 8 * KIB + 1372, b"\x54\x19\x01\x00"),
    ("ufs", 64 * KIB + 1372, b"\x19\x01\x54\x19"),
    ("minix", KIB + 16, b"\x7f\x13"),
    ("minix", KIB + 16, b"\x8f\x13"),
    ("minix", KIB + 24, b"\x5a\x4d"),
    ("vmfs", MIB, b"\x0d\xd0\x01\xc0"),
    ("bcachefs", 4 * KIB + 24, b"\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"),
];

/// What others are built on, or what is no filesystem at all.
const CONTAINERS: [Magic; 26] = [
    ("LVM2_member", 24, b"LVM2 001"),
    ("LVM2_member", 512 + 24, b"LVM2 001"),
    ("LVM2_member", KIB + 24, b"LVM2 001"),
    ("LVM2_member", KIB + 512 + 24, b"LVM2 001"),
    ("LVM2_member", 512, b"LABELONE"),
    ("LVM1_member", 0, b"HM\x01"),
    ("LVM1_member", 0, b"HM\x02"),
    ("crypto_LUKS", 0, b"LUKS\xba\xbe"),
    ("BitLocker", 3, b"-FVE-FS-"),
    ("bcache", 4 * KIB + 24, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"),
    ("linux_raid_member", 0, b"\xfc\x4e\x2b\xa9"),
    ("linux_raid_member", 4 * KIB, b"\xfc\x4e\x2b\xa9"),
    ("ceph_bluestore", 0, b"bluestore block device"),
    ("vdo", 0, b"dmvdo001"),
    ("stratis", 512 + 4, b"!Stra0tis\x86\xff\x02^\x41rh"),
    ("stratis", 9 * 512 + 4, b"!Stra0tis\x86\xff\x02^\x41rh"),
    ("swap", 4 * KIB - 10, b"SWAPSPACE2"),
    ("swap", 4 * KIB - 10, b"SWAP-SPACE"),
    ("swap", 8 * KIB - 10, b"SWAPSPACE2"),
    ("swap", 16 * KIB - 10, b"SWAPSPACE2"),
    ("swap", 64 * KIB - 10, b"SWAPSPACE2"),
    ("swsuspend", 4 * KIB - 10, b"S1SUSPEND"),
    ("swsuspend", 4 * KIB - 10, b"S2SUSPEND"),
    ("swsuspend", 4 * KIB - 10, b"ULSUSPEND"),
    ("swsuspend", 4 * KIB - 10, b"LINHIB0001"),
    ("hpt37x_raid_member", 9 * 512 + 32, b"\xf0\x16\x78\x5a"),
];

/// Where LUKS2 keeps its second header, by the size of its first.
pub(super) const SECOND_LUKS_HEADERS: [u64; 9] =
    [16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, MIB, 2 * MIB, 4 * MIB];

pub(super) fn scan(pieces: &Pieces) -> Vec<Signature> {
    let plain = FILESYSTEMS.iter().chain(&CONTAINERS).filter(|(_, offset, magic)| pieces.has(*offset, magic));
    let mut found: Vec<Signature> =
        plain.map(|(family, offset, _)| Signature::new(family, *offset)).collect();
    for offset in SECOND_LUKS_HEADERS {
        if pieces.has(offset, b"SKUL\xba\xbe") {
            found.push(Signature::new("crypto_LUKS", offset));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_magic_is_found_alone_on_a_device_of_zeros() {
        for (family, offset, magic) in FILESYSTEMS.iter().chain(&CONTAINERS) {
            let mut bytes = vec![0; 2 * 1024 * 1024];
            let at = usize::try_from(*offset).expect("small");
            bytes[at..at + magic.len()].copy_from_slice(magic);
            let mut pieces = Pieces::default();
            pieces.add(0, bytes);
            assert!(scan(&pieces).iter().any(|found| found.family == *family), "{family} at {offset}");
        }
    }
}
