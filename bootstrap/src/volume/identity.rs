//! Which block device is the volume: the one disk that the settings name, never "the first one".

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::nvme::{Controller, normal_name};
use super::sysfs::{self, DeviceNumber, Disk};
use super::system_disks::system_disks;
use crate::host::Host;
use crate::settings::{VolumeId, VolumeIdentity};
use crate::step::{Failure, StepError};

/// The volume as a device of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What sysfs says about it.
    pub disk: Disk,
    /// Its node, `/dev/nvme1n1`, as a path of the host.
    pub path: PathBuf,
    /// Its size in bytes, never 0.
    pub size: u64,
}

impl Device {
    /// Its number, by which mounts know it.
    pub fn number(&self) -> DeviceNumber {
        self.disk.number
    }

    /// The volume's id, where the driver reports one.
    pub fn volume(&self) -> Option<VolumeId> {
        self.disk.volume()
    }

    /// How people and reports call it: the volume's id or, where it has none, its path.
    pub fn label(&self) -> String {
        self.volume().map_or_else(|| self.path.display().to_string(), |volume| volume.to_string())
    }

    /// Whether another look found the same attachment of the same volume.
    pub fn is_still(&self, other: &Self) -> bool {
        (self.number(), self.size, &self.disk.serial, self.disk.diskseq)
            == (other.number(), other.size, &other.disk.serial, other.disk.diskseq)
    }
}

/// What a look for the volume found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is here.
    Present(Device),
    /// It is not, or not wholly yet.
    Absent {
        /// The disks that are here besides the system's own, as messages call them.
        seen: Vec<String>,
    },
}

/// Looks once. What names the root disk, a partition or more than one disk is refused.
pub fn find(host: &Host, identity: &VolumeIdentity) -> Result<Found, StepError> {
    let looking = || format!("looking for {identity}");
    let disks = sysfs::disks(host).map_err(|error| unexpected(looking(), error))?;
    let system = system_disks(host, &disks).map_err(|error| unexpected(looking(), error))?;
    let matching = match identity {
        VolumeIdentity::Id(wanted) => {
            disks.iter().filter(|disk| disk.volume().as_ref() == Some(wanted)).collect()
        }
        VolumeIdentity::DeviceName(name) => by_device_name(host, &disks, &system, name)?,
        VolumeIdentity::Path(path) => by_path(host, &disks, path)?,
    };
    let seen = || others(&disks, &system);
    match matching[..] {
        [] => Ok(Found::Absent { seen: seen() }),
        [disk] if system.contains(&disk.name) => {
            Err(refused(looking(), format!("{} is the disk this host runs from", disk.label())).hint(
                "volume must name a data volume, not the root volume; see `lsblk -o NAME,SERIAL,MOUNTPOINT`",
            ))
        }
        [disk] => present(host, identity, disk)
            .map(|device| device.map_or_else(|| Found::Absent { seen: seen() }, Found::Present)),
        _ => {
            let names: Vec<String> = matching.iter().map(|disk| disk.label()).collect();
            Err(refused(looking(), format!("{} disks match: {}", names.len(), names.join(", ")))
                .hint("name the volume by its id (vol-...), which only one disk can have"))
        }
    }
}

/// The device, once its node is there and the kernel knows its size.
fn present(host: &Host, identity: &VolumeIdentity, disk: &Disk) -> Result<Option<Device>, StepError> {
    let path = match identity {
        VolumeIdentity::Path(path) => path.clone(),
        _ => Path::new("/dev").join(&disk.name),
    };
    let Some(size) = disk.size.filter(|size| *size > 0) else { return Ok(None) };
    match block_number(&host.path(&path)) {
        Ok(Some(number)) if number == disk.number => Ok(Some(Device { disk: disk.clone(), path, size })),
        Ok(Some(number)) => Err(refused(
            format!("looking for {identity}"),
            format!("{} is device {number}, but sysfs says {}", path.display(), disk.number),
        )
        .hint("run `udevadm trigger --settle`, then run this again")),
        Ok(None) => Err(refused(
            format!("looking for {identity}"),
            format!("{} is not a block device", path.display()),
        )
        .hint("see what made it: `ls -l` it, and `udevadm trigger --settle`")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unexpected(format!("looking at {}", path.display()), error)),
    }
}

fn by_device_name<'a>(
    host: &Host,
    disks: &'a [Disk],
    system: &[String],
    wanted: &str,
) -> Result<Vec<&'a Disk>, StepError> {
    let wanted_name = normal_name(wanted);
    let mut matching = Vec::new();
    for disk in disks.iter().filter(|disk| disk.can_be_a_volume()) {
        if requested_name(host, disk, system)?.is_some_and(|name| name == wanted_name) {
            matching.push(disk);
        }
    }
    Ok(matching)
}

