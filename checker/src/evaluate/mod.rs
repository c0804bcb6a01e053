//! Walks a flow through a network: every gate a packet meets, there and back, on sets of ports. Pure: the same
//! flow and network give the same trace, and every question has an answer. What was seen on the wire is `probe`'s;
//! what to say about both is `explain`'s.

mod answer;
mod code;
mod flow;
mod gates;
mod journey;
mod named;
mod party;
mod place;
mod split;
mod trace;
mod walk;

pub use answer::{evaluate, percent};
pub use code::Code;
pub use flow::{End, Flow, ephemeral};
pub use trace::{
    Case, Direction, Gate, GateKind, Outcome, Packet, Question, Rule, TRACE_VERSION, Trace, Verdict, Which,
};
