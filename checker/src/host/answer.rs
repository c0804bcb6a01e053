//! What `vivarium-agent probe --json` prints, and how the checker reads it back: one line of ASCII whose first words
//! are the verdict, since Run Command keeps the head of what is printed.

use serde::Serialize;
use serde_json::Value;

use super::facts::{FACTS_VERSION, Facts};
use super::judge::problems;
use super::problem::Problem;
use super::told::Told;

/// Run Command keeps so many bytes of what a command prints; the rest is for what a shell may say besides.
const MOST: usize = 20_000;
/// Of texts that come from the host no more is given on.
const LONGEST: usize = 400;
/// And of listeners and accounts no more than these.
const MOST_LISTENERS: usize = 24;
const MOST_ACCOUNTS: usize = 3;

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// In one sentence.
    pub verdict: String,
    /// [`FACTS_VERSION`].
    pub version: u32,
    /// What is wrong, the roots first.
    pub problems: Vec<Problem>,
    /// What was seen.
    pub facts: Facts,
}

impl Answer {
    /// Judges what was seen, and keeps of it what fits.
    pub fn of(facts: Facts) -> Self {
        let facts = shortened(facts);
        let answer = |facts: Facts| {
            let problems = problems(&facts);
            Self { verdict: verdict(&problems, &facts), version: FACTS_VERSION, problems, facts }
        };
        let mut whole = answer(facts);
        for cut in [without_problems, without_database, without_accounts, without_listeners] {
            if whole.line().len() <= MOST {
                break;
            }
            whole = cut(whole);
        }
        whole
    }

    /// As it is printed: one line, in ASCII.
    pub fn line(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        let mut line = String::with_capacity(json.len());
        for letter in json.chars() {
            if letter.is_ascii() {
                line.push(letter);
            } else {
                line.extend(letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
        line
    }
}

fn verdict(problems: &[Problem], facts: &Facts) -> String {
    let roots: Vec<&str> =
        problems.iter().filter(|problem| problem.is_root()).map(|problem| problem.verdict.as_str()).collect();
    let arrived = match (&facts.arrivals, facts.question.client) {
        (Told::Known(seen), Some(client)) if seen.watched_ms > 0 => match (seen.syn, seen.syn_ack) {
            (0, _) => format!("; no packet of {client} arrived in {} ms", seen.watched_ms),
            (_, 0) => format!("; packets of {client} arrive and no answer leaves"),
            _ => format!("; packets of {client} arrive and are answered"),
        },
        _ => String::new(),
    };
    match roots.as_slice() {
        [] => format!("ok: nothing on this host keeps a login out{arrived}"),
        [first] => format!("problem: {first}{arrived}"),
        [first, others @ ..] => format!("problem: {first}, and {} more{arrived}", others.len()),
    }
}

/// Texts of the host's, cut where they are long.
fn shortened(mut facts: Facts) -> Facts {
    if let Told::Known(list) = &mut facts.listeners {
        let port = facts.question.port;
        list.sort_by_key(|one| {
            (one.address.port() != port, !one.program.as_deref().is_some_and(|name| name.starts_with("sshd")))
        });
        list.truncate(MOST_LISTENERS);
    }
    if let Told::Known(accounts) = &mut facts.accounts {
        accounts.truncate(MOST_ACCOUNTS);
    }
    let mut value = serde_json::to_value(&facts).unwrap_or_default();
    shorten(&mut value);
    serde_json::from_value(value).unwrap_or(facts)
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > LONGEST => {
            let cut = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(cut);
            text.push_str("...");
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

fn without_problems(mut answer: Answer) -> Answer {
    answer.problems.truncate(8);
    answer
}

fn without_database(mut answer: Answer) -> Answer {
    answer.facts.database = None;
    answer
}

fn left_out<T>() -> Told<T> {
    Told::Unknown("it was left out: it is too long for Run Command".to_owned())
}

fn without_accounts(mut answer: Answer) -> Answer {
    answer.facts.accounts = left_out();
    answer
}

fn without_listeners(mut answer: Answer) -> Answer {
    answer.problems.truncate(2);
    answer.facts.listeners = left_out();
    answer.facts.sshd.host_keys = left_out();
    answer
}

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It ends too early.
    CutOff,
    /// It is of another version of the program.
    Version(u64),
    /// It is something else.
    NoAnswer(String),
}

/// The facts of an answer. What a shell said before or after it is passed over.
pub fn read(printed: &str) -> Result<Facts, Unreadable> {
    let Some(line) = printed.lines().find(|line| line.starts_with("{\"verdict\":")) else {
        let said = printed.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(Unreadable::NoAnswer(said.chars().take(LONGEST).collect()));
    };
    let document: Value = serde_json::from_str(line).map_err(|error| {
        if error.is_eof() { Unreadable::CutOff } else { Unreadable::NoAnswer(error.to_string()) }
    })?;
    let version = document["version"].as_u64().unwrap_or_default();
    if version != u64::from(FACTS_VERSION) {
        return Err(Unreadable::Version(version));
    }
    serde_json::from_value(document["facts"].clone()).map_err(|error| Unreadable::NoAnswer(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::facts::Listener;
    use super::super::judge::sound;
    use super::*;

    #[test]
    fn what_is_printed_is_read_back_and_begins_with_the_verdict() {
        let answer = Answer::of(sound());
        let line = answer.line();
        assert!(line.starts_with("{\"verdict\":\"ok: nothing on this host"), "{line}");
        assert_eq!(read(&format!("motd\n{line}\n")), Ok(sound()));
        assert_eq!(read(&line[..line.len() - 2]), Err(Unreadable::CutOff));
        assert_eq!(read("sh: not found\n"), Err(Unreadable::NoAnswer("sh: not found".into())));
        let older = line.replacen("\"version\":1", "\"version\":7", 1);
        assert_eq!(read(&older), Err(Unreadable::Version(7)));
    }

    #[test]
    fn whatever_a_host_has_it_fits_into_what_run_command_keeps() {
        let mut facts = sound();
        let long = "\u{e9}".repeat(100_000);
        let listener =
            Listener { address: "0.0.0.0:22".parse().expect("an address"), program: Some(long.clone()) };
        facts.listeners = Told::Known(vec![listener; 5000]);
        facts.sshd.test = Told::Known(Some(long.clone()));
        facts.no_login = Told::Known(Some((long.clone(), long.clone())));
        if let Told::Known(accounts) = &mut facts.accounts {
            let mut many = accounts[0].clone();
            many.key_files = vec![many.key_files[0].clone(); 200];
            many.user.clone_from(&long);
            *accounts = vec![many; 50];
        }
        facts.rooms = vec![facts.rooms[0].clone(); 20];
        facts.rooms.iter_mut().for_each(|room| room.bytes_free = 0);
        let line = Answer::of(facts).line();
        assert!(line.is_ascii() && line.len() <= MOST, "{} bytes", line.len());
        assert!(read(&line).is_ok());
    }
}
