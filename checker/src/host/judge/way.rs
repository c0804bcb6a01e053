//! The way of a packet through this host: its firewall, its wrappers, its route back.

use super::super::facts::{Facts, Wrapped};
use super::super::firewall::{Deciding, Decision};
use super::super::problem::{Kind, Problem};

pub(super) fn problems(facts: &Facts) -> Vec<Problem> {
    [firewall(facts), no_way_back(facts), wrappers(facts)].into_iter().flatten().collect()
}

fn firewall(facts: &Facts) -> Option<Problem> {
    let (does, by) = match facts.firewall.known()? {
        Decision::Drops(by) => ("drops", by),
        Decision::Rejects(by) => ("rejects", by),
        Decision::Passes | Decision::Unknown(_) => return None,
    };
    // A rule that somebody passes does not drop him, whatever was made of it.
    if facts.arrivals.known().is_some_and(|seen| seen.syn_ack > 0) {
        return None;
    }
    let port = facts.question.port;
    let client = facts.question.client.map_or_else(|| "others".to_owned(), |client| client.to_string());
    let problem = Problem::new(
        Kind::HostFirewall,
        "",
        format!("the instance's own firewall {does} tcp {port} from {client}"),
    )
    .shown_by(&by.rule);
    let problem = match facts.arrivals.known() {
        Some(seen) if seen.syn > 0 => {
            problem.shown_by(format!("{} first packets of {client} arrived, and no answer left", seen.syn))
        }
        _ => problem,
    };
    Some(problem.hint(allow(by, port)))
}

fn allow(by: &Deciding, port: u16) -> String {
    let manager = format!(
        "where firewalld or ufw made it: `firewall-cmd --permanent --add-service=ssh && firewall-cmd --reload`, \
         `ufw allow {port}/tcp`"
    );
    match &by.remove {
        Some(command) => {
            format!("take the rule away: `{command}`, and where it is written to stay; {manager}")
        }
        None => format!("let tcp {port} in; {manager}"),
    }
}

fn no_way_back(facts: &Facts) -> Option<Problem> {
    let none = facts.way_back.known()?.is_none();
    let client = facts.question.client.filter(|_| none)?;
    Some(
        Problem::new(
            Kind::NoWayBack,
            "",
            format!("the instance itself has no route to {client}: no answer leaves"),
        )
        .shown_by(format!("the kernel: network is unreachable, for {client}"))
        .hint(
            "see `ip route`: the default route by the subnet's first address is missing; `dhclient`, \
                   `networkctl reconfigure` or a reboot brings it back",
        ),
    )
}

fn wrappers(facts: &Facts) -> Option<Problem> {
    let Wrapped::TurnedAway { line } = facts.tcp_wrappers.known()? else { return None };
    let client = facts.question.client.map_or_else(|| "everybody".to_owned(), |client| client.to_string());
    Some(
        Problem::new(
            Kind::TcpWrappers,
            "",
            format!("hosts.deny turns {client} away before sshd says a word"),
        )
        .shown_by(line)
        .hint(format!(
            "take the line away, or let the client in before it: `echo 'sshd: {client}' >> /etc/hosts.allow`"
        )),
    )
}
