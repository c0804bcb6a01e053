//! The only room that changes something in AWS, and the only door to it: a [`Writer`] is made of somebody's
//! [`Consent`], and can say no more than what [`Write`] lists. Those who read have neither.

mod call;
mod consent;
mod made;
mod refused;
mod write;
mod writer;

pub use call::{Call, make, undo};
pub use consent::Consent;
pub use made::is_made;
pub use refused::Refused;
pub use write::Write;
pub use writer::Writer;
