//! Keeps what was found, without what is nobody's business, so that the same can be said again.

pub mod changes;
pub mod folder;
pub mod last_good;
pub mod redact;
