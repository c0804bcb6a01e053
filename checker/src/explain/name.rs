//! Names: none found, or one that leads where nobody can go from here.

use super::case::{Case, Service, Vantage};
use super::diagnosis::{Finding, Side};
use super::seen::Seen;
use crate::network::is_private;
use crate::probe::observation::{Asked, Observation, Outcome, Unresolved};

/// What the name does.
pub fn findings(case: &Case, seen: Seen, one: Option<&Observation>) -> Vec<Finding> {
    let unresolved = one.filter(|_| seen == Seen::Unresolved).and_then(|one| unresolved(case, one));
    unresolved.into_iter().chain(private(case, seen, one)).collect()
}

fn unresolved(case: &Case, one: &Observation) -> Option<Finding> {
    let Outcome::Unresolved { why } = &one.outcome else { return None };
    let name = match &one.asked {
        Asked::Name { name } => name.clone(),
        _ => case.to.clone(),
    };
    let (verdict, hint) = words(why, &name, case);
    let symptom = match (case.service(), case.vantage, why) {
        (Service::Postgres, Vantage::Outside, _)
        | (Service::Postgres, _, Unresolved::NoSuchName | Unresolved::Malformed(_)) => "P29",
        (Service::Postgres, Vantage::Instance, _) => "P30",
        _ => "H14",
    };
    Some(
        Finding::new(symptom, Side::Name, verdict)
            .seen(Some(one))
            .refuted_by("another name server, asked for the same name, has an address")
            .hint(hint),
    )
}

fn words(why: &Unresolved, name: &str, case: &Case) -> (String, String) {
    let vpc = if case.vantage == Vantage::Instance {
        "see that the VPC's enableDnsSupport is on and that /etc/resolv.conf names its resolver"
    } else {
        "see which name servers this machine asks, and try another network"
    };
    let compare = match case.service() {
        Service::Postgres => {
            "compare it with the endpoint in `aws rds describe-db-instances`: a stopped, deleted or still creating \
             database has none, and names of other Regions differ by one word"
        }
        _ => {
            "compare it with PublicDnsName in `aws ec2 describe-instances`: it changes with the public address"
        }
    };
    match why {
        Unresolved::NoSuchName => (format!("there is no name {name}"), compare.into()),
        Unresolved::NoAddress => (format!("{name} has no address"), compare.into()),
        Unresolved::ServerFailed(word) => (format!("the name server failed on {name} ({word})"), vpc.into()),
        Unresolved::TimedOut => (format!("no name server answered for {name}"), vpc.into()),
        Unresolved::NoNameServer => ("this machine knows no name server".into(), vpc.into()),
        Unresolved::Malformed(why) => (
            format!("{name} is not a name: {why}"),
            "give the host alone: without a scheme, a port or a slash".into(),
        ),
    }
}

/// H11 and P1: the class of the address says it, without a word from AWS.
fn private(case: &Case, seen: Seen, one: Option<&Observation>) -> Option<Finding> {
    let address = case.address?.ip();
    let lost = matches!(seen, Seen::TimedOut | Seen::NoWay);
    // What the configuration knows it says better.
    let said = case.trace.is_some_and(|trace| !trace.blockers.is_empty());
    if !lost || said || !is_private(address) || case.vantage == Vantage::Instance || address.is_loopback() {
        return None;
    }
    let answer = case.observations.iter().find(|one| matches!(one.outcome, Outcome::Resolved { .. }));
    let verdict = format!("{address} is a private address, and you are outside its VPC");
    let hint = match case.service() {
        Service::Postgres => {
            "the database is not publicly accessible: go through an instance of its VPC, with a tunnel of SSH"
        }
        _ => "use the instance's public address, or go through one that has one",
    };
    Some(
        Finding::new(case.symptom("H11", "P1"), Side::Name, verdict)
            .seen(answer)
            .seen(one)
            .refuted_by("a VPN leads from this machine into the VPC")
            .hint(hint),
    )
}
