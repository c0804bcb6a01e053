//! The diagnosis for programs: one object, whose names `docs/diagnosis.md` tells.

use crate::explain::Diagnosis;

/// One JSON object, indented, with a line feed at its end.
pub fn json(diagnosis: &Diagnosis) -> String {
    let written = serde_json::to_string_pretty(diagnosis);
    written.expect("every key of a diagnosis is a string") + "\n"
}
