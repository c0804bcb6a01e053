//! The disks that this host runs from, which are never touched whatever the settings say.

use std::fs;
use std::io;

use super::sysfs::{DeviceNumber, Disk};
use crate::host::Host;

/// Where a host's own files are.
const SYSTEM: [&str; 8] = ["/", "/boot", "/boot/efi", "/efi", "/usr", "/etc", "/var", "/nix"];

/// The names of all disks below the host's own filesystems, through partitions, RAID and LVM.
pub fn system_disks(host: &Host, disks: &[Disk]) -> io::Result<Vec<String>> {
    let table = fs::read_to_string(host.path("/proc/self/mountinfo"))?;
    let mut names = Vec::new();
    for number in mounted_at_system_places(&table) {
        for disk in disks.iter().filter(|disk| disk.covers(number)) {
            add_with_what_it_is_built_on(disk, disks, &mut names);
        }
    }
    Ok(names)
}

fn mounted_at_system_places(table: &str) -> Vec<DeviceNumber> {
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(2);
            let (number, _root, point) = (fields.next()?, fields.next()?, fields.next()?);
            SYSTEM.contains(&point).then(|| DeviceNumber::parse(number))?
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_places_of_the_host_itself_count() {
        let table = "22 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n\
                     30 22 259:4 / /anaconda rw - ext4 /dev/nvme1n1 rw\n\
                     31 22 253:0 / /var rw - xfs /dev/mapper/a-b rw\n";
        let numbers = mounted_at_system_places(table);
        assert_eq!(numbers, [DeviceNumber { major: 259, minor: 1 }, DeviceNumber { major: 253, minor: 0 }]);
    }
}
