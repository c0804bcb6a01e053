//! The smallest change that opens a gate, as lines to type and lines that undo them. It is made on a copy of the
//! network first, and the model is asked again: a change that does not open its gate is not printed.

mod access_list;
mod apply;
mod command;
mod group;
mod peer;
mod route;
mod standing;

use serde::Serialize;

use super::case::Case;
use super::gate;
use crate::evaluate::{Code, Gate, Trace, Verdict};
pub use crate::network::Change;
use crate::network::Network;

pub(super) use access_list::{ENTRIES_A_LIST, is_reply};
pub use apply::apply;
pub(super) use group::{RULES_A_GROUP, count as rules_counted, the_stale_rule};

/// What to type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fix {
    /// What it does, in one line.
    pub what: String,
    /// The lines to type, in this order.
    pub commands: Vec<String>,
    /// The lines that undo them, in this order.
    pub undo: Vec<String>,
    /// What to know before typing them.
    pub cautions: Vec<String>,
    /// What the model says once they are typed, after those of the findings before.
    pub then: Verdict,
    /// The gates that would still block, in one line each.
    pub leaves: Vec<String>,
    /// The same for programs.
    #[serde(skip)]
    pub changes: Vec<Change>,
}

/// What would open a gate, and what to say where nothing that can be typed would.
#[derive(Debug, Clone, Default)]
struct Proposal {
    what: String,
    changes: Vec<Change>,
    cautions: Vec<String>,
}

impl Proposal {
    fn new(what: impl Into<String>, change: Change) -> Self {
        Self { what: what.into(), changes: vec![change], cautions: Vec::new() }
    }

    fn caution(mut self, caution: impl Into<String>) -> Self {
        self.cautions.push(caution.into());
        self
    }
}

/// What there is to type for one gate, when all fixes before it are made.
pub enum Remedy {
    /// This.
    Fix(Box<Fix>),
    /// Nothing more: a fix before it opens this gate too.
    Before,
    /// Nothing that is both small and certain.
    None,
}

/// The fixes for gates in the order of the way, each held against the model as the ones before it leave it: so that
/// all of them can be typed one after another.
pub fn for_gates<'g>(gates: impl Iterator<Item = &'g Gate>, case: &Case) -> Vec<Remedy> {
    let mut network = case.network.cloned();
    let mut fixed = false;
    let remedies = gates.map(|gate| {
        let (Some(own), Some(evaluate)) = (&mut network, case.evaluate) else { return Remedy::None };
        if fixed && !evaluate(own).blockers.iter().any(|still| same(still, gate)) {
            return Remedy::Before;
        }
        let Some(fix) = for_gate(gate, case, own) else { return Remedy::None };
        *own = changed(own, &fix.changes);
        fixed = true;
        Remedy::Fix(Box::new(fix))
    });
    remedies.collect()
}

/// The fix for one gate, held against the model.
fn for_gate(blocked: &Gate, case: &Case, network: &Network) -> Option<Fix> {
    let proposal = propose(blocked, network, case)?;
    let changed = changed(network, &proposal.changes);
    let after = (case.evaluate?)(&changed);
    let still = after.blockers.iter().any(|gate| same(gate, blocked));
    (!still).then(|| written(proposal, &after, case))
}

/// The lines that make a change and those that undo it, for this Region and profile.
pub fn lines(change: &Change, region: Option<&str>, profile: Option<&str>) -> (Vec<String>, Vec<String>) {
    let writer = command::Writer { region, profile };
    (writer.make(change), writer.undo(change))
}

/// Why nothing can be typed, where a quota is in the way.
pub fn obstacle(blocked: &Gate, network: &Network) -> Option<String> {
    match blocked.code()? {
        Code::NoRuleAllows | Code::NoRulesAtAll => group::obstacle(blocked, network),
        Code::NetworkAclDenies => access_list::obstacle(blocked, network),
        _ => None,
    }
}

/// What is left when all fixes are made.
pub fn left_after<'a>(fixes: impl Iterator<Item = &'a Fix>, case: &Case) -> Vec<String> {
    let (Some(network), Some(evaluate)) = (case.network, case.evaluate) else { return Vec::new() };
    let changes: Vec<Change> = fixes.flat_map(|fix| fix.changes.clone()).collect();
    if changes.is_empty() { Vec::new() } else { blocking(&evaluate(&changed(network, &changes))) }
}

fn changed(network: &Network, changes: &[Change]) -> Network {
    changes.iter().fold(network.clone(), apply)
}

fn blocking(trace: &Trace) -> Vec<String> {
    trace.blockers.iter().map(gate::line).collect()
}

fn same(one: &Gate, other: &Gate) -> bool {
    let place = |gate: &Gate| (gate.direction, gate.kind, gate.element.clone(), gate.side);
    place(one) == place(other)
}

fn written(proposal: Proposal, after: &Trace, case: &Case) -> Fix {
    let writer = command::Writer { region: case.region.as_deref(), profile: case.profile.as_deref() };
    Fix {
        commands: proposal.changes.iter().flat_map(|change| writer.make(change)).collect(),
        undo: proposal.changes.iter().rev().flat_map(|change| writer.undo(change)).collect(),
        what: proposal.what,
        cautions: proposal.cautions,
        then: after.verdict,
        leaves: blocking(after),
        changes: proposal.changes,
    }
}

fn propose(gate: &Gate, network: &Network, case: &Case) -> Option<Proposal> {
    match gate.code()? {
        Code::NoRuleAllows | Code::NoRulesAtAll => group::propose(gate, network, case),
        Code::NetworkAclDenies => access_list::propose(gate, network, case),
        Code::NoRoute
        | Code::RouteBlackhole
        | Code::RouteLeadsElsewhere
        | Code::ReplyLeavesElsewhere
        | Code::LocalRouteOnly => route::propose(gate, network, case),
        Code::NoInternetGateway | Code::InternetGatewayNotAttached => {
            route::propose_gateway(gate, network, case)
        }
        Code::InstanceNotRunning => standing::start_instance(gate, network),
        Code::DatabaseNotAvailable => standing::start_database(gate, network),
        Code::NoPublicAddress | Code::AddressNotAssociated | Code::NoPublicAddressToLeaveWith => {
            standing::associate(gate, network, case)
        }
        Code::NameNotResolved => standing::resolver(gate, network),
        Code::BlockPublicAccess => standing::exclude(gate, network),
        Code::PeeringNotActive => standing::accept(gate, network),
        Code::SourceDestCheck => standing::pass_on(gate, network),
        // What else there is has no line that is both small and certain.
        _ => None,
    }
}
