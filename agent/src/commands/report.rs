//! `report`: send what could not be sent when its run ended. Changes nothing on the host but the queue.

use std::time::Duration;

use vivarium_bootstrap::lock::{PATH, RunLock};

use crate::deliver;
use crate::exit::Exit;
use crate::render;
use crate::world::World;

/// Whoever holds the lock sends what waits when it ends, so nobody waits for it here.
const WAIT: Duration = Duration::ZERO;

/// Sends what waits.
pub async fn report(world: &World) -> (String, Exit) {
    if !world.config.report.ssm {
        return ("ok: nothing to send, since report.ssm is off\n".to_owned(), Exit::Ok);
    }
    let _lock = match RunLock::acquire(&world.host.path(PATH), "report", WAIT).await {
        Ok(lock) => lock,
        Err(error) => return super::run::locked_out(&error, WAIT),
    };
    match deliver::flush(&world.queue, world.cloud.destination(), &super::run::how(world)).await {
        Ok(None) => ("ok: no report waits\n".to_owned(), Exit::Ok),
        Ok(Some(delivery)) => {
            let (word, exit) = match delivery.queued {
                0 => ("ok: what waited is sent", Exit::Ok),
                _ => ("degraded: reports still wait on disk", Exit::Degraded),
            };
            (format!("{word}\n{}", render::delivered(Some(&delivery))), exit)
        }
        Err(error) => {
            let text = format!(
                "failed: reading the reports that wait in /var/lib/vivarium/queue: {error}\n\
                 hint: run as root, and see that the root disk can be read\n"
            );
            (text, Exit::Unexpected)
        }
    }
}
