//! What the fuzzers share: a network that works, with pieces torn out and put where they do not belong.

use std::sync::OnceLock;

use serde_json::{Value, json};

/// The answers of the lab's example, each with its name.
pub fn example() -> &'static [(String, Value)] {
    static EXAMPLE: OnceLock<Vec<(String, Value)>> = OnceLock::new();
    EXAMPLE.get_or_init(|| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/lab/vpc/example");
        let files = std::fs::read_dir(folder).expect("the example is there");
        let mut answers: Vec<(String, Value)> = files
            .map(|file| file.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(|path| {
                let text = std::fs::read_to_string(&path).expect("it can be read");
                let answer = serde_json::from_str(&text).expect("it is JSON");
                (path.file_stem().expect("a name").to_string_lossy().into_owned(), answer)
            })
            .collect();
        answers.sort_by(|one, other| one.0.cmp(&other.0));
        answers
    })
}

/// The example, changed at a place for every eight bytes.
pub fn damaged(bytes: &[u8]) -> Vec<(String, Value)> {
    let mut answers = example().to_vec();
    for edit in bytes.chunks_exact(8).take(12) {
        let (file, place, what, from) =
            (edit[0], u16::from_le_bytes([edit[1], edit[2]]), edit[3], u16::from_le_bytes([edit[4], edit[5]]));
        let other = at(&mut answers, edit[6], from).map(|value| value.clone()).unwrap_or_default();
        if let Some(place) = at(&mut answers, file, place) {
            change(place, what, from, other);
        }
    }
    answers
}

fn at(answers: &mut [(String, Value)], file: u8, place: u16) -> Option<&mut Value> {
    let count = answers.len();
    let answer = &mut answers[usize::from(file) % count].1;
    let mut left = usize::from(place) % size(answer);
    nth(answer, &mut left)
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(rows) => rows.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

fn nth<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(rows) => rows.iter_mut().find_map(|row| nth(row, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, left)),
        _ => None,
    }
}

const WORDS: [&str; 24] = [
    "", "-1", "6", "tcp", "icmp", "58", "0.0.0.0/0", "::/0", "10.0.1.10", "10.0.2.20/32", "203.0.113.10/32",
    "198.51.100.20", "10.0.0.0/8", "255.255.255.255/32", "128.0.0.0/1", "local", "blackhole", "active", "deny",
    "allow", "block-ingress", "stopped", "sg-0a1b2c3d4e5f6a7b8", "\u{1f600}\u{202e}<b>",
];
const NUMBERS: [i64; 12] = [-1, 0, 1, 22, 1024, 5432, 32767, 65535, 65536, i64::MAX, i64::MIN, 100];

fn change(place: &mut Value, what: u8, number: u16, other: Value) {
    match what % 10 {
        0 => *place = Value::Null,
        1 => *place = json!(WORDS[usize::from(number) % WORDS.len()]),
        2 => *place = json!(NUMBERS[usize::from(number) % NUMBERS.len()]),
        3 => *place = json!(number),
        4 => *place = json!(number % 2 == 0),
        5 => *place = json!([]),
        6 => *place = json!({}),
        7 => *place = other,
        8 => match place {
            Value::Array(rows) => rows.push(other),
            Value::Object(fields) => {
                let name = fields.keys().nth(usize::from(number) % fields.len().max(1)).cloned();
                name.map(|name| fields.insert(name, other));
            }
            Value::String(text) => text.push_str(WORDS[usize::from(number) % WORDS.len()]),
            _ => {}
        },
        _ => match place {
            Value::Array(rows) if !rows.is_empty() => drop(rows.remove(usize::from(number) % rows.len())),
            Value::Object(fields) => {
                let name = fields.keys().nth(usize::from(number) % fields.len().max(1)).cloned();
                name.map(|name| fields.remove(&name));
            }
            Value::String(text) => drop(text.pop()),
            _ => {}
        },
    }
}
