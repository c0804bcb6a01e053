//! The exit codes, which are an interface.
