//! Collecting what is known of a device, for the decision whether it is blank.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use super::blankness::{Facts, Opinion, Reading};
use super::hold::Held;
use super::identity::{Device, Found, find};
use super::mountinfo;
use super::reading;
use super::signatures::places::{self, Place};
use super::signatures::{scan, superblock};
use super::sysfs::DeviceNumber;
use crate::host::Host;
use crate::host::processes::{Command, Exit, ProcessError};
use crate::settings::VolumeIdentity;
use crate::step::{Failure, StepError};

/// A quick look, which is enough for a device that holds something. It never proves one blank.
pub(super) fn quick(host: &Host, device: &Device) -> Result<Facts, StepError> {
    let reading = read(host, device, &places::quick(device.size), false)?;
    Ok(Facts {
        same_volume: Some(true),
        size: device.size,
        read_only: device.disk.read_only,
        mounts: mounts(host, device).map_err(|error| unexpected(device, error))?,
        swap: swap(host, device),
        holders: device.disk.holders.clone(),
        partitions: device.disk.partitions.iter().map(|partition| partition.name.clone()).collect(),
        exclusive: Ok(()),
        locked: Ok(()),
        reading,
        second_opinion: Opinion::NotAsked,
    })
}

/// Everything, of a device that is held. Looks for the volume anew: it may be another by now.
pub(super) async fn thorough(
    host: &Host,
    identity: &VolumeIdentity,
    device: &Device,
    held: &Held,
    seed: u64,
) -> Result<Facts, StepError> {
    let mut facts = quick(host, device)?;
    facts.exclusive = held.exclusive.as_ref().map(|_| ()).map_err(Clone::clone);
    facts.locked = held.lock.as_ref().map(|_| ()).map_err(Clone::clone);
    facts.read_only = match (facts.read_only, Held::read_only(host, device)) {
        (Some(false), Some(false)) => Some(false),
        (Some(true), _) | (_, Some(true)) => Some(true),
        _ => None,
    };
    facts.reading = read(host, device, &places::thorough(device.size, seed), true)?;
    facts.second_opinion = second_opinion(host, device).await;
    facts.same_volume = Some(still_there(host, identity, device, held)?);
    Ok(facts)
}

/// Whether the volume that a new look finds is the device that is held.
pub(super) fn still_there(
    host: &Host,
    identity: &VolumeIdentity,
    device: &Device,
    held: &Held,
) -> Result<bool, StepError> {
    let same = matches!(find(host, identity)?, Found::Present(now) if now.is_still(device));
    Ok(same && held.is(host, device).map_err(|error| unexpected(device, error))?)
}

fn read(host: &Host, device: &Device, places: &[Place], thorough: bool) -> Result<Reading, StepError> {
    let (pieces, errors) =
        reading::read(&host.path(&device.path), places).map_err(|error| unexpected(device, error))?;
    Ok(Reading {
        thorough,
        bytes: pieces.length(),
        errors,
        signatures: scan(&pieces, device.size),
        superblock: superblock::read(&pieces),
        first_nonzero: pieces.first_nonzero(),
    })
}

/// By number, and by name too: btrfs mounts under numbers of its own.
fn mounts(host: &Host, device: &Device) -> io::Result<Vec<(String, String)>> {
    let node = format!("/dev/{}", device.disk.name);
    let ours = |mount: &mountinfo::Mount| {
        device.disk.covers(mount.device)
            || mount.source == node.as_str()
            || mount.source == device.path.as_os_str()
    };
    let mounts = mountinfo::mounts(host)?;
    let shown = |mount: &mountinfo::Mount| (mount.point.display().to_string(), mount.filesystem.clone());
    Ok(mounts.iter().filter(|mount| ours(mount)).map(shown).collect())
}

fn swap(host: &Host, device: &Device) -> Option<bool> {
    let swaps = mountinfo::swaps(host).ok()?;
    let ours = swaps.iter().any(|path| {
        fs::metadata(host.path(path)).map_or(*path == device.path, |metadata| {
            device.disk.covers(DeviceNumber::from_raw(metadata.rdev()))
        })
    });
    Some(ours)
}

async fn second_opinion(host: &Host, device: &Device) -> Opinion {
    match wipefs(host, device).await {
        Opinion::Nothing => blkid(host, device).await,
        said => said,
    }
}

/// Lists, in spite of its name; and sees what has a wrong checksum.
async fn wipefs(host: &Host, device: &Device) -> Opinion {
    let command = Command::new("wipefs").args(["--noheadings", "--output", "TYPE,OFFSET"]);
    match host.processes.run(command.arg(host.path(&device.path))).await {
        Err(ProcessError::NotFound(_)) => Opinion::Nothing,
        Err(error) => Opinion::Failed(error.to_string()),
        Ok(output) if !output.success() => Opinion::Failed(format!("wipefs: {}", output.last_words())),
        Ok(output) if output.text().trim().is_empty() => Opinion::Nothing,
        Ok(output) => Opinion::Found(output.text().split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

/// Its exit code 2 means "nothing" and "could not read" alike; here the reading is our own.
async fn blkid(host: &Host, device: &Device) -> Opinion {
    let command = Command::new("blkid").args([
        "--probe",
        "--output",
        "value",
        "--match-tag",
        "TYPE",
        "--match-tag",
        "PTTYPE",
    ]);
    match host.processes.run(command.arg(host.path(&device.path))).await {
        Err(ProcessError::NotFound(_)) => Opinion::Nothing,
        Err(error) => Opinion::Failed(error.to_string()),
        Ok(output) => match output.exit {
            Exit::Code(2) => Opinion::Nothing,
            Exit::Code(0) => Opinion::Found(output.text().split_whitespace().collect::<Vec<_>>().join(" ")),
            Exit::Code(8) => Opinion::Found("several things at once".to_owned()),
            exit => Opinion::Failed(format!("blkid: {exit}")),
        },
    }
}

fn unexpected(device: &Device, error: io::Error) -> StepError {
    StepError::new(Failure::Unexpected, format!("looking at what is on {}", device.label()))
        .because(error)
        .hint("looking at a volume needs root")
}
