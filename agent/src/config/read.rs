//! Text to checked values, each with the place it stands at. All mistakes are told, not the first.

use std::collections::BTreeMap;

use toml_edit::{Document, Item, TableLike, Value as Toml};

use super::ConfigError;
use super::keys::{self, Key, SHORTHANDS};
use super::kinds::Value;

/// Checked values by the names of their keys.
#[derive(Debug, Default)]
pub struct Values(BTreeMap<&'static str, (Value, String)>);

impl Values {
    /// The value of a key, if it was set.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(|(value, _)| value)
    }

    /// Where a key was set.
    pub fn place(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(_, place)| place.as_str())
    }

    /// Takes the values of another over its own.
    pub fn overlay(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// What was set, in a form that is the same for the same settings.
    pub fn canonical(&self) -> String {
        self.0.iter().map(|(name, (value, _))| format!("{name}={value:?}\n")).collect()
    }
}

/// Reads a file.
pub fn file(path: &str, text: &str) -> Result<Values, Vec<ConfigError>> {
    let document = Document::parse(text.to_owned()).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let problem = error.message().trim_end().replace('\n', ", ");
        vec![ConfigError { place: place(path, text, at), problem, hint: hint() }]
    })?;
    let mut reading = Reading { path, text, values: Values::default(), errors: Vec::new() };
    reading.table("", document.as_table());
    if reading.errors.is_empty() { Ok(reading.values) } else { Err(reading.errors) }
}

/// Reads `key=value` one-offs; a value that is not TOML is taken as text.
pub fn sets(sets: &[String]) -> Result<Values, Vec<ConfigError>> {
    let (mut values, mut errors) = (Values::default(), Vec::new());
    for set in sets {
        let Some((name, text)) = set.split_once('=') else {
            let place = "--set".to_owned();
            errors.push(ConfigError { place, problem: "expected KEY=VALUE".to_owned(), hint: hint() });
            continue;
        };
        // Not the value: someone may have put a password where its reference belongs.
        let place = format!("--set {}", name.trim());
        let value = text.trim().parse::<Toml>().unwrap_or_else(|_| Toml::from(text.trim()));
        match checked(name.trim(), &value) {
            Ok((name, value)) => drop(values.0.insert(name, (value, place))),
            Err((problem, hint)) => {
                // The place has the name already.
                let told = problem.strip_prefix(&format!("{}: ", name.trim())).map(str::to_owned);
                errors.push(ConfigError { place, problem: told.unwrap_or(problem), hint });
            }
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

struct Reading<'a> {
    path: &'a str,
    text: &'a str,
    values: Values,
    errors: Vec<ConfigError>,
}

impl Reading<'_> {
    fn table(&mut self, prefix: &str, table: &dyn TableLike) {
        for (name, item) in table.iter() {
            let full = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            let at = table.key(name).and_then(toml_edit::Key::span).map_or(0, |span| span.start);
            match item {
                Item::Table(inner) => self.inner(&full, at, inner),
                Item::Value(Toml::InlineTable(inner)) => self.inner(&full, at, inner),
                Item::Value(value) if known(&full).is_some() => {
                    let at = value.span().map_or(at, |span| span.start);
                    self.value(&full, value, at);
                }
                Item::Value(_) | Item::ArrayOfTables(_) | Item::None => self.unknown(&full, at),
            }
        }
    }

    /// Reads a table, unless no setting lives there.
    fn inner(&mut self, full: &str, at: usize, table: &dyn TableLike) {
        let prefix = format!("{full}.");
        if keys::KEYS.iter().any(|key| key.name.starts_with(&prefix)) {
            self.table(full, table);
        } else {
            self.unknown(full, at);
        }
    }

    fn value(&mut self, name: &str, value: &Toml, at: usize) {
        let place = place(self.path, self.text, at);
        match checked(name, value) {
            Ok((name, value)) => drop(self.values.0.insert(name, (value, place))),
            Err((problem, hint)) => self.errors.push(ConfigError { place, problem, hint }),
        }
    }

    fn unknown(&mut self, name: &str, at: usize) {
        let (problem, hint) = no_such(name);
        self.errors.push(ConfigError { place: place(self.path, self.text, at), problem, hint });
    }
}

/// The key and its value, or what is wrong and what to do.
fn checked(name: &str, value: &Toml) -> Result<(&'static str, Value), (String, String)> {
    let key = known(name).ok_or_else(|| no_such(name))?;
    let value =
        key.kind.check(value).map_err(|problem| (format!("{name}: {problem}"), key.meaning.to_owned()))?;
    Ok((key.name, value))
}

/// The setting of this name, or of the name that this one is short for.
fn known(name: &str) -> Option<&'static Key> {
    keys::find(SHORTHANDS.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long))
}

fn no_such(name: &str) -> (String, String) {
    let problem = format!("there is no setting {name}");
    match keys::nearest(name) {
        Some(nearest) => (problem, format!("the nearest there is: {nearest}")),
        None => (problem, hint()),
    }
}

fn hint() -> String {
    "`vivarium-agent settings --sample` prints all there are".to_owned()
}

/// `path:line:column`, both counted from 1.
fn place(path: &str, text: &str, at: usize) -> String {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{path}:{line}:{column}")
}
