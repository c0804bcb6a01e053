//! Something on the user's side that cannot be used as it is: what was being done, why not, and what to do.

use std::error::Error;
use std::fmt;

/// A mistake that a person can mend. It never repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    doing: String,
    why: String,
    hint: String,
}

impl Mistake {
    /// `doing` is a gerund with its object: "reading ~/.ssh/config".
    pub fn new(doing: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { doing: doing.into(), why: why.into(), hint: hint.into() }
    }

    /// What to do about it, or an empty string where nobody can say.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.why)
    }
}

impl Error for Mistake {}
