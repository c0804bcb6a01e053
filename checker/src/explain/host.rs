//! What is left when a packet got there, or should have: the instance itself, and what runs on it.

use super::case::{Case, Service};
use super::condition;
use super::diagnosis::{Confidence, Finding, Side, Suspect};
use crate::probe::observation::{Observation, Outcome};

/// H23: a refusal comes from the machine, never from a security group or a network ACL.
pub fn refused(case: &Case, one: Option<&Observation>) -> Finding {
    let to_itself = case.address.is_some_and(|address| address.ip().is_loopback());
    let what = match case.service() {
        Service::Ssh => "sshd does not run there",
        Service::Postgres => "PostgreSQL does not run there",
        Service::Port => "nothing listens there",
    };
    let hint = match case.service() {
        Service::Ssh => {
            "over Session Manager: `systemctl status ssh sshd`, `sshd -t`, `ss -ltnp`; a new instance may still be booting"
        }
        Service::Postgres if to_itself => {
            "see that the tunnel's ssh still runs, and on which port it listens"
        }
        Service::Postgres => {
            "use the port of the database's endpoint, and see `aws rds describe-events --source-type db-instance`"
        }
        Service::Port => "on the instance: `ss -ltnp` shows who listens, and on which address",
    };
    let finding = Finding::new(
        case.symptom("H23", if to_itself { "P31" } else { "P28" }),
        Side::Host,
        format!(
            "{} refuses, which no security group and no network ACL can: {what}, or something rejects",
            case.target()
        ),
    )
    .confidence(Confidence::Likely)
    .suspects([Suspect::Service, Suspect::HostFirewall, Suspect::OnTheWay])
    .seen(one);
    with_its_age(finding, case, one)
        .refuted_by("another port of the machine is refused in the same way though something listens on it")
        .hint(hint)
}

/// A machine that was started a moment ago.
fn with_its_age(finding: Finding, case: &Case, one: Option<&Observation>) -> Finding {
    match condition::booting(case, one) {
        Some(line) => finding.read(line),
        None => finding,
    }
}

/// H24: a firewall's "no route to host" is no route's.
pub fn no_way(case: &Case, one: &Observation) -> Option<Finding> {
    let far = match one.outcome {
        Outcome::HostUnreachable => "no route to host",
        Outcome::NetworkUnreachable | Outcome::Prohibited => "no way",
        _ => return None,
    };
    Some(
        Finding::new(
            case.symptom("H24", "H24").or(Some("H24")),
            Side::Host,
            format!("something at the other end says \"{far}\": the machine's own firewall rejects, or a router on the way"),
        )
        .confidence(Confidence::Likely)
        .suspects([Suspect::HostFirewall, Suspect::OnTheWay])
        .seen(Some(one))
        .refuted_by("`ip route get` on this machine shows no way to the address")
        .hint("over Session Manager: `nft list ruleset`, `firewall-cmd --list-all`"),
    )
}

/// H25: every gate lets it through, and nobody answers.
pub fn silent(case: &Case, one: Option<&Observation>) -> Finding {
    let other = answers_elsewhere(case);
    let client_cleared = case.controls.is_some_and(|controls| {
        let same_port = if case.port == 22 { &controls.ssh } else { &controls.web };
        same_port.iter().any(Observation::connected)
    });
    let verdict = match case.service() {
        Service::Postgres => {
            "the VPC lets it through and the database does not answer: it hangs, or you come from another address than you think"
        }
        _ => {
            "the VPC lets it through and the instance does not answer: its own firewall drops it, or it hangs"
        }
    };
    let suspects = match case.service() {
        // Nobody but AWS sets the firewall of a database's machine.
        Service::Postgres => vec![Suspect::Host, Suspect::OnTheWay],
        _ if client_cleared || other.is_some() => vec![Suspect::HostFirewall, Suspect::Host],
        _ => vec![Suspect::HostFirewall, Suspect::Host, Suspect::OnTheWay],
    };
    let finding = Finding::new(case.symptom("H25", "P39"), Side::Host, verdict)
        .confidence(if client_cleared || other.is_some() { Confidence::Likely } else { Confidence::Possible })
        .suspects(suspects)
        .seen(one)
        .seen(other)
        .read("every gate of the configuration lets it through, there and back");
    let finding = with_its_age(finding, case, one);
    let assumed = case.trace.into_iter().flat_map(|trace| &trace.assumptions);
    assumed
        .fold(finding, |finding, missing| finding.read(format!("taken for open: {missing}")))
        .refuted_by("it answers another client in another network: then it is your network, or its address for you")
        .hint(match case.service() {
            Service::Postgres => "see DatabaseConnections and CPUUtilization of the database, and try from an instance of its VPC",
            _ => "over Session Manager: `nft list ruleset`, `fail2ban-client status sshd`; else `aws ec2 describe-instance-status` and `aws ec2 get-console-output`",
        })
}

/// Another port of the same machine that answers: then it is up.
fn answers_elsewhere<'a>(case: &Case<'a>) -> Option<&'a Observation> {
    let address = case.address?;
    let elsewhere = |one: &&Observation| {
        one.address.is_some_and(|other| other.ip() == address.ip() && other.port() != address.port())
            && (one.connected() || one.outcome == Outcome::Refused)
    };
    case.observations.iter().find(elsewhere)
}
