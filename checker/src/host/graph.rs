//! The problems as a graph, solved in the order of what hangs on what: roots first, since the others may be gone when
//! the roots are mended.

use super::problem::{Kind, Problem};

/// The problems in order: those that nothing explains, then their consequences, each after what it hangs on.
pub fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    let found: Vec<Kind> = problems.iter().map(|problem| problem.kind).collect();
    for problem in &mut problems {
        let causes = problem.kind.hangs_on().iter().copied();
        problem.follows = causes.filter(|cause| found.contains(cause)).collect();
    }
    problems.sort_by_key(|problem| (!problem.is_root(), place(problem.kind)));
    problems
}

/// The list of all kinds is in the order of the graph; a test holds it to that.
fn place(kind: Kind) -> usize {
    Kind::ALL.iter().position(|one| *one == kind).unwrap_or(Kind::ALL.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some() -> impl Strategy<Value = Vec<Kind>> {
        prop::collection::vec(prop::sample::select(Kind::ALL.to_vec()), 0..30)
    }

    fn ordered(kinds: &[Kind]) -> Vec<Problem> {
        in_order(kinds.iter().map(|kind| Problem::new(*kind, "", "")).collect())
    }

    #[test]
    fn the_list_of_kinds_is_whole_and_in_the_order_of_the_graph() {
        for (at, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, at, "{kind:?}");
            assert!(
                kind.hangs_on().iter().all(|cause| place(*cause) < at),
                "{kind:?} comes before its cause"
            );
        }
    }

    #[test]
    fn the_document_lists_every_problem_in_order_with_what_explains_it() {
        let document = include_str!("../../../docs/probe.md");
        let name = |kind: &Kind| {
            format!("`{}`", serde_json::to_value(kind).expect("a word").as_str().expect("a word"))
        };
        let rows = document.lines().skip_while(|line| !line.starts_with("| kind |")).skip(2);
        let told: Vec<(String, String)> = rows
            .filter_map(|row| match *row.split(" | ").collect::<Vec<_>>() {
                [kind, _, causes] => Some((
                    kind.trim_start_matches("| ").to_owned(),
                    causes.trim_end_matches('|').trim().to_owned(),
                )),
                _ => None,
            })
            .collect();
        let causes = |kind: &Kind| kind.hangs_on().iter().map(name).collect::<Vec<_>>().join(", ");
        let wanted: Vec<_> = Kind::ALL.iter().map(|kind| (name(kind), causes(kind))).collect();
        assert_eq!(told, wanted);
    }

    proptest! {
        #[test]
        fn no_problem_is_told_before_one_that_it_hangs_on(kinds in some()) {
            let ordered = ordered(&kinds);
            for (at, problem) in ordered.iter().enumerate() {
                let causes = problem.kind.hangs_on();
                prop_assert!(!ordered[at..].iter().any(|later| causes.contains(&later.kind)));
            }
        }

        #[test]
        fn roots_come_first_and_none_is_lost(kinds in some()) {
            let ordered = ordered(&kinds);
            prop_assert_eq!(ordered.len(), kinds.len());
            prop_assert!(ordered.is_sorted_by_key(|problem| !problem.is_root()));
            prop_assert!(kinds.is_empty() || ordered[0].is_root(), "there is always a root");
        }

        #[test]
        fn the_order_in_which_they_were_found_does_not_matter(kinds in some()) {
            let (mut sorted, mut turned) = (kinds.clone(), kinds);
            sorted.sort();
            turned.reverse();
            let told = |kinds: &[Kind]| ordered(kinds).iter().map(|one| one.kind).collect::<Vec<_>>();
            prop_assert_eq!(told(&sorted), told(&turned));
        }
    }
}
