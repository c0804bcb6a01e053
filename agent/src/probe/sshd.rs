//! The SSH server: asked itself, by `-t` and `-T`, and asked about at systemd.

use vivarium_bootstrap::host::Host;
use vivarium_bootstrap::host::processes::Command;
use vivarium_checker::host::Told;
use vivarium_checker::host::facts::{PathFact, Policy, Sshd, Unit};
use vivarium_checker::host::sshd::{self, Fails};

use super::{PATIENCE, files, sockets};

const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"];
const CONFIGURATION: &str = "/etc/ssh/sshd_config";
const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,Result,UnitFileState,RuntimeDirectory";

/// What was seen, and how it is asked more.
pub(super) struct Seen {
    pub(super) facts: Sshd,
    /// The program and its file of configuration, where it was told another one.
    asked: Option<(String, Option<String>)>,
}

/// Looks.
pub(super) async fn look(host: &Host) -> Seen {
    let program = PROGRAMS.iter().find(|path| host.path(path).exists()).map(|path| (*path).to_owned());
    let processes = sockets::processes(host);
    let takes = |one: &&sockets::Process| {
        sshd::takes_connections(&one.name, &one.command_line) && sockets::is_of_this_network(host, one)
    };
    let own: Vec<_> = processes.iter().filter(takes).collect();
    let file = own.iter().find_map(|one| sshd::told_file(&one.command_line));
    let asked = program.clone().map(|program| (program, file));
    let (unit, test, effective) = match &asked {
        Some(asked) => tokio::join!(unit(host), test(host, asked), effective(host, asked)),
        None => (unit(host).await, Told::default(), None),
    };
    let empty_directory = empty_directory(host, &test);
    let accounts = files::text(host, "/etc/passwd");
    let facts = Sshd {
        program: Told::Known(program),
        processes: Told::Known(own.len()),
        unit,
        test,
        host_keys: asked
            .as_ref()
            .map_or_else(Told::default, |asked| host_keys(host, asked, effective.as_deref())),
        empty_directory,
        unprivileged_user: accounts.map(|text| text.lines().any(|line| line.starts_with("sshd:"))).into(),
    };
    Seen { facts, asked }
}

impl Seen {
    /// What the configuration says for one user, coming from this client.
    pub(super) async fn policy(&self, host: &Host, user: &str, client: &str) -> Told<Policy> {
        let Some(asked) = &self.asked else { return Told::Unknown("sshd is not installed".to_owned()) };
        let connection = format!("user={user},host={client},addr={client}");
        let command = command(asked).arg("-T").arg("-C").arg(connection);
        match said(host, command).await {
            Ok(text) => Told::Known(sshd::policy(&text)),
            Err(why) => Told::Unknown(format!("sshd -T: {why}")),
        }
    }
}

fn command((program, file): &(String, Option<String>)) -> Command {
    let command = Command::new(program).deadline(PATIENCE);
    match file {
        Some(file) => command.arg("-f").arg(file),
        None => command,
    }
}

async fn said(host: &Host, command: Command) -> Result<String, String> {
    match host.processes.run(command).await {
        Ok(output) if output.success() => Ok(output.text()),
        Ok(output) => Err(output.last_words()),
        Err(error) => Err(error.to_string()),
    }
}

/// Only root may read its keys, and without them it complains of nothing else.
async fn test(host: &Host, asked: &(String, Option<String>)) -> Told<Option<String>> {
    if !nix::unistd::geteuid().is_root() {
        return Told::Unknown("only root may ask `sshd -t`".to_owned());
    }
    match host.processes.run(command(asked).arg("-t")).await {
        Ok(output) if output.success() => Told::Known(None),
        Ok(output) => Told::Known(Some(output.last_words())),
        Err(error) => Told::Unknown(error.to_string()),
    }
}

async fn effective(host: &Host, asked: &(String, Option<String>)) -> Option<String> {
    let connection = "user=root,host=127.0.0.1,addr=127.0.0.1";
    said(host, command(asked).arg("-T").arg("-C").arg(connection)).await.ok()
}

fn host_keys(host: &Host, asked: &(String, Option<String>), effective: Option<&str>) -> Told<Vec<PathFact>> {
    if !nix::unistd::geteuid().is_root() {
        return Told::Unknown("only root may see the keys of the host".to_owned());
    }
    let file = asked.1.as_deref().unwrap_or(CONFIGURATION);
    let configured =
        || files::text(host, file).map(|text| sshd::configured_host_keys(&text)).unwrap_or_default();
    let mut paths = effective.map_or_else(configured, sshd::host_keys);
    if paths.is_empty() {
        paths = sshd::HOST_KEYS.map(str::to_owned).into();
    }
    Told::Known(paths.iter().map(|path| files::at(host, path)).collect())
}

/// Only where sshd complains of it is it known which one it wants.
fn empty_directory(host: &Host, test: &Told<Option<String>>) -> Told<PathFact> {
    let words = match test {
        Told::Known(Some(words)) => words,
        Told::Known(None) => return Told::Unknown("sshd does not complain of it".to_owned()),
        Told::Unknown(why) => return Told::Unknown(why.clone()),
    };
    match (sshd::fails(words), sshd::directory(words)) {
        (Fails::NoDirectory | Fails::OpenDirectory, Some(path)) => Told::Known(files::at(host, path)),
        _ => Told::Unknown("sshd does not complain of it".to_owned()),
    }
}

async fn unit(host: &Host) -> Told<Unit> {
    let units = ["ssh.service", "sshd.service"];
    let asked = Command::new("systemctl").arg("show").args(units).arg(PROPERTIES).deadline(PATIENCE);
    match said(host, asked).await {
        Ok(text) => loaded(&text)
            .map_or_else(|| Told::Unknown("systemd knows neither ssh nor sshd".to_owned()), Told::Known),
        Err(why) => Told::Unknown(why),
    }
}

/// The first unit that there is, of blocks of `Name=value`.
fn loaded(text: &str) -> Option<Unit> {
    text.split("\n\n").find_map(|block| {
        let of = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_default().to_owned()
        };
        ["loaded", "masked"].contains(&of("LoadState").as_str()).then(|| Unit {
            name: of("Id"),
            active: of("ActiveState"),
            result: of("Result"),
            enabled: of("UnitFileState"),
            makes_directory: !of("RuntimeDirectory").is_empty(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_names_the_one_that_systemd_knows_is_taken() {
        let text = "Id=ssh.service\nLoadState=not-found\nActiveState=inactive\n\nId=sshd.service\nLoadState=loaded\n\
            ActiveState=failed\nResult=exit-code\nUnitFileState=enabled\nRuntimeDirectory=sshd";
        let unit = loaded(text).expect("there is one");
        assert_eq!((unit.name.as_str(), unit.active.as_str()), ("sshd.service", "failed"));
        assert!(unit.makes_directory);
        assert_eq!(loaded("Id=ssh.service\nLoadState=not-found"), None);
    }
}
