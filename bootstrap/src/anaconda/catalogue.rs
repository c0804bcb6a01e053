//! Which installers there are, and the SHA-256 of each.
