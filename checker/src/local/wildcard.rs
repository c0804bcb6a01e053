//! Patterns of `ssh_config` and `known_hosts`: `*`, `?`, a comma between them, and `!` before one that must not match.

/// Whether the whole text matches one pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where the last star was, and how much it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[seen] => (at, seen) = (at + 1, seen + 1),
            _ => match star {
                Some((begun, taken)) => {
                    star = Some((begun, taken + 1));
                    (at, seen) = (begun + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|left| *left == '*')
}

/// Whether one of the patterns matches and none that is negated does.
pub(super) fn list_matches<'a>(patterns: impl IntoIterator<Item = &'a str>, text: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated, text) => return false,
            None if matches(pattern, text) => found = true,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_as_a_shell_has_them() {
        for (pattern, text, wanted) in [
            ("*", "", true),
            ("*.example.com", "db.example.com", true),
            ("*.example.com", "example.com", false),
            ("10.0.?.1", "10.0.2.1", true),
            ("10.0.?.1", "10.0.22.1", false),
            ("a*b*c", "aXXbYYbZc", true),
            ("a*b*c", "aXXbYYbZ", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn a_negated_pattern_wins_and_is_never_enough() {
        assert!(list_matches(["*.lab", "!bad.lab"], "good.lab"));
        assert!(!list_matches(["*.lab", "!bad.lab"], "bad.lab"));
        assert!(!list_matches(["!bad.lab"], "good.lab"));
    }

    #[test]
    fn a_pattern_of_many_stars_does_not_take_for_ever() {
        assert!(!matches(&"*a".repeat(40), &"a".repeat(39).replace('a', "ab")));
    }
}
