//! What is in the prefix.
