//! What a name resolves to.
