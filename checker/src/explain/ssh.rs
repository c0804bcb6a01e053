//! What an SSH server's words, or the lack of them, mean.

use super::case::{Case, KnownHost};
use super::diagnosis::{Confidence, Finding, Side};
use super::seen::{Seen, most_telling};
use super::{keys, subject};
use crate::probe::observation::{Asked, Observation, Outcome, Words};
use crate::probe::ssh::words::{Ended, How, SshWords};

/// What is wrong with a server that connected.
pub fn findings(case: &Case, seen: Seen) -> Vec<Finding> {
    let conversations: Vec<&Observation> =
        case.observations.iter().filter(|one| one.ssh().is_some()).collect();
    match seen {
        Seen::Connected => most_telling(case).map(without_words).into_iter().collect(),
        Seen::Spoke => {
            let ended = conversations.iter().find_map(|one| cut_off(one));
            let key = changed_key(case, &conversations);
            let found = key.into_iter().chain(ended).chain(login(case, &conversations));
            found.chain(unusable_keys(case)).collect()
        }
        _ => Vec::new(),
    }
}

/// It connected, and no SSH server spoke.
pub fn without_words(one: &Observation) -> Finding {
    let finding = |symptom, side, verdict: &str| Finding::new(symptom, side, verdict).seen(Some(one));
    match &one.outcome {
        Outcome::ClosedBeforeBanner => finding(
            "H26",
            Side::Host,
            "the instance answers and hangs up before a word: it turns you away, or has too many at the door",
        )
        .confidence(Confidence::Likely)
        .refuted_by("another client in another network is turned away as well")
        .hint("wait ten minutes (fail2ban, PerSourcePenalties), then look at MaxStartups and /etc/hosts.deny on the instance"),
        Outcome::Reset => finding("H27", Side::Host, "the connection is reset before the server has said a word")
            .confidence(Confidence::Possible)
            .refuted_by("the same happens from another network, and sshd's log is clean")
            .hint("try from another network; if it is the same there, see `journalctl -u ssh` over Session Manager"),
        Outcome::Spoke(Words::Unfamiliar { beginning, .. }) if turned_away(beginning) => {
            finding("H26", Side::Host, "sshd turns you away at the door: too many log in at once, or you failed too often")
                .refuted_by("the next attempt is let in")
                .hint("wait ten minutes, then look at MaxStartups and PerSourcePenalties in sshd_config")
        }
        Outcome::Spoke(Words::Unfamiliar { .. } | Words::Postgres(_)) => {
            finding("H29", Side::Service, "something answers on this port, and it is not an SSH server")
                .refuted_by("`ssh -v` shows a line that begins with SSH-2.0")
                .hint("use the port that sshd listens on")
        }
        _ => finding("H20", Side::Host, "the port opens and nobody says a word: the instance is exhausted, or sshd hangs")
            .confidence(Confidence::Likely)
            .refuted_by("CPUCreditBalance is above 0 and memory is free")
            .hint("look at CPUCreditBalance and at `aws ec2 get-console-output`; stopping and starting frees it"),
    }
}

/// What sshd says to whom it lets no further, in place of its identification.
fn turned_away(beginning: &str) -> bool {
    ["Exceeded MaxStartups", "Not allowed at this time"].iter().any(|words| beginning.starts_with(words))
}

fn cut_off(one: &Observation) -> Option<Finding> {
    let Ended { how, .. } = one.ssh()?.ended.as_ref()?;
    let finding = |symptom, side, verdict: &str| Finding::new(symptom, side, verdict).seen(Some(one));
    match how {
        How::Silent => Some(
            finding("H28", Side::Client, "the server falls silent in the key exchange: large packets are lost on the way")
                .confidence(Confidence::Likely)
                .refuted_by("it goes on with an MTU of 1200")
                .hint("lower this machine's MTU (`ip link set dev … mtu 1400`), or let ICMP type 3 code 4 through the network ACLs"),
        ),
        How::NoCommonAlgorithm { kind, .. } => Some(
            finding("H36", Side::Service, &format!("client and server share no {kind} algorithm"))
                .refuted_by("`ssh -Q` lists one of the server's")
                .hint("bring the older of the two up to date"),
        ),
        How::Disconnected { words } if words.contains("Too many authentication failures") => Some(
            finding("H37", Side::Client, "the server has heard enough keys before the right one: ssh-agent offers too many")
                .refuted_by("`ssh -v -o IdentitiesOnly=yes -i KEY` is turned away in the same way")
                .hint("name the key and no other: IdentitiesOnly yes and IdentityFile in ~/.ssh/config"),
        ),
        // That it hangs up on somebody who does not log in is no fault.
        How::Closed | How::Reset | How::Disconnected { .. } | How::Failed { .. } => None,
    }
}

/// H30: held against `known_hosts` and, where they were read, against the console's fingerprints.
fn changed_key(case: &Case, conversations: &[&Observation]) -> Option<Finding> {
    let KnownHost::Changed { place } = &case.known_host else { return None };
    let one = conversations.iter().find(|one| one.ssh().is_some_and(|words| words.host_key.is_some()))?;
    let key = one.ssh()?.host_key.as_ref()?;
    let finding = |verdict: &str| {
        Finding::new("H30", Side::Host, verdict)
            .seen(Some(one))
            .read(format!("{place} names another key for {}", case.to))
    };
    let console = host_keys_on_console(case);
    Some(if console.contains(&key.fingerprint) {
        finding("the instance has a new host key, and it is the one that its console shows")
            .refuted_by("the console's output is of another instance")
            .hint(format!("`ssh-keygen -R {}`, then connect again", case.to))
    } else if console.is_empty() {
        finding(
            "the host key is not the one that you know: another machine has the address, or it was made anew",
        )
        .confidence(Confidence::Likely)
        .refuted_by("the console's output shows this fingerprint")
        .hint("compare it with `aws ec2 get-console-output --latest` before you trust it")
    } else {
        finding("another machine answers: its host key is not among those on the instance's console")
            .read(format!("the console shows {}", console.join(", ")))
            .refuted_by("somebody made the instance's host keys anew after it started")
            .hint("do not log in; see which instance has the address now")
    })
}

