//! The step that mounts the volume: through an entry of fstab, so that what is proven now is what boot
//! will do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::drift::{Drift, Standing, judge};
use super::fstab::{self, Decision, Entry, Line};
use super::fstab_file::FstabFile;
use super::identity::{Device, Found, find};
use super::live::Head;
use super::mountinfo::{self, Mount};
use super::signatures::superblock::Superblock;
use super::sysfs::DeviceNumber;
use crate::host::Host;
use crate::host::processes::{Command, Output, ProcessError};
use crate::settings::{MountSettings, Settings, VolumeIdentity};
use crate::step::{Evidence, Failure, State, Step, StepError};

/// Mounts the volume.
pub struct MountVolume {
    identity: VolumeIdentity,
    settings: MountSettings,
}

impl MountVolume {
    /// As these settings ask.
    pub fn new(settings: &Settings) -> Self {
        Self { identity: settings.volume.identity.clone(), settings: settings.mount.clone() }
    }
}

#[async_trait(?Send)]
impl Step for MountVolume {
    fn name(&self) -> &'static str {
        "mount"
    }

    async fn inspect(&self, host: &Host) -> Result<State, StepError> {
        match self.look(host)? {
            Look::NotYet(why) => Ok(State::Todo(vec![format!("{}, {why}", self.change())])),
            Look::Here(seen) if seen.is_right() => Ok(State::Done(self.evidence(&seen))),
            Look::Here(seen) => Ok(State::Todo(self.changes(&seen))),
        }
    }

    async fn apply(&self, host: &Host) -> Result<(), StepError> {
        match self.look(host)? {
            Look::NotYet(why) => Err(self.error(Failure::Device).because(format!("it can be mounted {why}"))),
            Look::Here(seen) if seen.is_right() => Ok(()),
            Look::Here(seen) => self.make_it_so(host, &seen).await,
        }
    }
}

/// What a look at the host saw.
enum Look {
    /// The volume cannot be mounted before this.
    NotYet(&'static str),
    /// It can, or it is.
    Here(Box<Seen>),
}

struct Seen {
    device: Device,
    filesystem: Superblock,
    standing: Standing,
    /// The same filesystem on another device, mounted there.
    copy: Option<PathBuf>,
    file: FstabFile,
    entry: Entry,
    decision: Decision,
}

impl Seen {
    fn is_right(&self) -> bool {
        self.standing == Standing::Mounted
            && matches!(self.decision, Decision::AlreadyRight | Decision::Theirs(_))
    }

    /// What fstab must say, where it does not yet.
    fn content(&self) -> Option<&[u8]> {
        match &self.decision {
            Decision::Insert(content) | Decision::Replace { content, .. } => Some(content),
            _ => None,
        }
    }
}

impl MountVolume {
    /// Looks at everything that decides, and refuses what must not be touched.
    fn look(&self, host: &Host) -> Result<Look, StepError> {
        let Found::Present(device) = find(host, &self.identity)? else {
            return Ok(Look::NotYet("once it is attached"));
        };
        let head = Head::read(&host.path(&device.path)).map_err(|error| self.unexpected(error))?;
        let Some(filesystem) = head.superblock() else { return Ok(Look::NotYet("once it has a filesystem")) };
        let mounts = mountinfo::mounts(host).map_err(|error| self.unexpected(error))?;
        let point = mountinfo::real_point(host, &self.settings.point);
        let standing = judge(&mounts, device.number(), &point).map_err(|drift| self.drifted(&drift))?;
        let copy = match standing {
            Standing::Mounted => None,
            Standing::Unmounted => copy_of(&mounts, device.number(), &filesystem.uuid),
        };
        self.refuse_a_copy(&device, &filesystem, copy.as_deref())?;
        let entry = self.entry(&device, &filesystem);
        let file = FstabFile::read(host).map_err(|error| self.unexpected(error))?;
        let decision = self.decide(&file, &entry, &mounts)?;
        Ok(Look::Here(Box::new(Seen { device, filesystem, standing, copy, file, entry, decision })))
    }

    fn entry(&self, device: &Device, filesystem: &Superblock) -> Entry {
        Entry {
            volume: device.label(),
            uuid: filesystem.uuid.clone(),
            point: self.settings.point.clone(),
            filesystem: filesystem.kind.to_owned(),
            nouuid: filesystem.kind == "xfs" && self.settings.allow_duplicate_uuid,
        }
    }

    fn decide(&self, file: &FstabFile, entry: &Entry, mounts: &[Mount]) -> Result<Decision, StepError> {
        let decision = fstab::decide(file.content(), entry);
        match &decision {
            Decision::Foreign(lines) => Err(self.in_the_way(lines, entry)),
            Decision::Insert(_) | Decision::Replace { .. } => match file.obstacle(mounts) {
                Some(obstacle) => Err(self.error(Failure::Refused).because(obstacle).hint(format!(
                    "make /etc/fstab a plain file, or add this line where it comes from: {}",
                    entry.line()
                ))),
                None => Ok(decision),
            },
            _ => Ok(decision),
        }
    }

