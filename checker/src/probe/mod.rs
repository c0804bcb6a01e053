//! The probes: each says what happened, with time and address, never what it means.

pub mod dns;
pub mod postgres;
pub mod tcp;
