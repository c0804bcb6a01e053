//! Reads the configuration from AWS: what the targets can meet, and no more. What AWS does not tell is named, and
//! the probes go on without it.

use super::Surroundings;
use super::configuration::{Configuration, Refused};
use super::wanted::Wanted;
use crate::aws::live::{self, Client, ClientSettings, Scope, Start};
use crate::aws::profile;
use crate::evaluate::End;
use crate::local::target::{self, Place};

/// Reads it.
pub async fn read(wanted: &[Wanted], asked: &profile::Wanted, surroundings: &Surroundings) -> Configuration {
    // Where no packet is sent there is nothing that a host could explain.
    let details = wanted.iter().any(|one| !matches!(one, Wanted::Path(_)));
    let scope = Scope { starts: wanted.iter().flat_map(starts).collect(), details };
    match of(&scope, asked, surroundings).await {
        Ok(configuration) => configuration,
        Err(because) => Configuration::none(&because),
    }
}

/// How AWS is spoken to, or why it cannot be.
pub async fn way(asked: &profile::Wanted, surroundings: &Surroundings) -> Result<ClientSettings, String> {
    let variable = |name: &str| surroundings.variable(name).map(str::to_owned);
    let settings = profile::settings(asked, variable).await;
    settings.map_err(|error| format!("{error}; {}", error.hint()))
}

/// Reads what can be met from there, or says why not.
pub async fn of(
    scope: &Scope,
    asked: &profile::Wanted,
    surroundings: &Surroundings,
) -> Result<Configuration, String> {
    let settings = way(asked, surroundings).await?;
    let failed = |failure: live::Failure| format!("{failure}; {}", failure.hint());
    let client = Client::new(settings).map_err(failed)?;
    let live = live::read(&client, scope).await.map_err(failed)?;
    let of_network = live.documents.into_iter().filter(|document| document.action.tells_of_the_network());
    let answers = of_network.map(|document| (document.source, document.answer)).collect();
    let refused = live.unread.into_iter().filter_map(|unread| {
        Some(Refused { kind: unread.action.shows()?, because: unread.failure.to_string() })
    });
    Ok(Configuration::of_answers(answers, refused.collect()))
}

/// Where to begin: the ends that may be in AWS.
fn starts(wanted: &Wanted) -> Vec<Start> {
    match wanted {
        Wanted::Ssh(ssh) => of_target(&ssh.target),
        Wanted::Postgres(postgres) => of_target(&postgres.target),
        Wanted::Path(path) => [&path.from, &path.to].into_iter().flat_map(|word| of_end(word)).collect(),
    }
}

fn of_target(word: &str) -> Vec<Start> {
    match target::parse(word).map(|target| target.place) {
        Ok(Place::Instance(id)) => vec![Start::Instance(id)],
        Ok(Place::Database(id)) => vec![Start::Database(id)],
        Ok(Place::Address(address)) => vec![Start::Address(address)],
        Ok(Place::HostName(name) | Place::Word(name)) => named(name),
        Ok(Place::Url(parameters)) => {
            parameters.get("host").map(str::to_owned).map(named).unwrap_or_default()
        }
        Err(_) => Vec::new(),
    }
}

fn of_end(word: &str) -> Vec<Start> {
    match End::parse(word) {
        End::Instance(id) => vec![Start::Instance(id.to_string())],
        End::NetworkInterface(id) => vec![Start::Interface(id.to_string())],
        End::Database(id) => vec![Start::Database(id.to_string())],
        End::Address(address) => vec![Start::Address(address)],
        End::Name(name) => named(name),
        End::Cidr(_) | End::Internet | End::InternetGateway(_) => Vec::new(),
    }
}

fn named(name: String) -> Vec<Start> {
    if name.contains('.') {
        vec![Start::Endpoint(name)]
    } else {
        vec![Start::Name(name.clone()), Start::Database(name)]
    }
}
