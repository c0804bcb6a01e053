//! The download: resumed, hashed while it streams, published only when it is what it should be.

mod failure;
pub mod fetch;
mod opinion;
mod pace;
mod part;
mod reply;
pub mod retry;
mod sources;
pub mod step;
