//! What would go wrong, found in under five seconds, changing nothing.
//!
//! Everything that waits for others waits at the same time, each with a deadline of its own. What
//! could not be seen is said to be unknown, never to be good.

mod database;
mod egress;
mod finding;
mod locks;
mod machine;
mod metadata;
mod permissions;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use vivarium_bootstrap::host::{Host, clock};
use vivarium_bootstrap::settings::VolumeIdentity;

pub use egress::Needed;
pub use finding::{Finding, Status, json, text, worst};

/// No look takes longer. All of them together take as long as the longest.
const WHOLE: Duration = Duration::from_millis(3500);
/// Where SSM's agent keeps the scripts it runs.
const SSM_SCRIPTS: &str = "/var/lib/amazon/ssm";

/// What the doctor is to look at.
pub struct Patient<'a> {
    /// The host, as runs see it: with its proxies and its roots.
    pub host: &'a Host,
    /// The volume that a run would use.
    pub volume: &'a VolumeIdentity,
    /// Where it would be mounted.
    pub mount_point: &'a Path,
    /// Where the metadata service is.
    pub metadata_endpoint: String,
    /// The hosts that a run needs, by the name that a person knows.
    pub hosts: Vec<Needed>,
    /// The database's host and port, where there is one.
    pub database: Option<(String, u16)>,
    /// A client of Systems Manager, where a Region is known.
    pub ssm: Option<aws_sdk_ssm::Client>,
    /// TMPDIR, or what stands for it.
    pub temporary: PathBuf,
    /// How many bytes an installation is expected to take.
    pub space: u64,
}

/// Looks at everything. The order of the findings is always the same.
pub async fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let reaching = join_all(patient.hosts.iter().map(|needed| egress::look(&patient.host.http, needed)));
    let (metadata, reached, database, permissions) = tokio::join!(
        metadata::look(&patient.metadata_endpoint),
        reaching,
        way_to_database(patient),
        allowed(patient)
    );
    let times: Vec<Timestamp> = reached.iter().filter_map(|reached| reached.time).collect();
    let mut findings = metadata;
    findings.push(egress::clock(clock::now(), &times));
    findings.extend(reached.into_iter().map(|reached| reached.finding));
    findings.extend(database);
    findings.push(permissions);
    findings.extend(here(patient));
    findings
}

/// What can be seen without asking anyone else.
fn here(patient: &Patient<'_>) -> [Finding; 7] {
    let host = patient.host;
    [
        machine::volume(host, patient.volume),
        machine::space(host, patient.mount_point, patient.space),
        machine::memory(host),
        machine::execution(host, &patient.temporary),
        machine::execution(host, SSM_SCRIPTS.as_ref()),
        locks::our_run(host),
        locks::packages(host),
    ]
}

async fn way_to_database(patient: &Patient<'_>) -> Option<Finding> {
    let (host, port) = patient.database.as_ref()?;
    Some(database::look(host, *port).await)
}

async fn allowed(patient: &Patient<'_>) -> Finding {
    match &patient.ssm {
        Some(client) => permissions::look(client).await,
        None => Finding::new("SSM permissions", Status::Unknown, "the Region is not known"),
    }
}

#[cfg(test)]
mod tests;
