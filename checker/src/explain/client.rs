//! Controls turn blame: a network that answers for others, that lets nothing out, or that closes port 22, is the
//! client's own, whatever the configuration says.

use std::time::Duration;

use super::case::{Case, Service, Vantage};
use super::diagnosis::{Confidence, Finding, Side};
use super::seen::Seen;
use crate::network::is_private;
use crate::probe::controls::Controlled;
use crate::probe::dns::NO_WAY_THERE;
use crate::probe::observation::{Observation, Outcome, Unresolved};

/// Nearer than any Region is to a person who is outside it.
const TOO_NEAR: Duration = Duration::from_millis(5);
/// Far enough for a comparison with it to mean something: a busy machine is late by 20 ms itself.
const FAR: Duration = Duration::from_millis(50);

/// What the client's own network or machine does.
pub fn findings(case: &Case, seen: Seen, one: Option<&Observation>) -> Vec<Finding> {
    let controlled = case.controls.into_iter().flat_map(|controls| {
        [
            captive(controls, seen),
            no_way_out(case, controls, seen, one),
            port_closed(case, controls, seen, one),
            forged(controls, seen, one),
        ]
    });
    let own = own_machine(case, seen, one).or_else(|| no_way_to_names(seen, one));
    controlled.flatten().chain(own).chain(two_addresses(case, seen)).collect()
}

/// H19: a port that is closed everywhere opens.
fn captive(controls: &Controlled, seen: Seen) -> Option<Finding> {
    let opened = controls.closed.as_ref().filter(|one| one.connected())?;
    let said_what_it_should = seen == Seen::Spoke;
    let finding = Finding::new(
        "H19",
        Side::Client,
        "something in your network answers for the target: a port that nobody listens on opens too",
    );
    (!said_what_it_should).then(|| {
        finding
            .seen(Some(opened))
            .refuted_by("the port is one that the target really listens on")
            .hint("log in to the network's portal, turn the proxy or VPN off, or use another network")
    })
}

/// None of them answered. A name that somebody said is not there tells of names, and not of the way out.
fn all_failed(controls: &[Observation]) -> bool {
    let of_names = |one: &Observation| match &one.outcome {
        Outcome::Unresolved { why } => !matches!(why, Unresolved::TimedOut | Unresolved::NoNameServer),
        _ => false,
    };
    !controls.is_empty() && !controls.iter().any(|one| one.connected() || of_names(one))
}

/// Whether the way out has nothing to do with it: from an instance to its own network, or where the configuration
/// was read over it and says what is in the way.
fn way_out_is_beside_the_point(case: &Case) -> bool {
    let within = case.vantage == Vantage::Instance && case.address.is_some_and(|to| is_private(to.ip()));
    within || case.trace.is_some_and(|trace| !trace.blockers.is_empty())
}

/// Nothing else is reached from here either.
fn no_way_out(case: &Case, controls: &Controlled, seen: Seen, one: Option<&Observation>) -> Option<Finding> {
    let lost = matches!(seen, Seen::TimedOut | Seen::NoWay | Seen::Unresolved);
    let finding = Finding::new(
        None,
        Side::Client,
        "your network lets nothing out: a host that always answers does not",
    );
    (lost && all_failed(&controls.web) && !way_out_is_beside_the_point(case)).then(|| {
        finding
            .seen(one)
            .seen(controls.web.last())
            .refuted_by("a browser on this machine opens a page that it has not seen before")
            .hint("connect this machine to the internet first")
    })
}

/// H17: 443 goes out, 22 does not, to anyone.
fn port_closed(case: &Case, controls: &Controlled, seen: Seen, one: Option<&Observation>) -> Option<Finding> {
    let is_ssh = case.service() == Service::Ssh || case.port == 22;
    let failed = matches!(seen, Seen::TimedOut | Seen::Refused | Seen::NoWay) && all_failed(&controls.ssh);
    let others_work = controls.web.iter().any(Observation::connected);
    let finding = Finding::new(
        "H17",
        Side::Client,
        "your network does not let SSH out: port 22 of a known host fails too",
    );
    (is_ssh && failed && others_work).then(|| {
        finding
            .seen(one)
            .seen(controls.ssh.last())
            .seen(controls.web.iter().find(|one| one.connected()))
            .refuted_by("the same instance answers on 22 to somebody else in this network")
            .hint("use another network (a phone's will do), or go over 443: Session Manager or EC2 Instance Connect Endpoint")
    })
}

