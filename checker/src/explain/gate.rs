//! A gate in one line: its id, the rule that decided, and Reachability Analyzer's code.

use crate::evaluate::{Direction, Gate, Outcome, percent};

use super::diagnosis::Evidence;

/// As evidence.
pub fn evidence(gate: &Gate) -> Evidence {
    Evidence::Gate {
        line: line(gate),
        code: gate.code().map(crate::evaluate::Code::name),
        reachability_analyzer: gate.code().and_then(crate::evaluate::Code::reachability_analyzer),
        gate: Box::new(gate.clone()),
    }
}

/// `eni-0a1b inbound: no rule of sg-0c2d allows tcp 22 from 203.0.113.9 (ENI_SG_RULES_MISMATCH)`.
pub fn line(gate: &Gate) -> String {
    let code = gate.code().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{}: {}{code}", name(gate), what(gate))
}

/// `acl-0abc outbound, on the way back`.
pub fn name(gate: &Gate) -> String {
    let side = gate.side.map(|side| format!(" {side}")).unwrap_or_default();
    let back = if gate.direction == Direction::Return { ", on the way back" } else { "" };
    format!("{}{side}{back}", gate.element)
}

fn what(gate: &Gate) -> String {
    match &gate.outcome {
        Outcome::Allowed { by } | Outcome::Denied { by, .. } => rule(gate, &by.element, &by.rule),
        Outcome::Partial { by, passing_ports, failing_share, .. } => {
            let rule = rule(gate, &by.element, &by.rule);
            format!("{rule}; only ports {passing_ports} pass, {} fail", percent(*failing_share))
        }
        Outcome::Unknown { missing } => format!("unknown: {missing}"),
        Outcome::Assumed { missing } => format!("taken for open: {missing}"),
    }
}

fn rule(gate: &Gate, element: &str, rule: &str) -> String {
    if element == gate.element || element.is_empty() || rule.contains(element) {
        rule.to_owned()
    } else {
        format!("{element}: {rule}")
    }
}
