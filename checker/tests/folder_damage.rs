//! Every field of a real-looking folder, each with everything it cannot be in its place: no panic, and never an answer
//! that has changed without a word about the file.

mod fixtures;

use std::fs;
use std::path::PathBuf;

use fixtures::ask;
use serde_json::{Value, json};
use vivarium_checker::aws::Documents;
use vivarium_checker::evaluate::{Trace, Verdict};

const INSTANCE: &str = "i-0123456789abcdef0";

/// The folder that the lab is built from, one document a file.
fn example() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/lab/vpc/example");
    let mut documents: Vec<(String, Value)> = fs::read_dir(folder)
        .expect("the example")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON"))
        })
        .collect();
    documents.sort_by(|one, other| one.0.cmp(&other.0));
    documents
}

/// The way to everything in a document: to every field, and of lists to the first and the last.
fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, within) in fields {
                pointers(within, &format!("{here}/{name}"), all);
            }
        }
        Value::Array(items) => {
            for (index, within) in items.iter().enumerate() {
                if index == 0 || index + 1 == items.len() {
                    pointers(within, &format!("{here}/{index}"), all);
                }
            }
        }
        _ => {}
    }
}

fn answers(documents: &[(String, Value)]) -> (Vec<Trace>, Vec<String>) {
    let mut read = Documents::new();
    for (name, document) in documents {
        read.add(name, document);
    }
    let (network, notes) = read.finish();
    let ask = |(from, to, port)| ask(&network, from, to, port);
    let questions = [("203.0.113.10", INSTANCE, 22), (INSTANCE, "mydb", 5432), (INSTANCE, "192.0.2.80", 443)];
    (questions.map(ask).into(), notes)
}

/// Whether the file is named where the answer has changed.
fn is_named(file: &str, trace: &Trace, notes: &[String]) -> bool {
    let missing = trace.unknowns.iter().chain(&trace.assumptions);
    notes.iter().any(|note| note.contains(file)) || missing.into_iter().any(|one| one.because.contains(file))
}

/// One text for another, or one number or object: that is another network, and no damage.
fn is_of_its_kind(place: &Value, value: &Value) -> bool {
    (place.is_string() && value.is_string())
        || (place.is_object() && value.is_object())
        || (place.is_number() && value.is_i64())
}

#[test]
fn no_field_can_be_damaged_so_that_anything_panics_or_an_answer_changes_in_silence() {
    let mut documents = example();
    let (clean, _) = answers(&documents);
    let wrong = [json!(70_000), json!("\u{0}nonsense"), json!([[]]), json!({ "x": {} }), json!(1e300)];
    let (mut tried, mut wrongs) = (0, Vec::<String>::new());
    for index in 0..documents.len() {
        let (file, whole) = documents[index].clone();
        let mut all = Vec::new();
        pointers(&whole, "", &mut all);
        for pointer in all {
            for value in &wrong {
                let mut damaged = whole.clone();
                let place = damaged.pointer_mut(&pointer).expect("the way is there");
                if is_of_its_kind(place, value) {
                    continue;
                }
                *place = value.clone();
                documents[index].1 = damaged;
                let (after, notes) = answers(&documents);
                for (before, after) in clean.iter().zip(&after) {
                    let is_silent = after.verdict != before.verdict && !is_named(&file, after, &notes);
                    let opens =
                        before.verdict == Verdict::NotReachable && after.verdict == Verdict::Reachable;
                    if is_silent || opens {
                        wrongs.push(format!("{file} {pointer} {value}: {}", after.summary));
                    }
                }
                tried += 1;
            }
        }
        documents[index].1 = whole;
    }
    assert!(wrongs.is_empty(), "{} of {tried}:\n{}", wrongs.len(), wrongs.join("\n"));
    assert!(tried > 2_000, "{tried} damages");
}

#[test]
fn a_field_that_is_null_is_one_that_is_not_there() {
    let mut documents = example();
    for index in 0..documents.len() {
        let whole = documents[index].1.clone();
        let mut all = Vec::new();
        pointers(&whole, "", &mut all);
        for pointer in all.iter().filter(|pointer| !pointer.is_empty()) {
            let (parent, name) = pointer.rsplit_once('/').expect("a way has a slash");
            let (mut nulled, mut without) = (whole.clone(), whole.clone());
            *nulled.pointer_mut(pointer).expect("the way is there") = Value::Null;
            let Some(Value::Object(fields)) = without.pointer_mut(parent) else { continue };
            fields.remove(name);
            let verdicts = |document: Value, documents: &mut Vec<(String, Value)>| {
                documents[index].1 = document;
                answers(documents).0.iter().map(|trace| trace.verdict).collect::<Vec<_>>()
            };
            assert_eq!(verdicts(nulled, &mut documents), verdicts(without, &mut documents), "{pointer}");
        }
        documents[index].1 = whole;
    }
}
