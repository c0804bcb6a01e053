//! The way to the database, without a password: its name, its port, its readiness for TLS.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use vivarium_checker::probe::dns::{NameOutcome, resolve};
use vivarium_checker::probe::postgres::{TlsAnswer, ask_for_tls};
use vivarium_checker::probe::tcp::{TcpOutcome, connect};

use super::{Finding, Status};

const CHECK: &str = "way to the database";
const RUNG: Duration = Duration::from_millis(1300);

/// Climbs three rungs; the run itself climbs the rest.
pub(super) async fn look(host: &str, port: u16) -> Finding {
    let address = match named(resolve(host, RUNG).await.outcome, host) {
        Ok(address) => SocketAddr::new(address, port),
        Err(finding) => return finding,
    };
    let (seen, stream) = connect(address, RUNG).await;
    let Some(mut stream) = stream else {
        return unconnected(&seen.to_string(), seen.outcome);
    };
    answered(address, &ask_for_tls(&mut stream, RUNG).await)
}

fn named(outcome: NameOutcome, host: &str) -> Result<IpAddr, Finding> {
    let what = format!("{host}: {outcome}");
    match outcome {
        NameOutcome::Addresses(addresses) if !addresses.is_empty() => Ok(addresses[0]),
        _ => Err(Finding::new(CHECK, Status::Bad, what)
            .hint("check database.host, and that the VPC has DNS resolution and DNS hostnames enabled")),
    }
}

fn unconnected(what: &str, outcome: TcpOutcome) -> Finding {
    let hint = match outcome {
        TcpOutcome::TimedOut => {
            "silence: the database's security group must let this instance's in on that port; then routes and \
             network ACLs, both ways"
        }
        TcpOutcome::Refused | TcpOutcome::Reset => "check database.port, and that the database is running",
        _ => "look at this host's own routes and firewall: ip route get ADDRESS; nft list ruleset",
    };
    Finding::new(CHECK, Status::Bad, what).hint(hint)
}

fn answered(address: SocketAddr, answer: &TlsAnswer) -> Finding {
    let (status, what, hint) = match answer {
        TlsAnswer::Willing => (Status::Good, "PostgreSQL with TLS".to_owned(), ""),
        TlsAnswer::Unwilling => (
            Status::Warning,
            "PostgreSQL without TLS".to_owned(),
            "Amazon RDS always has TLS: is this the database?",
        ),
        TlsAnswer::Error(said) => (Status::Bad, format!("PostgreSQL serves nobody: {said}"), ""),
        TlsAnswer::NotPostgres(what) => {
            (Status::Bad, format!("not PostgreSQL: {what}"), "check database.host and database.port")
        }
        TlsAnswer::Closed | TlsAnswer::Silent | TlsAnswer::Broken(_) => {
            (Status::Bad, "connected, but PostgreSQL does not answer".to_owned(), "is it PostgreSQL's port?")
        }
    };
    Finding::new(CHECK, status, format!("{address}: {what}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_knows_points_at_dns_and_silence_at_security_groups() {
        let unknown = named(NameOutcome::NoSuchName, "db.example").expect_err("no address");
        assert!(unknown.what.starts_with("db.example") && unknown.hint.contains("DNS"));
        assert!(unconnected("x", TcpOutcome::TimedOut).hint.contains("security group"));
        assert!(unconnected("x", TcpOutcome::Refused).hint.contains("database.port"));
    }

    #[test]
    fn only_postgresql_with_tls_is_good() {
        let address = "10.0.2.20:5432".parse().expect("an address");
        assert_eq!(answered(address, &TlsAnswer::Willing).status, Status::Good);
        assert_eq!(answered(address, &TlsAnswer::Unwilling).status, Status::Warning);
        for bad in [TlsAnswer::Silent, TlsAnswer::Closed, TlsAnswer::NotPostgres("SSH".to_owned())] {
            assert_eq!(answered(address, &bad).status, Status::Bad);
        }
    }
}
