//! A small /sys, /proc and /dev for the tests of this room.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use super::sysfs::DeviceNumber;
use crate::host::Host;
use crate::host::block::{IDENTIFY_BYTES, NvmeControllers};
use crate::host::http::Http;
use crate::host::{processes, progress};
use crate::journal::Journal;

/// A host in a folder; it goes with the tree.
pub(super) struct Tree {
    folder: tempfile::TempDir,
    controllers: Recorded,
}

impl Tree {
    pub(super) fn new() -> Self {
        let tree = Self { folder: tempfile::tempdir().expect("a folder"), controllers: Recorded::default() };
        for folder in ["/sys/block", "/dev"] {
            fs::create_dir_all(tree.at(folder)).expect("a folder");
        }
        tree.file("/proc/self/mountinfo", "");
        tree
    }

    pub(super) fn host(&self) -> Host {
        Host::new(
            self.folder.path(),
            Box::new(processes::System),
            Http::direct(),
            Box::new(self.controllers.clone()),
            Box::new(progress::Silent),
            Journal::at(self.at("/var/lib/vivarium/journal.jsonl")),
        )
    }

    /// A disk of 1 GiB with its node.
    pub(super) fn disk(&self, name: &str, number: &str, serial: Option<&str>) {
        let folder = format!("/sys/block/{name}");
        for (file, content) in [("dev", number), ("size", "2097152"), ("ro", "0"), ("diskseq", "7")] {
            self.file(&format!("{folder}/{file}"), &format!("{content}\n"));
        }
        fs::create_dir_all(self.at(&format!("{folder}/holders"))).expect("a folder");
        if let Some(serial) = serial {
            self.file(&format!("{folder}/device/serial"), &format!("{serial:<20}\n"));
        }
        self.node(name, number);
    }

    pub(super) fn partition(&self, disk: &str, name: &str, number: &str) {
        let folder = format!("/sys/block/{disk}/{name}");
        self.file(&format!("{folder}/dev"), number);
        self.file(&format!("{folder}/partition"), "1\n");
        self.node(name, number);
    }

    pub(super) fn slave(&self, disk: &str, below: &str) {
        self.file(&format!("/sys/block/{disk}/slaves/{below}"), "");
    }

    /// What is mounted: `259:1 / /usr`.
    pub(super) fn mounted(&self, entry: &str) {
        self.file("/proc/self/mountinfo", &format!("22 1 {entry} rw - ext4 /dev/any rw\n"));
    }

    /// What the controller behind a device says was asked for.
    pub(super) fn answers(&mut self, device: &str, name: &str) {
        let mut bytes = [0; IDENTIFY_BYTES];
        bytes[3072..3104].copy_from_slice(format!("{name:<32}").as_bytes());
        self.controllers.0.insert(self.at(device), bytes);
    }

    pub(super) fn file(&self, path: &str, content: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("written");
    }

    pub(super) fn remove(&self, path: &str) {
        let path = self.at(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
    }

    fn node(&self, name: &str, number: &str) {
        let number = DeviceNumber::parse(number).expect("a number");
        let device = makedev(number.major, number.minor);
        mknod(&self.at(&format!("/dev/{name}")), SFlag::S_IFBLK, Mode::S_IRUSR, device)
            .expect("a node; are we root?");
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path.trim_start_matches('/'))
    }
}

/// Controllers that say what was recorded.
#[derive(Clone, Default)]
struct Recorded(BTreeMap<std::path::PathBuf, [u8; IDENTIFY_BYTES]>);

impl NvmeControllers for Recorded {
    fn identify(&self, device: &Path) -> io::Result<[u8; IDENTIFY_BYTES]> {
        self.0.get(device).copied().ok_or_else(|| io::Error::from_raw_os_error(nix::libc::ENOTTY))
    }
}