    fn in_the_way(&self, lines: &[Line], entry: &Entry) -> StepError {
        let lines: Vec<String> = lines.iter().map(Line::to_string).collect();
        self.error(Failure::Refused)
            .because(format!("/etc/fstab has another entry, {}; ours would be {}", lines.join("; "), entry.line()))
            .hint("remove or comment out the other entry if it is not wanted, or set mount.point to another directory")
    }

    fn refuse_a_copy(
        &self,
        device: &Device,
        filesystem: &Superblock,
        copy: Option<&Path>,
    ) -> Result<(), StepError> {
        let Some(there) = copy else { return Ok(()) };
        let (tool, setting) = match filesystem.kind {
            "xfs" if self.settings.allow_duplicate_uuid => return Ok(()),
            "xfs" => ("xfs_admin -U generate", ", or set mount.allow_duplicate_uuid = true"),
            "btrfs" => ("btrfstune -u", ""),
            _ => ("tune2fs -U random", ""),
        };
        Err(self
            .error(Failure::Refused)
            .because(format!("a filesystem with the same UUID {} is mounted on {}", filesystem.uuid, there.display()))
            .hint(format!(
                "it is a copy, as snapshots make them: give this one a UUID of its own with `{tool} {}`{setting}",
                device.path.display()
            )))
    }

    fn change(&self) -> String {
        format!("mount {} on {}", self.identity, self.settings.point.display())
    }

    fn changes(&self, seen: &Seen) -> Vec<String> {
        let edit = match &seen.decision {
            Decision::Insert(_) => Some(format!("add to /etc/fstab: {}", seen.entry.line())),
            Decision::Replace { old, .. } => {
                Some(format!("put right in /etc/fstab, {old}; to: {}", seen.entry.line()))
            }
            _ => None,
        };
        let mount = (seen.standing == Standing::Unmounted).then(|| self.change());
        edit.into_iter().chain(mount).collect()
    }

    fn evidence(&self, seen: &Seen) -> Evidence {
        let point = self.settings.point.display().to_string();
        let summary = format!("{} is mounted on {point} ({})", self.identity, seen.filesystem.kind);
        Evidence { summary, ..Evidence::default() }
            .fact("mount_point", point)
            .fact("device", seen.device.path.display().to_string())
            .fact("filesystem_uuid", &seen.filesystem.uuid)
            .fact("filesystem_type", seen.filesystem.kind)
    }

    /// The transaction: what fails after fstab was changed puts it back byte for byte.
    async fn make_it_so(&self, host: &Host, seen: &Seen) -> Result<(), StepError> {
        let mounting = seen.standing == Standing::Unmounted;
        if mounting {
            self.make_point(host)?;
        }
        seen.file.clear_leftovers().map_err(|error| self.unexpected(error))?;
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

    /// An empty directory. Files under a mount are hidden, not lost; but nobody expects them to vanish.
    fn make_point(&self, host: &Host) -> Result<(), StepError> {
        let point = host.path(&self.settings.point);
        let error = |failure| StepError::new(failure, format!("making the mount point {}", point.display()));
        match fs::read_dir(&point).map(|mut entries| entries.next().is_some()) {
            Ok(false) => Ok(()),
            Ok(true) => Err(error(Failure::Refused).because("the directory holds files, which the mount would hide").hint(
                "move them away, or set mount.point to another directory; they can have come there while the volume was not mounted",
            )),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&point).map_err(|cause| error(Failure::Unexpected).because(cause))
            }
            Err(cause) => Err(error(Failure::Precondition).because(cause).hint("mount.point must name a directory")),
        }
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
        let output = self.run(host, self.mount_command(host, seen)).await?;
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

    fn drifted(&self, drift: &Drift) -> StepError {
        self.error(Failure::Refused).because(drift.clone()).hint(drift.hint(&self.settings.point))
    }

    fn unexpected(&self, cause: io::Error) -> StepError {
        self.error(Failure::Unexpected).because(cause)
    }

    fn error(&self, failure: Failure) -> StepError {
        StepError::new(failure, format!("mounting {} on {}", self.identity, self.settings.point.display()))
    }
}

/// Where a filesystem with this UUID, on another device, is mounted.
fn copy_of(mounts: &[Mount], device: DeviceNumber, uuid: &str) -> Option<PathBuf> {
    let is_copy = |mount: &&Mount| {
        let source = Path::new(&mount.source);
        mount.device != device
            && mountinfo::number_of(source) == Some(mount.device)
            && Head::read(source).is_ok_and(|head| head.superblock().is_some_and(|other| other.uuid == uuid))
    };
    mounts.iter().find(is_copy).map(|mount| mount.point.clone())
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
