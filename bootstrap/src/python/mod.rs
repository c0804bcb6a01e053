//! The interpreter's room: psycopg2 in it, `$python3` for everyone, the question asked through both.

mod interpreter;
mod pip;
pub mod profile;
pub mod proof;
pub mod psycopg2;
pub mod wheels;
