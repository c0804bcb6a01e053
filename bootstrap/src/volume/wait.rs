//! The step that waits for the volume: attached while the host boots, or minutes later, or not at all.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::identity::{Device, Found, find};
use crate::host::Host;
use crate::settings::{Settings, VolumeIdentity, VolumeSettings};
use crate::step::{Evidence, Failure, State, Step, StepError};

/// How often to look. sysfs is memory: a look costs nothing, and needs no udev to be right.
const EVERY: Duration = Duration::from_secs(1);
/// How often to say that one is still waiting.
const SAY_EVERY: Duration = Duration::from_secs(15);

/// Waits for the volume.
pub struct AwaitVolume {
    settings: VolumeSettings,
}

impl AwaitVolume {
    /// As these settings ask.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.volume.clone() }
    }
}

#[async_trait(?Send)]
impl Step for AwaitVolume {
    fn name(&self) -> &'static str {
        "volume"
    }

    async fn inspect(&self, host: &Host) -> Result<State, StepError> {
        Ok(match find(host, &self.settings.identity)? {
            Found::Present(device) => State::Done(evidence(&device)),
            Found::Absent { .. } => {
                let seconds = self.settings.wait.as_secs();
                State::todo(format!("wait up to {seconds} s for {} to be attached", self.settings.identity))
            }
        })
    }

    async fn apply(&self, host: &Host) -> Result<(), StepError> {
        let (start, mut said) = (Instant::now(), Instant::now());
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watch = Watch::default();
        loop {
            ticks.tick().await;
            match find(host, &self.settings.identity)? {
                Found::Present(_) => return Ok(()),
                Found::Absent { seen } => watch.saw(seen),
            }
            if start.elapsed() >= self.settings.wait {
                return Err(watch.failure(&self.settings.identity, self.settings.wait));
            }
            if said.elapsed() >= SAY_EVERY {
                said = Instant::now();
                tracing::info!(volume = %self.settings.identity, seen = ?watch.last, "waiting for the volume");
            }
        }
    }
}

/// What was seen while waiting.
#[derive(Debug, Default)]
struct Watch {
    ever: Vec<String>,
    last: Vec<String>,
}

impl Watch {
    fn saw(&mut self, seen: Vec<String>) {
        self.ever.extend(seen.iter().filter(|disk| !self.ever.contains(disk)).cloned().collect::<Vec<_>>());
        self.last = seen;
    }

    /// Three ways in which a volume does not come, each with a cause of its own.
    fn failure(&self, identity: &VolumeIdentity, waited: Duration) -> StepError {
        let name = identity.to_string();
        let is_it = |disk: &&String| disk.split(' ').next() == Some(name.as_str());
        let (why, hint) = if self.last.iter().any(|disk| is_it(&disk)) {
            (
                "it is attached, but it has no size or no node in /dev yet".to_owned(),
                "see the kernel's log for the device: `dmesg | grep nvme`",
            )
        } else if self.ever.iter().any(|disk| is_it(&disk)) || self.ever.len() > self.last.len() {
            let gone: Vec<&str> =
                self.ever.iter().filter(|disk| !self.last.contains(disk)).map(String::as_str).collect();
            (
                format!("a disk appeared and went away again: {}", gone.join(", ")),
                "see who detaches it: CloudTrail's DetachVolume, or a second instance that claims it",
            )
        } else if self.last.is_empty() {
            (
                "no data volume appeared at all".to_owned(),
                "attach it to this instance, in its availability zone: `aws ec2 attach-volume`; volume.wait sets how long to wait",
            )
        } else {
            (
                format!("other disks are attached, but not this one: {}", self.last.join(", ")),
                "attach it, or name the right one in the settings; Xen instances tell no volume ids: name the device there (volume.device)",
            )
        };
        StepError::new(
            Failure::Device,
            format!("waiting {} s for {identity} to be attached", waited.as_secs()),
        )
        .because(why)
        .hint(hint)
    }
}

fn evidence(device: &Device) -> Evidence {
    let summary = format!("{} is attached at {}", device.label(), device.path.display());
    Evidence { summary, ..Evidence::default() }
        .fact("volume_id", device.label())
        .fact("device", device.path.display().to_string())
        .fact("volume_bytes", device.size.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{BlankPolicy, FilesystemKind};
    use crate::volume::fixtures::Tree;

    const WANTED: &str = "vol-0123456789abcdef0";

    fn step() -> AwaitVolume {
        AwaitVolume {
            settings: VolumeSettings {
                identity: VolumeIdentity::Id(WANTED.parse().expect("a volume id")),
                wait: Duration::from_mins(5),
                filesystem: FilesystemKind::Ext4,
                blank: BlankPolicy::Zeros,
                format_if_unrecognised: None,
            },
        }
    }

    async fn failure(tree: &Tree) -> String {
        let error = step().apply(&tree.host()).await.expect_err("it never comes");
        assert_eq!(error.failure(), Failure::Device);
        assert!(!error.hint_text().is_empty());
        error.chain()
    }

    #[tokio::test(start_paused = true)]
    async fn a_volume_attached_while_waiting_is_found() {
        let tree = Tree::new();
        let (host, step) = (tree.host(), step());
        let attach = async {
            tokio::time::sleep(Duration::from_secs(200)).await;
            tree.disk("nvme1n1", "259:1", Some("vol0123456789abcdef0"));
        };
        let (waited, ()) = tokio::join!(step.apply(&host), attach);
        waited.expect("it came");
        assert!(matches!(step.inspect(&host).await, Ok(State::Done(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_attached_is_told_from_the_wrong_one_attached() {
        let tree = Tree::new();
        assert!(failure(&tree).await.ends_with("no data volume appeared at all"));
        tree.disk("nvme1n1", "259:1", Some("vol0bbbbbbbbbbbbbbbb"));
        let chain = failure(&tree).await;
        assert!(chain.ends_with("but not this one: vol-0bbbbbbbbbbbbbbbb (nvme1n1)"), "{chain}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_volume_that_came_and_went_is_said_to_have_done_so() {
        let tree = Tree::new();
        tree.disk("nvme1n1", "259:1", Some("vol0123456789abcdef0"));
        tree.file("/sys/block/nvme1n1/size", "0\n");
        let detach = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            tree.remove("/sys/block/nvme1n1");
        };
        let (chain, ()) = tokio::join!(failure(&tree), detach);
        assert!(chain.ends_with(&format!("went away again: {WANTED} (nvme1n1)")), "{chain}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_volume_without_a_node_is_said_to_be_attached() {
        let tree = Tree::new();
        tree.disk("nvme1n1", "259:1", Some("vol0123456789abcdef0"));
        tree.remove("/dev/nvme1n1");
        assert!(failure(&tree).await.contains("it is attached, but"));
    }
}
