//! The step that mounts the volume: through an entry of fstab, so that what is proven now is what boot
//! will do.

mod transaction;

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
use crate::host::{Host, files};
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
            Look::NotYet(why) => Err(self
                .error(Failure::Precondition)
                .because(format!("it can be mounted {why}"))
                .hint("run without --only, so that the steps volume and filesystem come first")),
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
        let head = Head::read(&host.path(&device.path))
            .map_err(|error| self.unexpected(files::at(&device.path, &error)))?;
        let Some(filesystem) = head.superblock() else { return Ok(Look::NotYet("once it has a filesystem")) };
        let mounts = mountinfo::mounts(host).map_err(|error| self.unexpected(error))?;
        let point = mountinfo::real_point(host, &self.settings.point);
        let standing = judge(&mounts, device.number(), &point).map_err(|drift| self.drifted(&drift))?;
        if standing == Standing::Unmounted {
            self.is_point_missing(host)?;
        }
        let copy = match standing {
            Standing::Mounted => None,
            Standing::Unmounted => copy_of(&mounts, device.number(), &filesystem.uuid),
        };
        self.refuse_a_copy(&device, &filesystem, copy.as_deref())?;
        let entry = self.entry(&device, &filesystem);
        let file = FstabFile::read(host)
            .map_err(|error| self.unexpected(files::at(Path::new("/etc/fstab"), &error)))?;
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
