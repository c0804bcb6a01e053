//! The step that gives a blank volume its filesystem, and keeps whatever a known one holds.

use std::hash::{BuildHasher, RandomState};

use async_trait::async_trait;

use super::blankness::{Decision, Facts, Reason, decide};
use super::format;
use super::hold::Held;
use super::identity::{Device, Found, find};
use super::observe;
use super::signatures::superblock::Superblock;
use super::size::Size;
use crate::host::Host;
use crate::settings::{Settings, VolumeSettings};
use crate::step::{Evidence, Failure, State, Step, StepError};

/// Gives the volume its filesystem.
pub struct MakeFilesystem {
    settings: VolumeSettings,
}

impl MakeFilesystem {
    /// As these settings ask.
    pub fn new(settings: &Settings) -> Self {
        Self::of(settings.volume.clone())
    }

    /// On this volume.
    pub fn of(settings: VolumeSettings) -> Self {
        Self { settings }
    }
}

#[async_trait(?Send)]
impl Step for MakeFilesystem {
    fn name(&self) -> &'static str {
        "filesystem"
    }

    /// Half a filesystem is neither blank nor known: the next run would have to refuse it.
    fn interruptible(&self) -> bool {
        false
    }

    async fn inspect(&self, host: &Host) -> Result<State, StepError> {
        let Found::Present(device) = find(host, &self.settings.identity)? else {
            let kind = self.settings.filesystem.as_str();
            let change = format!(
                "make an {kind} filesystem on {}, if it is blank, once it is attached",
                self.settings.identity
            );
            return Ok(State::todo(change));
        };
        // The same sample at each look, so that the plan stays the same; apply proves with another.
        let (decision, facts, _held) = self.judge(host, &device, 0).await?;
        match decision {
            Decision::Known(known) if format::unfinished(host, &device, Some(&known.uuid))?.is_some() => {
                Ok(State::todo(format!(
                    "check the {} filesystem that an interrupted run made on {}",
                    known.kind,
                    device.label()
                )))
            }
            Decision::Known(known) => Ok(State::Done(evidence(&device, &known))),
            Decision::Blank => Ok(State::todo(self.change(&device, &facts))),
            Decision::Refuse(reasons) => Err(self.refusal(host, &device, &reasons)?),
        }
    }

    async fn apply(&self, host: &Host) -> Result<(), StepError> {
        let Found::Present(device) = find(host, &self.settings.identity)? else {
            return Err(StepError::new(
                Failure::Device,
                format!("making a filesystem on {}", self.settings.identity),
            )
            .because("it is not attached")
            .hint("attach the volume, then run this again"));
        };
        let seed = RandomState::new().hash_one(&device.path);
        match self.judge(host, &device, seed).await? {
            (Decision::Known(known), _, _) => match format::unfinished(host, &device, Some(&known.uuid))? {
                Some(intent) => format::adopt(host, &device, intent).await,
                None => Ok(()),
            },
            (Decision::Blank, facts, Some(held)) => {
                format::format(host, &self.settings, &device, held, &facts).await
            }
            (Decision::Blank, _, None) => unreachable_without_hold(&device),
            (Decision::Refuse(reasons), _, _) => Err(self.refusal(host, &device, &reasons)?),
        }
    }
}

impl MakeFilesystem {
    /// A quick look first; only what looks blank is held and read at length.
    async fn judge(
        &self,
        host: &Host,
        device: &Device,
        seed: u64,
    ) -> Result<(Decision, Facts, Option<Held>), StepError> {
        let consent = self.settings.format_if_unrecognised.is_some()
            && self.settings.format_if_unrecognised == device.volume();
        let quick = observe::quick(host, device)?;
        if !quick.reading.signatures.is_empty() || !quick.reading.errors.is_empty() {
            return Ok((decide(&quick, self.settings.blank, consent), quick, None));
        }
        let held = Held::take(host, device).await.map_err(|error| {
            StepError::new(Failure::Unexpected, format!("opening {}", device.path.display())).because(error)
        })?;
        let facts = observe::thorough(host, &self.settings.identity, device, &held, seed).await?;
        Ok((decide(&facts, self.settings.blank, consent), facts, Some(held)))
    }

    fn change(&self, device: &Device, facts: &Facts) -> String {
        let content = if facts.reading.first_nonzero.is_none() { "all zero" } else { "no signature" };
        format!(
            "make an {} filesystem on {} at {} ({}, blank: {} bytes read, {content})",
            self.settings.filesystem.as_str(),
            device.label(),
            device.path.display(),
            Size(device.size),
            facts.reading.bytes,
        )
    }

    fn refusal(&self, host: &Host, device: &Device, reasons: &[Reason]) -> Result<StepError, StepError> {
        let mut what: Vec<String> = reasons.iter().map(Reason::to_string).collect();
        let mut remedies: Vec<&str> = reasons.iter().map(|reason| reason.remedy).collect();
        if format::unfinished(host, device, None)?.is_some() {
            what.push("a format that an earlier run began did not end".to_owned());
        }
        remedies.dedup();
        let doing =
            format!("making an {} filesystem on {}", self.settings.filesystem.as_str(), device.label());
        Ok(StepError::new(Failure::Refused, doing).because(what.join("; ")).hint(remedies.join("; ")))
    }
}

fn unreachable_without_hold(device: &Device) -> Result<(), StepError> {
    Err(StepError::new(Failure::Refused, format!("making a filesystem on {}", device.label()))
        .because("it was judged without being held"))
}

fn evidence(device: &Device, known: &Superblock) -> Evidence {
    let State::Done(evidence) = State::done(format!("{} {} on {}", known.kind, known.uuid, device.label()))
    else {
        return Evidence::default();
    };
    evidence
        .fact("volume_id", device.label())
        .fact("device", device.path.display().to_string())
        .fact("volume_bytes", device.size.to_string())
        .fact("filesystem_type", known.kind)
        .fact("filesystem_uuid", &known.uuid)
}
