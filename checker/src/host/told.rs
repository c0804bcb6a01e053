//! A fact, or why nobody knows it.

use serde::{Deserialize, Serialize};

/// A fact, or why nobody knows it. What could not be read is never taken for one or the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told<T> {
    /// It was seen.
    Known(T),
    /// It was not, and why.
    Unknown(String),
}

impl<T> Told<T> {
    /// What was seen, if it was.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Why it was not.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }

    /// The same of something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Told<U> {
        match self {
            Self::Known(value) => Told::Known(change(value)),
            Self::Unknown(why) => Told::Unknown(why),
        }
    }
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self::Unknown("nobody looked".to_owned())
    }
}

impl<T, E: std::fmt::Display> From<Result<T, E>> for Told<T> {
    fn from(result: Result<T, E>) -> Self {
        result.map_or_else(|error| Self::Unknown(error.to_string()), Self::Known)
    }
}
