//! The SSH server itself: installed, configured, running, listening.

use std::net::IpAddr;

use super::super::facts::{Facts, Listener, PathFact, Unit};
use super::super::problem::{Kind, Problem};
use super::super::sshd::{self, Fails};

const INSTALL: &str = "install it: `dnf install openssh-server` or `apt-get install openssh-server`";
/// sshd's name in systemd differs from one distribution to the next.
const START: &str = "`systemctl enable --now ssh || systemctl enable --now sshd`";
const LOOPBACK: &str = "it listens for this machine alone";

pub(super) fn problems(facts: &Facts) -> Vec<Problem> {
    let parts = [
        missing(facts),
        user(facts),
        directory(facts),
        host_keys(facts),
        configuration(facts),
        taken(facts),
        stopped(facts),
        elsewhere(facts),
    ];
    parts.into_iter().flatten().collect()
}

fn missing(facts: &Facts) -> Option<Problem> {
    let absent = facts.sshd.program.known()?.is_none() && !runs(facts);
    absent.then(|| {
        Problem::new(Kind::SshdMissing, "", "sshd is not installed")
            .shown_by("there is no sshd in /usr/sbin, /usr/local/sbin or /sbin")
            .hint(INSTALL)
    })
}

fn user(facts: &Facts) -> Option<Problem> {
    (facts.sshd.unprivileged_user.known() == Some(&false) && !runs(facts)).then(|| {
        Problem::new(Kind::UnprivilegedUser, "", "the user `sshd` is missing that sshd becomes for strangers")
            .shown_by("/etc/passwd has no sshd")
            .hint("make it: `useradd --system --no-create-home --shell /usr/sbin/nologin --home-dir /run/sshd sshd`")
    })
}

fn directory(facts: &Facts) -> Option<Problem> {
    let PathFact { path, is } = facts.sshd.empty_directory.known()?;
    let made_by_systemd = facts.sshd.unit.known().is_some_and(|unit| unit.makes_directory);
    let problem = |verdict: String, shown: String| {
        Problem::new(Kind::EmptyDirectory, path, verdict)
            .shown_by(shown)
            .hint(format!("`install -d -m 755 -o root -g root {path}`, then {START}"))
    };
    match is {
        None if !made_by_systemd || runs(facts) => Some(problem(
            format!("{path} is missing, and sshd serves nobody without it"),
            format!("{path} is not there"),
        )),
        Some(inode) if inode.owner != 0 || inode.mode & 0o022 != 0 || !inode.directory => Some(problem(
            format!("{path} is not root's alone, and sshd serves nobody with it"),
            format!("{path} has mode {:o} and is {}'s", inode.mode, owner(inode.owner)),
        )),
        _ => None,
    }
}

fn owner(uid: u32) -> String {
    if uid == 0 { "root".to_owned() } else { format!("user {uid}") }
}

fn host_keys(facts: &Facts) -> Option<Problem> {
    let keys = facts.sshd.host_keys.known()?;
    let open_to_others = |mode: u32| mode & 0o077 != 0;
    let usable = |key: &PathFact| key.is.is_some_and(|inode| !open_to_others(inode.mode) || inode.owner != 0);
    let said = facts.sshd.test.known().and_then(Option::as_deref);
    let named_so = said.is_some_and(|words| sshd::fails(words) == Fails::NoHostKeys);
    if keys.iter().any(usable) && !named_so {
        return None;
    }
    let there: Vec<String> = keys
        .iter()
        .filter_map(|key| key.is.map(|inode| format!("{} has mode {:o}", key.path, inode.mode)))
        .collect();
    let problem = Problem::new(Kind::HostKeys, "", "sshd has no key of its own that it may use");
    let problem = if there.is_empty() {
        let paths: Vec<&str> = keys.iter().map(|key| key.path.as_str()).collect();
        problem.shown_by(format!("none is there of {}", paths.join(", ")))
    } else {
        there.into_iter().fold(problem, Problem::shown_by)
    };
    Some(problem.hint(format!(
        "`ssh-keygen -A` makes those that are missing, `chmod 600 /etc/ssh/ssh_host_*_key` closes those that are open; \
         then {START}"
    )))
}

