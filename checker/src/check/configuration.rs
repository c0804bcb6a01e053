//! What is known of the configuration: read from a folder or from AWS, with the answers themselves, so that they can
//! be kept.

use std::path::{Path, PathBuf};

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
    /// Where it is from.
    pub answers: Answers,
    /// What AWS did not tell, and why.
    pub refused: Vec<Refused>,
    /// Why there is none at all.
    pub not_read: Option<Missing>,
    /// What was passed over.
    pub notes: Vec<String>,
}

/// What the AWS CLI prints, each with the command that prints it. A folder's is read again where it is to be kept:
/// in memory it is many times as large as the network.
#[derive(Debug, Clone)]
pub enum Answers {
    /// Here they are.
    Read(Vec<(String, Value)>),
    /// In this folder.
    In(PathBuf),
}

impl Default for Answers {
    fn default() -> Self {
        Self::Read(Vec::new())
    }
}

impl Answers {
    /// All of them.
    pub fn all(&self) -> Result<Vec<(String, Value)>, Trouble> {
        match self {
            Self::Read(answers) => Ok(answers.clone()),
            Self::In(folder) => folder::answers(folder).map_err(|error| Trouble::usage(&error, error.hint())),
        }
    }
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
        let answers = Answers::In(path.to_owned());
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
        let answers = Answers::Read(answers);
        Self { network: Some(network), answers, refused, not_read: None, notes }
    }
}
