//! Why a command was not run on an instance, in words that a person can act on.

use std::fmt;

use crate::aws::live::Failure;

/// Why it was not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandFailure {
    /// Systems Manager does not know the instance.
    NotManaged {
        /// Which.
        instance: String,
    },
    /// It knows it, and has not heard of it.
    NotOnline {
        /// Which.
        instance: String,
        /// `ConnectionLost`, `Inactive`.
        status: String,
    },
    /// It does not take the command for it.
    Refused {
        /// Which.
        instance: String,
        /// In its own words.
        because: String,
    },
    /// The command did not run to its end.
    NotRun {
        /// Where.
        instance: String,
        /// `DeliveryTimedOut`, `ExecutionTimedOut`, `Undeliverable`, `Cancelled`.
        status: String,
    },
    /// It has not ended, and nobody waits any longer.
    NotEnded {
        /// Where.
        instance: String,
        /// How it stood.
        status: String,
    },
    /// The command is not known yet where its outcome is asked for.
    NoInvocation,
    /// AWS was not to be asked.
    Aws(Failure),
}

impl From<Failure> for CommandFailure {
    fn from(failure: Failure) -> Self {
        Self::Aws(failure)
    }
}

/// What an instance needs so that Systems Manager knows it.
pub const NEEDS: &str = "three things make an instance a managed one: amazon-ssm-agent runs on it (`snap start \
    amazon-ssm-agent` or `systemctl start amazon-ssm-agent`), its role allows AmazonSSMManagedInstanceCore \
    (`aws ec2 describe-iam-instance-profile-associations`), and it reaches ssm, ssmmessages and ec2messages of its \
    Region on 443, over the internet or by VPC endpoints";

impl CommandFailure {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotManaged { .. } => format!("{NEEDS}; see also that the Region is the right one"),
            Self::NotOnline { instance, .. } => format!(
                "see that it runs: `aws ec2 describe-instance-status --instance-ids {instance}`; {NEEDS}. A reboot starts \
                 its agent anew"
            ),
            Self::Refused { .. } => format!("see that it is running and in this Region; {NEEDS}"),
            Self::NotRun { status, instance } if status.contains("Delivery") || status == "Undeliverable" => {
                format!("the agent on {instance} did not take it in time: the host hangs, or has lost its way to AWS; {NEEDS}")
            }
            Self::NotRun { .. } | Self::NotEnded { .. } | Self::NoInvocation => {
                "the host is too slow to look at itself, which is a finding too: see CPUCreditBalance and \
                 `aws ec2 get-console-output --latest`"
                    .to_owned()
            }
            Self::Aws(Failure::Denied { permission, .. }) if permission == "ssm:SendCommand" => {
                r#"have it allowed: {"Effect":"Allow","Action":"ssm:SendCommand","Resource":["arn:aws:ssm:*::document/AWS-RunShellScript","arn:aws:ec2:*:*:instance/INSTANCE-ID"]}, and ssm:GetCommandInvocation on "*""#.to_owned()
            }
            Self::Aws(failure) => failure.hint(),
        }
    }
}

impl fmt::Display for CommandFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotManaged { instance } => write!(f, "Systems Manager does not know {instance}"),
            Self::NotOnline { instance, status } => {
                write!(f, "Systems Manager has lost {instance}: its status is {status}")
            }
            Self::Refused { instance, because } if because.is_empty() => {
                write!(f, "Systems Manager takes no command for {instance}")
            }
            Self::Refused { instance, because } => {
                write!(f, "Systems Manager takes no command for {instance}: {because}")
            }
            Self::NotRun { instance, status } => write!(f, "the command did not run on {instance}: {status}"),
            Self::NotEnded { instance, status } => {
                write!(f, "the command on {instance} does not end: its status is {status}")
            }
            Self::NoInvocation => f.write_str("Systems Manager does not know the command that it was given"),
            Self::Aws(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for CommandFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_that_is_not_managed_is_told_what_is_missing() {
        let failure = CommandFailure::NotManaged { instance: "i-1".into() };
        for word in ["AmazonSSMManagedInstanceCore", "amazon-ssm-agent", "ssmmessages", "443"] {
            assert!(failure.hint().contains(word), "{word}");
        }
    }

    #[test]
    fn a_denial_of_sending_names_the_statement_that_would_allow_it() {
        let denied = Failure::Denied { permission: "ssm:SendCommand".into(), because: None };
        let hint = CommandFailure::Aws(denied).hint();
        assert!(
            hint.contains("document/AWS-RunShellScript") && hint.contains("GetCommandInvocation"),
            "{hint}"
        );
    }
}
