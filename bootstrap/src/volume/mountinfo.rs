//! What the kernel says is mounted and swapped to: /proc/self/mountinfo and /proc/swaps, as values.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::sysfs::DeviceNumber;
use crate::host::{Host, files};

/// One mount, as this process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The device that holds the filesystem; 0:n where no block device does.
    pub device: DeviceNumber,
    /// Which directory of the filesystem is mounted: `/`, unless it is a bind mount or a subvolume.
    pub root: PathBuf,
    /// Where.
    pub point: PathBuf,
    /// `ext4`, `xfs`, `overlay`, …
    pub filesystem: String,
    /// What was mounted, in the words of whoever mounted it. Proves nothing; `device` does.
    pub source: OsString,
    /// The options of this mount and those of its filesystem.
    pub options: Vec<String>,
}

/// What is mounted where this process looks, the oldest first. btrfs, which numbers its mounts by itself,
/// is given the number of its device.
pub fn mounts(host: &Host) -> io::Result<Vec<Mount>> {
    let table = host.path("/proc/self/mountinfo");
    let mut mounts = parse_mounts(&fs::read(&table).map_err(|error| files::at(&table, &error))?)?;
    for mount in mounts.iter_mut().filter(|mount| mount.filesystem == "btrfs") {
        mount.device = number_of(&host.path(&mount.source)).unwrap_or(mount.device);
    }
    Ok(mounts)
}

/// A mount point as the kernel calls it, symbolic links in its path resolved.
pub(super) fn real_point(host: &Host, point: &Path) -> PathBuf {
    let point = host.path(point);
    fs::canonicalize(&point).unwrap_or(point)
}

/// The number of a block device's node.
pub(super) fn number_of(node: &Path) -> Option<DeviceNumber> {
    let metadata = fs::metadata(node).ok().filter(|metadata| metadata.file_type().is_block_device())?;
    Some(DeviceNumber::from_raw(metadata.rdev()))
}

/// The files and devices that are swapped to. A kernel without swap has none.
pub fn swaps(host: &Host) -> io::Result<Vec<PathBuf>> {
    match fs::read(host.path("/proc/swaps")) {
        Ok(bytes) => Ok(parse_swaps(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The mount seen at a point: the last one there, since it hides those before it.
pub fn at<'a>(mounts: &'a [Mount], point: &Path) -> Option<&'a Mount> {
    mounts.iter().rev().find(|mount| mount.point == point)
}

/// The mounts of a device, bind mounts of its directories included.
pub fn of_device(mounts: &[Mount], device: DeviceNumber) -> Vec<&Mount> {
    mounts.iter().filter(|mount| mount.device == device).collect()
}

/// Reads mountinfo. A line that cannot be read is an error: what it hides may be our device.
pub fn parse_mounts(bytes: &[u8]) -> io::Result<Vec<Mount>> {
    lines(bytes)
        .map(|line| {
            parse_mount(line).ok_or_else(|| {
                let line = String::from_utf8_lossy(line);
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("cannot read the mountinfo line \"{line}\""),
                )
            })
        })
        .collect()
}

/// `id parent major:minor root point options [optional…] - filesystem source superoptions`
fn parse_mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ').skip(2);
    let device = DeviceNumber::parse(std::str::from_utf8(fields.next()?).ok()?)?;
    let root = path(fields.next()?);
    let point = path(fields.next()?);
    let options = fields.next()?;
    fields.find(|field| *field == b"-")?;
    let filesystem = String::from_utf8_lossy(&unescape(fields.next()?)).into_owned();
    let source = OsString::from_vec(unescape(fields.next()?));
    let options = split_options(options).chain(split_options(fields.next().unwrap_or_default())).collect();
    Some(Mount { device, root, point, filesystem, source, options })
}

fn split_options(field: &[u8]) -> impl Iterator<Item = String> {
    field
        .split(|byte| *byte == b',')
        .filter(|option| !option.is_empty())
        .map(|option| String::from_utf8_lossy(&unescape(option)).into_owned())
}

