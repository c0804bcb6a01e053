//! The doors to block devices: the ioctls, and the NVMe controllers behind them.

/// Asks NVMe controllers who they are.
pub trait NvmeControllers {}

/// The controllers of this machine.
pub struct System;

impl NvmeControllers for System {}
