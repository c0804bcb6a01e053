//! The program on the instance: reads its settings, runs the steps, proves the database, reports.
//!
//! Only `main` knows every room; `config` and `secret` are nouns that the others speak.

pub mod again;
pub mod aws;
pub mod boot;
pub mod cli;
pub mod cloud;
pub mod commands;
pub mod config;
pub mod database;
pub mod deliver;
pub mod doctor;
pub mod exit;
pub mod imds;
pub mod log;
pub mod probe;
pub mod progress;
pub mod record;
pub mod render;
pub mod secret;
pub mod secrets;
pub mod settings_source;
pub mod userdata;
pub mod world;
