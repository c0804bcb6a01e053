//! The step that grows the filesystem, mounted as it is, when its volume has grown. It never shrinks one.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use nix::sys::statvfs::statvfs;

use super::identity::{Device, Found, find};
use super::live::Head;
use super::mountinfo;
use super::signatures::superblock::Superblock;
use super::size::Size;
use crate::host::Host;
use crate::host::processes::Command;
use crate::settings::{Settings, VolumeIdentity};
use crate::step::{Evidence, Failure, State, Step, StepError};

/// The kernel goes on where a resize was cut off, but terabytes take their time.
const PATIENCE: Duration = Duration::from_mins(30);

/// Grows the filesystem to the size of its volume.
pub struct GrowFilesystem {
    identity: VolumeIdentity,
    point: PathBuf,
}

impl GrowFilesystem {
    /// As these settings ask.
    pub fn new(settings: &Settings) -> Self {
        Self { identity: settings.volume.identity.clone(), point: settings.mount.point.clone() }
    }
}

/// How a filesystem's size stands against its device's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It fills it.
    Fills,
    /// There is room behind it.
    Room,
    /// It ends behind the end of the device.
    TooLarge,
}

/// Room of less than a grain is what mkfs itself leaves at the end: less than a group of ext, or next to
/// nothing of XFS.
fn grain(kind: &str) -> u64 {
    if kind.starts_with("ext") { 128 << 20 } else { 1 << 20 }
}

fn fit(device: u64, filesystem: u64, grain: u64) -> Fit {
    match device.checked_sub(filesystem) {
        None => Fit::TooLarge,
        Some(room) if room < grain => Fit::Fills,
        Some(_) => Fit::Room,
    }
}

#[async_trait(?Send)]
impl Step for GrowFilesystem {
    fn name(&self) -> &'static str {
        "grow"
    }

    /// A filesystem that is killed in the middle of growing needs a check before its next mount.
    fn interruptible(&self) -> bool {
        false
    }

    async fn inspect(&self, host: &Host) -> Result<State, StepError> {
        let Some((device, filesystem)) = self.mounted(host)? else {
            return Ok(State::Todo(vec![format!(
                "check that the filesystem fills {}, once it is mounted",
                self.identity
            )]));
        };
        match fit(device.size, filesystem.bytes, grain(filesystem.kind)) {
            Fit::Fills => {
                let summary = format!("filesystem fills the volume: {}", Size(device.size));
                Ok(State::Done(
                    Evidence { summary, ..Evidence::default() }
                        .fact("filesystem_bytes", filesystem.bytes.to_string()),
                ))
            }
            Fit::Room => Ok(State::todo(format!(
                "grow {} on {} from {} to {}",
                filesystem.kind,
                self.identity,
                Size(filesystem.bytes),
                Size(device.size)
            ))),
            Fit::TooLarge => Err(self.too_large(&device, &filesystem)),
        }
    }

    async fn apply(&self, host: &Host) -> Result<(), StepError> {
        let Some((device, filesystem)) = self.mounted(host)? else {
            return Err(self
                .error(Failure::Precondition)
                .because("it is not mounted")
                .hint("run the step mount first"));
        };
        match fit(device.size, filesystem.bytes, grain(filesystem.kind)) {
            Fit::Fills => Ok(()),
            Fit::Room => self.grow(host, &device, &filesystem).await,
            Fit::TooLarge => Err(self.too_large(&device, &filesystem)),
        }
    }
}

impl GrowFilesystem {
    /// The volume and what is on it, if that is mounted where it should be.
    fn mounted(&self, host: &Host) -> Result<Option<(Device, Superblock)>, StepError> {
        let Found::Present(device) = find(host, &self.identity)? else { return Ok(None) };
        let mounts = mountinfo::mounts(host).map_err(|error| self.unexpected(error))?;
        let point = mountinfo::real_point(host, &self.point);
        let is_there = mountinfo::at(&mounts, &point).is_some_and(|mount| mount.device == device.number());
        if !is_there {
            return Ok(None);
        }
        let head = Head::read(&host.path(&device.path)).map_err(|error| self.unexpected(error))?;
        let Some(on_disk) = head.superblock() else { return Ok(None) };
        let bytes = match on_disk.kind {
            "xfs" => self.live_xfs_bytes(host, &head)?,
            _ => on_disk.bytes,
        };
        Ok(Some((device, Superblock { bytes, ..on_disk })))
    }

    /// A mounted XFS writes its superblock back when it likes, but tells its size at any time.
    fn live_xfs_bytes(&self, host: &Host, head: &Head) -> Result<u64, StepError> {
        let told = statvfs(&host.path(&self.point)).map_err(|error| self.unexpected(error.into()))?;
        Ok(told.blocks() * told.fragment_size() + head.xfs_log_bytes())
    }

    async fn grow(&self, host: &Host, device: &Device, filesystem: &Superblock) -> Result<(), StepError> {
        let (command, package) = match filesystem.kind {
            "btrfs" => (
                Command::new("btrfs").args(["filesystem", "resize", "max"]).arg(host.path(&self.point)),
                "btrfs-progs",
            ),
            "xfs" => (Command::new("xfs_growfs").arg(host.path(&self.point)), "xfsprogs"),
            _ => (Command::new("resize2fs").arg(host.path(&device.path)), "e2fsprogs"),
        };
        let output = host.processes.run(command.deadline(PATIENCE)).await.map_err(|error| {
            self.error(Failure::Precondition).because(error).hint(format!("install {package}"))
        })?;
        if output.success() {
            return Ok(());
        }
        let said = output.last_words();
        let (failure, hint) = explained(&said);
        Err(self.error(failure).because(said).hint(hint))
    }

    fn too_large(&self, device: &Device, filesystem: &Superblock) -> StepError {
        self.error(Failure::Refused)
            .because(format!(
                "its {} ends behind the end of the device: {} bytes on {}",
                filesystem.kind, filesystem.bytes, device.size
            ))
            .hint("part of it is missing, as after a copy to a smaller volume: restore it from its snapshot to a volume of full size")
    }

    fn unexpected(&self, cause: io::Error) -> StepError {
        self.error(Failure::Unexpected).because(cause)
    }

    fn error(&self, failure: Failure) -> StepError {
        StepError::new(failure, format!("growing the filesystem of {}", self.identity))
    }
}

/// Root in a container may lack what the kernel asks for before it grows an ext4.
fn explained(said: &str) -> (Failure, &'static str) {
    if said.contains("Permission denied") {
        let hint = "growing a mounted ext4 needs the capability CAP_SYS_RESOURCE, which this container or unit lacks: \
                    run this on the host, or grant it";
        return (Failure::Precondition, hint);
    }
    (
        Failure::Unexpected,
        "see `dmesg | tail`; the filesystem is in use and whole, only smaller than its volume",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn what_mkfs_itself_leaves_at_the_end_is_no_room() {
        assert_eq!(fit(GIB, GIB, 1 << 20), Fit::Fills);
        assert_eq!(fit(GIB + (1 << 20) - 1, GIB, 1 << 20), Fit::Fills);
        assert_eq!(fit(GIB + (1 << 20), GIB, 1 << 20), Fit::Room);
    }

    #[test]
    fn a_filesystem_that_ends_behind_its_device_is_never_shrunk() {
        assert_eq!(fit(GIB - 1, GIB, 1 << 20), Fit::TooLarge);
    }
}
