//! How far a login came, as it is kept.

use serde::{Deserialize, Serialize};

use super::ladder::{Broken, Proof};

/// How far a login came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// To an answer.
    Proven(Proof),
    /// To this rung.
    Broken(Broken),
}

impl Login {
    /// As the ladder has it.
    pub fn outcome(&self) -> Result<Proof, Broken> {
        match self {
            Self::Proven(proof) => Ok(proof.clone()),
            Self::Broken(broken) => Err(broken.clone()),
        }
    }
}

impl From<Result<Proof, Broken>> for Login {
    fn from(outcome: Result<Proof, Broken>) -> Self {
        outcome.map_or_else(Self::Broken, Self::Proven)
    }
}
