//! The database proof: a ladder whose rungs are name, TCP, TLS, authentication and `SELECT NOW()`.

pub mod ladder;
pub mod libpq;
pub mod login;
pub mod question;
pub mod roots;
mod server;
mod session;
mod tls;
pub mod verdict;
