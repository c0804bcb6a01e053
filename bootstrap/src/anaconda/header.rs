//! Reading an installer's header.
