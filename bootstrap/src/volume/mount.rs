//! The step that mounts the volume.
