//! Somebody's yes. Nothing is changed without one.

/// A yes, given in one of two ways. It cannot be made otherwise.
#[derive(Debug)]
pub struct Consent(());

impl Consent {
    /// What a person typed when asked. Only a yes is one.
    pub fn typed(answer: &str) -> Option<Self> {
        let yes = ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str());
        yes.then_some(Self(()))
    }

    /// What was said beforehand, with `--yes`.
    pub fn beforehand(yes: bool) -> Option<Self> {
        yes.then_some(Self(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for yes in ["y", "Y\n", "yes", " YES \n"] {
            assert!(Consent::typed(yes).is_some(), "{yes}");
        }
        for no in ["", "\n", "n", "no", "yes please", "yn", "ja"] {
            assert!(Consent::typed(no).is_none(), "{no}");
        }
        assert!(Consent::beforehand(false).is_none());
    }
}
