//! Reads from AWS what a flow can meet: first its ends, then their VPCs, then what those refer to. A few questions at
//! a time; what is refused is named and the rest is read all the same.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
use serde_json::{Map, Value};

use super::action::Action;
use super::ask::{self, Ask, Ends};
use super::client::Client;
use super::failure::Failure;
use super::scope::{Scope, Start};
use super::shapes::SHAPES;
use crate::aws::Documents;
use crate::network::Network;

/// So many questions are on their way at once: EC2 gives an account a hundred, and others use it too.
const AT_ONCE: usize = 8;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The Region that was asked about.
    pub region: String,
    /// The account, where AWS told.
    pub account: Option<String>,
    /// The VPCs that the ends are in.
    pub vpcs: BTreeSet<String>,
    /// The answers, as the AWS CLI prints them.
    pub documents: Vec<Document>,
    /// What was asked for and is not there: `describe-instances i-0abc`.
    pub absent: Vec<String>,
    /// What was not answered.
    pub unread: Vec<Unread>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Who gave it.
    pub action: Action,
    /// The command of the AWS CLI, and what it is about: `get-managed-prefix-list-entries pl-0abc`.
    pub source: String,
    /// What the AWS CLI would print.
    pub answer: Value,
}

/// A question without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What was asked.
    pub action: Action,
    /// The command of the AWS CLI, and what it is about.
    pub source: String,
    /// Why there is no answer.
    pub failure: Failure,
}

/// Reads it. A failure is one that every other question would meet as well.
pub async fn read(client: &Client, scope: &Scope) -> Result<Live, Failure> {
    let mut live = Live::new(client.region());
    let mut first = vec![Ask { action: Action::GetCallerIdentity, about: None, parameters: Vec::new() }];
    first.extend(scope.starts.iter().flat_map(ask::first));
    live.put(client, first).await?;
    live.vpcs = live.vpcs_of(&scope.starts);
    // Only of the ends, hence before the others are known.
    let ends = scope.details.then(|| Ends::of(live.answers()));
    let mut second: Vec<Ask> = Vec::new();
    if !live.vpcs.is_empty() || live.must_look_everywhere() {
        second.extend([ask::within(&live.vpcs), ask::attributes(&live.vpcs)].concat());
    }
    second.extend(ends.iter().flat_map(Ends::details));
    live.put(client, second).await?;
    let mut third = ask::referred(live.answers());
    third.extend(ends.iter().flat_map(|ends| ends.referred(live.answers())));
    live.put(client, third).await?;
    live.put(client, ask::transit_routes(live.answers())).await?;
    live.settle();
    Ok(live)
}

impl Live {
    fn new(region: &str) -> Self {
        let (documents, absent, unread) = (Vec::new(), Vec::new(), Vec::new());
        Self { region: region.to_owned(), account: None, vpcs: BTreeSet::new(), documents, absent, unread }
    }

    /// The network that the answers tell of, and what was passed over.
    pub fn network(&self) -> (Network, Vec<String>) {
        let mut documents = Documents::new();
        for document in &self.documents {
            // Not all that explains is part of a network.
            if document.action.tells_of_the_network() {
                documents.add(&document.source, &document.answer);
            }
        }
        for unread in &self.unread {
            if let Some(kind) = unread.action.shows() {
                documents.refuse(kind, unread.failure.to_string());
            }
        }
        documents.finish()
    }

    async fn put(&mut self, client: &Client, asks: Vec<Ask>) -> Result<(), Failure> {
        let answered = stream::iter(asks).map(|ask| async move {
            let outcome = client.ask(ask.action, &ask.parameters).await;
            (ask, outcome)
        });
        let mut answered = std::pin::pin!(answered.buffer_unordered(AT_ONCE));
        while let Some((ask, outcome)) = answered.next().await {
            self.take(&ask, outcome)?;
        }
        Ok(())
    }

    fn take(&mut self, ask: &Ask, outcome: Result<Value, Failure>) -> Result<(), Failure> {
        let source = source(ask);
        match outcome {
            Ok(answer) => self.documents.push(Document { action: ask.action, source, answer }),
            Err(Failure::NotFound(_)) => {
                // That there is none is an answer too.
                let answer = nothing(ask.action);
                self.documents.push(Document { action: ask.action, source: source.clone(), answer });
                self.absent.push(source);
            }
            Err(failure) if ends_it(ask.action, &failure) => return Err(failure),
            Err(failure) => self.unread.push(Unread { action: ask.action, source, failure }),
        }
        Ok(())
    }

    fn answers(&self) -> impl Iterator<Item = (Action, &Value)> {
        self.documents.iter().map(|document| (document.action, &document.answer))
    }

    fn vpcs_of(&self, starts: &[Start]) -> BTreeSet<String> {
        let mut vpcs = BTreeSet::new();
        for (_, answer) in self.answers() {
            ask::gather(answer, "VpcId", &mut vpcs);
        }
        vpcs.extend(starts.iter().filter_map(|start| match start {
            Start::Vpc(id) => Some(id.clone()),
            _ => None,
        }));
        vpcs
    }

    /// Where an end was not found because nobody may say where it is, its VPC can be any.
    fn must_look_everywhere(&self) -> bool {
        self.unread.iter().any(|unread| unread.action != Action::GetCallerIdentity)
    }

    /// In an order that does not hang on who answered first.
    fn settle(&mut self) {
        let identity = self.documents.iter().find(|document| document.action == Action::GetCallerIdentity);
        self.account =
            identity.and_then(|document| Some(document.answer.get("Account")?.as_str()?.to_owned()));
        self.documents.sort_by(|one, other| (one.action, &one.source).cmp(&(other.action, &other.source)));
        self.unread.sort_by(|one, other| (one.action, &one.source).cmp(&(other.action, &other.source)));
        self.absent.sort();
    }
}

/// RDS or STS may be behind a door that is closed while EC2's is open; all else is the same for every question.
fn ends_it(action: Action, failure: &Failure) -> bool {
    let only_here = matches!(failure, Failure::NotReached { .. }) && action.service() != "ec2";
    failure.concerns_all() && !only_here
}

fn source(ask: &Ask) -> String {
    match &ask.about {
        Some(about) => format!("{} {about}", ask.action.command()),
        None => ask.action.command(),
    }
}

fn nothing(action: Action) -> Value {
    let rows = SHAPES.call(action).rows;
    Value::Object(
        rows.map(|name| (name.to_owned(), Value::Array(Vec::new()))).into_iter().collect::<Map<_, _>>(),
    )
}
