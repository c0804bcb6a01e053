//! The change itself: fstab, systemd's view of it, the mount, its proof; all of it or none.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::super::drift::{Standing, judge};
use super::super::mountinfo;
use super::{MountVolume, Seen};
use crate::host::processes::{Command, Output, ProcessError};
use crate::host::{Host, files};
use crate::step::{Failure, StepError};

/// A large filesystem that was cut off replays its log when it is mounted; from a snapshot, slowly.
const PATIENCE: Duration = Duration::from_mins(10);

impl MountVolume {
    /// The transaction: what fails after fstab was changed puts it back byte for byte.
    pub(super) async fn make_it_so(&self, host: &Host, seen: &Seen) -> Result<(), StepError> {
        let mounting = seen.standing == Standing::Unmounted;
        if mounting {
            self.make_point(host)?;
        }
        seen.file
            .clear_leftovers()
            .map_err(|error| self.unexpected(files::at(Path::new("/etc/fstab"), &error)))?;
        let content = seen.content();
        if let Some(content) = content {
            self.publish(host, seen, content).await?;
        }
        let made = self.reload_and_mount(host, seen, mounting).await;
        match (made, content) {
            (Err(error), Some(content)) => Err(self.put_back(host, seen, content, error).await),
            (made, _) => made,
        }
    }

    /// Whether the point is yet to be made. Files under a mount are hidden, not lost; but nobody expects
    /// them to vanish, so a directory that holds some is refused.
    pub(super) fn is_point_missing(&self, host: &Host) -> Result<bool, StepError> {
        let point = host.path(&self.settings.point);
        match fs::read_dir(&point).map(|mut entries| entries.next().is_some()) {
            Ok(false) => Ok(false),
            Ok(true) => Err(self.error(Failure::Refused).because("the directory holds files, which the mount would hide").hint(
                "move them away, or set mount.point to another directory; they can have come there while the volume was not mounted",
            )),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(cause) => Err(self.error(Failure::Precondition).because(cause).hint("mount.point must name a directory")),
        }
    }

    fn make_point(&self, host: &Host) -> Result<(), StepError> {
        if self.is_point_missing(host)? {
            let point = host.path(&self.settings.point);
            fs::create_dir_all(&point).map_err(|cause| self.unexpected(files::at(&point, &cause)))?;
        }
        Ok(())
    }

    async fn publish(&self, host: &Host, seen: &Seen, content: &[u8]) -> Result<(), StepError> {
        let error = |cause: io::Error| {
            StepError::new(Failure::Unexpected, "changing /etc/fstab")
                .because(cause)
                .hint("it must be a writable file in a writable directory; see `findmnt -T /etc` and `lsattr /etc/fstab`")
        };
        seen.file.back_up().map_err(error)?;
        let prepared = seen.file.prepare(content).map_err(error)?;
        if let Err(complaint) = self.verify(host, &prepared).await {
            seen.file.clear_leftovers().map_err(error)?;
            return Err(complaint);
        }
        seen.file.publish(&prepared).map_err(error)
    }

