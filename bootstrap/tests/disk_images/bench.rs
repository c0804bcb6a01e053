//! An image, its loop device, and the step that judges it. What is attached or mounted goes with it.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{Whence, lseek};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use vivarium_bootstrap::host::{Host, block, http::Http, processes, progress};
use vivarium_bootstrap::journal::Journal;
use vivarium_bootstrap::settings::{BlankPolicy, FilesystemKind, VolumeIdentity, VolumeSettings};
use vivarium_bootstrap::step::{Failure, State, Step};
use vivarium_bootstrap::volume::filesystem::MakeFilesystem;

/// Runs a shell script that must succeed; if not, its words are the test's.
#[expect(clippy::disallowed_methods, reason = "this helper is the door to the tools that make images")]
pub(crate) fn sh(script: &str) -> String {
    let output = std::process::Command::new("sh").args(["-ec", script]).output().expect("sh runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{script}\n{said}\n(a tool that is missing: see the packages in corpus.rs)"
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What the step made of an image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Formatted,
    Kept(String),
    /// Kept, after the check that an interrupted run asks for.
    Adopted(String),
    Refused(String),
    Absent,
}

impl Outcome {
    pub(crate) fn expect_refusal(&self, name: &str, why: &str) {
        let Self::Refused(reasons) = self else {
            panic!("{name}: {self:?}, but it must be refused for \"{why}\"")
        };
        assert!(reasons.contains(why), "{name}: \"{reasons}\" does not say \"{why}\"");
    }
}

/// What is in an image: the SHA-256 of its blocks that are not zero, with their places.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    length: u64,
    blocks: u64,
    sha256: Vec<u8>,
}

impl Digest {
    pub(crate) fn is_blank(&self) -> bool {
        self.blocks == 0
    }
}

pub(crate) struct Bench {
    folder: TempDir,
    /// Where the image is: mkfs and the step sync, and memory does that at once.
    memory: TempDir,
    /// What the step is told, besides which device.
    pub(crate) settings: VolumeSettings,
    serial: Option<String>,
}

