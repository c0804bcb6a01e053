//! The record of the last run, on disk. It is for people to read; no step believes it.

use std::io;

use vivarium_bootstrap::host::{Host, files};
use vivarium_bootstrap::report::Report;

const LAST: &str = "/var/lib/vivarium/last-run.json";

/// Keeps this run's report as the last one.
pub fn keep(host: &Host, report: &Report) -> io::Result<()> {
    let path = host.path(LAST);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    files::replace(&path, &serde_json::to_vec_pretty(report)?, 0o644)
}

/// The last run's report, if there is one that can be read.
pub fn last(host: &Host) -> Option<Report> {
    serde_json::from_slice(&std::fs::read(host.path(LAST)).ok()?).ok()
}
