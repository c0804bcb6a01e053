//! `installer FILE`: read an installer's header, run nothing.

use std::path::Path;

use serde_json::json;
use vivarium_bootstrap::anaconda::architecture::Architecture;
use vivarium_bootstrap::anaconda::header::{self, Header};
use vivarium_bootstrap::step::{Failure, StepError};

use crate::exit::Exit;

/// Whether this installer could be used on this machine, and what its header says.
pub fn examine(file: &Path, as_json: bool) -> (String, Exit) {
    let examined = Architecture::of_this_machine()
        .map_err(|problem| {
            StepError::new(Failure::Precondition, "looking which machine this is").because(problem)
        })
        .and_then(|architecture| header::examine(file, architecture));
    match examined {
        Ok(header) => (usable(&header, as_json), Exit::Ok),
        Err(error) => (refusal(&error, as_json), error.failure().into()),
    }
}

fn usable(header: &Header, as_json: bool) -> String {
    let Header { name, version, platform, md5, payload, size, .. } = header;
    if as_json {
        let header = json!({
            "name": name, "version": version, "platform": platform, "md5": md5,
            "payload_offset": payload, "size": size, "generation": format!("{:?}", header.generation),
        });
        return format!("{:#}\n", json!({ "version": 1, "usable": true, "header": header }));
    }
    format!(
        "ok: {name} {version} for {platform}, {size} bytes as its header says, the payload begins at {payload}\n\
         hint: its header is sound; whether it is the vendor's own only its SHA-256 can tell\n"
    )
}

fn refusal(error: &StepError, as_json: bool) -> String {
    if as_json {
        let told =
            json!({ "version": 1, "usable": false, "error": error.chain(), "hint": error.hint_text() });
        return format!("{told:#}\n");
    }
    format!("refused: {}\nhint: {}\n", error.chain(), error.hint_text())
}
