//! What the tests of the download share: a server that lies as told, and a bench to fetch on.

pub mod bench;
mod cut;
mod full_disk;
pub mod proxy;
pub mod server;
mod step;
pub mod trust;
