//! The volume: found, proven blank or known, given a filesystem, mounted, grown.

pub mod blankness;
pub mod filesystem;
pub mod fstab;
pub mod grow;
pub mod identity;
pub mod mount;
pub mod mountinfo;
pub mod signatures;
pub mod wait;