/// H34, H35: ssh passes over each of the user's keys as it lies there.
fn unusable_keys(case: &Case) -> Option<Finding> {
    let own = &case.own.keys;
    let first = own.first()?.problems.first()?;
    if own.iter().any(|key| key.problems.is_empty()) || case.own.agent_keys.is_some_and(|count| count > 0) {
        return None;
    }
    let symptom = if first.symptom == "H34" { "H34" } else { "H35" };
    let finding =
        Finding::new(symptom, Side::Client, format!("ssh cannot use {}: {}", own[0].path, first.words));
    let others = own.iter().flat_map(|key| key.problems.iter().map(|problem| (&key.path, &problem.words)));
    Some(
        others
            .fold(finding, |finding, (path, words)| finding.read(format!("{path}: {words}")))
            .refuted_by("`ssh -v` says that another key is offered")
            .hint(first.hint.clone()),
    )
}

/// The fingerprints that the instance printed on its console; none where they were not read.
fn host_keys_on_console<'a>(case: &Case<'a>) -> &'a [String] {
    let output = subject::instance(case).and_then(|instance| case.network?.console_outputs.get(&instance.id));
    output.map_or(&[], |output| &output.host_keys)
}

/// H31, H32, H38: whose key, and which user.
fn login(case: &Case, conversations: &[&Observation]) -> Option<Finding> {
    let words = |one: &&Observation| one.ssh().cloned();
    let asked: Vec<(&str, SshWords)> = conversations
        .iter()
        .filter_map(|one| match &one.asked {
            Asked::SshKeys { user } => Some((user.as_str(), words(one)?)),
            _ => None,
        })
        .filter(|(_, words)| !words.keys.is_empty())
        .collect();
    let taken = asked.iter().find(|(_, words)| words.taken_key().is_some()).map(|(user, _)| *user);
    let own = case.user.as_deref();
    match taken {
        Some(user) if own.is_none_or(|own| own == user) => None,
        Some(user) => Some(wrong_user(user, own.unwrap_or_default(), conversations)),
        None if asked.is_empty() => no_public_keys(conversations),
        None => Some(wrong_key(case, &asked, conversations)),
    }
}

fn wrong_user(right: &str, own: &str, conversations: &[&Observation]) -> Finding {
    let rows = conversations.iter().filter(|one| matches!(one.asked, Asked::SshKeys { .. }));
    let finding =
        Finding::new("H31", Side::Service, format!("{own} is not who may use this key: {right} is"));
    rows.fold(finding, |finding, one| finding.seen(Some(one)))
        .refuted_by(format!("{own} logs in with the same key"))
        .hint(format!("log in as {right}"))
}

fn wrong_key(case: &Case, asked: &[(&str, SshWords)], conversations: &[&Observation]) -> Finding {
    let users = asked.iter().map(|(user, _)| *user).collect::<Vec<_>>().join(", ");
    let rows = conversations.iter().filter(|one| matches!(one.asked, Asked::SshKeys { .. }));
    let finding =
        Finding::new("H32", Side::Service, format!("the server takes none of these keys from {users}"));
    let finding = rows.fold(finding, |finding, one| finding.seen(Some(one)));
    if let Some(told) = keys::pair(case) {
        return by_the_key_pair(finding, case, &told);
    }
    finding
        .confidence(Confidence::Likely)
        .refuted_by(
            "the key is the instance's, and its authorized_keys has lost it or is writable by others (H33)",
        )
        .hint("use the key that the instance was launched with (`KeyName` in `aws ec2 describe-instances`)")
}

/// What EC2 knows of the instance's key pair decides between the wrong key (H32) and a host that has lost it (H33).
fn by_the_key_pair(finding: Finding, case: &Case, told: &keys::Pair) -> Finding {
    let name = &told.pair.name;
    let Some(own) = told.own else {
        return finding
            .read(format!(
                "the instance was launched with the key pair {name}, and none of {} is it",
                keys::paths(case)
            ))
            .refuted_by("its authorized_keys has one of these keys, and the user is another one")
            .hint(format!("use the private key of the key pair {name}: `--identity FILE`"));
    };
    let lost = Finding::new(
        "H33",
        Side::Host,
        format!(
            "{} is the instance's own key, and it is not taken: its authorized_keys is lost or writable by others",
            own.path
        ),
    );
    Finding { evidence: finding.evidence, ..lost }
        .confidence(Confidence::Likely)
        .read(format!("{} is the key pair {name} that the instance was launched with", own.path))
        .refuted_by("the image's user is none of those that were asked for")
        .hint("over Session Manager: `journalctl -u ssh -u sshd` names what is owned or writable by whom; chmod go-w ~ ~/.ssh ~/.ssh/authorized_keys")
}

fn no_public_keys(conversations: &[&Observation]) -> Option<Finding> {
    let one = conversations.iter().find(|one| {
        let methods = one.ssh().and_then(|words| words.methods.as_ref());
        methods
            .is_some_and(|methods| !methods.is_empty() && !methods.iter().any(|method| method == "publickey"))
    })?;
    Some(
        Finding::new("H38", Side::Service, "the server takes no public keys from this user")
            .seen(Some(one))
            .refuted_by("`ssh -v` lists publickey among the methods")
            .hint("set PubkeyAuthentication yes in sshd_config, or log in as another user"),
    )
}
