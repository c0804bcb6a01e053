//! The download: resumed, hashed while it streams, published only when it is what it should be.

pub mod fetch;
pub mod retry;
pub mod step;
