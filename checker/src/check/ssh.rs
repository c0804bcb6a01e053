//! `ssh`: what the user's own files say of the target, then what the server says, held against the configuration.

use std::path::{Path, PathBuf};

use russh::keys::PublicKey;

use super::look::{Means, mistake};
use super::record::{Question, Record};
use super::{Surroundings, Trouble};
use crate::explain::{KnownHost, OwnKey, OwnProblem, Service};
use crate::local::ssh_config::{self, SshSettings};
use crate::local::target::{self, Place, Target};
use crate::local::{Mistake, agent, key_file, known_hosts};
use crate::probe::controls::Controls;
use crate::probe::round::{Inquiry, SshInquiry};

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// As it was typed.
    pub target: String,
    /// Over what the target and the configuration of ssh say.
    pub user: Option<String>,
    /// The same.
    pub port: Option<u16>,
    /// The same.
    pub identity: Option<PathBuf>,
    /// Whether to ask for users and keys.
    pub users: bool,
    /// From how many of this machine's ports to connect besides; 0 unless asked for.
    pub sample_ports: u16,
}

/// Hosts that answer from anywhere. The one tells a network that lets nothing out, the other one that closes port 22.
const KNOWN_ON_THE_WEB: &str = "checkip.amazonaws.com";
const KNOWN_BY_SSH: &str = "github.com";

/// The users that images come with, asked in turn after the one that was named.
const USUAL: [&str; 3] = ["ec2-user", "ubuntu", "admin"];

/// Looks.
pub async fn look(wanted: &Wanted, means: &Means<'_>) -> Result<Record, Trouble> {
    let typed = target::parse(&wanted.target).map_err(|error| mistake(&error))?;
    let settings = settings(&typed, wanted, means)?;
    let place = match &settings.host_name {
        Some(name) => target::parse(name).map_err(|error| mistake(&error))?.place,
        None => typed.place.clone(),
    };
    let reach = means.reach(&place)?;
    let port = wanted.port.or(typed.port).or(settings.port).unwrap_or(22);
    let known = known(&settings, &reach.host, port)?;
    let inquiry = Inquiry {
        host: reach.host.clone(),
        ssh: Some(SshInquiry {
            port,
            user: settings.user.clone(),
            prefer: known.algorithms(),
            users: if wanted.users { users(settings.user.as_deref()) } else { Vec::new() },
            keys: if wanted.users { keys(&settings)? } else { Vec::new() },
        }),
        postgres: None,
        controls: controls(means),
        source_ports: wanted.sample_ports.into(),
        deadline: means.deadline(),
    };
    let mut record = Record::of(Question {
        service: Service::Ssh,
        from: String::new(),
        to: reach.end.unwrap_or_default(),
        target: wanted.target.trim().to_owned(),
        port,
        protocol: "tcp".into(),
        source_ports: None,
        user: settings.user.clone(),
    });
    record.notes = notes(&settings, wanted.identity.as_deref());
    record.own.keys = own_keys(&settings);
    if let Some(socket) = means.surroundings.variable("SSH_AUTH_SOCK") {
        record.own.agent_keys = agent::keys(Path::new(socket)).await;
    }
    means.observe(&mut record, &inquiry).await;
    record.known_host = held_against(&record, &known, file(&settings));
    Ok(record)
}

fn settings(typed: &Target, wanted: &Wanted, means: &Means) -> Result<SshSettings, Trouble> {
    let home = means.surroundings.home();
    let mut settings = configured(typed, wanted, means.surroundings).map_err(|error| mistake(&error))?;
    if let Some(identity) = &wanted.identity {
        settings.identity_files = vec![means.surroundings.at_home(identity)];
    }
    if settings.identity_files.is_empty() {
        settings.identity_files =
            ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| home.join(".ssh").join(name)).into();
    }
    Ok(settings)
}

/// What ssh's own files say of it.
fn configured(typed: &Target, wanted: &Wanted, surroundings: &Surroundings) -> Result<SshSettings, Mistake> {
    let home = surroundings.home();
    let question = ssh_config::Question {
        host: host(&typed.place),
        user: wanted.user.clone().or(typed.user.clone()),
        local_user: surroundings.user(),
        home: home.clone(),
    };
    ssh_config::read(&ssh_config::usual_files(&home), &question)
}

/// Where ssh's own files say that the target is, if they do. What is wrong with them is told when it is looked at.
pub fn host_name(wanted: &Wanted, surroundings: &Surroundings) -> Option<String> {
    let typed = target::parse(&wanted.target).ok()?;
    configured(&typed, wanted, surroundings).ok()?.host_name
}

