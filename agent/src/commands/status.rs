//! `status`: the last run as it was recorded, and the host as it is now.

use serde_json::json;
use vivarium_bootstrap::lock;
use vivarium_bootstrap::report::Report;
use vivarium_bootstrap::run::{self, Planned};
use vivarium_bootstrap::step::State;

use crate::exit::Exit;
use crate::record;
use crate::render;
use crate::world::World;

use super::plan;

/// Looks, prints, changes nothing.
pub async fn status(world: &World, only: Option<&str>, as_json: bool) -> (String, Exit) {
    let planned = run::plan(&plan::chosen(world, only), &world.host).await;
    let (last, holder) = (record::last(&world.host), lock::held_by(&world.host.path(lock::PATH)));
    let exit = exit(&planned);
    if as_json {
        let running = holder.map(|holder| holder.to_string());
        let told = json!({
            "version": 1,
            "exit_code": exit.code(),
            "running": running,
            "last_run": last,
            "now": plan::steps(&planned),
        });
        return (format!("{told:#}\n"), exit);
    }
    let mut text = now(&planned, exit);
    if let Some(holder) = holder {
        text.push_str(&format!("running now: {holder}\n"));
    }
    text.push_str(&last_run(last.as_ref()));
    (text, exit)
}

fn exit(planned: &[Planned]) -> Exit {
    let failure = planned.iter().find_map(|step| step.state.as_ref().err());
    let todo = planned.iter().any(|step| matches!(step.state, Ok(State::Todo(_))));
    match failure {
        Some(error) => error.failure().into(),
        None if todo => Exit::Degraded,
        None => Exit::Ok,
    }
}

fn now(planned: &[Planned], exit: Exit) -> String {
    let verdict = match exit {
        Exit::Ok => "ok: the host is as its settings ask",
        Exit::Degraded => "to do: the host is not yet, or no longer, as its settings ask",
        _ => "failing: the host is not as its settings ask",
    };
    let mut text = format!("{verdict}\n");
    for step in planned {
        for (word, line) in render::lines(step) {
            text.push_str(&render::row(step.step, word, &line));
        }
        if let Err(error) = &step.state {
            text.push_str(&render::row("", "hint:", error.hint_text()));
        }
    }
    text
}

fn last_run(last: Option<&Report>) -> String {
    match last {
        None => "last run: none is recorded on this host\n".to_owned(),
        Some(report) => format!(
            "last run: {} by {} at {}: {}\n",
            report.run,
            report.caller,
            report.ended,
            render::verdict(report)
        ),
    }
}