/// The device name asked for when the disk was attached. A controller that does not answer could be
/// the one that is meant: so that is an error, not a mismatch.
fn requested_name(host: &Host, disk: &Disk, system: &[String]) -> Result<Option<String>, StepError> {
    if !sysfs::is_nvme(&disk.name) {
        return Ok(Some(normal_name(&disk.name)));
    }
    let path = Path::new("/dev").join(&disk.name);
    match host.nvme.identify(&host.path(&path)) {
        Ok(answer) => Ok(Controller::read(&answer).device_name),
        Err(_) if system.contains(&disk.name) => Ok(None),
        Err(error) => Err(StepError::new(Failure::Device, format!("asking {} for its device name", path.display()))
            .because(error)
            .hint("name the volume by its id (vol-...) instead, which needs no answer of the controller; asking one needs root")),
    }
}

fn by_path<'a>(host: &Host, disks: &'a [Disk], path: &Path) -> Result<Vec<&'a Disk>, StepError> {
    let looking = || format!("looking for {}", path.display());
    let number = match block_number(&host.path(path)) {
        Ok(Some(number)) => number,
        Ok(None) => {
            return Err(refused(looking(), "it is not a block device".to_owned())
                .hint("volume.path names a whole disk, such as /dev/nvme1n1; `lsblk` lists them"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unexpected(looking(), error)),
    };
    match disks.iter().find(|disk| disk.covers(number)) {
        Some(disk) if disk.number == number => Ok(vec![disk]),
        Some(disk) => Err(refused(looking(), format!("it is a partition of {}", disk.name))
            .hint("only whole disks are used: a volume of its own needs no partitions")),
        None => Err(refused(looking(), format!("device {number} is not in /sys/block"))
            .hint("name a disk that `lsblk` lists, or the volume's id")),
    }
}

fn block_number(node: &Path) -> io::Result<Option<DeviceNumber>> {
    let metadata = fs::metadata(node)?;
    Ok(metadata.file_type().is_block_device().then(|| DeviceNumber::from_raw(metadata.rdev())))
}

fn others(disks: &[Disk], system: &[String]) -> Vec<String> {
    disks
        .iter()
        .filter(|disk| disk.can_be_a_volume() && !system.contains(&disk.name))
        .map(Disk::label)
        .collect()
}

fn refused(doing: String, why: String) -> StepError {
    StepError::new(Failure::Refused, doing).because(why)
}

fn unexpected(doing: String, error: io::Error) -> StepError {
    let failed = StepError::new(Failure::Unexpected, doing);
    if error.kind() == io::ErrorKind::NotFound {
        return failed.because(error).hint("see that /sys and /proc are mounted, as on any running host");
    }
    failed.because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::fixtures::Tree;

    const WANTED: &str = "vol-0123456789abcdef0";

    fn id(text: &str) -> VolumeIdentity {
        VolumeIdentity::Id(text.parse().expect("a volume id"))
    }

    fn look(tree: &Tree, identity: &VolumeIdentity) -> Result<Found, StepError> {
        find(&tree.host(), identity)
    }

    fn name_of(found: Result<Found, StepError>) -> String {
        match found.expect("a look") {
            Found::Present(device) => device.disk.name,
            Found::Absent { seen } => panic!("absent; seen {seen:?}"),
        }
    }

    fn refusal(found: Result<Found, StepError>) -> String {
        let error = found.expect_err("a refusal");
        assert_eq!(error.failure(), Failure::Refused, "{}", error.chain());
        error.chain()
    }

    #[test]
    fn a_volume_is_found_by_its_serial_whatever_the_kernel_numbered_it() {
        let tree = Tree::new();
        tree.disk("nvme0n1", "259:0", Some("vol0aaaaaaaaaaaaaaaa"));
        tree.disk("nvme2n1", "259:7", Some("vol0123456789abcdef0"));
        assert_eq!(name_of(look(&tree, &id(WANTED))), "nvme2n1");
    }

    #[test]
    fn an_absent_volume_says_what_else_is_here_but_not_the_root_disk() {
        let tree = Tree::new();
        tree.disk("nvme0n1", "259:0", Some("vol0aaaaaaaaaaaaaaaa"));
        tree.disk("nvme1n1", "259:1", Some("vol-0bbbbbbbbbbbbbbbb"));
        tree.mounted("259:0 / /");
        let seen = vec!["vol-0bbbbbbbbbbbbbbbb (nvme1n1)".to_owned()];
        assert_eq!(look(&tree, &id(WANTED)).expect("a look"), Found::Absent { seen });
    }

    #[test]
    fn two_disks_with_one_serial_are_refused() {
        let tree = Tree::new();
        tree.disk("nvme1n1", "259:1", Some("vol0123456789abcdef0"));
        tree.disk("nvme2n1", "259:2", Some("vol0123456789abcdef0"));
        assert!(refusal(look(&tree, &id(WANTED))).contains("2 disks match"));
    }

    #[test]
    fn the_root_disk_is_refused_through_its_partition_and_through_lvm() {
        let tree = Tree::new();
        tree.disk("nvme0n1", "259:0", Some("vol0123456789abcdef0"));
        tree.partition("nvme0n1", "nvme0n1p1", "259:1");
        tree.mounted("259:1 / /");
        assert!(refusal(look(&tree, &id(WANTED))).contains("runs from"));

        let tree = Tree::new();
        tree.disk("nvme1n1", "259:0", Some("vol0123456789abcdef0"));
        tree.disk("dm-0", "253:0", None);
        tree.slave("dm-0", "nvme1n1");
        tree.mounted("253:0 / /usr");
        assert!(refusal(look(&tree, &id(WANTED))).contains("runs from"));
    }

    #[test]
    fn a_disk_mounted_where_no_system_lives_is_not_the_root_disk() {
        let tree = Tree::new();
        tree.disk("nvme1n1", "259:1", Some("vol0123456789abcdef0"));
        tree.mounted("259:1 / /anaconda");
        assert_eq!(name_of(look(&tree, &id(WANTED))), "nvme1n1");
    }

    #[test]
    fn a_path_to_a_partition_is_refused_and_one_to_nothing_is_absent() {
        let tree = Tree::new();
        tree.disk("nvme1n1", "259:0", None);
        tree.partition("nvme1n1", "nvme1n1p1", "259:1");
        let path = |text: &str| VolumeIdentity::Path(PathBuf::from(text));
        assert!(refusal(look(&tree, &path("/dev/nvme1n1p1"))).contains("partition of nvme1n1"));
        assert!(matches!(look(&tree, &path("/dev/nvme9n1")), Ok(Found::Absent { .. })));
        assert_eq!(name_of(look(&tree, &path("/dev/nvme1n1"))), "nvme1n1");
    }

    #[test]
    fn a_path_to_a_file_is_refused() {
        let tree = Tree::new();
        tree.file("/dev/file", "");
        assert!(
            refusal(look(&tree, &VolumeIdentity::Path("/dev/file".into()))).contains("not a block device")
        );
    }

    #[test]
    fn a_loop_device_is_found_by_its_path_only() {
        let tree = Tree::new();
        tree.disk("loop3", "7:3", None);
        assert_eq!(name_of(look(&tree, &VolumeIdentity::Path("/dev/loop3".into()))), "loop3");
        let by_name = look(&tree, &VolumeIdentity::DeviceName("loop3".to_owned()));
        assert_eq!(by_name.expect("a look"), Found::Absent { seen: vec![] });
    }

    #[test]
    fn a_device_name_is_asked_of_the_controller_and_compared_in_one_spelling() {
        let mut tree = Tree::new();
        tree.disk("nvme1n1", "259:1", Some("vol0aaaaaaaaaaaaaaaa"));
        tree.disk("nvme2n1", "259:2", Some("vol0bbbbbbbbbbbbbbbb"));
        tree.answers("/dev/nvme1n1", "xvdg");
        tree.answers("/dev/nvme2n1", "/dev/sdf");
        assert_eq!(name_of(look(&tree, &VolumeIdentity::DeviceName("xvdf".to_owned()))), "nvme2n1");
        tree.disk("xvdh", "202:112", None);
        assert_eq!(name_of(look(&tree, &VolumeIdentity::DeviceName("/dev/sdh".to_owned()))), "xvdh");
    }

    #[test]
    fn a_controller_that_does_not_answer_could_be_the_one_and_is_an_error() {
        let mut tree = Tree::new();
        tree.disk("nvme1n1", "259:1", None);
        tree.disk("nvme2n1", "259:2", None);
        tree.answers("/dev/nvme2n1", "sdf");
        let error = look(&tree, &VolumeIdentity::DeviceName("/dev/sdf".to_owned())).expect_err("an error");
        assert_eq!(error.failure(), Failure::Device);
        assert!(error.chain().starts_with("asking /dev/nvme1n1"), "{}", error.chain());
    }

    #[test]
    fn a_disk_without_a_size_or_a_node_is_not_there_yet() {
        let tree = Tree::new();
        tree.disk("nvme1n1", "259:1", Some("vol0123456789abcdef0"));
        tree.file("/sys/block/nvme1n1/size", "0\n");
        assert!(matches!(look(&tree, &id(WANTED)), Ok(Found::Absent { .. })));
        tree.file("/sys/block/nvme1n1/size", "2097152\n");
        tree.remove("/dev/nvme1n1");
        assert!(matches!(look(&tree, &id(WANTED)), Ok(Found::Absent { .. })));
    }

    #[test]
    fn a_node_with_another_number_than_sysfs_says_is_refused() {
        let tree = Tree::new();
        tree.disk("nvme1n1", "259:1", Some("vol0123456789abcdef0"));
        tree.file("/sys/block/nvme1n1/dev", "259:9\n");
        assert!(refusal(look(&tree, &id(WANTED))).contains("sysfs says 259:9"));
    }

    #[test]
    fn what_sysfs_leaves_out_is_unknown() {
        let tree = Tree::new();
        tree.disk("nvme1n1", "259:1", Some("vol0123456789abcdef0"));
        for file in ["ro", "diskseq", "holders"] {
            tree.remove(&format!("/sys/block/nvme1n1/{file}"));
        }
        let Ok(Found::Present(device)) = look(&tree, &id(WANTED)) else { panic!("present") };
        assert_eq!((device.disk.read_only, device.disk.diskseq, device.disk.holders), (None, None, None));
    }
}
