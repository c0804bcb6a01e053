//! One resumable, ranged, hashing fetch.
