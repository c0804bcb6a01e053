//! The volume: found, proven blank or known, given a filesystem, mounted, grown.

pub mod blankness;
pub mod drift;
pub mod filesystem;
#[cfg(test)]
mod fixtures;
mod format;
pub mod fstab;
pub mod fstab_file;
pub mod grow;
mod hold;
pub mod identity;
mod live;
pub mod mount;
pub mod mountinfo;
pub mod nvme;
mod observe;
pub mod reading;
pub mod signatures;
mod size;
pub mod sysfs;
pub mod system_disks;
pub mod wait;
