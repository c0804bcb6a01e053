//! The machine itself: the volume, space, memory, and whether programs may run where they must.

use std::fs;
use std::path::Path;

use nix::sys::statvfs::{FsFlags, statvfs};
use vivarium_bootstrap::anaconda::preflight::{MEMORY_NEEDED, MEMORY_WISHED, available_memory};
use vivarium_bootstrap::host::Host;
use vivarium_bootstrap::host::space::{self, Space};
use vivarium_bootstrap::settings::VolumeIdentity;
use vivarium_bootstrap::step::StepError;
use vivarium_bootstrap::volume::identity::{Found, find};
use vivarium_bootstrap::volume::mountinfo::{at, mounts};

use super::{Finding, Status};

const MIB: u64 = 1 << 20;
/// A gigabyte of packages unpacks to some 50 000 files.
const BYTES_A_FILE: u64 = 24 * 1024;

pub(super) fn volume(host: &Host, identity: &VolumeIdentity) -> Finding {
    judged_volume(identity, find(host, identity))
}

fn judged_volume(identity: &VolumeIdentity, found: Result<Found, StepError>) -> Finding {
    let check = "volume";
    match found {
        Ok(Found::Present(device)) => {
            let what =
                format!("{} is here as {}, {} MiB", device.label(), device.path.display(), device.size / MIB);
            Finding::new(check, Status::Good, what)
        }
        Ok(Found::Absent { seen }) => {
            let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
            Finding::new(check, Status::Bad, format!("{identity} is not attached; other disks: {seen}"))
                .hint("aws ec2 attach-volume --volume-id ID --instance-id ID --device /dev/sdf")
        }
        Err(error) => Finding::new(check, Status::Bad, error.chain()).hint(error.hint_text()),
    }
}

/// Space where Anaconda will be; before the volume is mounted, what is there is another filesystem's.
pub(super) fn space(host: &Host, point: &Path, wanted: u64) -> Finding {
    let mounted = mounts(host).map(|mounts| at(&mounts, point).is_some());
    match mounted {
        Ok(true) => match space::of(&host.path(point)) {
            Ok(free) => judged_space(point, wanted, &free),
            Err(error) => Finding::new("space", Status::Unknown, format!("{}: {error}", point.display())),
        },
        Ok(false) => {
            let what = format!("seen once the volume is mounted on {}", point.display());
            Finding::new("space", Status::Unknown, what)
        }
        Err(error) => Finding::new("space", Status::Unknown, format!("reading the mounts: {error}")),
    }
}

fn judged_space(point: &Path, wanted: u64, free: &Space) -> Finding {
    let what = match free.inodes {
        Some(files) => format!("{} MiB and {files} inodes are free on {}", free.bytes / MIB, point.display()),
        None => format!("{} MiB are free on {}", free.bytes / MIB, point.display()),
    };
    let enough = free.bytes >= wanted && free.inodes.is_none_or(|files| files >= wanted / BYTES_A_FILE);
    if enough {
        return Finding::new("space", Status::Good, what);
    }
    Finding::new(
        "space",
        Status::Warning,
        format!("{what}; an installation takes about {} MiB", wanted / MIB),
    )
    .hint("grow the volume (aws ec2 modify-volume): the next run grows its filesystem")
}

pub(super) fn memory(host: &Host) -> Finding {
    match fs::read_to_string(host.path("/proc/meminfo")) {
        Ok(text) => judged_memory(available_memory(&text)),
        Err(error) => Finding::new("memory", Status::Unknown, format!("reading /proc/meminfo: {error}")),
    }
}

fn judged_memory(bytes: u64) -> Finding {
    let status = match bytes {
        0 => return Finding::new("memory", Status::Unknown, "the kernel does not say how much is free"),
        bytes if bytes < MEMORY_NEEDED => Status::Bad,
        bytes if bytes < MEMORY_WISHED => Status::Warning,
        _ => Status::Good,
    };
    let finding = Finding::new("memory", status, format!("{} MiB of memory and swap are free", bytes / MIB));
    if status == Status::Good {
        return finding;
    }
    finding.hint("add swap (fallocate -l 2G /swapfile; mkswap; swapon) or take a larger instance")
}

/// Whether programs may be executed in a directory, by what it is mounted with: nothing is tried.
pub(super) fn execution(host: &Host, directory: &Path) -> Finding {
    let check = format!("programs in {}", directory.display());
    match statvfs(&host.path(directory)) {
        Ok(seen) => judged_execution(check, seen.flags().contains(FsFlags::ST_NOEXEC)),
        Err(nix::Error::ENOENT) => Finding::new(check, Status::Unknown, "there is no such directory"),
        Err(error) => Finding::new(check, Status::Unknown, error.to_string()),
    }
}

/// A warning only: the agent gives the installer a directory of its own, other programs take this one.
fn judged_execution(check: String, forbidden: bool) -> Finding {
    if forbidden {
        return Finding::new(check, Status::Warning, "mounted noexec: no program runs there")
            .hint("mount it without noexec, or give TMPDIR another directory; SSM's scripts run in /var/lib/amazon/ssm");
    }
    Finding::new(check, Status::Good, "may be executed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use vivarium_bootstrap::step::Failure;

    #[test]
    fn an_absent_volume_is_bad_and_the_others_are_named() {
        let identity = VolumeIdentity::Path("/dev/sdf".into());
        let absent = |seen| judged_volume(&identity, Ok(Found::Absent { seen }));
        assert!(absent(vec!["vol-0a (nvme1n1)".to_owned()]).what.ends_with("other disks: vol-0a (nvme1n1)"));
        assert!(absent(Vec::new()).what.ends_with("other disks: none"));
        let refused =
            StepError::new(Failure::Refused, "looking for it").because("it is the root disk").hint("no");
        let finding = judged_volume(&identity, Err(refused));
        assert_eq!(
            (finding.status, finding.what.as_str()),
            (Status::Bad, "looking for it: it is the root disk")
        );
    }

    #[test]
    fn too_few_bytes_and_too_few_inodes_are_both_too_little_space() {
        let judged = |bytes, files| {
            judged_space(Path::new("/anaconda"), 240 * MIB, &Space { bytes, inodes: files }).status
        };
        assert_eq!(judged(240 * MIB, Some(20_000)), Status::Good);
        assert_eq!(judged(240 * MIB, None), Status::Good);
        assert_eq!(judged(239 * MIB, Some(20_000)), Status::Warning);
        assert_eq!(judged(240 * MIB, Some(100)), Status::Warning);
    }

    #[test]
    fn memory_is_bad_where_an_installer_is_known_to_be_killed() {
        assert_eq!(judged_memory(0).status, Status::Unknown);
        assert_eq!(judged_memory(200 * MIB).status, Status::Bad);
        assert_eq!(judged_memory(1000 * MIB).status, Status::Warning);
        assert_eq!(judged_memory(8000 * MIB).status, Status::Good);
    }

    #[test]
    fn a_directory_mounted_noexec_is_told_from_one_that_is_not() {
        assert_eq!(judged_execution("x".to_owned(), true).status, Status::Warning);
        assert_eq!(judged_execution("x".to_owned(), false).status, Status::Good);
    }
}
