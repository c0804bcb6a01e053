//! One call of Systems Manager's: JSON, where EC2 speaks XML. It knows nothing of what is called.

use serde_json::Value;
use tokio::time::sleep;

use super::live::wire::{Answered, Wire};
use super::live::xml::Refusal;
use super::live::{ClientSettings, Failure};

const SERVICE: &str = "ssm";
const JSON: &str = "application/x-amz-json-1.1";

/// The way to Systems Manager.
#[derive(Debug)]
pub(in crate::aws) struct SystemsManager {
    wire: Wire,
}

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::aws) struct Refused {
    /// The error's name, where Systems Manager gave one: `InvalidInstanceId`.
    pub(in crate::aws) code: String,
    /// What it said.
    pub(in crate::aws) message: String,
    /// The same as every other service's.
    pub(in crate::aws) failure: Failure,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { code: String::new(), message: String::new(), failure }
    }
}

impl SystemsManager {
    /// One for this Region. Nothing is asked yet.
    pub(in crate::aws) fn new(settings: ClientSettings) -> Result<Self, Failure> {
        Ok(Self { wire: Wire::new(settings)? })
    }

    /// The Region that it asks about.
    pub(in crate::aws) fn region(&self) -> &str {
        self.wire.region()
    }

    /// One call, again where AWS is too busy: then it has not begun.
    pub(in crate::aws) async fn call(&self, action: &str, asked: &Value) -> Result<Value, Refused> {
        let target = format!("AmazonSSM.{action}");
        let headers = [("x-amz-target", target.as_str())];
        let mut attempt = 0;
        loop {
            let answered = self.wire.send(SERVICE, JSON, &headers, &asked.to_string()).await?;
            match understood(action, &answered) {
                Err(refused) if refused.failure.may_pass() && self.wire.is_worth_another(attempt) => {
                    sleep(self.wire.patience().wait(attempt)).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }
}

fn understood(action: &str, answered: &Answered) -> Result<Value, Refused> {
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
    let refusal = Refusal { code: code.clone(), message: message.clone() };
    let failure = Failure::from_refusal(&format!("{SERVICE}:{action}"), &refusal, answered.ahead);
    Err(Refused { code, message, failure })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Refused {
        let answered = Answered { status, body: body.to_owned(), ahead: None };
        understood("SendCommand", &answered).expect_err("it failed")
    }

    #[test]
    fn errors_are_told_apart_by_their_type_with_or_without_its_namespace() {
        let told = refused(400, r#"{"__type":"InvalidInstanceId","message":"not in a valid state"}"#);
        assert_eq!(
            (told.code.as_str(), told.message.as_str()),
            ("InvalidInstanceId", "not in a valid state")
        );
        let denied = r#"{"__type":"com.amazonaws.ssm#AccessDeniedException","Message":"User: arn:aws:iam::1:user/a is not
            authorized to perform: ssm:SendCommand on resource: x because no identity-based policy allows it"}"#;
        let denied = denied.replace('\n', " ");
        let Failure::Denied { permission, .. } = refused(400, &denied).failure else {
            panic!("it is denied");
        };
        assert_eq!(permission, "ssm:SendCommand");
        let throttled = refused(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
        assert_eq!(throttled.failure, Failure::Throttled);
        assert!(refused(500, r#"{"__type":"InternalServerError"}"#).failure.may_pass());
        assert!(matches!(refused(503, "busy").failure, Failure::Unavailable(_)));
        assert!(matches!(refused(403, "<html>").failure, Failure::Garbled(_)));
    }
}
