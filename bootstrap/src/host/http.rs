//! The door to the web.

/// Fetches from the web.
pub struct Http {}
