//! Which block device is the volume.
