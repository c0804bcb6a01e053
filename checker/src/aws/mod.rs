//! Reads a network in the words of AWS's own answers: from a saved folder, or from whoever asks AWS and has its
//! JSON. Both end in the same nouns. What changes something has a room of its own, [`change`].

pub mod change;
pub mod command;
pub mod folder;
pub mod live;
pub mod profile;
mod read;
pub mod reports;
mod row;
mod systems_manager;
pub mod words;

pub use read::Documents;
pub(crate) use read::telling_lines;
