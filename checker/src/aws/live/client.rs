//! One question to AWS, asked until it is answered: in all its pages, and again where AWS is too busy.

use std::time::Duration;

use serde_json::{Map, Value};

use super::action::Action;
use super::failure::Failure;
use super::shapes::SHAPES;
use super::wire::{Answered, ClientSettings, FORM, Wire};
use super::xml;

/// More pages than any account has rows for: something hands out tokens without end.
const MOST_PAGES: usize = 1000;

/// How long AWS is waited for when it is too busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often a question is put in all.
    pub attempts: u32,
    /// How often questions are put again in all, so that a throttled account is not made worse.
    pub repeats: u32,
    /// The first wait is anything up to this, the next up to twice as much.
    pub first: Duration,
    /// But never more than this.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let (first, longest) = (Duration::from_millis(200), Duration::from_secs(5));
        Self { attempts: 6, repeats: 40, first, longest }
    }
}

impl Patience {
    /// A wait of any length up to what is due ("full jitter"), so that those who were refused together do not come
    /// back together.
    pub(in crate::aws) fn wait(&self, attempt: u32) -> Duration {
        let due = self.first.saturating_mul(1 << attempt.min(16)).min(self.longest);
        due.mul_f64(fastrand::f64())
    }
}

/// Asks AWS.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
}

impl Client {
    /// One for this Region. Nothing is asked yet.
    pub fn new(settings: ClientSettings) -> Result<Self, Failure> {
        Ok(Self { wire: Wire::new(settings)? })
    }

    /// The Region that it asks about.
    pub fn region(&self) -> &str {
        self.wire.region()
    }

    /// The whole answer, of however many pages, as the AWS CLI prints it.
    pub async fn ask(&self, action: Action, parameters: &[(String, String)]) -> Result<Value, Failure> {
        let mut whole = Map::new();
        let mut token: Option<(&str, String)> = None;
        for _ in 0..MOST_PAGES {
            let page = self.page(action, parameters, token.as_ref()).await?;
            append(&mut whole, page.answer);
            match page.token {
                None => return Ok(Value::Object(whole)),
                // A token that leads to itself leads nowhere.
                next if next == token => break,
                next => token = next,
            }
        }
        Err(Failure::Garbled(format!("the pages of {} do not end", action.name())))
    }

    async fn page(
        &self,
        action: Action,
        parameters: &[(String, String)],
        token: Option<&(&str, String)>,
    ) -> Result<xml::Page, Failure> {
        let body = form(action, parameters, token);
        let mut attempt = 0;
        loop {
            match self.attempt(action, &body).await {
                Err(failure) if failure.may_pass() && self.wire.is_worth_another(attempt) => {
                    tokio::time::sleep(self.wire.patience().wait(attempt)).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, action: Action, body: &str) -> Result<xml::Page, Failure> {
        let answered = self.wire.send(action.service(), FORM, &[], body).await?;
        understand(action, &answered)
    }
}

fn understand(action: Action, answered: &Answered) -> Result<xml::Page, Failure> {
    match answered.refusal() {
        None => xml::page(action, &answered.body).map_err(Failure::Garbled),
        Some(Ok(refusal)) => Err(Failure::from_refusal(&action.permission(), &refusal, answered.ahead)),
        Some(Err(failure)) => Err(failure),
    }
}

fn form(action: Action, parameters: &[(String, String)], token: Option<&(&str, String)>) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action.name()).append_pair("Version", SHAPES.version(action));
    form.extend_pairs(parameters);
    form.extend_pairs(token);
    form.finish()
}

fn append(whole: &mut Map<String, Value>, page: Map<String, Value>) {
    for (name, value) in page {
        match (whole.get_mut(&name), value) {
            (Some(Value::Array(rows)), Value::Array(more)) => rows.extend(more),
            (_, value) => drop(whole.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_is_asked_in_which_version() {
        let parameters = [("Filter.1.Value.1".to_owned(), "a b&c".to_owned())];
        let form = form(Action::DescribeDBInstances, &parameters, Some(&("Marker", "m=".to_owned())));
        assert_eq!(
            form,
            "Action=DescribeDBInstances&Version=2014-10-31&Filter.1.Value.1=a+b%26c&Marker=m%3D"
        );
    }

    #[test]
    fn waits_grow_but_not_without_end() {
        let patience = Patience::default();
        assert!((0..50).all(|_| patience.wait(0) <= patience.first));
        assert!((0..50).all(|_| patience.wait(60) <= patience.longest));
    }
}
