//! The step that gives every login shell its $python3.
