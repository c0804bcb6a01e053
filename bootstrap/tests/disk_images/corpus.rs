//! The images: how each is made, by real tools where Debian has them and by hand where not, and what must
//! become of it. The tools are in the packages e2fsprogs, xfsprogs, btrfs-progs, dosfstools, exfatprogs,
//! f2fs-tools, ntfs-3g, udftools, xorriso, squashfs-tools, jfsutils, reiserfsprogs, cryptsetup-bin, lvm2,
//! bcache-tools, gdisk, fdisk and util-linux.

/// An image and what must become of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) size: u64,
    pub(crate) script: &'static str,
    pub(crate) expected: Expected,
}

pub(crate) enum Expected {
    Kept(&'static str),
    Refused(&'static str),
    Formatted,
}

use Expected::{Formatted, Kept, Refused};

const GIB: u64 = 1 << 30;

const fn case(name: &'static str, script: &'static str, expected: Expected) -> Case {
    Case { name, size: GIB, script, expected }
}

pub(crate) const ALL: &[&[Case]] = &[KEPT, OTHER_FILESYSTEMS, CONTAINERS, TABLES_AND_TAILS, DAMAGED, BYTES];

pub(crate) const KEPT: &[Case] = &[
    case("ext2", "mkfs.ext2 -q $F", Kept("ext2")),
    case("ext3", "mkfs.ext3 -q $F", Kept("ext3")),
    case("ext4", "mkfs.ext4 -q $F", Kept("ext4")),
    case("ext4 with blocks of 1 KiB", "mkfs.ext4 -q -b 1024 $F", Kept("ext4")),
    case("ext4 without checksums", "mkfs.ext4 -q -O ^metadata_csum $F", Kept("ext4")),
    case("ext4 with files", "mkdir $T/d; echo precious >$T/d/f; mkfs.ext4 -q -d $T/d $F", Kept("ext4")),
    case("ext4 smaller than its device", "mkfs.ext4 -q $F 512M", Kept("ext4")),
    case("xfs", "mkfs.xfs -q $F", Kept("xfs")),
    case("xfs with sectors of 4 KiB", "mkfs.xfs -q -s size=4096 $F", Kept("xfs")),
    case("xfs without checksums", "mkfs.xfs -q -m crc=0 $F", Kept("xfs")),
    case("btrfs", "mkfs.btrfs -q $F", Kept("btrfs")),
    case(
        "ext4 of which only the front was copied, left to mount to refuse",
        "mkfs.ext4 -q $F; dd if=$F of=$T/i bs=1M count=1 status=none; truncate -s 0 $F; truncate -s $S $F; dd if=$T/i of=$F conv=notrunc status=none",
        Kept("ext4"),
    ),
    case(
        "ext4 on a disk that once had a GPT",
        "sgdisk -n 1:0:0 $F; mkfs.ext4 -q -F $F; wipefs -q -a -t PMBR $F || true",
        Kept("ext4"),
    ),
];

pub(crate) const OTHER_FILESYSTEMS: &[Case] = &[
    case("vfat of 32 bits", "mkfs.vfat -F 32 $F", Refused("vfat")),
    case("vfat of 16 bits", "mkfs.vfat -F 16 $F", Refused("vfat")),
    case("exfat", "mkfs.exfat $F", Refused("exfat")),
    case("ntfs", "mkfs.ntfs -q -F -f $F", Refused("ntfs")),
    case(
        "ntfs whose front is gone",
        "mkfs.ntfs -q -F -f $F; dd if=/dev/zero of=$F bs=1M count=1 conv=notrunc status=none",
        Refused("ntfs"),
    ),
    case("f2fs", "mkfs.f2fs -q $F", Refused("f2fs")),
    case("udf", "mkudffs $F", Refused("udf")),
    case(
        "iso9660",
        "mkdir $T/d; echo x >$T/d/f; xorriso -as mkisofs -quiet -o $T/i $T/d; dd if=$T/i of=$F conv=notrunc status=none",
        Refused("iso9660"),
    ),
    case(
        "squashfs",
        "mkdir $T/d; mksquashfs $T/d $T/i -quiet; dd if=$T/i of=$F conv=notrunc status=none",
        Refused("squashfs"),
    ),
    case("jfs", "mkfs.jfs -q $F", Refused("jfs")),
    case("reiserfs", "mkfs.reiserfs -q -f $F", Refused("reiserfs")),
    case("minix", "mkfs.minix $F 60000", Refused("minix")),
    case("apfs, by hand", "printf NXSB | dd of=$F bs=1 seek=32 conv=notrunc status=none", Refused("apfs")),
    case("the journal of another ext4", "mke2fs -q -O journal_dev -b 4096 $F", Refused("ext")),
];

pub(crate) const CONTAINERS: &[Case] = &[
    case("swap", "mkswap $F", Refused("swap")),
    case(
        "LVM",
        "pvcreate -q --config 'devices{use_devicesfile=0 scan=\"/dev\" filter=[\"a|.*|\"]}' $D",
        Refused("LVM2_member"),
    ),
    case(
        "LVM's label in another sector",
        "pvcreate -q --labelsector 2 --config 'devices{use_devicesfile=0}' $D",
        Refused("LVM2_member"),
    ),
    case(
        "LUKS 1",
        "printf pass | cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 $F -",
        Refused("crypto_LUKS"),
    ),
    case(
        "LUKS 2",
        "printf pass | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $F -",
        Refused("crypto_LUKS"),
    ),
    case(
        "LUKS 2, second header only",
        "printf pass | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $F -; dd if=/dev/zero of=$F bs=16384 count=1 conv=notrunc status=none",
        Refused("crypto_LUKS"),
    ),
    case("bcache", "make-bcache -B $D", Refused("bcache")),
    case(
        "RAID 1.1, by hand",
        "printf '\\374\\116\\053\\251' | dd of=$F bs=1 conv=notrunc status=none",
        Refused("linux_raid_member"),
    ),
    case(
        "RAID 1.2, by hand",
        "printf '\\374\\116\\053\\251' | dd of=$F bs=1 seek=4096 conv=notrunc status=none",
        Refused("linux_raid_member"),
    ),
    case(
        "bluestore, by hand",
        "printf 'bluestore block device\\n' | dd of=$F bs=1 conv=notrunc status=none",
        Refused("ceph_bluestore"),
    ),
    case("VDO, by hand", "printf dmvdo001 | dd of=$F bs=1 conv=notrunc status=none", Refused("vdo")),
    case(
        "ZFS's first label, by hand",
        "printf '\\014\\261\\272\\0\\0\\0\\0\\0' | dd of=$F bs=1 seek=$((128*1024)) conv=notrunc status=none",
        Refused("zfs_member"),
    ),
];

pub(crate) const TABLES_AND_TAILS: &[Case] = &[
    case("GPT", "sgdisk -n 1:0:0 $F", Refused("gpt")),
    case(
        "GPT, backup only",
        "sgdisk -n 1:0:0 $F; dd if=/dev/zero of=$F bs=1M count=1 conv=notrunc status=none",
        Refused("gpt_backup"),
    ),
    case(
        "GPT of 4 KiB sectors, backup only, by hand",
        "printf 'EFI PART' | dd of=$F bs=1 seek=$((S-4096)) conv=notrunc status=none",
        Refused("gpt_backup"),
    ),
    case("MBR", "echo ';' | sfdisk -q $F", Refused("dos")),
    case("MBR without partitions", "echo 'label: dos' | sfdisk -q $F", Refused("dos")),
    case(
        "RAID 0.90, by hand",
        "printf '\\374\\116\\053\\251' | dd of=$F bs=1 seek=$((S/65536*65536-65536)) conv=notrunc status=none",
        Refused("linux_raid_member"),
    ),
    case(
        "RAID 1.0, by hand",
        "printf '\\374\\116\\053\\251' | dd of=$F bs=1 seek=$((S-8192)) conv=notrunc status=none",
        Refused("linux_raid_member"),
    ),
    case(
        "RAID 1.0 with ext4 in it",
        "mkfs.ext4 -q $F 512M; printf '\\374\\116\\053\\251' | dd of=$F bs=1 seek=$((S-8192)) conv=notrunc status=none",
        Refused("linux_raid_member"),
    ),
    case(
        "DDF, by hand",
        "printf '\\336\\021\\336\\021' | dd of=$F bs=1 seek=$((S-512)) conv=notrunc status=none",
        Refused("ddf_raid_member"),
    ),
    case(
        "Intel's RAID, by hand",
        "printf 'Intel Raid ISM Cfg Sig. 1.0.00' | dd of=$F bs=1 seek=$((S-1024)) conv=notrunc status=none",
        Refused("isw_raid_member"),
    ),
    case(
        "DRBD, by hand",
        "printf '\\203\\164\\002\\155' | dd of=$F bs=1 seek=$((S-4096+60)) conv=notrunc status=none",
        Refused("drbd"),
    ),
    case(
        "ZFS's last label, by hand",
        "printf '\\0\\0\\0\\0\\0\\272\\261\\014' | dd of=$F bs=1 seek=$((S-128*1024+5*1024)) conv=notrunc status=none",
        Refused("zfs_member"),
    ),
    case(
        "LVM beside ext4",
        "mkfs.ext4 -q $F; printf LABELONE | dd of=$F bs=1 seek=512 conv=notrunc status=none",
        Refused("LVM2_member"),
    ),
];

pub(crate) const DAMAGED: &[Case] = &[
    case(
        "ext4 with a flipped bit",
        "mkfs.ext4 -q $F; printf X | dd of=$F bs=1 seek=1150 conv=notrunc status=none",
        Refused("wrong checksum"),
    ),
    case(
        "xfs with a flipped bit",
        "mkfs.xfs -q $F; printf X | dd of=$F bs=1 seek=110 conv=notrunc status=none",
        Refused("wrong checksum"),
    ),
    case(
        "btrfs with a flipped bit",
        "mkfs.btrfs -q $F; printf X | dd of=$F bs=1 seek=65800 conv=notrunc status=none",
        Refused("wrong checksum"),
    ),
    case(
        "xfs whose mkfs is at work",
        "mkfs.xfs -q -m crc=0 $F; printf '\\001' | dd of=$F bs=1 seek=126 conv=notrunc status=none",
        Refused("wrong checksum"),
    ),
    case(
        "ext4 larger than its device",
        "truncate -s 2G $F; mkfs.ext4 -q $F; truncate -s $S $F",
        Refused("ext4"),
    ),
    case(
        "ext4, backups only",
        "mkfs.ext4 -q $F; dd if=/dev/zero of=$F bs=1M count=64 conv=notrunc status=none",
        Refused("ext_backup"),
    ),
    case(
        "ext4 of 1 KiB blocks, backups only",
        "mkfs.ext4 -q -b 1024 $F; dd if=/dev/zero of=$F bs=1M count=8 conv=notrunc status=none",
        Refused("ext_backup"),
    ),
    case(
        "btrfs, its copy only",
        "mkfs.btrfs -q $F; dd if=/dev/zero of=$F bs=1M count=63 conv=notrunc status=none",
        Refused("btrfs_backup"),
    ),
    case(
        "xfs, its front gone",
        "mkfs.xfs -q $F; dd if=/dev/zero of=$F bs=4096 count=1 conv=notrunc status=none",
        Refused("is not zero"),
    ),
    // A limit on the size of files kills mkfs by a signal, at the same write each time.
    case(
        "mkfs.ext4 killed while it writes zeros",
        "(ulimit -c 0; ulimit -f 2048; mkfs.ext4 -q $F) 2>/dev/null || true",
        Formatted,
    ),
    case(
        "mkfs.ext4 killed midway",
        "(ulimit -c 0; ulimit -f $((513*2048)); mkfs.ext4 -q $F) 2>/dev/null || true",
        Refused(""),
    ),
    case(
        "mkfs.ext4 killed late",
        "(ulimit -c 0; ulimit -f $((700*2048)); mkfs.ext4 -q $F) 2>/dev/null || true",
        Refused(""),
    ),
    case(
        "mkfs.btrfs killed while it writes zeros",
        "(ulimit -c 0; ulimit -f 2048; mkfs.btrfs -q $F) 2>/dev/null || true",
        Formatted,
    ),
    case(
        "mkfs.xfs killed before its first write",
        "(ulimit -c 0; ulimit -f $((700*2048)); mkfs.xfs -q $F) 2>/dev/null || true",
        Formatted,
    ),
];

const fn sized(name: &'static str, size: u64, script: &'static str, expected: Expected) -> Case {
    Case { name, size, script, expected }
}

pub(crate) const BYTES: &[Case] = &[
    case("nothing", "true", Formatted),
    sized("nothing, on a size that is no round number", GIB + 512 * 7, "true", Formatted),
    sized("nothing, on 100 GiB", 100 * GIB, "true", Formatted),
    case(
        "zeros that were written",
        "dd if=/dev/zero of=$F bs=1M count=8 conv=notrunc status=none",
        Formatted,
    ),
    case(
        "the first byte",
        "printf x | dd of=$F bs=1 conv=notrunc status=none",
        Refused("byte 0 is not zero"),
    ),
    case(
        "a byte of the front",
        "printf x | dd of=$F bs=1 seek=3333333 conv=notrunc status=none",
        Refused("byte 3333333 is not zero"),
    ),
    case(
        "a byte of the middle",
        "printf x | dd of=$F bs=1 seek=$((S/64*33+60000)) conv=notrunc status=none",
        Refused("byte 553708128 is not zero"),
    ),
    case(
        "a byte of the tail",
        "printf x | dd of=$F bs=1 seek=$((S-3333333)) conv=notrunc status=none",
        Refused("is not zero"),
    ),
    case(
        "the last byte",
        "printf x | dd of=$F bs=1 seek=$((S-1)) conv=notrunc status=none",
        Refused("byte 1073741823 is not zero"),
    ),
    sized("too small by a sector", GIB - 512, "true", Refused("less than 1 GiB")),
    sized("far too small", 8 << 20, "true", Refused("less than 1 GiB")),
];