    /// What findmnt says of our own line; the lines of others are not ours to complain about.
    async fn verify(&self, host: &Host, prepared: &Path) -> Result<(), StepError> {
        let command = Command::new("findmnt").args(["--verify", "--tab-file"]).arg(prepared);
        let output = match host.processes.run(command).await {
            Ok(output) => output,
            Err(ProcessError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(self.error(Failure::Unexpected).because(error)),
        };
        match complaint(&output.text(), &self.settings.point) {
            Some(complaint) => Err(self
                .error(Failure::Precondition)
                .because(format!("findmnt says of our fstab entry: {complaint}"))),
            None => Ok(()),
        }
    }

    /// systemd must know the entry before the mount: with a stale view it would unmount it again.
    async fn reload_and_mount(&self, host: &Host, seen: &Seen, mounting: bool) -> Result<(), StepError> {
        self.reload(host).await?;
        if !mounting {
            return Ok(());
        }
        let output = self.run(host, self.mount_command(host, seen).deadline(PATIENCE)).await?;
        if !output.success() {
            return Err(self
                .error(Failure::Device)
                .because(output.last_words())
                .hint(mount_hint(&output.last_words(), seen)));
        }
        match self.prove(host, seen) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.run(host, Command::new("umount").arg(host.path(&self.settings.point))).await?;
                Err(error)
            }
        }
    }

    /// By the entry; beside a copy by the device, since a UUID cannot tell the two apart.
    fn mount_command(&self, host: &Host, seen: &Seen) -> Command {
        let point = host.path(&self.settings.point);
        match &seen.copy {
            None => Command::new("mount").arg(point),
            Some(_) => Command::new("mount")
                .args(["-t", seen.filesystem.kind, "-o", "nouuid"])
                .arg(host.path(&seen.device.path))
                .arg(point),
        }
    }

    async fn reload(&self, host: &Host) -> Result<(), StepError> {
        if !host.path("/run/systemd/system").is_dir() {
            return Ok(());
        }
        let output = self.run(host, Command::new("systemctl").arg("daemon-reload")).await?;
        if output.success() {
            return Ok(());
        }
        Err(StepError::new(Failure::Unexpected, "telling systemd of the new /etc/fstab")
            .because(output.last_words())
            .hint("run `systemctl daemon-reload` and see what it says"))
    }

    /// The kernel's word that our device, and no other, is at the point.
    fn prove(&self, host: &Host, seen: &Seen) -> Result<(), StepError> {
        let mounts = mountinfo::mounts(host).map_err(|error| self.unexpected(error))?;
        let point = mountinfo::real_point(host, &self.settings.point);
        match judge(&mounts, seen.device.number(), &point).map_err(|drift| self.drifted(&drift))? {
            Standing::Mounted => Ok(()),
            Standing::Unmounted => {
                Err(self.error(Failure::Device).because("mount succeeded, but the kernel shows no mount").hint(
                    "something unmounted it at once: see `journalctl -b -u systemd-*` and `systemctl list-units --type mount`",
                ))
            }
        }
    }

    /// Restores fstab after a failure, and says so if even that fails.
    async fn put_back(&self, host: &Host, seen: &Seen, content: &[u8], error: StepError) -> StepError {
        if let Err(cause) = seen.file.restore(content) {
            tracing::error!(%cause, "could not put /etc/fstab back; its backup is beside it");
            return error;
        }
        if let Err(reload) = self.reload(host).await {
            tracing::warn!(error = %reload.chain(), "fstab is put back, but systemd does not know yet");
        }
        error
    }

    async fn run(&self, host: &Host, command: Command) -> Result<Output, StepError> {
        let error = |cause| self.error(Failure::Unexpected).because(cause);
        host.processes.run(command).await.map_err(error)
    }
}

/// The first error in findmnt's list that stands under our mount point.
fn complaint(report: &str, point: &Path) -> Option<String> {
    let ours = report.lines().skip_while(|line| Path::new(line) != point).skip(1);
    let mut ours = ours.take_while(|line| line.starts_with(' '));
    ours.find_map(|line| line.trim_start().strip_prefix("[E] ").map(str::to_owned))
}

fn mount_hint(said: &str, seen: &Seen) -> String {
    let (device, kind) = (seen.device.path.display(), seen.filesystem.kind);
    let check = match kind {
        "xfs" => "xfs_repair -n",
        "btrfs" => "btrfs check --readonly",
        _ => "e2fsck -n",
    };
    if said.contains("unknown filesystem type") {
        format!("this kernel has no driver for {kind}: see `modprobe {kind}`")
    } else if said.contains("wrong fs type") || said.contains("needs cleaning") {
        format!(
            "see `dmesg | tail`: the filesystem is damaged (`{check} {device}` looks without changing it), or \
             was made by a newer system with features that this kernel lacks"
        )
    } else {
        format!("see `dmesg | tail` and `blkid {device}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "/none\n   [E] unreachable on boot required target: No such file or directory\n\
        /anaconda\n   [W] a warning\n   [E] an error of ours\n/later\n   [E] theirs\n\n0 parse errors, 3 errors";

    #[test]
    fn only_errors_about_our_own_entry_count() {
        assert_eq!(complaint(REPORT, Path::new("/anaconda")).as_deref(), Some("an error of ours"));
        assert_eq!(complaint(REPORT, Path::new("/data")), None);
        assert_eq!(complaint("Success, no errors or warnings detected", Path::new("/anaconda")), None);
    }
}
