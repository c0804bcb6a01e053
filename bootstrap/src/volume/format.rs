//! Giving a blank volume its filesystem: intent on disk first, mkfs without force, receipt last.

use std::time::Duration;

use tokio::time::sleep;

use super::blankness::{Decision, Facts};
use super::hold::{Held, settle};
use super::identity::Device;
use super::observe;
use super::signatures::superblock::Superblock;
use crate::host::Host;
use crate::host::processes::{Command, Output, ProcessError};
use crate::journal::{Event, Format};
use crate::settings::{FilesystemKind, VolumeSettings};
use crate::step::{Failure, StepError};

const MKFS_DEADLINE: Duration = Duration::from_mins(15);
/// udev and multipathd open a device for a moment when it has changed.
const BUSY_TRIES: u32 = 25;
const BUSY_PAUSE: Duration = Duration::from_millis(200);
const CHECK_DEADLINE: Duration = Duration::from_mins(30);

/// Formats a device that was just proven blank while it is held.
pub(super) async fn format(
    host: &Host,
    settings: &VolumeSettings,
    device: &Device,
    held: Held,
    facts: &Facts,
) -> Result<(), StepError> {
    let intent = intent(settings, device, facts);
    host.journal.append(Event::FormatIntent(intent.clone())).map_err(|error| journal(device, &error))?;
    if !observe::still_there(host, &settings.identity, device, &held)? {
        return Err(error(device, Failure::Refused)
            .because("it was replaced while it was judged")
            .hint("run this again"));
    }
    let lock = held.let_mkfs_in().map_err(|cause| error(device, Failure::Refused).because(cause))?;
    let output = made(host, device, &intent).await;
    succeeded(output, settings.filesystem).map_err(|cause| cause.into_error(device))?;
    settle(&host.path(&device.path)).map_err(|cause| error(device, Failure::Unexpected).because(cause))?;
    prove(host, device, &intent)?;
    drop(lock);
    done(host, device, intent)
}

/// Runs mkfs; again, where something had the device open for itself for a moment. mkfs looks at that
/// before it writes anything.
async fn made(host: &Host, device: &Device, intent: &Format) -> Result<Output, ProcessError> {
    let mut output = host.processes.run(mkfs(host, device, intent)).await?;
    for _ in 1..BUSY_TRIES {
        if !found_it_busy(&output) {
            break;
        }
        sleep(BUSY_PAUSE).await;
        output = host.processes.run(mkfs(host, device, intent)).await?;
    }
    Ok(output)
}

fn found_it_busy(output: &Output) -> bool {
    let words = output.last_words();
    !output.success() && (words.contains("in use by the system") || words.contains("resource busy"))
}

/// Checks a filesystem whose mkfs was begun by a run that did not live to see its end.
pub(super) async fn adopt(host: &Host, device: &Device, intent: Format) -> Result<(), StepError> {
    if observe::quick(host, device)?.mounts.is_empty() {
        let command = if intent.filesystem == "xfs" {
            Command::new("xfs_repair").args(["-n"])
        } else {
            Command::new("e2fsck").args(["-f", "-n"])
        };
        let output = host.processes.run(command.arg(host.path(&device.path)).deadline(CHECK_DEADLINE)).await;
        let kind = if intent.filesystem == "xfs" { FilesystemKind::Xfs } else { FilesystemKind::Ext4 };
        succeeded(output, kind).map_err(|cause| cause.into_half_made(device))?;
    }
    done(host, device, intent)
}

/// The format that an earlier run began on this device, with this UUID or any, and did not finish.
pub(super) fn unfinished(
    host: &Host,
    device: &Device,
    uuid: Option<&str>,
) -> Result<Option<Format>, StepError> {
    let records = host.journal.records().map_err(|error| journal(device, &error))?;
    let mut open: Option<Format> = None;
    for record in records {
        match record.event {
            Event::FormatIntent(format) if format.volume == device.label() => open = Some(format),
            Event::FormatDone(format) if format.volume == device.label() => open = None,
            _ => {}
        }
    }
    Ok(open.filter(|format| uuid.is_none_or(|uuid| format.uuid == uuid)))
}

