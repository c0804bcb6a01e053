//! Reads the configuration from AWS: what the targets can meet, and no more. What AWS does not tell is named, and
//! the probes go on without it.

use std::time::Duration;

use super::configuration::{Configuration, Refused};
use super::wanted::Wanted;
use super::{Surroundings, ssh};
use crate::aws::live::{self, Client, ClientSettings, Scope, Start};
use crate::aws::profile;
use crate::evaluate::End;
use crate::local::target::{self, Place};
use crate::probe::dns::{self, NameOutcome};

/// How long a name server is waited for: the probes ask it again, and say what it said.
const PATIENCE: Duration = Duration::from_secs(3);

/// Reads it.
pub async fn read(wanted: &[Wanted], asked: &profile::Wanted, surroundings: &Surroundings) -> Configuration {
    // Where no packet is sent there is nothing that a host could explain.
    let details = wanted.iter().any(|one| !matches!(one, Wanted::Path(_)));
    let mut begin = Vec::new();
    for one in wanted {
        begin.extend(starts(one, surroundings).await);
    }
    let scope = Scope { starts: begin, details };
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
async fn starts(wanted: &Wanted, surroundings: &Surroundings) -> Vec<Start> {
    match wanted {
        // A host of ~/.ssh/config is where its HostName is.
        Wanted::Ssh(ssh) => match ssh::host_name(ssh, surroundings) {
            Some(name) => of_target(&name).await,
            None => of_target(&ssh.target).await,
        },
        Wanted::Postgres(postgres) => of_target(&postgres.target).await,
        Wanted::Path(path) => [&path.from, &path.to].into_iter().flat_map(|word| of_end(word)).collect(),
    }
}

async fn of_target(word: &str) -> Vec<Start> {
    let place = match target::parse(word).map(|target| target.place) {
        Ok(Place::Url(parameters)) => {
            target::parse(parameters.get("host").unwrap_or_default()).map(|target| target.place)
        }
        place => place,
    };
    match place {
        Ok(Place::Instance(id)) => vec![Start::Instance(id)],
        Ok(Place::Database(id)) => vec![Start::Database(id)],
        Ok(Place::Address(address)) => vec![Start::Address(address)],
        Ok(Place::HostName(name)) if !is_of_rds(&name) => addresses(&name).await,
        Ok(Place::HostName(name) | Place::Word(name)) => named(name),
        Ok(Place::Url(_)) | Err(_) => Vec::new(),
    }
}

fn is_of_rds(name: &str) -> bool {
    name.contains(".rds.")
}

/// Another name tells AWS nothing; what it leads to does.
async fn addresses(name: &str) -> Vec<Start> {
    match dns::resolve(name, PATIENCE).await.outcome {
        NameOutcome::Addresses(addresses) => addresses.into_iter().map(Start::Address).collect(),
        _ => Vec::new(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(wanted: &Wanted, home: &std::path::Path) -> Vec<Start> {
        let home = home.to_string_lossy().into_owned();
        let surroundings = Surroundings::new([("HOME".to_owned(), home)]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(starts(wanted, &surroundings))
    }

    fn ssh(target: &str) -> Wanted {
        let target = target.to_owned();
        Wanted::Ssh(ssh::Wanted { target, ..ssh::Wanted::default() })
    }

    fn postgres(target: &str) -> Wanted {
        let target = target.to_owned();
        Wanted::Postgres(crate::check::postgres::Wanted { target, ..Default::default() })
    }

    #[test]
    fn a_host_of_ssh_config_begins_where_its_host_name_is() {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(home.path().join(".ssh")).expect("a folder");
        let config = "Host box\n  HostName 198.51.100.20\nHost one\n  HostName i-0123456789abcdef0\n";
        std::fs::write(home.path().join(".ssh/config"), config).expect("a file");
        let address = Start::Address([198, 51, 100, 20].into());
        assert_eq!(begin(&ssh("ada@box"), home.path()), [address]);
        assert_eq!(begin(&ssh("one"), home.path()), [Start::Instance("i-0123456789abcdef0".into())]);
        let word = [Start::Name("other".into()), Start::Database("other".into())];
        assert_eq!(begin(&ssh("other"), home.path()), word);
    }

    #[test]
    fn an_endpoint_is_its_own_beginning_and_an_address_in_a_url_is_an_address() {
        let home = tempfile::tempdir().expect("a folder");
        let endpoint = "mydb.abc.eu-west-1.rds.amazonaws.com";
        let wanted = [Start::Endpoint(endpoint.into())];
        assert_eq!(begin(&postgres(endpoint), home.path()), wanted);
        assert_eq!(begin(&postgres(&format!("postgres://ada@{endpoint}/app")), home.path()), wanted);
        let address = [Start::Address([10, 0, 2, 20].into())];
        assert_eq!(begin(&postgres("postgres://ada@10.0.2.20:5432/app"), home.path()), address);
    }
}