/// H18: a refusal that came back from nearer than the target can be.
fn forged(controls: &Controlled, seen: Seen, one: Option<&Observation>) -> Option<Finding> {
    let refused = one.filter(|_| seen == Seen::Refused)?;
    // The quickest of them: one alone may have been kept waiting by this machine.
    let answered = controls.web.iter().chain(&controls.ssh).filter(|one| one.connected());
    let far = answered.min_by_key(|one| one.elapsed)?;
    let too_near = refused.elapsed < TOO_NEAR && far.elapsed > FAR && refused.elapsed * 4 < far.elapsed;
    let finding = Finding::new(
        "H18",
        Side::Client,
        "something in your network forges the refusal: it comes from nearer than AWS is",
    );
    too_near.then(|| {
        finding
            .confidence(Confidence::Likely)
            .seen(one)
            .seen(Some(far))
            .refuted_by("the target is in a network next to this one")
            .hint("use another network, or go over 443: Session Manager or EC2 Instance Connect Endpoint")
    })
}

/// H5 and this machine's own rules: said at once, by this machine.
fn own_machine(case: &Case, seen: Seen, one: Option<&Observation>) -> Option<Finding> {
    let one = one.filter(|_| seen == Seen::NoWay)?;
    let family = one.address.map_or("IP", |address| if address.is_ipv6() { "IPv6" } else { "IPv4" });
    match one.outcome {
        Outcome::NetworkUnreachable if one.elapsed < TOO_NEAR => Some(
            Finding::new(
                row_of_no_way(case),
                Side::Client,
                format!("this machine has no way out over {family}"),
            )
            .seen(Some(one))
            .refuted_by(format!("`ip route get` shows a way for another {family} address"))
            .hint(format!("use a network that has {family}, or the target's other address")),
        ),
        Outcome::Prohibited if one.elapsed < TOO_NEAR => Some(
            Finding::new(None, Side::Client, "this machine's own firewall forbids the connection")
                .seen(Some(one))
                .refuted_by("the same connection is let out with the firewall off")
                .hint("allow it in this machine's own rules: nft, iptables, or the firewall of its vendor"),
        ),
        _ => None,
    }
}

/// H5, met by the first packet that was to leave: the question for the name.
fn no_way_to_names(seen: Seen, one: Option<&Observation>) -> Option<Finding> {
    let one = one.filter(|_| seen == Seen::Unresolved)?;
    let Outcome::Unresolved { why: Unresolved::ServerFailed(word) } = &one.outcome else { return None };
    (word == NO_WAY_THERE).then(|| {
        Finding::new(
            "H5",
            Side::Client,
            "this machine has no way to its name server, and so perhaps to nothing",
        )
        .seen(Some(one))
        .refuted_by("`ip route get` shows a way to the name server")
        .hint("see that its interface is up and has a route: `ip addr`, `ip route`")
    })
}

/// P40 is a laptop's without IPv4, since few databases have an address of IPv6.
fn row_of_no_way(case: &Case) -> &'static str {
    let laptop = case.vantage == Vantage::Outside;
    case.symptom("", "P40").filter(|row| laptop && !row.is_empty()).unwrap_or("H5")
}

/// H3: others saw this client come from different addresses.
fn two_addresses(case: &Case, seen: Seen) -> Option<Finding> {
    let (who, first) = case.client.first()?;
    let mut same_family = case.client.iter().filter(|(_, address)| address.is_ipv4() == first.is_ipv4());
    let (others, second) = same_family.next_back().filter(|(_, address)| address != first)?;
    let finding = Finding::new(
        "H3",
        Side::Client,
        format!("you have two addresses: {who} sees {first}, {others} sees {second}"),
    );
    matches!(seen, Seen::TimedOut).then(|| {
        finding
            .confidence(Confidence::Possible)
            .read(format!("{who} sees {first}; {others} sees {second}"))
            .refuted_by("both are allowed")
            .hint("turn the VPN or proxy off, or allow the address that this connection really comes from")
    })
}
