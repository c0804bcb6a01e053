//! An instance as it looks from within: what was seen of it, what of that keeps a login out, and in which order.
//! Pure: whoever looks is elsewhere.

pub mod accounts;
pub mod answer;
pub mod facts;
pub mod firewall;
mod graph;
pub mod inside;
mod judge;
pub mod packets;
mod problem;
pub mod sockets;
pub mod sshd;
mod told;
pub mod wrappers;

pub use facts::{FACTS_VERSION, Facts};
pub use graph::in_order;
pub use inside::Inside;
pub use judge::problems;
#[cfg(test)]
pub(crate) use judge::sound;
pub use problem::{Kind, Problem};
pub use told::Told;
