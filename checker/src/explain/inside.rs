//! The second vantage point: what the instance itself says, held against what was seen from outside. A packet that
//! arrived clears the way in, an answer that left clears the host; what is then left is the way back.

use super::case::{Case, Service, Vantage};
use super::diagnosis::{Confidence, Evidence, Finding, Kind, Side, Suspect};
use super::seen::Seen;
use crate::evaluate::Direction;
use crate::host::facts::Facts;
use crate::host::firewall::Decision;
use crate::host::{self, Problem, Told};
use crate::network::Missing;
use crate::probe::observation::Observation;

/// What became of the client's packets, as the instance saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// None of them arrived.
    NotIn,
    /// They arrived, and its answers left.
    Answered,
    /// They arrived, and it refused.
    Refused,
    /// They arrived, and nothing left.
    Swallowed,
    /// It was not watched, or nobody knows whom to watch for.
    Unknown,
}

fn facts<'a>(case: &Case<'a>) -> Option<&'a Facts> {
    let asked = case.service() != Service::Postgres;
    case.inside.filter(|_| asked)?.facts.known()
}

/// What was watched tells of now; a half-open connection may be a minute old, and counts where nobody watched.
fn way(facts: &Facts) -> Way {
    let half_open = facts.half_open.known().is_some_and(|count| *count > 0);
    match (&facts.arrivals, facts.question.client) {
        (Told::Known(seen), Some(_)) if seen.watched_ms > 0 => match (seen.syn, seen.syn_ack, seen.reset) {
            (0, _, _) => Way::NotIn,
            (_, answers, _) if answers > 0 => Way::Answered,
            (_, _, refusals) if refusals > 0 => Way::Refused,
            _ => Way::Swallowed,
        },
        (_, Some(_)) if half_open => Way::Answered,
        _ => Way::Unknown,
    }
}

/// The findings of both vantage points, the cause that comes first on the way first.
pub fn merged(case: &Case, seen: Seen, one: Option<&Observation>, found: Vec<Finding>) -> Vec<Finding> {
    let (Some(facts), Some(inside)) = (facts(case), case.inside) else { return offered(case, seen, found) };
    let way = way(facts);
    // Of what was seen from here, a connection that came about shows nothing of them.
    let from_here = one.filter(|_| seen != Seen::Spoke);
    let own: Vec<Finding> =
        problems(&inside.instance, facts).into_iter().map(|finding| finding.seen(from_here)).collect();
    let heard = |finding: Finding| {
        let line = in_words(&inside.instance, facts, way);
        let said = finding.evidence.iter().any(|evidence| evidence.line() == line);
        if said { finding } else { finding.read(line) }
    };
    match (seen, way) {
        (Seen::Spoke, _) => [found, own].concat(),
        (Seen::Connected, _) => instead_of_guesses(own, found),
        (Seen::Refused, Way::NotIn) => [vec![heard(forged().seen(one))], found, own].concat(),
        (_, Way::Answered) => {
            let (back, others) = split(found, Direction::Return);
            let back = if back.is_empty() { vec![lost_on_the_way_back(case).seen(one)] } else { back };
            [back.into_iter().map(heard).collect(), without_guesses(cleared(others)), own].concat()
        }
        (Seen::Refused, _) => instead_of_guesses(own, found),
        (_, Way::Swallowed | Way::Refused) => {
            let own = if own.iter().any(is_of_the_way) {
                own
            } else {
                [vec![swallowed(facts, way).seen(one)], own].concat()
            };
            [own.into_iter().map(heard).collect(), without_guesses(cleared(found))].concat()
        }
        (_, Way::NotIn) => {
            let found = without_guesses(found);
            let found = if found.iter().any(|finding| finding.kind == Kind::Cause) {
                found
            } else {
                [vec![lost_on_the_way_in(case).seen(one)], found].concat()
            };
            [found.into_iter().map(heard).collect(), own].concat()
        }
        (_, Way::Unknown) => {
            if own.iter().any(is_of_the_way) {
                instead_of_guesses(own, found)
            } else {
                [found, own].concat()
            }
        }
    }
}

/// Where the host can only be guessed at, it can be asked.
fn offered(case: &Case, seen: Seen, mut found: Vec<Finding>) -> Vec<Finding> {
    let unheard = case.inside.is_none() && case.vantage == Vantage::Outside && case.service() == Service::Ssh;
    let lost = matches!(seen, Seen::TimedOut | Seen::NoWay | Seen::Refused | Seen::Connected);
    if let Some(first) = found.first_mut().filter(|first| unheard && lost && is_a_guess(first)) {
        first.hint.push_str("; or ask the instance itself: the same command with --from-instance");
    }
    found
}

