//! `report`: send what could not be sent when its run ended. Changes nothing on the host but the queue.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use vivarium_bootstrap::host::clock;
use vivarium_bootstrap::lock::{PATH, RunLock};

use crate::deliver::follow::{FollowRule, Left};
use crate::deliver::{self, Options};
use crate::exit::Exit;
use crate::world::World;
use crate::{record, render};

/// Whoever holds the lock sends what waits when it ends, so nobody waits for it here.
const WAIT: Duration = Duration::ZERO;

/// Held by who keeps trying, so that there is one of them, and never while a run is kept waiting.
const FOLLOWERS: &str = "/run/vivarium/report.lock";
/// Who holds that may be about to end, having found nothing a moment before there was something.
const FOLLOWERS_END: Duration = Duration::from_secs(5);

/// Sends what waits; with `keep_trying` for as long as it may still arrive, and then beside every other run.
pub async fn report(world: &World, keep_trying: bool) -> (String, Exit) {
    if !world.config.report.ssm {
        return ("ok: nothing to send, since report.ssm is off\n".to_owned(), Exit::Ok);
    }
    if keep_trying { follow(world).await } else { once(world, &super::run::how(world)).await.said }
}

/// What came of one attempt.
struct Attempt {
    said: (String, Exit),
    left: Left,
}

async fn follow(world: &World) -> (String, Exit) {
    let _only_one = match RunLock::acquire(&world.host.path(FOLLOWERS), "report", FOLLOWERS_END).await {
        Ok(lock) => lock,
        Err(error) => return super::run::locked_out(&error, FOLLOWERS_END),
    };
    let rule = FollowRule::default();
    // Who waits between attempts need not wait within one.
    let options = Options { retry: rule.within(), start_delay: Duration::ZERO, ..super::run::how(world) };
    let last = RefCell::new((String::new(), Exit::Ok));
    deliver::follow::follow(rule, async || {
        let Attempt { said, left } = once(world, &options).await;
        *last.borrow_mut() = said;
        left
    })
    .await;
    last.into_inner()
}

/// Inventory forgets what is old, also of an instance that is verified each day.
async fn refresh(world: &World) -> io::Result<()> {
    let Ok(instance) = world.cloud.instance().await else { return Ok(()) };
    if !world.queue.waiting()?.is_empty() || !world.queue.is_stale(&instance.id, clock::now()) {
        return Ok(());
    }
    record::last(&world.host).map_or(Ok(()), |last| world.queue.push(&last))
}

async fn once(world: &World, options: &Options) -> Attempt {
    let _lock = match RunLock::acquire(&world.host.path(PATH), "report", WAIT).await {
        Ok(lock) => lock,
        Err(error) => return Attempt { said: super::run::locked_out(&error, WAIT), left: Left::ForLater },
    };
    if let Err(error) = refresh(world).await {
        tracing::warn!("the last report is not sent again, though inventory will forget it: {error}");
    }
    match deliver::flush(&world.queue, world.cloud.destination(), options).await {
        Ok(None) => Attempt { said: ("ok: no report waits\n".to_owned(), Exit::Ok), left: Left::Nothing },
        Ok(Some(delivery)) => {
            let (word, exit) = match delivery.queued {
                0 => ("ok: what waited is sent", Exit::Ok),
                _ => ("degraded: reports still wait on disk", Exit::Degraded),
            };
            let said = (format!("{word}\n{}", render::delivered(Some(&delivery))), exit);
            Attempt { said, left: if delivery.later { Left::ForLater } else { Left::Nothing } }
        }
        Err(error) => {
            let text = format!(
                "failed: reading the reports that wait in /var/lib/vivarium/queue: {error}\n\
                 hint: run as root, and see that the root disk can be read\n"
            );
            Attempt { said: (text, Exit::Unexpected), left: Left::Nothing }
        }
    }
}
