//! Run Command of Systems Manager: has a few lines of shell run on an instance that cannot be reached otherwise.
//!
//! This is the one door by which this program asks AWS to do something that was not confirmed change by change. It is
//! opened by `--from-instance` alone, and what goes through it is one script that looks and changes nothing; nothing
//! else here can send one.

mod failure;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

pub use self::failure::{CommandFailure, NEEDS};
use super::live::{ClientSettings, Failure};
use super::systems_manager::{Refused, SystemsManager};

const DOCUMENT: &str = "AWS-RunShellScript";
/// For so long AWS tries to hand the command to the agent of the instance; it takes no less.
const DELIVERY: u32 = 30;
/// And so long the script may run there.
const EXECUTION: u32 = 60;
/// After so long nobody waits any more.
const PATIENCE: Duration = Duration::from_secs(75);
/// The waits between two looks at how it went.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What a script left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code.
    pub code: i64,
    /// The head of what it printed.
    pub stdout: String,
    /// And of what it complained of.
    pub stderr: String,
}

/// The way to Run Command.
#[derive(Debug)]
pub struct RunCommand {
    door: SystemsManager,
}

impl RunCommand {
    /// One for this Region. Nothing is asked yet.
    pub fn new(settings: ClientSettings) -> Result<Self, CommandFailure> {
        Ok(Self { door: SystemsManager::new(settings)? })
    }

    /// Has a script run on an instance, and waits for its end.
    pub async fn run(&self, instance: &str, script: &str) -> Result<Ran, CommandFailure> {
        self.managed(instance).await?;
        let asked = json!({
            "DocumentName": DOCUMENT,
            "InstanceIds": [instance],
            "TimeoutSeconds": DELIVERY,
            "Comment": "vivarium-check: looks at the host and changes nothing",
            "Parameters": { "commands": [script], "executionTimeout": [EXECUTION.to_string()] },
        });
        let sent = self.call("SendCommand", &asked, instance).await?;
        let id = sent["Command"]["CommandId"].as_str().unwrap_or_default();
        if id.is_empty() {
            return Err(Failure::Garbled("SendCommand gave no CommandId".to_owned()).into());
        }
        self.ended(instance, id).await
    }

    /// Whether Systems Manager knows the instance. Who may not ask finds out by sending.
    async fn managed(&self, instance: &str) -> Result<(), CommandFailure> {
        let asked = json!({ "Filters": [{ "Key": "InstanceIds", "Values": [instance] }] });
        let told = match self.call("DescribeInstanceInformation", &asked, instance).await {
            Err(CommandFailure::Aws(Failure::Denied { .. })) => return Ok(()),
            told => told?,
        };
        let rows = told["InstanceInformationList"].as_array().map_or(&[][..], Vec::as_slice);
        let Some(row) = rows.iter().find(|row| row["InstanceId"] == instance) else {
            return Err(CommandFailure::NotManaged { instance: instance.to_owned() });
        };
        match row["PingStatus"].as_str().unwrap_or_default() {
            "Online" => Ok(()),
            status => {
                Err(CommandFailure::NotOnline { instance: instance.to_owned(), status: status.to_owned() })
            }
        }
    }

    async fn ended(&self, instance: &str, id: &str) -> Result<Ran, CommandFailure> {
        let (began, mut wait) = (Instant::now(), FIRST_WAIT);
        let asked = json!({ "CommandId": id, "InstanceId": instance });
        loop {
            let told = match self.call("GetCommandInvocation", &asked, instance).await {
                // It is told of a moment after it was sent.
                Err(CommandFailure::NoInvocation) => Value::Null,
                told => told?,
            };
            if let Some(ended) = judged(&told, instance) {
                return ended;
            }
            if began.elapsed() > PATIENCE {
                let status = told["Status"].as_str().unwrap_or("Pending").to_owned();
                return Err(CommandFailure::NotEnded { instance: instance.to_owned(), status });
            }
            sleep(wait).await;
            wait = (wait * 3 / 2).min(LONGEST_WAIT);
        }
    }

    async fn call(&self, action: &str, asked: &Value, instance: &str) -> Result<Value, CommandFailure> {
        self.door.call(action, asked).await.map_err(|refused| meant(refused, instance))
    }
}

/// What an error means to who wants a command run.
fn meant(refused: Refused, instance: &str) -> CommandFailure {
    match refused.code.as_str() {
        "InvalidInstanceId" => {
            CommandFailure::Refused { instance: instance.to_owned(), because: refused.message }
        }
        "InvocationDoesNotExist" => CommandFailure::NoInvocation,
        _ => refused.failure.into(),
    }
}

/// How it ended, if it has.
fn judged(told: &Value, instance: &str) -> Option<Result<Ran, CommandFailure>> {
    let word = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let instance = instance.to_owned();
    match told["Status"].as_str()? {
        "Pending" | "InProgress" | "Delayed" | "Cancelling" => None,
        "Success" | "Failed" => Some(Ok(Ran {
            code: told["ResponseCode"].as_i64().unwrap_or(-1),
            stdout: word("StandardOutputContent"),
            stderr: word("StandardErrorContent"),
        })),
        status => {
            let details = told["StatusDetails"].as_str().unwrap_or(status).to_owned();
            Some(Err(CommandFailure::NotRun { instance, status: details }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_the_instance_or_the_command_is_no_failure_of_aws() {
        let refused = |code: &str| {
            let failure = Failure::NotUnderstood(code.to_owned());
            meant(Refused { code: code.to_owned(), message: "why".to_owned(), failure }, "i-1")
        };
        let of_the_instance = CommandFailure::Refused { instance: "i-1".into(), because: "why".into() };
        assert_eq!(refused("InvalidInstanceId"), of_the_instance);
        assert_eq!(refused("InvocationDoesNotExist"), CommandFailure::NoInvocation);
        assert!(matches!(refused("InvalidDocument"), CommandFailure::Aws(Failure::NotUnderstood(_))));
    }

    #[test]
    fn a_command_that_ended_gives_what_it_printed_and_one_that_was_not_run_says_so() {
        let ran = json!({"Status": "Failed", "ResponseCode": 127, "StandardOutputContent": "a", "StandardErrorContent": "b"});
        let wanted = Ran { code: 127, stdout: "a".into(), stderr: "b".into() };
        assert_eq!(judged(&ran, "i-1"), Some(Ok(wanted)));
        assert_eq!(judged(&json!({"Status": "InProgress"}), "i-1"), None);
        assert_eq!(judged(&Value::Null, "i-1"), None);
        let late = json!({"Status": "TimedOut", "StatusDetails": "DeliveryTimedOut"});
        let Some(Err(CommandFailure::NotRun { status, .. })) = judged(&late, "i-1") else {
            panic!("it did not run")
        };
        assert_eq!(status, "DeliveryTimedOut");
    }
}