/// What is worth knowing and is no fault.
pub fn notes(case: &Case, seen: Seen) -> Vec<String> {
    let Some(inside) = case.inside else { return Vec::new() };
    match (&inside.facts, seen) {
        (Told::Unknown(why), _) => vec![format!("{} was not heard: {why}; {}", inside.instance, inside.hint)],
        (Told::Known(facts), Seen::Spoke)
            if case.service() != Service::Postgres && host::problems(facts).is_empty() =>
        {
            vec![format!(
                "this machine reaches it, and {} itself finds nothing that keeps a login out",
                inside.instance
            )]
        }
        (Told::Known(facts), _) => undecided(facts).into_iter().collect(),
    }
}

fn undecided(facts: &Facts) -> Option<String> {
    match &facts.firewall {
        Told::Known(Decision::Unknown(rule)) => Some(format!(
            "whether the instance's own firewall lets it in hangs on a rule that cannot be decided: {rule}"
        )),
        _ => None,
    }
}

/// That nobody was heard is something that was not read.
pub fn unknown(case: &Case) -> Option<Missing> {
    let inside = case.inside?;
    Some(Missing::new(format!("what {} itself sees", inside.instance), inside.facts.why()?))
}

/// The roots; their consequences are what shows them.
fn problems(instance: &str, facts: &Facts) -> Vec<Finding> {
    let all = host::problems(facts);
    all.iter().filter(|problem| problem.is_root()).map(|root| finding(instance, root, &all)).collect()
}

fn finding(instance: &str, root: &Problem, all: &[Problem]) -> Finding {
    let follow =
        all.iter().filter(|other| other.follows.contains(&root.kind)).map(|other| other.verdict.as_str());
    let follow: Vec<&str> = follow.collect();
    let finding = Finding::new(root.kind.symptom(), side(root), &root.verdict);
    let finding =
        root.evidence.iter().fold(finding, |finding, line| finding.read(format!("on {instance}: {line}")));
    let finding = if follow.is_empty() {
        finding
    } else {
        finding.read(format!("on {instance}, because of that: {}", follow.join("; ")))
    };
    finding
        .refuted_by("`vivarium-agent probe` on the instance says otherwise when it is asked again")
        .hint(format!("on {instance} (`aws ssm start-session --target {instance}`): {}", root.hint))
}

fn side(problem: &Problem) -> Side {
    use host::Kind as K;
    match problem.kind {
        K::DiskFull | K::InodesFull | K::OutOfMemory | K::HostFirewall | K::NoWayBack | K::TcpWrappers => {
            Side::Host
        }
        _ => Side::Service,
    }
}

/// What stops a packet, and not only a login.
fn is_of_the_way(finding: &Finding) -> bool {
    matches!(finding.symptom, Some("H9" | "H20" | "H23" | "H25")) && finding.kind == Kind::Cause
}

/// What was guessed of the host without having seen it: no gate, and less than certain; or that nothing can be told.
fn is_a_guess(finding: &Finding) -> bool {
    let gate = finding.evidence.iter().any(|evidence| matches!(evidence, Evidence::Gate { .. }));
    finding.kind == Kind::Unknown || finding.side == Side::Host && !gate
}

fn without_guesses(found: Vec<Finding>) -> Vec<Finding> {
    found.into_iter().filter(|finding| !is_a_guess(finding)).collect()
}

/// What was seen there goes before what was guessed here; where nothing was seen the guess stays.
fn instead_of_guesses(own: Vec<Finding>, found: Vec<Finding>) -> Vec<Finding> {
    if own.is_empty() { found } else { [own, without_guesses(found)].concat() }
}

/// Those whose gate is in this direction, and the others.
fn split(found: Vec<Finding>, direction: Direction) -> (Vec<Finding>, Vec<Finding>) {
    found.into_iter().partition(|finding| {
        finding.evidence.iter().any(|evidence| match evidence {
            Evidence::Gate { gate, .. } => gate.direction == direction && gate.blocks(),
            _ => false,
        })
    })
}

