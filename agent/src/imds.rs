//! The instance metadata service, version 2 only.