fn intent(settings: &VolumeSettings, device: &Device, facts: &Facts) -> Format {
    Format {
        volume: device.label(),
        diskseq: device.disk.diskseq,
        size: device.size,
        filesystem: settings.filesystem.as_str().to_owned(),
        uuid: uuid::Uuid::new_v4().hyphenated().to_string(),
        proof: match facts.reading.first_nonzero {
            None => format!("{} bytes read, all zero, no signature", facts.reading.bytes),
            Some(offset) => {
                format!("{} bytes read, no signature, byte {offset} not zero", facts.reading.bytes)
            }
        },
    }
}

/// Never with force: mkfs's own refusal is one more proof.
fn mkfs(host: &Host, device: &Device, intent: &Format) -> Command {
    let command = if intent.filesystem == "xfs" {
        Command::new("mkfs.xfs").args(["-q", "-L", "vivarium", "-m", &format!("uuid={}", intent.uuid)])
    } else {
        Command::new("mkfs.ext4").args([
            "-q",
            "-L",
            "vivarium",
            "-E",
            "lazy_itable_init=1",
            "-U",
            &intent.uuid,
        ])
    };
    command.arg(host.path(&device.path)).deadline(MKFS_DEADLINE)
}

/// What is on the device now is what was meant.
fn prove(host: &Host, device: &Device, intent: &Format) -> Result<(), StepError> {
    let facts = observe::quick(host, device)?;
    match super::blankness::decide(&facts, crate::settings::BlankPolicy::Zeros, false) {
        Decision::Known(Superblock { kind, uuid, .. })
            if kind == intent.filesystem && uuid == intent.uuid =>
        {
            Ok(())
        }
        other => Err(error(device, Failure::Unexpected)
            .because(format!(
                "mkfs said that it succeeded, but what is there is not what was meant: {other:?}"
            ))
            .hint("look at the volume with `blkid -p` and at the kernel's log for write errors")),
    }
}

fn done(host: &Host, device: &Device, intent: Format) -> Result<(), StepError> {
    host.journal.append(Event::FormatDone(intent)).map_err(|error| journal(device, &error))
}

/// Why a tool did not do its work.
struct ToolFailure {
    cause: String,
    hint: String,
}

impl ToolFailure {
    fn into_error(self, device: &Device) -> StepError {
        error(device, Failure::Unexpected).because(self.cause).hint(self.hint)
    }

    fn into_half_made(self, device: &Device) -> StepError {
        StepError::new(
            Failure::Refused,
            format!("checking the filesystem that an interrupted run made on {}", device.label()),
        )
        .because(self.cause)
        .hint(format!("{}; if nothing on it is needed, erase it yourself: `wipefs --all`", self.hint))
    }
}

fn succeeded(output: Result<Output, ProcessError>, kind: FilesystemKind) -> Result<(), ToolFailure> {
    let package = match kind {
        FilesystemKind::Ext4 => "e2fsprogs",
        FilesystemKind::Xfs => "xfsprogs",
    };
    match output {
        Ok(output) if output.success() => Ok(()),
        Ok(output) => Err(ToolFailure {
            cause: format!("{}: {}", output.exit, output.last_words()),
            hint: "see the tool's own words above, and the kernel's log".to_owned(),
        }),
        Err(error @ ProcessError::NotFound(_)) => {
            Err(ToolFailure { cause: error.to_string(), hint: format!("install the package {package}") })
        }
        Err(error) => Err(ToolFailure { cause: error.to_string(), hint: "run this again".to_owned() }),
    }
}

fn error(device: &Device, failure: Failure) -> StepError {
    StepError::new(failure, format!("making a filesystem on {}", device.label()))
}

fn journal(device: &Device, cause: &std::io::Error) -> StepError {
    error(device, Failure::Unexpected)
        .because(format!("the journal: {cause}"))
        .hint("nothing is formatted unless the intent is on disk first; see to the journal's directory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::processes::Exit;

    #[test]
    fn a_device_that_is_busy_for_a_moment_is_told_from_one_that_cannot_be_made() {
        let ended =
            |words: &str, exit| Output { exit, stdout: Vec::new(), stderr: words.as_bytes().to_vec() };
        let ext4 = "/dev/nvme1n1 is apparently in use by the system; will not make a filesystem here!";
        let xfs = "mkfs.xfs: cannot open /dev/nvme1n1: Device or resource busy";
        for words in [ext4, xfs] {
            assert!(found_it_busy(&ended(words, Exit::Code(1))), "{words}");
        }
        assert!(!found_it_busy(&ended("No space left on device", Exit::Code(1))));
        assert!(!found_it_busy(&ended(ext4, Exit::Code(0))));
    }
}