/// A gate on the way in that blocks does not fit with a packet that came in.
fn cleared(found: Vec<Finding>) -> Vec<Finding> {
    let (forward, others) = split(found, Direction::Forward);
    // What is not in the way is not changed.
    let forward = forward.into_iter().map(|finding| {
        let finding = finding.kind(Kind::Contradiction).fix(None);
        finding.read("and yet the client's packets arrive at the instance")
    });
    others.into_iter().chain(forward).collect()
}

fn in_words(instance: &str, facts: &Facts, way: Way) -> String {
    let client = facts.question.client.map_or_else(|| "anybody".to_owned(), |client| client.to_string());
    let seen = facts.arrivals.known().copied().unwrap_or_default();
    let half = facts.half_open.known().copied().unwrap_or_default();
    match way {
        Way::NotIn => format!("on {instance}: no packet of {client} arrived in {} ms", seen.watched_ms),
        Way::Answered if seen.syn_ack > 0 => format!(
            "on {instance}: {} first packets of {client} arrived, and {} answers left",
            seen.syn, seen.syn_ack
        ),
        Way::Answered => format!("on {instance}: {half} connections of {client} are half open (SYN_RECV)"),
        Way::Refused => format!("on {instance}: packets of {client} arrived and were refused"),
        Way::Swallowed => {
            format!("on {instance}: {} first packets of {client} arrived, and no answer left", seen.syn)
        }
        Way::Unknown => format!("on {instance}: it was not seen whether packets of {client} arrive"),
    }
}

/// H18, proven: what the instance did not see it cannot have refused.
fn forged() -> Finding {
    Finding::new("H18", Side::Client, "the refusal is not the instance's: nothing of yours arrives there")
        .confidence(Confidence::Likely)
        .suspects([Suspect::OnTheWay])
        .refuted_by("the instance sees a packet of this machine under another address")
        .hint("use another network, or go over 443: Session Manager or EC2 Instance Connect Endpoint")
}

/// H7 where no rule that was read says so.
fn lost_on_the_way_back(case: &Case) -> Finding {
    Finding::new(
        case.symptom("H7", "P7").or(Some("H7")),
        Side::Configuration,
        "the instance is reached and answers, and its answers are lost on the way back",
    )
    .confidence(Confidence::Likely)
    .refuted_by("a packet that was caught on this machine shows the answer")
    .hint(
        "let the subnet's network ACL send to 1024-65535 of the client's address, give the subnet's route table a way \
         to it; then see what filters incoming packets in the client's own network",
    )
}

fn lost_on_the_way_in(case: &Case) -> Finding {
    let read = case.trace.is_some_and(|trace| trace.blockers.is_empty() && trace.unknowns.is_empty());
    let verdict = "your packets never reach the instance: they are lost on the way in";
    if read {
        Finding::new(case.symptom("H17", "H17"), Side::Client, verdict)
            .confidence(Confidence::Likely)
            .suspects([Suspect::OnTheWay])
            .read("every gate of the configuration lets them in")
            .refuted_by(
                "the instance sees packets of this machine under another address than the one it watched for",
            )
            .hint("use another network (a phone's will do): this one, or its address, is not what AWS sees")
    } else {
        Finding::new(None, Side::Configuration, verdict)
            .confidence(Confidence::Likely)
            .refuted_by("the instance sees packets of this machine under another address than the one it watched for")
            .hint("see the instance's security groups, its subnet's network ACL inbound, its route table and its public address")
    }
}

