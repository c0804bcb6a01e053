//! From the walks of all pairs to one answer.

use super::flow::{Flow, ephemeral};
use super::named;
use super::party::{self, Asked, Choice, Host, Party, Resolved, resolve};
use super::split;
use super::trace::{Case, Gate, GateKind, Outcome, Packet, Question, TRACE_VERSION, Trace, Verdict};
use super::walk::Walk;
use crate::network::{CidrSet, Missing, Network, PortSet};

/// Follows the flow through the network. Every question has an answer; the same question about the same network has
/// the same one.
pub fn evaluate(flow: &Flow, network: &Network) -> Trace {
    let family = party::family(network, &flow.source, &flow.destination);
    let (of_source, sources) =
        match resolve(network, &flow.source, Asked { family, from_outside: false, home: None }) {
            Resolved::Nobody(kind, element, outcome) => return nobody(flow, kind, &element, outcome),
            Resolved::Parties(choice, parties) => (choice, parties),
        };
    let from_outside = sources.iter().any(|party| matches!(party, Party::Outside(_)));
    let home = named::home(&sources);
    let (of_destination, destinations) =
        match resolve(network, &flow.destination, Asked { family, from_outside, home }) {
            Resolved::Nobody(kind, element, outcome) => return nobody(flow, kind, &element, outcome),
            Resolved::Parties(choice, parties) => (choice, parties),
        };
    let sources = preferred(at_home(sources, of_source, &destinations), &destinations, network);
    let ways = sources
        .iter()
        .map(|source| {
            let inner = destinations
                .iter()
                .map(|destination| pair(flow, network, source, destination, of_source, of_destination));
            choose(of_destination, inner.collect())
        })
        .collect();
    trace(flow, choose(of_source, ways))
}

/// An address that several VPCs have is meant as the destination's VPC has it, if that is one of them.
fn at_home<'n>(sources: Vec<Party<'n>>, choice: Choice, destinations: &[Party<'n>]) -> Vec<Party<'n>> {
    let is_there = |party: &Party<'n>, vpc| matches!(party, Party::Host(host) if host.vpc == vpc);
    match named::home(destinations) {
        Some(vpc) if choice == Choice::Any && sources.iter().any(|party| is_there(party, vpc)) => {
            sources.into_iter().filter(|party| is_there(party, vpc)).collect()
        }
        _ => sources,
    }
}

/// The cases of one pair, or of several, and what they come to.
struct Ways<'n> {
    verdict: Verdict,
    failing_share: f64,
    walks: Vec<Done<'n>>,
}

/// One walk that is over.
struct Done<'n> {
    source: String,
    destination: String,
    verdict: Verdict,
    walk: Walk<'n>,
    addresses: u128,
}

/// An instance sends from the interface that shares a subnet with the destination, or else from its first one.
fn preferred<'n>(sources: Vec<Party<'n>>, destinations: &[Party<'n>], network: &Network) -> Vec<Party<'n>> {
    let shares = |source: &Host<'_>| {
        destinations.iter().any(|party| match party {
            Party::Host(host) => {
                host.vpc == source.vpc
                    && network.subnets.get(source.subnet).is_some_and(|subnet| subnet.contains(host.address))
            }
            Party::Outside(_) => false,
        })
    };
    let same_instance = |party: &Party<'_>| match (party, sources.first()) {
        (Party::Host(host), Some(Party::Host(first))) => {
            host.instance.is_some() && host.instance == first.instance
        }
        _ => false,
    };
    if sources.len() < 2 || !sources.iter().all(same_instance) {
        return sources;
    }
    let neighbour = sources.iter().position(|party| matches!(party, Party::Host(host) if shares(host)));
    sources.into_iter().nth(neighbour.unwrap_or(0)).into_iter().collect()
}

fn pair<'n>(
    flow: &Flow,
    network: &'n Network,
    source: &Party<'n>,
    destination: &Party<'n>,
    of_source: Choice,
    of_destination: Choice,
) -> Ways<'n> {
    let start = |party: &Party<'n>| Walk::new(network, flow.protocol, ports(flow, network, party));
    match (source, destination) {
        (Party::Host(from), Party::Host(to)) => {
            let mut walk = start(source);
            walk.between(from, to, flow.port);
            choose(Choice::Any, vec![one(from.label(), to.label(), walk, 1)])
        }
        (Party::Host(from), Party::Outside(addresses)) => {
            each_class(network, from, addresses, of_destination, |class| {
                let mut walk = start(source);
                walk.outwards(from, class.first()?, flow.port);
                Some(one(from.label(), class.to_string(), walk, class.count()))
            })
        }
        (Party::Outside(addresses), Party::Host(to)) => {
            each_class(network, to, addresses, of_source, |class| {
                let mut walk = start(source);
                walk.inwards(class.first()?, to, flow.port);
                Some(one(class.to_string(), to.label(), walk, class.count()))
            })
        }
        (Party::Outside(from), Party::Outside(to)) => {
            let mut walk = start(source);
            if let (Some(first), Some(last)) = (from.first(), to.first()) {
                let packet = walk.packet(first, last, flow.port);
                let missing = Missing::new(
                    format!("{} and {}", flow.source, flow.destination),
                    "neither is in a VPC that was read",
                );
                walk.unknown(GateKind::Source, &flow.source, &packet, missing);
            }
            choose(Choice::Any, vec![one(from.to_string(), to.to_string(), walk, 1)])
        }
    }
}

