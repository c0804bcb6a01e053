//! Brings a host to the state its settings ask for: a volume with a filesystem, mounted; Anaconda on
//! it; psycopg2 in that. Knows nothing of AWS accounts, of reports' delivery, or of databases' networks.
//!
//! `main → rooms → nouns`: [`plan`] is the one list of steps, [`run`] the one engine. The rooms are
//! [`volume`], [`download`], [`anaconda`] and [`python`]; [`host`] holds the doors to the outside.

pub mod anaconda;
pub mod download;
pub mod host;
pub mod journal;
pub mod lock;
pub mod plan;
pub mod python;
pub mod report;
pub mod run;
pub mod settings;
pub mod step;
pub mod volume;
