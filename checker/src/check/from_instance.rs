//! `--from-instance`: asks the instance itself, over Run Command, and puts what it says beside what was seen from here.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::look::Means;
use super::record::Record;
use super::{Trouble, Wanted};
use crate::aws::command::{CommandFailure, RunCommand};
use crate::aws::profile;
use crate::explain::{Service, Vantage};
use crate::host::facts::Database;
use crate::host::inside::{AGENT, Asked, Inside, script};
use crate::network::{InstanceId, Network};
use crate::probe::observation::{self, Observation};
use crate::probe::tcp;

/// For so long the instance watches for packets of this machine.
const WATCH: u8 = 3;
/// Between two knocks: several fall into the time that the instance watches.
const KNOCK: Duration = Duration::from_secs(1);
/// Nobody knocks for longer, whatever AWS does.
const MOST_KNOCKS: usize = 60;

/// Which instance, in the words of the command line; empty where the target itself is meant.
pub type Which<'a> = &'a str;

/// Whether it can be asked for what is wanted at all.
pub fn suits(wanted: &[Wanted]) -> Result<(), Trouble> {
    if wanted.iter().any(|one| matches!(one, Wanted::Path(_))) {
        let hint = "ask `ssh` or `postgres`; `path --from i-… --to …` says what the configuration lets an instance do";
        return Err(Trouble::usage("asking the instance about a path: no packet of a path is sent", hint));
    }
    Ok(())
}

/// Asks it. What cannot be had is named in the record; the rest of it stands.
pub async fn ask(
    record: &mut Record,
    which: Which<'_>,
    means: &Means<'_>,
    aws: &profile::Wanted,
) -> Result<(), Trouble> {
    let instance = instance(record, which, means)?;
    let agent = means.settings.agent.as_deref().unwrap_or(AGENT);
    let asked = asked(record);
    let settings = profile::settings(aws, |name| means.surroundings.variable(name).map(str::to_owned)).await;
    let inside = match settings {
        Err(error) => Inside::none(&instance, error.to_string(), error.hint()),
        Ok(settings) => match ran(&instance, agent, settings, &asked, record).await {
            Err(failure) => Inside::none(&instance, failure.to_string(), failure.hint()),
            Ok(ran) => Inside::of_output(&instance, agent, ran.code, &ran.stdout, &ran.stderr),
        },
    };
    take(record, inside);
    Ok(())
}

type Settings = crate::aws::live::ClientSettings;

async fn ran(
    instance: &str,
    agent: &str,
    settings: Settings,
    asked: &Asked,
    record: &Record,
) -> Result<crate::aws::command::Ran, CommandFailure> {
    let door = RunCommand::new(settings)?;
    let script = script(agent, asked);
    let running = door.run(instance, &script);
    match record.address().filter(|_| asked.watch > 0) {
        None => running.await,
        Some(address) => tokio::select! {
            ran = running => ran,
            never = knock(address) => never,
        },
    }
}

/// Knocks until somebody else is done. What comes of it was seen before; here only the packets matter.
async fn knock<T>(address: SocketAddr) -> T {
    for _ in 0..MOST_KNOCKS {
        let began = Instant::now();
        tcp::attempt(address, KNOCK).await;
        sleep(KNOCK.saturating_sub(began.elapsed())).await;
    }
    std::future::pending().await
}

fn asked(record: &Record) -> Asked {
    let is_ssh = record.question.service != Service::Postgres;
    let answered = seen_here(record).any(Observation::connected);
    Asked {
        client: record.client.first().map(|(_, address)| *address).or_else(|| own(record)),
        port: record.question.port,
        user: record.question.user.clone().filter(|_| is_ssh),
        // Who was let in need not watch for packets.
        watch: if is_ssh && !answered { WATCH } else { 0 },
        database: if is_ssh { None } else { Some((host(record), record.question.port)) },
    }
}

/// Inside the VPC this machine is met under its own address.
fn own(record: &Record) -> Option<std::net::IpAddr> {
    record.question.from.parse().ok()
}

fn seen_here(record: &Record) -> impl Iterator<Item = &Observation> {
    record.round.iter().flat_map(|round| round.ssh.iter().chain(&round.postgres))
}

