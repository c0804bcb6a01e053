//! What would go wrong, found in under five seconds, changing nothing.
