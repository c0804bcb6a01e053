//! What a PostgreSQL server's words, or the lack of them, mean. The first error counts, not the last.

use super::case::Case;
use super::diagnosis::{Confidence, Finding, Side};
use super::seen::{Seen, most_telling};
use super::{database, subject};
use crate::database::ladder::Broken;
use crate::database::verdict::{DatabaseFailure, Rung};
use crate::probe::observation::{Asked, Observation, Outcome, Words};
use crate::probe::postgres::startup::PostgresWords;

/// What is wrong with a server that connected.
pub fn findings(case: &Case, seen: Seen) -> Vec<Finding> {
    let login =
        case.login.and_then(|login| login.as_ref().err()).and_then(|broken| login_failed(case, broken));
    let on_the_wire = || match seen {
        Seen::Connected => most_telling(case).map(without_words),
        Seen::Spoke => case.observations.iter().find_map(|one| refused_everybody(case, one)),
        _ => None,
    };
    // A login went further than the wire did: what stopped it is the cause.
    login.or_else(on_the_wire).into_iter().collect()
}

/// It connected, and no PostgreSQL server spoke.
pub fn without_words(one: &Observation) -> Finding {
    let finding = |symptom, side, verdict: &str| Finding::new(symptom, side, verdict).seen(Some(one));
    match &one.outcome {
        Outcome::Spoke(Words::Unfamiliar { .. } | Words::Ssh(_)) => {
            finding("P33", Side::Service, "something answers on this port, and it is not PostgreSQL")
                .refuted_by("psql connects to the same address and port")
                .hint("use the address and port of the database's endpoint; see what else listens there")
        }
        Outcome::ClosedBeforeBanner | Outcome::Reset => finding(
            "P33",
            Side::Service,
            "the port opens and the connection ends at once: what listens there cannot reach the database",
        )
        .confidence(Confidence::Likely)
        .refuted_by("the database's own log shows the connection")
        .hint("if it is a tunnel or a proxy, see whether its far end reaches the database"),
        _ => finding("P39", Side::Service, "the port opens and the server says nothing in time")
            .confidence(Confidence::Likely)
            .refuted_by("it answers with a longer time-out")
            .hint(
                "look at CPUUtilization and CPUCreditBalance of the database; give connect_timeout more room",
            ),
    }
}

/// What it says to anybody, before it knows who asks.
fn refused_everybody(case: &Case, one: &Observation) -> Option<Finding> {
    let Some(PostgresWords::Error { code, message }) = one.postgres() else { return None };
    let finding = |symptom, verdict: &str| {
        Finding::new(symptom, Side::Service, verdict)
            .seen(Some(one))
            .refuted_by("the next attempt is answered otherwise")
    };
    match code.as_str() {
        "53300" => Some(
            finding("P24", "every connection of the database is taken")
                .hint("close what is idle: select pid, state, query from pg_stat_activity; then raise max_connections or pool"),
        ),
        "57P03" => Some(
            database::events(case)
                .fold(
                    finding("P26", &format!("the database does not take connections yet: {message}")),
                    Finding::read,
                )
                .hint("wait; `aws rds describe-events` says what it is doing"),
        ),
        // Whom it does not know, or wants to hear over TLS only, it would say so to: that is no fault.
        _ => None,
    }
}

fn login_failed(case: &Case, broken: &Broken) -> Option<Finding> {
    if matches!(broken.rung, Rung::Name | Rung::Tcp) {
        return None;
    }
    let failure = broken.failure;
    let wire = case.observations.iter().find(|one| matches!(one.asked, Asked::PostgresLogin { .. }));
    let tls_only = failure == DatabaseFailure::PasswordRefused;
    let told = database::of_login(case, failure);
    let own = of_own_files(case, failure);
    let symptom = own.as_ref().map(|(row, ..)| *row).or(told.symptom).or(symptom(failure));
    let finding = Finding::new(symptom, Side::Service, failure.verdict())
        .read(format!("{}: {}", broken.rung, broken.detail))
        .seen(wire)
        .refuted_by("the same login works from another client")
        .hint(told.hint.unwrap_or_else(|| failure.hint().to_owned()));
    let finding = match own {
        Some((_, line, hint)) => finding.read(line).hint(hint),
        None => finding,
    };
    let finding = told.lines.into_iter().fold(finding, Finding::read);
    // libpq tries again without TLS, and shows that answer: P9.
    Some(if tls_only {
        finding.read(
            "psql may show \"no pg_hba.conf entry … no encryption\" instead: that is its second attempt",
        )
    } else {
        finding
    })
}