fn host(place: &Place) -> String {
    match place {
        Place::Instance(word) | Place::Database(word) | Place::HostName(word) | Place::Word(word) => {
            word.clone()
        }
        Place::Address(address) => address.to_string(),
        Place::Url(_) => String::new(),
    }
}

fn known(settings: &SshSettings, host: &str, port: u16) -> Result<known_hosts::Recorded, Trouble> {
    let name = settings.host_key_alias.as_deref().unwrap_or(host);
    known_hosts::read(file(settings), name, port).map_err(|error| mistake(&error))
}

fn file(settings: &SshSettings) -> &Path {
    settings.known_hosts.first().map_or(Path::new("known_hosts"), PathBuf::as_path)
}

/// Known hosts to compare with; nobody outside is asked where nothing outside may be.
fn controls(means: &Means) -> Controls {
    let known = |name: &str, port| means.online.then(|| (name.to_owned(), port));
    Controls { closed: None, web: known(KNOWN_ON_THE_WEB, 443), ssh: known(KNOWN_BY_SSH, 22) }
}

fn users(named: Option<&str>) -> Vec<String> {
    let usual = USUAL.into_iter().filter(|user| Some(*user) != named);
    named.into_iter().chain(usual).map(str::to_owned).collect()
}

/// The public halves of the user's keys.
fn keys(settings: &SshSettings) -> Result<Vec<PublicKey>, Trouble> {
    let mut keys = Vec::new();
    for path in settings.identity_files.iter().filter(|path| path.exists()) {
        keys.extend(key_file::read(path).map_err(|error| mistake(&error))?.public_key);
    }
    if keys.is_empty() {
        let hint = "name one with --identity FILE; only its public half is used";
        return Err(Trouble::usage("asking which users would be let in: there is no key to ask for", hint));
    }
    Ok(keys)
}

/// The user's keys, as far as an explanation needs them. One that cannot be read is noted.
fn own_keys(settings: &SshSettings) -> Vec<OwnKey> {
    let read = settings.identity_files.iter().filter_map(|path| key_file::read(path).ok());
    read.map(|key| {
        let problem = |problem: &key_file::Problem| OwnProblem {
            symptom: problem.symptom().into(),
            words: problem.words(),
            hint: problem.hint(&key.path),
        };
        // Without the comment, which says whose it is.
        let line = |key: &PublicKey| {
            let line = key.to_openssh().unwrap_or_default();
            line.split(' ').take(2).collect::<Vec<_>>().join(" ")
        };
        OwnKey {
            path: key.path.display().to_string(),
            fingerprint: key.fingerprint(),
            public_key: key.public_key.as_ref().map(line),
            problems: key.problems.iter().map(problem).collect(),
            of_ec2: key.of_ec2,
            encrypted: key.encrypted,
        }
    })
    .collect()
}

/// What will keep ssh from getting there, whatever the network does.
fn notes(settings: &SshSettings, identity: Option<&Path>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(jump) = &settings.proxy_jump {
        notes.push(format!("ssh goes by way of {jump} (ProxyJump); the probes went straight"));
    }
    if let Some(command) = &settings.proxy_command {
        notes.push(format!(
            "ssh goes by a command of its own (ProxyCommand {command}); the probes went straight"
        ));
    }
    for path in settings.identity_files.iter().filter(|path| identity.is_some() || path.exists()) {
        match key_file::read(path) {
            Ok(key) => {
                notes.extend(key.problems.iter().map(|problem| {
                    format!("ssh cannot use {} as it is: {}", path.display(), problem.hint(path))
                }));
            }
            Err(error) => notes.push(format!("{error}; {}", error.hint())),
        }
    }
    notes
}

fn held_against(record: &Record, known: &known_hosts::Recorded, file: &Path) -> KnownHost {
    let heard = record.round.iter().flat_map(|round| &round.ssh).find_map(|one| one.ssh()?.host_key.as_ref());
    let line = |line| format!("{} line {line}", file.display());
    match heard.and_then(|key| known.verdict_on(&key.public_key)) {
        None => KnownHost::NotAsked,
        Some(known_hosts::KnownHost::Unknown | known_hosts::KnownHost::OtherKinds { .. }) => KnownHost::New,
        Some(known_hosts::KnownHost::Known { .. }) => KnownHost::Same,
        Some(
            known_hosts::KnownHost::Changed { line: at, .. } | known_hosts::KnownHost::Revoked { line: at },
        ) => KnownHost::Changed { place: line(at) },
    }
}
