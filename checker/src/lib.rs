//! Probes what a database and an instance answer, and says what happened. Knows nothing of how a host
//! is set up.

pub mod aws;
pub mod database;
pub mod evaluate;
pub mod explain;
pub mod local;
pub mod network;
pub mod probe;
pub mod render;
