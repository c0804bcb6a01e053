//! Says to AWS what is to change: with consent, one call after another.

use roxmltree::Document;

use super::call::Call;
use super::consent::Consent;
use super::refused::Refused;
use crate::aws::live::wire::{FORM, Wire};
use crate::aws::live::{ClientSettings, Failure};

/// Changes things in AWS. It is made of a consent, and there is no other way to one.
#[derive(Debug)]
pub struct Writer {
    wire: Wire,
    _consent: Consent,
}

impl Writer {
    /// One for this Region and these credentials. Nothing is said yet.
    pub fn new(settings: ClientSettings, consent: Consent) -> Result<Self, Failure> {
        Ok(Self { wire: Wire::new(settings)?, _consent: consent })
    }

    /// Makes a call. What AWS throttles it has not done, so that it is said again; nothing else is.
    pub async fn say(&self, call: &Call) -> Result<Said, Refused> {
        let body = call.form();
        let patience = self.wire.patience();
        let mut attempt = 0;
        loop {
            match self.attempt(call, &body).await {
                Err(refused) if refused.failure == Failure::Throttled && attempt + 1 < patience.attempts => {
                    tokio::time::sleep(patience.wait(attempt)).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, call: &Call, body: &str) -> Result<Said, Refused> {
        let permission = call.write.permission();
        let failed = |failure| Refused { permission: permission.clone(), code: None, failure };
        let answered = self.wire.send(call.write.service(), FORM, &[], body).await.map_err(failed)?;
        match answered.refusal() {
            None if is_answer(call, &answered.body) => Ok(Said { body: answered.body }),
            None => Err(failed(Failure::Garbled(format!("it does not answer {}", call.write.name())))),
            Some(Err(failure)) => Err(failed(failure)),
            Some(Ok(refusal)) => {
                let failure = Failure::from_refusal(&permission, &refusal, answered.ahead);
                Err(Refused { permission, code: Some(refusal.code), failure })
            }
        }
    }
}

/// An answer to another question would be somebody else's.
fn is_answer(call: &Call, body: &str) -> bool {
    let document = Document::parse(body).ok();
    document.is_some_and(|document| document.root_element().tag_name().name().starts_with(&call.write.name()))
}

/// What AWS answered.
#[derive(Debug)]
pub struct Said {
    body: String,
}

impl Said {
    /// A word of the answer: `allocationId`.
    pub fn word(&self, element: &str) -> Option<String> {
        let document = Document::parse(&self.body).ok()?;
        let named = |node: &roxmltree::Node<'_, '_>| node.is_element() && node.tag_name().name() == element;
        document.descendants().find(named)?.text().map(str::to_owned)
    }
}
