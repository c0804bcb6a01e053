//! The commands, a file each: what they ask of the rooms, what they print, how they end.

pub mod doctor;
pub mod installer;
pub mod pages;
pub mod plan;
pub mod probe;
pub mod report;
pub mod run;
pub mod settings;
pub mod status;
pub mod userdata;
