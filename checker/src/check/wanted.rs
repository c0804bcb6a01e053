//! What is to be looked at: one thing that was typed, or all that the settings name.

use super::{Trouble, path, postgres, ssh};
use crate::cli::Command;
use crate::config::Settings;
use crate::network::Protocol;

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// An SSH server.
    Ssh(ssh::Wanted),
    /// A database.
    Postgres(postgres::Wanted),
    /// What the configuration says of a connection.
    Path(path::Wanted),
}

impl Wanted {
    /// As it was asked: `ssh my-instance`.
    pub fn said(&self) -> String {
        match self {
            // Of a URL only its host: it may hold a password.
            Self::Ssh(ssh) => format!("ssh {}", shown(&ssh.target)),
            Self::Postgres(postgres) => format!("postgres {}", shown(&postgres.target)),
            Self::Path(path) => format!("path --from {} --to {} --port {}", path.from, path.to, path.port),
        }
    }
}

fn shown(target: &str) -> &str {
    let is_plain = !target.contains("://") && !target.contains('=');
    let without = || target.rsplit('@').next()?.split('?').next();
    if is_plain { target } else { without().unwrap_or_default() }
}

/// What a command means, or the settings where there is none.
pub fn all(command: Option<&Command>, settings: &Settings) -> Result<Vec<Wanted>, Trouble> {
    let all = match command {
        Some(command) => of_command(command).into_iter().collect(),
        None => of_settings(settings),
    };
    if all.is_empty() {
        let hint = "say what to look at, such as `vivarium-check ssh TARGET`, or name it in \
                    ~/.config/vivarium/check.toml: `vivarium-check settings --sample`";
        return Err(Trouble::usage("looking at all that the settings name: they name nothing", hint));
    }
    Ok(all)
}

fn of_command(command: &Command) -> Option<Wanted> {
    match command {
        Command::Ssh(asked) => Some(Wanted::Ssh(ssh::Wanted {
            target: asked.target.clone(),
            user: asked.user.clone(),
            port: asked.port,
            identity: asked.identity.clone(),
            users: asked.users,
            sample_ports: asked.sample.sample_ports.unwrap_or_default(),
        })),
        Command::Postgres(asked) => Some(Wanted::Postgres(postgres::Wanted {
            target: asked.target.clone(),
            user: asked.user.clone(),
            port: asked.port,
            dbname: asked.dbname.clone(),
            sample_ports: asked.sample.sample_ports.unwrap_or_default(),
        })),
        Command::Path(asked) => Some(Wanted::Path(path::Wanted {
            from: asked.from.clone(),
            to: asked.to.clone(),
            port: asked.port,
            protocol: asked.protocol,
            source_ports: asked.source_ports.clone(),
        })),
        Command::Status(_)
        | Command::Replay { .. }
        | Command::Undo { .. }
        | Command::Settings { .. }
        | Command::Completions { .. }
        | Command::Man { .. } => None,
    }
}

fn of_settings(settings: &Settings) -> Vec<Wanted> {
    let ssh = settings.ssh.iter().cloned().map(|one| {
        let (target, user, port, identity) = (one.target, one.user, one.port, one.identity);
        Wanted::Ssh(ssh::Wanted { target, user, port, identity, ..ssh::Wanted::default() })
    });
    let postgres = settings.postgres.iter().cloned().map(|one| {
        let (target, user, port, dbname) = (one.target, one.user, one.port, one.dbname);
        Wanted::Postgres(postgres::Wanted { target, user, port, dbname, ..postgres::Wanted::default() })
    });
    let path = settings.path.iter().cloned().map(|one| {
        let (from, to, port) = (one.from, one.to, one.port);
        Wanted::Path(path::Wanted { from, to, port, protocol: Protocol::Tcp, source_ports: None })
    });
    ssh.chain(postgres).chain(path).collect()
}
