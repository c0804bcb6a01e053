//! Probes what a database and an instance answer, and says what happened. Knows nothing of how a host
//! is set up.

pub mod aws;
pub mod check;
pub mod cli;
pub mod config;
pub mod database;
pub mod evaluate;
pub mod exit;
pub mod explain;
pub mod fleet;
pub mod host;
pub mod local;
pub mod log;
pub mod network;
pub mod probe;
pub mod render;
pub mod save;
pub mod since;
pub mod targets;
