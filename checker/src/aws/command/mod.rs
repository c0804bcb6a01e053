//! Run Command of Systems Manager: has a few lines of shell run on an instance that cannot be reached otherwise.
//!
//! This is the one door by which this program asks AWS to do something that was not confirmed change by change. It is
//! opened by `--from-instance` alone, and what goes through it is one script that looks and changes nothing; nothing
//! else here can send one.

mod failure;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

pub use self::failure::CommandFailure;
use super::live::wire::{Answered, Wire};
use super::live::xml::Refusal;
use super::live::{ClientSettings, Failure};

const SERVICE: &str = "ssm";
const JSON: &str = "application/x-amz-json-1.1";
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
/// How often a call is made in all where AWS is too busy.
const ATTEMPTS: u32 = 5;

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
    wire: Wire,
}

impl RunCommand {
    /// One for this Region. Nothing is asked yet.
    pub fn new(settings: ClientSettings) -> Result<Self, CommandFailure> {
        Ok(Self { wire: Wire::new(settings)? })
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

    /// One call, again where AWS is too busy: then it has not begun.
    async fn call(&self, action: &str, asked: &Value, instance: &str) -> Result<Value, CommandFailure> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let target = format!("AmazonSSM.{action}");
            let headers = [("x-amz-target", target.as_str())];
            let answered = self.wire.send(SERVICE, JSON, &headers, &asked.to_string()).await?;
            match understood(action, &answered, instance) {
                Err(CommandFailure::Aws(failure)) if failure.may_pass() && attempt < ATTEMPTS => {
                    sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                outcome => return outcome,
            }
        }
        Err(Failure::Throttled.into())
    }
}

/// The answer, or the error that it is: JSON here, where EC2 speaks XML.
fn understood(action: &str, answered: &Answered, instance: &str) -> Result<Value, CommandFailure> {
    let body: Option<Value> = serde_json::from_str(&answered.body).ok();
    if answered.status == 200 {
        return body.ok_or_else(|| Failure::Garbled("it is no JSON".to_owned()).into());
    }
    let field = |name: &str| body.as_ref().and_then(|body| body[name].as_str()).map(str::to_owned);
    let Some(code) = field("__type").map(|code| code.rsplit('#').next().unwrap_or_default().to_owned())
    else {
        return Err(match answered.status {
            500.. => Failure::Unavailable(format!("status {}", answered.status)),
            status => Failure::Garbled(format!("status {status} without an error of AWS's")),
        }
        .into());
    };
    let message = field("message").or_else(|| field("Message")).unwrap_or_default();
    Err(match code.as_str() {
        "InvalidInstanceId" => CommandFailure::Refused { instance: instance.to_owned(), because: message },
        "InvocationDoesNotExist" => CommandFailure::NoInvocation,
        _ => {
            let refusal = Refusal { code, message };
            Failure::from_refusal(&format!("{SERVICE}:{action}"), &refusal, answered.ahead).into()
        }
    })
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

    fn answered(status: u16, body: &str) -> Answered {
        Answered { status, body: body.to_owned(), ahead: None }
    }

    fn failed(status: u16, body: &str) -> CommandFailure {
        understood("SendCommand", &answered(status, body), "i-1").expect_err("it failed")
    }

    #[test]
    fn errors_of_json_are_told_apart_by_their_type_with_or_without_its_namespace() {
        let refused = r#"{"__type":"InvalidInstanceId","message":"not in a valid state"}"#;
        assert!(matches!(failed(400, refused), CommandFailure::Refused { .. }));
        let denied = r#"{"__type":"com.amazonaws.ssm#AccessDeniedException","Message":"User: arn:aws:iam::1:user/a is not
            authorized to perform: ssm:SendCommand on resource: x because no identity-based policy allows it"}"#;
        let denied = denied.replace('\n', " ");
        let CommandFailure::Aws(Failure::Denied { permission, .. }) = failed(400, &denied) else {
            panic!("it is denied");
        };
        assert_eq!(permission, "ssm:SendCommand");
        let throttled = failed(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
        assert_eq!(throttled, CommandFailure::Aws(Failure::Throttled));
        assert!(matches!(failed(503, "busy"), CommandFailure::Aws(Failure::Unavailable(_))));
        assert!(matches!(failed(403, "<html>"), CommandFailure::Aws(Failure::Garbled(_))));
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
