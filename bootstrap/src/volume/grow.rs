//! The step that grows the filesystem.
