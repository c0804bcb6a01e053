//! The disks that this host runs from, which are never touched whatever the settings say.

use std::io;
use std::path::Path;

use super::mountinfo;
use super::sysfs::Disk;
use crate::host::Host;

/// Where a host's own files are.
const SYSTEM: [&str; 8] = ["/", "/boot", "/boot/efi", "/efi", "/usr", "/etc", "/var", "/nix"];

/// The names of all disks below the host's own filesystems, through partitions, RAID and LVM.
pub fn system_disks(host: &Host, disks: &[Disk]) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for mount in mountinfo::mounts(host)? {
        if SYSTEM.iter().any(|place| mount.point == Path::new(place)) {
            for disk in disks.iter().filter(|disk| disk.covers(mount.device)) {
                add_with_what_it_is_built_on(disk, disks, &mut names);
            }
        }
    }
    Ok(names)
}

fn add_with_what_it_is_built_on(disk: &Disk, disks: &[Disk], names: &mut Vec<String>) {
    if names.contains(&disk.name) {
        return;
    }
    names.push(disk.name.clone());
    for slave in &disk.slaves {
        for below in disks.iter().filter(|disk| disk.is_called(slave)) {
            add_with_what_it_is_built_on(below, disks, names);
        }
    }
}