fn each_class<'n>(
    network: &Network,
    host: &Host<'_>,
    addresses: &CidrSet,
    choice: Choice,
    walk: impl Fn(&CidrSet) -> Option<Ways<'n>>,
) -> Ways<'n> {
    let groups = host.groups.value().map(Vec::as_slice);
    let classes = split::classes(network, addresses, groups);
    choose(choice, classes.iter().filter_map(walk).collect())
}

fn one(source: String, destination: String, walk: Walk<'_>, addresses: u128) -> Ways<'_> {
    let (verdict, failing_share) = (walk.verdict(), walk.failing_share());
    Ways { verdict, failing_share, walks: vec![Done { source, destination, verdict, walk, addresses }] }
}

/// What the source's system picks, where the question does not say (N13).
fn ports(flow: &Flow, network: &Network, source: &Party<'_>) -> PortSet {
    let windows = |host: &Host<'_>| {
        let instance = host.instance.and_then(|id| network.instances.get(id));
        instance.and_then(|instance| instance.platform.as_deref()) == Some("windows")
    };
    match (&flow.source_ports, source) {
        (Some(ports), _) => ports.clone(),
        (None, Party::Outside(_)) => ephemeral::internet(),
        (None, Party::Host(host)) if windows(host) => ephemeral::windows(),
        (None, Party::Host(_)) => ephemeral::linux(),
    }
}

