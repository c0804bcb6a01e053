//! What lies on the user's own machine: what was typed, SSH's and libpq's settings, keys and known hosts. Read, never
//! changed; the environment and the home folder are handed in.

pub mod agent;
pub mod ec2_fingerprint;
pub mod key_file;
pub mod known_hosts;
pub mod libpq;
mod mistake;
pub mod password;
pub mod pgpass;
pub mod postgres_url;
pub mod service_file;
pub mod ssh_config;
pub mod target;
pub(crate) mod wildcard;

pub use mistake::Mistake;
