//! How what is mounted stands against what the settings ask: a pure judgement.

use std::fmt;
use std::path::{Path, PathBuf};

use super::mountinfo::{Mount, at, of_device};
use super::sysfs::DeviceNumber;

/// Whether the device is mounted where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is, whole and writable.
    Mounted,
    /// It is not mounted at all, and nothing is in the way.
    Unmounted,
}

/// What a person did, or a fault, that this program does not undo by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// The volume is mounted, but there.
    Elsewhere(PathBuf),
    /// Something else is mounted at the point.
    Covered {
        /// What was mounted, as its mounter called it.
        source: String,
        /// Its filesystem.
        filesystem: String,
        /// The point.
        point: PathBuf,
    },
    /// Only this directory of the volume is mounted at the point.
    Part(PathBuf),
    /// It is mounted, and refuses writes.
    ReadOnly,
}

impl Drift {
    /// What to do about it.
    pub fn hint(&self, point: &Path) -> String {
        match self {
            Self::Elsewhere(there) => {
                format!("set mount.point to \"{0}\", or unmount it there with `umount {0}`", there.display())
            }
            Self::Covered { .. } => {
                format!(
                    "unmount that with `umount {}`, or set mount.point to another directory",
                    point.display()
                )
            }
            Self::Part(_) => format!("unmount that with `umount {}`", point.display()),
            Self::ReadOnly => format!(
                "a filesystem turns read-only when it meets damage: see `dmesg`, then `umount {}` and fsck it; \
                 or drop ro from its options in /etc/fstab",
                point.display()
            ),
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere(there) => write!(f, "it is mounted on {} already", there.display()),
            Self::Covered { source, filesystem, point } => {
                write!(f, "{source} ({filesystem}) is mounted on {}", point.display())
            }
            Self::Part(root) => write!(f, "only its directory {} is mounted there", root.display()),
            Self::ReadOnly => f.write_str("it is mounted read-only"),
        }
    }
}

impl std::error::Error for Drift {}

/// Judges the mounts of a host for one device and one point.
pub fn judge(mounts: &[Mount], device: DeviceNumber, point: &Path) -> Result<Standing, Drift> {
    match at(mounts, point) {
        Some(mount) if mount.device == device => judge_ours(mount),
        Some(mount) => Err(Drift::Covered {
            source: mount.source.to_string_lossy().into_owned(),
            filesystem: mount.filesystem.clone(),
            point: point.to_owned(),
        }),
        None => match of_device(mounts, device).first() {
            Some(elsewhere) => Err(Drift::Elsewhere(elsewhere.point.clone())),
            None => Ok(Standing::Unmounted),
        },
    }
}

fn judge_ours(mount: &Mount) -> Result<Standing, Drift> {
    if mount.root != Path::new("/") {
        return Err(Drift::Part(mount.root.clone()));
    }
    if mount.options.iter().any(|option| option == "ro") {
        return Err(Drift::ReadOnly);
    }
    Ok(Standing::Mounted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::mountinfo::parse_mounts;

    const OURS: DeviceNumber = DeviceNumber { major: 259, minor: 3 };

    fn judged(lines: &str) -> Result<Standing, Drift> {
        judge(&parse_mounts(lines.as_bytes()).expect("well-formed"), OURS, Path::new("/anaconda"))
    }

    #[test]
    fn whole_and_writable_at_its_point_it_is_mounted() {
        assert_eq!(judged("30 1 259:3 / /anaconda rw - ext4 /dev/nvme1n1 rw\n"), Ok(Standing::Mounted));
        assert_eq!(judged("30 1 259:1 / / rw - ext4 /dev/nvme0n1 rw\n"), Ok(Standing::Unmounted));
    }

    #[test]
    fn a_bind_mount_besides_does_no_harm() {
        let lines = "30 1 259:3 / /anaconda rw - ext4 /dev/nvme1n1 rw\n\
                     31 1 259:3 /home /home rw - ext4 /dev/nvme1n1 rw\n";
        assert_eq!(judged(lines), Ok(Standing::Mounted));
    }

    #[test]
    fn mounted_elsewhere_the_place_is_named() {
        let drift = judged("30 1 259:3 / /data rw - ext4 /dev/nvme1n1 rw\n");
        assert_eq!(drift, Err(Drift::Elsewhere(PathBuf::from("/data"))));
    }

    #[test]
    fn what_covers_the_point_is_named_even_if_ours_lies_below() {
        let lines = "30 1 259:3 / /anaconda rw - ext4 /dev/nvme1n1 rw\n\
                     31 30 0:44 / /anaconda rw - tmpfs scratch rw\n";
        let drift = judged(lines).expect_err("covered");
        assert_eq!(drift.to_string(), "scratch (tmpfs) is mounted on /anaconda");
    }

    #[test]
    fn a_directory_of_the_volume_is_not_the_volume() {
        let drift = judged("30 1 259:3 /sub /anaconda rw - ext4 /dev/nvme1n1 rw\n");
        assert_eq!(drift, Err(Drift::Part(PathBuf::from("/sub"))));
    }

    #[test]
    fn a_filesystem_that_turned_read_only_is_not_as_wanted() {
        assert_eq!(judged("30 1 259:3 / /anaconda rw - ext4 /dev/nvme1n1 ro\n"), Err(Drift::ReadOnly));
    }
}
