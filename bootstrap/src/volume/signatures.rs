//! What is written on a device.
