//! Anaconda: which installer, whether it can run here, and running it.

pub mod architecture;
pub mod catalogue;
pub mod damage;
mod diagnosis;
pub mod header;
pub mod install;
mod layout;
pub mod mark;
pub mod prefix;
pub mod preflight;
pub mod wanted;
pub(crate) mod workspace;
