//! The user's keys against the key pair that an instance was launched with (H32).

use super::case::{Case, OwnKey, Service};
use super::diagnosis::Warning;
use super::subject;
use crate::local::ec2_fingerprint::is_one_of;
use crate::network::KeyPair;

/// The key pair of the instance, and whether one of the user's keys is it.
pub struct Pair<'a> {
    /// The key pair.
    pub pair: &'a KeyPair,
    /// The user's key that is the same.
    pub own: Option<&'a OwnKey>,
}

/// What the key pair of the instance says of the user's keys; nothing where it cannot be compared.
pub fn pair<'a>(case: &'a Case) -> Option<Pair<'a>> {
    let instance = subject::instance(case)?;
    let pair = case.network?.key_pairs.get(instance.key_name.as_ref()?)?;
    let comparable = case.own.keys.iter().any(|key| key.public_key.is_some())
        && (pair.public_key.is_some() || pair.fingerprint.is_some());
    comparable.then(|| Pair { pair, own: case.own.keys.iter().find(|key| is_the_same(key, pair)) })
}

fn is_the_same(key: &OwnKey, pair: &KeyPair) -> bool {
    let bare = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    match (&pair.public_key, &key.public_key) {
        (Some(theirs), Some(own)) => bare(theirs) == bare(own),
        _ => pair.fingerprint.as_ref().is_some_and(|theirs| is_one_of(theirs, &key.of_ec2)),
    }
}

/// Where nobody asked the server, that the key is another is worth knowing and no fault: there may be others on it.
pub fn notes(case: &Case) -> Option<String> {
    let asked = case.observations.iter().any(|one| one.ssh().is_some_and(|words| !words.keys.is_empty()));
    let pair = pair(case).filter(|pair| case.service() == Service::Ssh && !asked && pair.own.is_none())?;
    Some(format!(
        "the instance was launched with the key pair {}, and none of your keys is it: {}",
        pair.pair.name,
        paths(case)
    ))
}

/// The user's keys by their paths.
pub fn paths(case: &Case) -> String {
    case.own.keys.iter().map(|key| key.path.as_str()).collect::<Vec<_>>().join(", ")
}

/// What OpenSSH's servers take before they hang up.
const TRIES: usize = 6;

/// H37, before it happens: each key of the agent is offered before the one that is wanted.
pub fn too_many(case: &Case) -> Option<Warning> {
    let count = case.own.agent_keys.filter(|count| *count >= TRIES && case.service() == Service::Ssh)?;
    Some(Warning {
        symptom: Some("H37"),
        line: format!(
            "ssh-agent holds {count} keys, and most servers hang up after {TRIES} that are not the right one"
        ),
        hint: "name the key and no other: IdentitiesOnly yes and IdentityFile in ~/.ssh/config".into(),
    })
}