/// Reads /proc/swaps: a heading, then a path in the first column of each line.
pub fn parse_swaps(bytes: &[u8]) -> Vec<PathBuf> {
    lines(bytes)
        .skip(1)
        .filter_map(|line| line.split(u8::is_ascii_whitespace).next())
        .filter(|name| !name.is_empty())
        .map(path)
        .collect()
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn path(field: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&unescape(field)))
}

/// Undoes the octal escapes with which the kernel, and whoever writes fstab, hides white space.
pub(crate) fn unescape(field: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::with_capacity(field.len()), field);
    while let Some((first, after)) = rest.split_first() {
        if let Some((byte, after)) = octal(rest) {
            plain.push(byte);
            rest = after;
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    plain
}

/// `\ooo` at the start, as a byte, and what follows it.
fn octal(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (escape, after) = bytes.split_at_checked(4)?;
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\")?).ok()?;
    digits.bytes().all(|digit| matches!(digit, b'0'..=b'7')).then_some(())?;
    Some((u8::from_str_radix(digits, 8).ok()?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &[u8] = b"21 98 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n\
        98 1 259:1 / / rw,noatime shared:1 master:2 - xfs /dev/nvme0n1p1 rw,attr2,noquota\n\
        99 98 259:3 / /data\\040one rw,relatime - ext4 /dev/nvme1n1 rw\n\
        100 98 259:3 /sub\\011dir /bind ro,relatime shared:9 - ext4 /dev/nvme1n1 rw\n\
        101 98 0:44 / /data\\040one rw - tmpfs  rw,size=1k\n";

    fn parsed() -> Vec<Mount> {
        parse_mounts(MOUNTINFO).expect("well-formed")
    }

    #[test]
    fn optional_fields_and_octal_escapes_are_read() {
        let mounts = parsed();
        assert_eq!(mounts[1].device, DeviceNumber { major: 259, minor: 1 });
        assert_eq!(mounts[1].filesystem, "xfs");
        assert_eq!(mounts[1].options, ["rw", "noatime", "rw", "attr2", "noquota"]);
        assert_eq!(mounts[2].point, Path::new("/data one"));
        assert_eq!(mounts[3].root, Path::new("/sub\tdir"));
        assert_eq!(mounts[3].source, "/dev/nvme1n1");
    }

    #[test]
    fn an_empty_source_is_read_as_one() {
        assert_eq!(parsed()[4].source, "");
        assert_eq!(parsed()[4].filesystem, "tmpfs");
    }

    #[test]
    fn the_last_mount_at_a_point_is_the_one_that_is_seen() {
        let mounts = parsed();
        assert_eq!(at(&mounts, Path::new("/data one")).map(|mount| mount.filesystem.as_str()), Some("tmpfs"));
        assert_eq!(at(&mounts, Path::new("/data")), None);
    }

    #[test]
    fn bind_mounts_of_a_device_are_found_too() {
        let mounts = parsed();
        assert_eq!(of_device(&mounts, DeviceNumber { major: 259, minor: 3 }).len(), 2);
        assert!(of_device(&mounts, DeviceNumber { major: 259, minor: 9 }).is_empty());
    }

    #[test]
    fn a_line_that_cannot_be_read_is_an_error_and_not_nothing() {
        assert!(parse_mounts(b"98 1 259:1 / / rw\n").is_err());
        assert!(parse_mounts(b"98 1 nonsense / / rw - ext4 x rw\n").is_err());
    }

    #[test]
    fn swaps_are_read_past_their_heading() {
        let swaps = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
            /dev/nvme1n1p2                          partition\t1048572\t\t0\t\t-2\n\
            /swap\\040file file 4 0 -3\n";
        assert_eq!(parse_swaps(swaps), [PathBuf::from("/dev/nvme1n1p2"), PathBuf::from("/swap file")]);
        assert!(parse_swaps(b"").is_empty());
    }

    #[test]
    fn what_only_looks_like_an_escape_stays() {
        assert_eq!(unescape(br"a\040b\9\08x\777\"), b"a b\\9\\08x\\777\\");
    }

    #[test]
    fn this_machine_s_own_mounts_are_read() {
        let bytes = fs::read("/proc/self/mountinfo").expect("Linux has it");
        assert!(at(&parse_mounts(&bytes).expect("read"), Path::new("/proc")).is_some());
    }
}
