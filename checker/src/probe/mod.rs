//! The probes: each says what happened, with time and address, never what it means.

pub mod clock;
pub mod controls;
pub mod dns;
mod greetings;
pub mod observation;
pub mod postgres;
pub mod round;
pub mod source_ports;
pub mod ssh;
pub mod tcp;
pub mod together;
