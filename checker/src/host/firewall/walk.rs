//! Walks a set of rules. A rule that may or may not hold leaves both ways open; only what all of them come to is
//! decided.

use super::{Action, Deciding, Decision, Holds, Rule, Ruleset};

/// More jumps than the kernel makes.
const DEEPEST: u8 = 16;

/// How a chain may end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Accept,
    Drop(Deciding),
    Reject(Deciding),
    /// Nothing in it decided, and its caller goes on.
    Falls,
    /// It cannot be told.
    Unknown(String),
}

/// What becomes of the packet that the rules were read for.
pub(super) fn walk(rules: &Ruleset) -> Decision {
    let mut bases: Vec<_> = rules.bases.iter().collect();
    bases.sort_by_key(|base| (base.hook, base.priority));
    let mut undecided = None;
    for base in bases {
        let mut doubts = Vec::new();
        let mut ends = chain(rules, &base.chain, 0, &mut doubts);
        for end in &mut ends {
            if *end == End::Falls {
                *end = of_action(&base.policy, &base.deciding);
            }
        }
        ends.dedup();
        match decided(&ends, &doubts) {
            Decision::Passes => {}
            Decision::Unknown(why) => drop(undecided.get_or_insert(Decision::Unknown(why))),
            lost => return lost,
        }
    }
    undecided.unwrap_or(Decision::Passes)
}

/// All ways the same, or nothing is decided.
fn decided(ends: &[End], doubts: &[String]) -> Decision {
    let all = |wanted: fn(&End) -> bool| ends.iter().all(wanted);
    let first = ends.first();
    match first {
        None | Some(End::Accept | End::Falls) if all(|end| matches!(end, End::Accept | End::Falls)) => {
            Decision::Passes
        }
        Some(End::Drop(by)) if all(|end| matches!(end, End::Drop(_))) => Decision::Drops(by.clone()),
        Some(End::Reject(by)) if all(|end| matches!(end, End::Reject(_))) => Decision::Rejects(by.clone()),
        _ => {
            let unknown = ends.iter().find_map(|end| match end {
                End::Unknown(why) => Some(why.clone()),
                _ => None,
            });
            Decision::Unknown(unknown.or(doubts.first().cloned()).unwrap_or_default())
        }
    }
}

fn chain(rules: &Ruleset, name: &str, depth: u8, doubts: &mut Vec<String>) -> Vec<End> {
    let Some(list) = rules.chains.get(name).filter(|_| depth < DEEPEST) else {
        return vec![End::Unknown(format!("{name} is not there or is called without end"))];
    };
    let mut ends = Vec::new();
    for rule in list.iter().filter(|rule| rule.holds != Holds::No) {
        let (mut own, goes_on) = of_rule(rules, name, rule, depth, doubts);
        ends.append(&mut own);
        if rule.holds == Holds::Unknown {
            if rule.action != Action::Continue {
                doubts.push(rule.deciding.rule.clone());
            }
        } else if !goes_on {
            return ends;
        }
    }
    ends.push(End::Falls);
    ends
}

/// How it may end here, and whether it may go on.
fn of_rule(
    rules: &Ruleset,
    chain_name: &str,
    rule: &Rule,
    depth: u8,
    doubts: &mut Vec<String>,
) -> (Vec<End>, bool) {
    let table = chain_name.rsplit_once('/').map_or("", |(table, _)| table);
    match &rule.action {
        Action::Continue => (Vec::new(), true),
        Action::Return => (vec![End::Falls], false),
        Action::Jump(target) => {
            let mut ends = chain(rules, &format!("{table}/{target}"), depth + 1, doubts);
            let goes_on = ends.contains(&End::Falls);
            ends.retain(|end| *end != End::Falls);
            (ends, goes_on)
        }
        Action::Goto(target) => (chain(rules, &format!("{table}/{target}"), depth + 1, doubts), false),
        other => (vec![of_action(other, &rule.deciding)], false),
    }
}

fn of_action(action: &Action, deciding: &Deciding) -> End {
    match action {
        Action::Accept => End::Accept,
        Action::Drop => End::Drop(deciding.clone()),
        Action::Reject => End::Reject(deciding.clone()),
        _ => End::Unknown(deciding.rule.clone()),
    }
}
