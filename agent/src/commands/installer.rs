//! `installer FILE`: read an installer's header, run nothing.

use std::path::Path;

use serde_json::{Value, json};
use vivarium_bootstrap::anaconda::architecture::Architecture;
use vivarium_bootstrap::anaconda::header::{self, Examined};
use vivarium_bootstrap::step::{Failure, StepError};

use crate::exit::Exit;

/// Whether this installer could be used on this machine, and what its header says.
pub fn examine(file: &Path, as_json: bool) -> (String, Exit) {
    let looked = Architecture::of_this_machine()
        .map_err(|problem| {
            StepError::new(Failure::Precondition, "looking which machine this is")
                .because(problem)
                .hint("run it on the machine that Anaconda is to be installed on")
        })
        .and_then(|architecture| header::look(file, architecture));
    match looked {
        Ok(Examined { damage: None, header, .. }) => (usable(&header, as_json), Exit::Ok),
        Ok(Examined { damage: Some(damage), header, length }) => {
            let error = header::refusal(file, damage);
            (refused(&error, Some((&header, length)), as_json), error.failure().into())
        }
        Err(error) => (refused(&error, None, as_json), error.failure().into()),
    }
}

fn usable(header: &header::Header, as_json: bool) -> String {
    if as_json {
        return format!("{:#}\n", json!({ "version": 1, "usable": true, "header": told(header) }));
    }
    format!(
        "ok: {}\n\
         hint: its header is sound; whether it is the vendor's own only its SHA-256 can tell\n",
        said(header)
    )
}

fn refused(error: &StepError, header: Option<(&header::Header, u64)>, as_json: bool) -> String {
    let (chain, hint) = (error.chain(), error.hint_text());
    if as_json {
        let mut refusal = json!({ "version": 1, "usable": false, "error": chain, "hint": hint });
        if let Some((header, length)) = header {
            refusal["header"] = told(header);
            refusal["file_size"] = length.into();
        }
        return format!("{refusal:#}\n");
    }
    let read = header.map_or_else(String::new, |(header, length)| {
        format!("  its header: {}; the file has {length}\n", said(header))
    });
    format!("refused: {chain}\nhint: {hint}\n{read}")
}

fn said(header: &header::Header) -> String {
    let header::Header { name, version, platform, payload, size, .. } = header;
    format!("{name} {version} for {platform}, {size} bytes with the {payload} of its header")
}

fn told(header: &header::Header) -> Value {
    json!({
        "name": header.name, "version": header.version, "platform": header.platform, "md5": header.md5,
        "payload_offset": header.payload, "size": header.size, "generation": header.generation.as_str(),
    })
}