/// What the user's own side says of it: a token that cannot be taken (P19), a password that was written for somewhere
/// else (P18), another server on the port of a tunnel (P32), a name that the certificate cannot have there (P15).
fn of_own_files(case: &Case, failure: DatabaseFailure) -> Option<(&'static str, String, String)> {
    use DatabaseFailure as F;
    let here = case.address.is_some_and(|address| address.ip().is_loopback());
    let refused = matches!(failure, F::PasswordRefused | F::TokenRefused | F::NoEntry | F::NoSuchRole);
    if let (true, Some(why)) = (refused, &case.own.token) {
        let hint = "make a token for this host, port, user and Region: `aws rds generate-db-auth-token`; it lasts 15 minutes";
        return Some(("P19", why.clone(), hint.into()));
    }
    if let (true, Some(problem)) = (refused, &case.own.password) {
        return Some(("P18", problem.words.clone(), problem.hint.clone()));
    }
    let endpoint = subject::database(case).and_then(|database| database.endpoint.as_ref());
    match failure {
        F::UnknownAuthority | F::NotVerified | F::NoTls if here => Some((
            "P32",
            "the port is one of this machine, and what answers is not RDS: a PostgreSQL of this machine has it, not the tunnel".into(),
            "give the tunnel a port of its own, such as 15432 (`ssh -L 15432:…`), and connect to that".into(),
        )),
        F::WrongHostName if here => Some((
            "P15",
            "a certificate is for the endpoint's name, never for this end of a tunnel".into(),
            format!(
                "keep the name and say where it is: host={} hostaddr=127.0.0.1",
                endpoint.map_or("ENDPOINT", |(host, _)| host)
            ),
        )),
        _ => None,
    }
}

fn symptom(failure: DatabaseFailure) -> Option<&'static str> {
    use DatabaseFailure as F;
    Some(match failure {
        F::TlsRequired | F::NoEntry => "P10",
        F::NoTls => "P11",
        F::UnknownAuthority | F::NotVerified | F::CertificateExpired | F::CertificateNotYetValid => "P12",
        F::RootsUnreadable => "P14",
        F::WrongHostName => "P15",
        F::TlsFailed | F::CertificateRefused => "P16",
        F::PasswordRefused | F::NoSuchRole | F::NoPassword => "P17",
        F::TokenRefused => "P19",
        F::UnsupportedAuthentication => "P21",
        F::NoSuchDatabase => "P22",
        F::MayNotLogIn | F::NotPermitted => "P23",
        F::SlotsFull => "P25",
        F::StartingUp | F::ShuttingDown => "P26",
        F::NotPostgres | F::ClosedEarly => "P33",
        F::Silent => "P39",
        _ => return None,
    })
}

/// What is worth knowing and is no fault.
pub fn notes(case: &Case) -> Vec<String> {
    let only_over_tls = |one: &&Observation| {
        matches!(one.postgres(), Some(PostgresWords::Error { code, message })
            if code == "28000" && (message.contains("no encryption") || message.contains("SSL off")))
    };
    let forced = case.observations.iter().find(only_over_tls);
    let seen_as =
        case.observations.iter().filter_map(Observation::postgres).find_map(PostgresWords::address_seen);
    let tls = forced.map(|_| {
        let group = database::forces_tls(case).map(|name| format!(", as {name} says")).unwrap_or_default();
        format!(
            "the database takes TLS only (rds.force_ssl{group}): clients need sslmode=require or stricter"
        )
    });
    let proof = case.login.and_then(|login| login.as_ref().ok());
    let proof = proof.map(|proof| {
        let user = case.user.as_deref().unwrap_or("the user");
        format!("{user} is let in, and SELECT NOW() says {}", proof.answer.now)
    });
    proof
        .into_iter()
        .chain(tls)
        .chain(seen_as.map(|address| format!("the database sees you as {address}")))
        .collect()
}