impl Bench {
    pub(crate) fn of_size(bytes: u64) -> Self {
        let (folder, memory) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir_in("/dev/shm"));
        let memory = memory.expect("a folder in memory");
        File::create(memory.path().join("image")).and_then(|file| file.set_len(bytes)).expect("an image");
        let settings = VolumeSettings {
            identity: VolumeIdentity::Path("/dev/null".into()),
            wait: Duration::ZERO,
            filesystem: FilesystemKind::Ext4,
            blank: BlankPolicy::Zeros,
            format_if_unrecognised: None,
        };
        Self { folder, memory, settings, serial: None }
    }

    /// 1 GiB, shown to the step as an NVMe volume with this serial number, and asked for by it.
    pub(crate) fn with_serial(serial: &str) -> Self {
        let mut bench = Self::of_size(1 << 30);
        let id = vivarium_bootstrap::settings::VolumeId::from_serial(serial).expect("a volume id");
        bench.settings.identity = VolumeIdentity::Id(id);
        bench.serial = Some(serial.to_owned());
        bench
    }

    /// From now on the device has another serial number than the one it is asked for by.
    pub(crate) fn wear_serial(&self, serial: &str) {
        fs::write(self.folder.path().join("worn"), serial).expect("written");
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.memory.path().join("image")
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal::at(self.folder.path().join("journal.jsonl"))
    }

    /// Makes the image: `$F` is its file, `$D` a loop device over it, `$S` its size.
    pub(crate) fn prepare(&self, script: &str) {
        let size = fs::metadata(self.image()).expect("an image").len();
        let device = script.contains("$D").then(|| self.attach(""));
        let device_path =
            device.as_ref().map(|device| device.path().display().to_string()).unwrap_or_default();
        let folder = self.folder.path().display();
        let image = self.image();
        sh(&format!("F={} D={device_path} S={size} T={folder}\nexec >/dev/null\n{script}", image.display()));
    }

    pub(crate) fn cut_file(&self, length: u64) {
        OpenOptions::new().write(true).open(self.image()).and_then(|file| file.set_len(length)).expect("cut");
    }

    pub(crate) fn attach(&self, option: &str) -> Loop {
        Loop(PathBuf::from(sh(&format!("losetup --find --show {option} {}", self.image().display()))))
    }

    pub(crate) fn mount(&self, device: &Loop) -> Mount {
        let point = self.folder.path().join("mount");
        fs::create_dir(&point).expect("a mount point");
        sh(&format!("mount {} {}", device.path().display(), point.display()));
        Mount(point)
    }

    pub(crate) async fn judge(&self) -> Outcome {
        self.judge_at(&self.attach("")).await
    }

    /// Inspects, applies, inspects again.
    pub(crate) async fn judge_at(&self, device: &Loop) -> Outcome {
        let (host, settings) = self.host(device);
        let step = MakeFilesystem::of(settings);
        let first = step.inspect(&host).await;
        let second_look = step.inspect(&host).await;
        assert_eq!(first.is_ok(), second_look.is_ok());
        let applied = step.apply(&host).await;
        match (first, applied) {
            (Err(error), Err(again)) => {
                assert_eq!(
                    (error.failure(), again.failure()),
                    (Failure::Refused, Failure::Refused),
                    "{}",
                    error.chain()
                );
                assert!(!error.hint_text().is_empty() && !again.hint_text().is_empty());
                Outcome::Refused(again.chain())
            }
            (Ok(State::Done(evidence)), Ok(())) => Outcome::Kept(evidence.facts["filesystem_type"].clone()),
            (Ok(State::Todo(changes)), Ok(())) => {
                assert_eq!(
                    Some(State::Todo(changes.clone())),
                    second_look.ok(),
                    "the plan changes by itself"
                );
                let Ok(State::Done(evidence)) = step.inspect(&host).await else { panic!("not done") };
                if changes[0].starts_with("check the") {
                    Outcome::Adopted(evidence.facts["filesystem_type"].clone())
                } else {
                    Outcome::Formatted
                }
            }
            (Ok(State::Todo(_)), Err(error)) if error.failure() == Failure::Device => Outcome::Absent,
            (Ok(State::Todo(_)), Err(error)) if error.failure() == Failure::Refused => {
                Outcome::Refused(error.chain())
            }
            (first, applied) => panic!("{first:?}, then {:?}", applied.map_err(|error| error.chain())),
        }
    }

    /// What was made is there, by others' word, and is kept from now on.
    pub(crate) async fn proves_to_be_a_new_filesystem(&self) {
        let kind = self.settings.filesystem.as_str();
        assert_eq!(sh(&format!("blkid -p -o value -s TYPE {}", self.image().display())), kind);
        let before = self.digest();
        assert_eq!(self.judge().await, Outcome::Kept(kind.to_owned()));
        assert_eq!(self.digest(), before);
    }

    fn host(&self, device: &Loop) -> (Host, VolumeSettings) {
        let mut settings = self.settings.clone();
        let root = if let Some(serial) = &self.serial {
            self.tree(device, serial)
        } else {
            settings.identity = VolumeIdentity::Path(device.path().to_owned());
            PathBuf::from("/")
        };
        let (processes, nvme) = (Box::new(processes::System), Box::new(block::System));
        let host =
            Host::new(root, processes, Http::direct(), nvme, Box::new(progress::Silent), self.journal());
        (host, settings)
    }

    /// A root in which the loop device is `/dev/nvme1n1`.
    fn tree(&self, device: &Loop, serial: &str) -> PathBuf {
        let root = self.folder.path().join("root");
        let disk = root.join("sys/block/nvme1n1");
        for folder in [root.join("dev"), root.join("proc/self"), disk.join("device"), disk.join("holders")] {
            fs::create_dir_all(folder).expect("a folder");
        }
        let number = fs::metadata(device.path()).expect("a device").rdev();
        let (major, minor) = (nix::sys::stat::major(number), nix::sys::stat::minor(number));
        let worn = fs::read_to_string(self.folder.path().join("worn")).unwrap_or_else(|_| serial.to_owned());
        let files =
            [("dev", format!("{major}:{minor}")), ("size", "2097152".to_owned()), ("ro", "0".to_owned())];
        for (file, content) in files.into_iter().chain([("diskseq", "1".to_owned()), ("device/serial", worn)])
        {
            fs::write(disk.join(file), content).expect("written");
        }
        fs::write(root.join("proc/self/mountinfo"), "").expect("written");
        let node = root.join("dev/nvme1n1");
        let _ = fs::remove_file(&node);
        mknod(&node, SFlag::S_IFBLK, Mode::S_IRUSR | Mode::S_IWUSR, makedev(major, minor)).expect("a node");
        root
    }

    pub(crate) fn digest(&self) -> Digest {
        let file = File::open(self.image()).expect("an image");
        let length = file.metadata().expect("an image").len();
        let (mut sha256, mut blocks, mut offset) = (Sha256::new(), 0, 0);
        while let Ok(data) = lseek(file.as_fd(), offset, Whence::SeekData) {
            offset = lseek(file.as_fd(), data, Whence::SeekHole).expect("a hole, or the end");
            for start in (data..offset).step_by(4096) {
                let mut block = [0; 4096];
                let at = u64::try_from(start).expect("not negative");
                let count = file.read_at(&mut block, at).expect("read");
                if block[..count] != [0; 4096][..count] {
                    blocks += 1;
                    sha256.update(at.to_le_bytes());
                    sha256.update(&block[..count]);
                }
            }
        }
        Digest { length, blocks, sha256: sha256.finalize().to_vec() }
    }
}

/// A loop device; detached when it is dropped.
pub(crate) struct Loop(PathBuf);

impl Loop {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        sh(&format!("losetup --detach {} || true", self.0.display()));
    }
}

/// A mount; undone when it is dropped.
pub(crate) struct Mount(PathBuf);

impl Mount {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        sh(&format!("umount {} || true", self.0.display()));
    }
}
