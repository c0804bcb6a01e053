//! The disks of this host as sysfs lists them: no ioctl, no link made by udev, no order that renumbering
//! could change. What a kernel does not say is unknown, never guessed.

use std::fs;
use std::io;
use std::path::Path;

use crate::host::{Host, files};
use crate::settings::VolumeId;

/// A device's number, `7:3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceNumber {
    /// The driver's.
    pub major: u64,
    /// The device's.
    pub minor: u64,
}

impl DeviceNumber {
    /// From what `stat` calls `st_rdev`.
    pub fn from_raw(raw: u64) -> Self {
        Self { major: nix::sys::stat::major(raw), minor: nix::sys::stat::minor(raw) }
    }

    /// Reads `7:3`.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once(':')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

impl std::fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// One entry of `/sys/block`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// `nvme1n1`.
    pub name: String,
    /// Its number.
    pub number: DeviceNumber,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Whether it refuses writes.
    pub read_only: Option<bool>,
    /// The number of this attachment; kernels before 5.15 have none.
    pub diskseq: Option<u64>,
    /// The serial number its driver reports.
    pub serial: Option<String>,
    /// Devices built on it: RAID, LVM, LUKS. Nothing where the kernel does not say.
    pub holders: Option<Vec<String>>,
    /// Devices it is built on.
    pub slaves: Vec<String>,
    /// Its partitions.
    pub partitions: Vec<Partition>,
}

/// A partition of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// `nvme1n1p1`.
    pub name: String,
    /// Its number.
    pub number: Option<DeviceNumber>,
}

impl Disk {
    /// The volume's id, where the serial number is one.
    pub fn volume(&self) -> Option<VolumeId> {
        VolumeId::from_serial(self.serial.as_deref()?)
    }

    /// How it is called in messages: `vol-0123 (nvme1n1)`.
    pub fn label(&self) -> String {
        match (self.volume(), &self.serial) {
            (Some(volume), _) => format!("{volume} ({})", self.name),
            (None, Some(serial)) => format!("{serial} ({})", self.name),
            (None, None) => format!("{} (no serial number)", self.name),
        }
    }

    /// Whether it is of a kind that an EBS volume can be: loop devices and RAID are not.
    pub fn can_be_a_volume(&self) -> bool {
        let plain = ["xvd", "sd", "vd"].iter().any(|prefix| {
            self.name.strip_prefix(prefix).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_lowercase()))
        });
        plain || is_nvme(&self.name)
    }

    /// Whether this number is the disk's or one of its partitions'.
    pub fn covers(&self, number: DeviceNumber) -> bool {
        self.number == number || self.partitions.iter().any(|partition| partition.number == Some(number))
    }

    /// Whether this name is the disk's or one of its partitions'.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.partitions.iter().any(|partition| partition.name == name)
    }
}

/// Whether this is a namespace of an NVMe controller: `nvme1n1`, not the hidden path `nvme1c1n1`.
pub fn is_nvme(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix("nvme")
        .and_then(|rest| rest.split_once('n'))
        .is_some_and(|(controller, namespace)| digits(controller) && digits(namespace))
}

/// All disks, in the order of their names.
pub fn disks(host: &Host) -> io::Result<Vec<Disk>> {
    let folder = host.path("/sys/block");
    let mut disks: Vec<Disk> = names(&folder)
        .map_err(|error| files::at(&folder, &error))?
        .into_iter()
        .filter_map(|name| disk(&folder.join(&name), name))
        .collect();
    disks.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(disks)
}

/// A disk; nothing where it went away while it was read.
fn disk(folder: &Path, name: String) -> Option<Disk> {
    Some(Disk {
        number: DeviceNumber::parse(&value(folder, "dev")?)?,
        // sysfs counts sectors of 512 bytes, whatever the device's own are.
        size: value(folder, "size").and_then(|sectors| sectors.parse::<u64>().ok()?.checked_mul(512)),
        read_only: value(folder, "ro").and_then(|flag| match flag.as_str() {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        }),
        diskseq: value(folder, "diskseq").and_then(|number| number.parse().ok()),
        serial: value(folder, "device/serial").or_else(|| value(folder, "serial")),
        holders: names(&folder.join("holders")).ok(),
        slaves: names(&folder.join("slaves")).unwrap_or_default(),
        partitions: partitions(folder)?,
        name,
    })
}

fn partitions(folder: &Path) -> Option<Vec<Partition>> {
    let children = names(folder).ok()?;
    let mut found: Vec<Partition> = children
        .into_iter()
        .filter(|name| folder.join(name).join("partition").exists())
        .map(|name| Partition {
            number: value(&folder.join(&name), "dev").and_then(|text| DeviceNumber::parse(&text)),
            name,
        })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Some(found)
}

fn value(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(name)).ok()?;
    let text = text.trim_matches([' ', '\n', '\0']);
    (!text.is_empty()).then(|| text.to_owned())
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