/// The name that was looked up: the instance must look it up itself.
fn host(record: &Record) -> String {
    match record.round.as_ref().map(|round| &round.name.asked) {
        Some(observation::Asked::Name { name }) => name.clone(),
        _ => record
            .address()
            .map_or_else(|| record.question.target.clone(), |address| address.ip().to_string()),
    }
}

/// Of a database the instance is the one who asks from now on; what this machine saw is said beside it.
fn take(record: &mut Record, inside: Inside) {
    let database = inside.facts.known().and_then(|facts| facts.database.clone());
    let is_ssh = record.question.service != Service::Postgres;
    record.inside = Some(match (is_ssh, database) {
        (true, _) => inside,
        (false, None) if inside.facts.known().is_none() => inside,
        (false, None) => {
            Inside::none(&inside.instance, "its answer has no word of the database", "ask again")
        }
        (false, Some(database)) => {
            stand_there(record, &inside.instance, database);
            // All that it says of the database stands in its place now.
            Inside {
                facts: inside.facts.map(|facts| crate::host::Facts { database: None, ..facts }),
                ..inside
            }
        }
    });
}

fn stand_there(record: &mut Record, instance: &str, database: Database) {
    let here = seen_here(record).find(|one| one.connected()).or_else(|| seen_here(record).next());
    let here = here
        .or(record.round.as_ref().map(|round| &round.name))
        .map(|one| format!("from this machine: {one}"));
    record.notes.extend(here);
    record.notes.extend(database.not_tried.map(|why| format!("{instance} did not log in: {why}")));
    record.vantage = Vantage::Instance;
    record.client = Vec::new();
    instance.clone_into(&mut record.question.from);
    record.round = Some(database.round);
    record.login = database.login;
}

fn instance(record: &Record, which: &str, means: &Means<'_>) -> Result<String, Trouble> {
    let network = means.network();
    let named = |word: &str| network.and_then(|network| by_name(network, word));
    if is_id(which) {
        return Ok(which.to_owned());
    }
    if !which.is_empty() {
        return named(which).ok_or_else(|| nobody(which));
    }
    let question = &record.question;
    if question.service == Service::Postgres {
        let mut logins = means.settings.ssh.iter().map(|one| one.target.as_str());
        let known = logins.find_map(|word| if is_id(word) { Some(word.to_owned()) } else { named(word) });
        return known
            .or_else(|| network.and_then(|network| only_one(network, &question.to)))
            .ok_or_else(no_instance);
    }
    if is_id(&question.to) {
        return Ok(question.to.clone());
    }
    let at = || record.address().and_then(|address| network.and_then(|network| by_address(network, address)));
    named(&question.to).or_else(at).ok_or_else(|| nobody(&question.target))
}

fn is_id(word: &str) -> bool {
    let digits = word.strip_prefix("i-").unwrap_or_default();
    digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn by_name(network: &Network, word: &str) -> Option<String> {
    let mut all =
        network.instances.values().filter(|one| one.name.as_deref() == Some(word) || one.id.as_str() == word);
    match (all.next(), all.next()) {
        (Some(one), None) => Some(one.id.to_string()),
        _ => None,
    }
}

fn by_address(network: &Network, address: SocketAddr) -> Option<String> {
    let interface = network.network_interfaces.values().find(|one| {
        one.has(address.ip()) || one.private_addresses.iter().any(|own| own.public == Some(address.ip()))
    })?;
    interface.instance().map(InstanceId::to_string)
}

/// The one instance in the VPC of the database, where there is only one.
fn only_one(network: &Network, database: &str) -> Option<String> {
    let database = network.db_instances.values().find(|one| one.id.as_str() == database)?;
    let group = database.subnet_group.as_ref()?;
    let mut all: Vec<&InstanceId> = network
        .network_interfaces
        .values()
        .filter(|one| group.vpc.as_ref() == Some(&one.vpc))
        .filter_map(|one| one.instance())
        .collect();
    all.dedup();
    if let [one] = all.as_slice() { Some(one.to_string()) } else { None }
}

fn nobody(word: &str) -> Trouble {
    let hint = "say which: --from-instance=i-…, or its Name tag";
    Trouble::usage(format!("asking the instance: it is not known which one {word} is"), hint)
}

fn no_instance() -> Trouble {
    let hint = "say which: --from-instance=i-…, or name one under [[ssh]] in check.toml";
    Trouble::usage("asking an instance about the database: it is not said which one", hint)
}
