//! An instance, as far as the network cares.

use std::fmt;

use jiff::Timestamp;

use super::collection::Known;
use super::id::InstanceId;

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub struct Instance {
    pub id: InstanceId,
    pub name: Option<String>,
    pub state: Known<InstanceState>,
    /// Why it is in that state, in AWS's words.
    pub state_reason: Option<String>,
    pub public_dns_name: Option<String>,
    pub private_dns_name: Option<String>,
    /// `windows`, or `None` for everything else.
    pub platform: Option<String>,
    /// `t3.medium`.
    pub instance_type: Option<String>,
    /// The key pair that it was launched with.
    pub key_name: Option<String>,
    /// When it was started last.
    pub launch_time: Option<Timestamp>,
}

/// Where it is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "EC2's own words")]
pub enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
    Other(String),
}

impl From<&str> for InstanceState {
    fn from(text: &str) -> Self {
        match text {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "shutting-down" => Self::ShuttingDown,
            "terminated" => Self::Terminated,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Other(other) => other,
        })
    }
}

impl InstanceState {
    /// Whether it will never run again.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Terminated | Self::ShuttingDown)
    }
}
