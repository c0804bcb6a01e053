//! The named failures, and what to do about each.