/// It arrived, and what stops it there was not found.
fn swallowed(facts: &Facts, way: Way) -> Finding {
    let verdict = if way == Way::Refused {
        "the instance itself refuses, and this machine does not hear it"
    } else {
        "your packets reach the instance, and something on it swallows them"
    };
    let finding = Finding::new("H25", Side::Host, verdict)
        .confidence(Confidence::Likely)
        .refuted_by("an answer is seen to leave the instance (`tcpdump -ni any tcp port 22`)")
        .hint("see the host's own rules: `nft list ruleset`, `iptables-save`; and rp_filter: `sysctl net.ipv4.conf.all.rp_filter`");
    match (&facts.firewall, undecided(facts)) {
        (_, Some(line)) => finding.read(line),
        (Told::Unknown(why), None) => finding.read(format!("its firewall could not be read: {why}")),
        (Told::Known(_), None) => finding,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::host::facts::Arrivals;
    use crate::host::{Inside, sound};
    use crate::probe::observation::{Asked, Outcome};

    fn seen_from_here(outcome: Outcome) -> Observation {
        let address = "203.0.113.5:22".parse().ok();
        let (asked, at, elapsed) = (Asked::Port, Timestamp::UNIX_EPOCH, Duration::from_millis(80));
        Observation { asked, address, from: None, at, elapsed, outcome }
    }

    fn explained(outcome: Outcome, arrivals: Arrivals, change: impl Fn(&mut Facts)) -> Vec<Finding> {
        let mut facts = Facts { arrivals: Told::Known(Arrivals { watched_ms: 3000, ..arrivals }), ..sound() };
        change(&mut facts);
        let inside = Inside { instance: "i-1".into(), facts: Told::Known(facts), hint: String::new() };
        let observations = [seen_from_here(outcome)];
        let case = Case {
            service: Some(Service::Ssh),
            port: 22,
            address: observations[0].address,
            observations: &observations,
            inside: Some(&inside),
            ..Case::default()
        };
        crate::explain::explain(&case).findings
    }

    fn first(findings: &[Finding]) -> (Option<&'static str>, Side) {
        let one = findings.first().expect("there is a finding");
        (one.symptom, one.side)
    }

    const NOTHING: Arrivals = Arrivals { watched_ms: 0, syn: 0, syn_ack: 0, reset: 0, others: 0 };
    const SWALLOWED: Arrivals = Arrivals { syn: 3, ..NOTHING };
    const ANSWERED: Arrivals = Arrivals { syn: 3, syn_ack: 5, ..NOTHING };

    #[test]
    fn without_a_word_of_the_configuration_the_two_views_tell_the_way_in_from_the_way_back() {
        let of = |arrivals| explained(Outcome::TimedOut, arrivals, |_| ());
        let [way_in, way_back, host] = [of(NOTHING), of(ANSWERED), of(SWALLOWED)];
        assert_eq!(first(&way_in), (None, Side::Configuration));
        assert!(way_in[0].verdict.contains("never reach the instance"), "{}", way_in[0].verdict);
        assert_eq!(first(&way_back), (Some("H7"), Side::Configuration));
        assert_eq!(first(&host), (Some("H25"), Side::Host));
        for found in [way_in, way_back, host] {
            assert!(
                found.iter().all(|finding| finding.kind == Kind::Cause),
                "nothing is left open: {found:#?}"
            );
        }
    }

    #[test]
    fn a_half_open_connection_is_an_answer_that_was_not_heard_where_nobody_watched() {
        let left_over = |facts: &mut Facts| facts.half_open = Told::Known(1);
        assert_eq!(
            first(&explained(Outcome::TimedOut, NOTHING, left_over)).0,
            None,
            "it may be a minute old"
        );
        let found = explained(Outcome::TimedOut, NOTHING, |facts| {
            left_over(facts);
            facts.arrivals = Told::Unknown("not root".into());
        });
        assert_eq!(first(&found), (Some("H7"), Side::Configuration));
        assert!(found[0].evidence.iter().any(|one| one.line().contains("SYN_RECV")), "{found:#?}");
    }

    #[test]
    fn what_the_instance_did_not_see_it_did_not_refuse() {
        let found = explained(Outcome::Refused, NOTHING, |_| ());
        assert_eq!(first(&found), (Some("H18"), Side::Client));
        let refused = Arrivals { syn: 1, reset: 1, ..NOTHING };
        let found = explained(Outcome::Refused, refused, |facts| facts.sshd.processes = Told::Known(0));
        assert_eq!(first(&found).0, Some("H23"));
    }

    #[test]
    fn a_rule_that_cannot_be_decided_is_said_to_be_and_blamed_for_nothing() {
        let rule = "table ip t, chain c: limit accept";
        let found = explained(Outcome::TimedOut, SWALLOWED, |facts| {
            facts.firewall = Told::Known(Decision::Unknown(rule.to_owned()));
        });
        assert_eq!(found[0].confidence, Confidence::Likely);
        assert!(found[0].evidence.iter().any(|one| one.line().contains(rule)), "{found:#?}");
    }

    #[test]
    fn where_nobody_watched_the_host_is_still_judged_and_the_rest_stays_open() {
        let unwatched = |facts: &mut Facts| facts.arrivals = Told::Unknown("not root".into());
        let found = explained(Outcome::TimedOut, NOTHING, unwatched);
        assert!(found.iter().any(|finding| finding.kind == Kind::Unknown), "{found:#?}");
        let found = explained(Outcome::TimedOut, NOTHING, |facts| {
            unwatched(facts);
            facts.way_back = Told::Known(None);
        });
        assert_eq!(first(&found).0, Some("H9"));
    }
}
