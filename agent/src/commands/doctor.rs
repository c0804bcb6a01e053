//! `doctor`: what would go wrong, looked for where these settings lead.

use vivarium_bootstrap::anaconda::wanted::{Wanted, workplace};
use vivarium_bootstrap::settings::WheelSource;

use crate::doctor::{self, Needed, Patient, Status};
use crate::exit::Exit;
use crate::imds;
use crate::secret::SecretReference;
use crate::world::World;

/// What Anaconda takes up at its peak, the installer included, where its size is not known.
const SPACE: u64 = 10 << 30;
/// And per byte of the installer, where it is.
const SPACE_PER_BYTE: u64 = 6;

/// Looks and changes nothing.
pub async fn doctor(world: &World, as_json: bool) -> (String, Exit) {
    let settings = &world.config.host;
    let wanted = Wanted::here(settings).ok();
    let region = world.cloud.region().await;
    let database = world.config.database.as_ref().map(|database| &database.settings);
    let patient = Patient {
        host: &world.host,
        volume: &settings.volume.identity,
        mount_point: &settings.mount.point,
        metadata_endpoint: imds::ENDPOINT.to_owned(),
        hosts: hosts(world, wanted.as_ref(), region.as_deref()),
        database: database.map(|database| (database.host.clone(), database.port)),
        ssm: match &region {
            Some(_) => Some(aws_sdk_ssm::Client::new(&world.cloud.sdk_config().await)),
            None => None,
        },
        temporary: workplace(settings),
        space: wanted.and_then(|wanted| wanted.size).map_or(SPACE, |size| size * SPACE_PER_BYTE),
    };
    let findings = doctor::examine(&patient).await;
    let exit = match doctor::worst(&findings) {
        Status::Bad => Exit::Precondition,
        Status::Warning => Exit::Degraded,
        Status::Good | Status::Unknown => Exit::Ok,
    };
    (if as_json { doctor::json(&findings) } else { doctor::text(&findings) }, exit)
}

/// The hosts that a run asks, each by the name that a person knows.
fn hosts(world: &World, wanted: Option<&Wanted>, region: Option<&str>) -> Vec<Needed> {
    let archive = wanted.and_then(|wanted| wanted.urls.first().cloned());
    let index = match &world.config.host.python.wheels {
        WheelSource::Index(index) => Some(index.clone()),
        WheelSource::DefaultIndex | WheelSource::Wheelhouse(_) => None,
    };
    let secrets = world
        .config
        .database
        .as_ref()
        .is_some_and(|database| matches!(database.secret, SecretReference::SecretsManager(_)));
    let service = |name: &str| {
        let public = region.map(|region| format!("https://{name}.{region}.amazonaws.com/"));
        world.config.aws.endpoint.clone().or(public)
    };
    [
        ("the installer's archive", archive, true),
        ("the wheel index", index, true),
        ("Systems Manager", service("ssm"), false),
        ("Secrets Manager", service("secretsmanager").filter(|_| secrets), true),
    ]
    .into_iter()
    .filter_map(|(name, url, required)| Some(Needed { name: name.to_owned(), url: url?, required }))
    .filter(|needed| !needed.url.starts_with("file:"))
    .collect()
}