fn configuration(facts: &Facts) -> Option<Problem> {
    let words = facts.sshd.test.known()?.as_ref()?;
    if sshd::fails(words) != Fails::Configuration {
        return None;
    }
    let verdict = if runs(facts) {
        "sshd's configuration is not valid: it will not start again"
    } else {
        "sshd's configuration is not valid, and it does not start"
    };
    Some(
        Problem::new(Kind::Configuration, "", verdict)
            .shown_by(format!("sshd -t: {words}"))
            .hint(format!("mend the line that `sshd -t` names, until it says nothing; then {START}")),
    )
}

/// Whoever else listens on the port. systemd does so in sshd's place.
fn taken(facts: &Facts) -> Option<Problem> {
    let port = facts.question.port;
    let other = listeners(facts)?.iter().find(|one| {
        let known = one.program.as_deref();
        one.address.port() == port && known.is_some_and(|name| name != "systemd" && !name.starts_with("sshd"))
    })?;
    let program = other.program.as_deref().unwrap_or_default();
    Some(
        Problem::new(Kind::PortTaken, "", format!("{program} has port {port}, and sshd cannot have it"))
            .shown_by(format!("{program} listens on {}", other.address))
            .hint(format!("stop {program} or give it another port; then {START}")),
    )
}

fn stopped(facts: &Facts) -> Option<Problem> {
    let somebody = listeners(facts).is_some_and(|list| {
        list.iter().any(|one| one.address.port() == facts.question.port && is_sshds(one))
    });
    if facts.sshd.processes.known() != Some(&0) || somebody {
        return None;
    }
    let problem =
        Problem::new(Kind::SshdStopped, "", "sshd does not run").shown_by("there is no process of sshd's");
    let problem = match facts.sshd.unit.known() {
        Some(unit) => problem.shown_by(in_words(unit)),
        None => problem,
    };
    let masked = facts.sshd.unit.known().is_some_and(|unit| unit.enabled == "masked");
    let start = if masked { format!("`systemctl unmask ssh sshd`, then {START}") } else { START.to_owned() };
    Some(
        problem.hint(format!("start it: {start}; what it says then is in `journalctl -u ssh -u sshd -n 50`")),
    )
}

fn in_words(unit: &Unit) -> String {
    let Unit { name, active, result, enabled, .. } = unit;
    let result =
        if result.is_empty() || result == "success" { String::new() } else { format!(" ({result})") };
    format!("systemd: {name} is {active}{result}, {enabled}")
}

fn elsewhere(facts: &Facts) -> Option<Problem> {
    let (port, list) = (facts.question.port, listeners(facts)?);
    let own: Vec<&Listener> = list.iter().filter(|one| is_sshds(one)).collect();
    let at_port = list.iter().filter(|one| one.address.port() == port);
    let heard = |one: &Listener| !one.address.ip().is_loopback();
    let mut at_port = at_port.peekable();
    let nobody = at_port.peek().is_none();
    if (nobody && own.is_empty())
        || at_port.any(|one| heard(one) && answers(one.address.ip(), facts.question.client))
    {
        return None;
    }
    let where_it_is: Vec<String> = own.iter().map(|one| one.address.to_string()).collect();
    if where_it_is.is_empty() {
        return None;
    }
    let verdict =
        format!("sshd does not listen on port {port} for others, but on {}", where_it_is.join(", "));
    let why = if nobody { "nobody listens on the port" } else { LOOPBACK };
    Some(
        Problem::new(Kind::ListensElsewhere, "", verdict)
            .shown_by(format!("sshd listens on {}; {why}", where_it_is.join(", ")))
            .hint(
                "use that port (`ssh -p PORT`, and let it through the security group), or set Port and ListenAddress \
                 in /etc/ssh/sshd_config, try `sshd -t`, and `systemctl reload ssh || systemctl reload sshd`",
            ),
    )
}

/// A socket of version 6 that listens on all addresses may take version 4 too.
fn answers(own: IpAddr, client: Option<IpAddr>) -> bool {
    own.is_unspecified() && (own.is_ipv6() || client.is_none_or(|client| client.is_ipv4()))
        || !own.is_unspecified() && client.is_none_or(|client| client.is_ipv4() == own.is_ipv4())
}

fn listeners(facts: &Facts) -> Option<&Vec<Listener>> {
    facts.listeners.known()
}

fn is_sshds(one: &Listener) -> bool {
    one.program
        .as_deref()
        .is_some_and(|name| name.starts_with("sshd") || name == "systemd" && one.address.port() == 22)
}

/// Whether it runs, whatever a test would say of a start.
fn runs(facts: &Facts) -> bool {
    facts.sshd.processes.known().is_some_and(|count| *count > 0)
}
