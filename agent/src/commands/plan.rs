//! `plan`: exactly what a run would change, and a hash that `run --plan` holds the host to.

use serde_json::{Value, json};
use vivarium_bootstrap::run::{self, Planned};
use vivarium_bootstrap::step::Step;

use crate::boot;
use crate::exit::Exit;
use crate::render;
use crate::world::World;

/// Looks, prints, changes nothing.
pub async fn plan(world: &World, only: Option<&str>, as_json: bool) -> (String, Exit) {
    let planned = run::plan(&chosen(world, only), &world.host).await;
    let hash = run::plan_hash(&planned);
    let exit = exit(&planned);
    let text = if as_json {
        format!(
            "{:#}\n",
            json!({ "version": 1, "hash": hash, "exit_code": exit.code(), "steps": steps(&planned) })
        )
    } else {
        render::plan(&planned, &hash)
    };
    (text, exit)
}

/// The steps that `--only` leaves. That of the boot unit is listed only where it is asked for.
pub fn chosen(world: &World, only: Option<&str>) -> Vec<Box<dyn Step>> {
    let mut steps = world.steps();
    let usual = |name| name != boot::NAME || world.config.run.boot_unit;
    steps.retain(|step| only.map_or_else(|| usual(step.name()), |only| only == step.name()));
    steps
}

/// What keeps the first blocked step from being carried out.
fn exit(planned: &[Planned]) -> Exit {
    planned.iter().find_map(|step| step.state.as_ref().err()).map_or(Exit::Ok, |error| error.failure().into())
}

/// Each step's state, as JSON.
pub fn steps(planned: &[Planned]) -> Vec<Value> {
    let step = |step: &Planned| {
        let lines = render::lines(step);
        let state = lines.first().map_or("done", |(word, _)| word);
        let texts: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
        let hint = step.state.as_ref().err().map(|error| error.hint_text().to_owned());
        json!({ "name": step.step, "state": state, "lines": texts, "hint": hint })
    };
    planned.iter().map(step).collect()
}
