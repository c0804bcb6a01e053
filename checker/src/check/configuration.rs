//! What is known of the configuration: read from a folder or from AWS, with the answers themselves, so that they can
//! be kept.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Trouble;
use crate::aws::{Documents, folder};
use crate::network::{Kind, Missing, Network};

/// What is known of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    /// As the model takes it; nothing where nobody was asked.
    pub network: Option<Network>,
    /// As the AWS CLI prints it, each with the command that prints it.
    pub answers: Vec<(String, Value)>,
    /// What AWS did not tell, and why.
    pub refused: Vec<Refused>,
    /// Why there is none at all.
    pub not_read: Option<Missing>,
    /// What was passed over.
    pub notes: Vec<String>,
}

/// A kind of thing that AWS did not tell of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which.
    pub kind: Kind,
    /// Why.
    pub because: String,
}

impl Configuration {
    /// None, for this reason.
    pub fn none(because: &str) -> Self {
        let missing = Missing::new("the configuration in AWS", because);
        Self { not_read: Some(missing), ..Self::default() }
    }

    /// Of a folder of describe-* JSON.
    pub fn of_folder(path: &Path) -> Result<Self, Trouble> {
        let trouble = |error: folder::FolderError| Trouble::usage(&error, error.hint());
        let read = folder::read(path).map_err(trouble)?;
        let answers = folder::answers(path).map_err(trouble)?;
        Ok(Self { network: Some(read.network), answers, notes: read.notes, ..Self::default() })
    }

    /// Of answers that were read before.
    pub fn of_answers(answers: Vec<(String, Value)>, refused: Vec<Refused>) -> Self {
        let mut documents = Documents::new();
        for (source, answer) in &answers {
            documents.add(source, answer);
        }
        for Refused { kind, because } in &refused {
            documents.refuse(*kind, because.clone());
        }
        let (network, notes) = documents.finish();
        Self { network: Some(network), answers, refused, not_read: None, notes }
    }
}
