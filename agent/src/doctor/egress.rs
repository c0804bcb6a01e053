//! The way out: each host that a run needs, by the same door and the same proxies that a run takes.

use jiff::Timestamp;
use tokio::time::timeout;
use vivarium_bootstrap::host::http::{Answer, Http, HttpError, HttpFailure};

use super::{Finding, Status, WHOLE};

/// A host that a run needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// What a person calls it: `Anaconda's archive`.
    pub name: String,
    /// Any URL there. Whatever it answers, it has been reached.
    pub url: String,
    /// Whether a run fails without it.
    pub required: bool,
}

/// What a host said, and when it says it is.
pub(super) struct Reached {
    /// What was found.
    pub(super) finding: Finding,
    /// Its clock, where it told.
    pub(super) time: Option<Timestamp>,
}

/// Asks one host for anything.
pub(super) async fn look(http: &Http, needed: &Needed) -> Reached {
    let check = format!("egress to {}", needed.name);
    match timeout(WHOLE, http.get(&needed.url, &[])).await {
        Ok(Ok(answer)) => {
            let what = format!("{} answers ({})", host_of(&needed.url), answer.status());
            Reached { time: time_of(&answer), finding: Finding::new(check, Status::Good, what) }
        }
        Ok(Err(error)) => Reached { finding: unreached(check, needed, &error), time: None },
        Err(_) => {
            let silent = HttpError::timed_out(&needed.url, "no answer in time");
            Reached { finding: unreached(check, needed, &silent), time: None }
        }
    }
}

fn unreached(check: String, needed: &Needed, error: &HttpError) -> Finding {
    let status = if needed.required { Status::Bad } else { Status::Warning };
    let what = format!("{}: {}: {}", host_of(&needed.url), sort(error.failure()), error.detail());
    Finding::new(check, status, what).hint(hint(error))
}

fn sort(failure: HttpFailure) -> &'static str {
    use HttpFailure as F;
    match failure {
        F::Unresolved => "unresolved",
        F::Refused => "refused",
        F::ConnectTimedOut | F::TimedOut => "timed out",
        F::Unreachable => "unreachable",
        F::UnknownIssuer | F::Expired | F::NotYetValid | F::WrongName | F::Tls => "TLS",
        F::Proxy => "proxy",
        _ => "broken",
    }
}

/// Silence has its own reasons in a VPC; the rest is said by the error.
fn hint(error: &HttpError) -> &'static str {
    match error.failure() {
        HttpFailure::ConnectTimedOut | HttpFailure::TimedOut => {
            "in a VPC, silence is a missing route (NAT gateway, VPC endpoint), a security group without egress, \
             or a network ACL; or set https_proxy"
        }
        HttpFailure::Expired | HttpFailure::NotYetValid => {
            "look at this host's clock first: chronyc tracking"
        }
        _ => error.hint(),
    }
}

fn time_of(answer: &Answer) -> Option<Timestamp> {
    parse_time(answer.header("date")?)
}

/// `Mon, 23 Nov 2026 14:05:00 GMT`.
fn parse_time(text: &str) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// This host's clock against those that answered: AWS refuses signatures that are five minutes off.
pub(super) fn clock(own: Timestamp, others: &[Timestamp]) -> Finding {
    let off = |other: &Timestamp| (own.as_second() - other.as_second()).abs();
    let (status, what) = match others.iter().map(off).min() {
        None => (Status::Unknown, "no server told the time".to_owned()),
        Some(seconds) if seconds < 30 => (Status::Good, "it agrees with the servers asked".to_owned()),
        Some(seconds) if seconds < 240 => (Status::Warning, format!("it is {seconds} s off")),
        Some(seconds) => (Status::Bad, format!("it is {seconds} s off: AWS refuses what is signed by it")),
    };
    let finding = Finding::new("clock", status, what);
    if status > Status::Unknown {
        return finding.hint("set it: chronyc makestep, with 169.254.169.123 as its server");
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(required: bool) -> Needed {
        Needed { name: "the archive".to_owned(), url: "http://me:pw@127.0.0.1:1/x".to_owned(), required }
    }

    #[test]
    fn only_the_host_of_a_url_is_shown() {
        assert_eq!(host_of("https://me:secret@archive.example:8443/a/b?c"), "archive.example:8443");
        assert_eq!(host_of("archive.example"), "archive.example");
    }

    #[tokio::test]
    async fn a_refused_connection_is_bad_or_a_warning_as_the_host_is_needed() {
        for (required, status) in [(true, Status::Bad), (false, Status::Warning)] {
            let finding = look(&Http::direct(), &needed(required)).await.finding;
            assert_eq!(finding.status, status);
            assert!(finding.what.contains("refused"), "{finding}");
            assert!(!finding.to_string().contains("pw"), "{finding}");
        }
    }

    #[test]
    fn silence_and_a_bad_certificate_are_told_apart() {
        let silent = HttpError::timed_out("https://a.example/", "no answer in time");
        assert_eq!(sort(silent.failure()), "timed out");
        assert!(hint(&silent).contains("security group"));
        assert_eq!(sort(HttpFailure::UnknownIssuer), "TLS");
        assert_eq!(sort(HttpFailure::Unresolved), "unresolved");
    }

    #[test]
    fn the_clock_is_judged_by_the_server_that_agrees_best() {
        let at = |text: &str| parse_time(text).expect("a time");
        let own = at("Mon, 23 Nov 2026 14:05:00 GMT");
        let near = at("Mon, 23 Nov 2026 14:05:20 GMT");
        let far = at("Mon, 23 Nov 2026 13:05:00 GMT");
        assert_eq!(clock(own, &[]).status, Status::Unknown);
        assert_eq!(clock(own, &[far, near]).status, Status::Good);
        assert_eq!(clock(own, &[at("Mon, 23 Nov 2026 14:03:00 GMT")]).status, Status::Warning);
        assert_eq!(clock(own, &[far]).status, Status::Bad);
    }
}
