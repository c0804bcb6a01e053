//! How a failed download is told to a person: what, where from, how far, and what to do.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::settings::Sha256;
use crate::step::{Failure, StepError};

use super::fetch::Request;
use super::sources::Sources;

/// No mirror is left, or none brought anything for too many attempts.
pub(super) fn given_up(request: &Request, sources: &Sources) -> StepError {
    failed(request).because(sources.to_string()).hint(sources.hint())
}

/// The time for this file is used up.
pub(super) fn out_of_time(request: &Request, sources: &Sources, budget: Duration, so_far: &str) -> StepError {
    let budget = budget.as_secs_f64();
    failed(request)
        .because(format!("the {budget} s it may take are used up{so_far}; last: {sources}"))
        .hint("run again, what has come is kept; or set download.budget higher, or name a nearer mirror")
}

/// Two wholes came, and both were wrong.
pub(super) fn twice_wrong(request: &Request, wrong: &[(String, Sha256)]) -> StepError {
    let found: Vec<String> = wrong.iter().map(|(url, found)| format!("{url} gave SHA-256 {found}")).collect();
    failed(request)
        .because(format!("SHA-256 {} is wanted, but {}", request.sha256, found.join(" and ")))
        .hint(
            "nothing was kept. The same wrong hash twice means another file is there: check URL and sha256; \
             two different ones mean damage on the way: check proxies and the network",
        )
}

/// The filesystem has no room for the rest.
pub(super) fn disk_full(request: &Request, so_far: &str, free: Option<u64>) -> StepError {
    let folder = request.destination.parent().unwrap_or(Path::new("/")).display();
    let free = free.map_or_else(String::new, |free| format!(": {free} bytes are free"));
    StepError::new(Failure::Precondition, format!("downloading {} to {folder}", name(request)))
        .because(format!("the disk is full{so_far}{free}"))
        .hint("enlarge the volume (this program grows the filesystem by itself), or delete something on it")
}

/// Something on this host went wrong.
pub(super) fn here(request: &Request, error: io::Error) -> StepError {
    StepError::new(Failure::Unexpected, format!("writing {}", request.destination.display())).because(error)
}

/// The file's name, for a person.
pub(super) fn name(request: &Request) -> String {
    request.destination.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn failed(request: &Request) -> StepError {
    StepError::new(Failure::Download, format!("downloading {}", name(request)))
}
