//! The step that waits for the volume.