/// Several answers to one question.
fn choose(choice: Choice, ways: Vec<Ways<'_>>) -> Ways<'_> {
    let all = |verdict: Verdict| ways.iter().all(|way| way.verdict == verdict);
    let any = |verdict: Verdict| ways.iter().any(|way| way.verdict == verdict);
    let verdict = match choice {
        _ if ways.is_empty() => Verdict::Unknown,
        _ if all(Verdict::Reachable) => Verdict::Reachable,
        _ if all(Verdict::NotReachable) => Verdict::NotReachable,
        Choice::Any if any(Verdict::Reachable) => Verdict::Reachable,
        Choice::Any if any(Verdict::Partly) => Verdict::Partly,
        Choice::Any | Choice::OneOf => {
            if all(Verdict::Partly) {
                Verdict::Partly
            } else {
                Verdict::Unknown
            }
        }
        Choice::Each if any(Verdict::Unknown) => Verdict::Unknown,
        Choice::Each => Verdict::Partly,
    };
    let failing_share = failing_share(choice, verdict, &ways);
    let mut ways = ways;
    // The case to show is one that the verdict hangs on.
    let wanted =
        if choice == Choice::Each && verdict == Verdict::Partly { Verdict::NotReachable } else { verdict };
    ways.sort_by_key(|way| way.verdict != wanted);
    Ways { verdict, failing_share, walks: ways.into_iter().flat_map(|way| way.walks).collect() }
}

fn failing_share(choice: Choice, verdict: Verdict, ways: &[Ways<'_>]) -> f64 {
    match (choice, verdict) {
        (_, Verdict::Reachable) => 0.0,
        (_, Verdict::NotReachable) => 1.0,
        (Choice::Each, _) => {
            let weight = |way: &Ways<'_>| {
                way.walks
                    .iter()
                    .map(|done| f64::from(u32::try_from(done.addresses).unwrap_or(u32::MAX)))
                    .sum::<f64>()
            };
            let total: f64 = ways.iter().map(weight).sum();
            ways.iter().map(|way| way.failing_share * weight(way)).sum::<f64>() / total.max(1.0)
        }
        _ => ways.iter().map(|way| way.failing_share).fold(1.0, f64::min),
    }
}

fn nobody(flow: &Flow, kind: GateKind, element: &str, outcome: Outcome) -> Trace {
    let ports = flow.source_ports.clone().unwrap_or_else(ephemeral::internet);
    let nowhere = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let network = Network::default();
    let mut walk = Walk::new(&network, flow.protocol, ports);
    let packet: Packet = walk.packet(nowhere, nowhere, flow.port);
    walk.push(kind, element, &packet, outcome);
    trace(flow, one(flow.source.to_string(), flow.destination.to_string(), walk, 1))
}

fn trace(flow: &Flow, ways: Ways<'_>) -> Trace {
    let cases = cases(&ways.walks);
    let Some(shown) = ways.walks.into_iter().next().map(|done| done.walk) else {
        let missing = Missing::new(flow.destination.to_string(), "it has no address to try");
        return nobody(flow, GateKind::Destination, "", Outcome::Unknown { missing });
    };
    let blockers: Vec<Gate> = shown.gates.iter().filter(|gate| gate.blocks()).cloned().collect();
    let deciding = deciding(&shown.gates);
    let (mut unknowns, mut assumptions) = (Vec::new(), Vec::new());
    for gate in &shown.gates {
        match &gate.outcome {
            Outcome::Unknown { missing } if !unknowns.contains(missing) => unknowns.push(missing.clone()),
            Outcome::Assumed { missing } if !assumptions.contains(missing) => {
                assumptions.push(missing.clone());
            }
            _ => {}
        }
    }
    if ways.verdict == Verdict::Unknown && unknowns.is_empty() {
        let because = "it is one of several, nothing that was read says which, and they differ";
        unknowns.push(Missing::new(format!("where {} is", flow.destination), because));
    }
    Trace {
        version: TRACE_VERSION,
        flow: Question {
            from: flow.source.to_string(),
            to: flow.destination.to_string(),
            protocol: flow.protocol.to_string(),
            port: flow.port,
            source_ports: shown.ports.clone(),
        },
        verdict: ways.verdict,
        summary: summary(flow, ways.verdict, ways.failing_share, deciding.as_ref()),
        deciding,
        blockers,
        passing_source_ports: if shown.verdict() == Verdict::NotReachable {
            PortSet::default()
        } else {
            shown.passing
        },
        failing_share: ways.failing_share,
        unknowns,
        assumptions,
        cases,
        gates: shown.gates,
    }
}

/// Neighbouring classes that fare alike for the same reason are one case.
fn cases(walks: &[Done<'_>]) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for done in walks {
        let code = done.walk.gates.iter().find_map(Gate::code).map(super::Code::name);
        let alike = cases.iter_mut().find(|case| {
            let same_end = case.source == done.source || case.destination == done.destination;
            case.verdict == done.verdict && case.code == code && same_end
        });
        match alike {
            Some(case) if case.source == done.source && case.destination != done.destination => {
                case.destination = format!("{}, {}", case.destination, done.destination);
            }
            Some(case) if case.source != done.source => {
                case.source = format!("{}, {}", case.source, done.source);
            }
            Some(_) => {}
            None => cases.push(Case {
                source: done.source.clone(),
                destination: done.destination.clone(),
                verdict: done.verdict,
                code,
            }),
        }
    }
    if cases.len() > 1 || walks.len() > 1 { cases } else { Vec::new() }
}

fn deciding(gates: &[Gate]) -> Option<Gate> {
    let first = |is: fn(&Gate) -> bool| gates.iter().find(|gate| is(gate));
    first(|gate| matches!(gate.outcome, Outcome::Denied { .. }))
        .or_else(|| first(|gate| matches!(gate.outcome, Outcome::Unknown { .. })))
        .or_else(|| first(|gate| matches!(gate.outcome, Outcome::Partial { .. })))
        .or_else(|| gates.iter().rfind(|gate| gate.kind == GateKind::SecurityGroup))
        .cloned()
}

fn summary(flow: &Flow, verdict: Verdict, failing_share: f64, deciding: Option<&Gate>) -> String {
    let question = format!("{} to {} {} {}", flow.source, flow.destination, flow.protocol, flow.port);
    let why = deciding.map_or_else(String::new, reason);
    match verdict {
        Verdict::Reachable => format!("reachable: {question}{why}"),
        Verdict::NotReachable => format!("not reachable: {question}{why}"),
        Verdict::Partly => format!("partly reachable: {question}, {} fails{why}", percent(failing_share)),
        Verdict::Unknown => format!("cannot tell: {question}{why}"),
    }
}

fn reason(gate: &Gate) -> String {
    match (&gate.outcome, gate.code()) {
        (Outcome::Unknown { missing } | Outcome::Assumed { missing }, _) => format!("; {missing}"),
        (_, Some(code)) => {
            gate.rule().map(|rule| format!("; {}: {} ({code})", rule.element, rule.rule)).unwrap_or_default()
        }
        (_, None) => gate.rule().map(|rule| format!("; {}: {}", rule.element, rule.rule)).unwrap_or_default(),
    }
}

/// Rounded, but never to all or nothing: a part is a part.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 99.0 => "more than 99 %".into(),
        percent if percent < 1.0 => "less than 1 %".into(),
        percent => format!("{percent:.0} %"),
    }
}
