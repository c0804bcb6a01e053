//! What may stand in UserData: everyone on the instance can read it, and everyone with
//! `ec2:DescribeInstanceAttribute`. So no secret, and nothing that works like one.

use std::fmt;

use toml::{Table, Value};

use super::Refusal;

/// Parts of a URL's query that let in whoever has the URL.
const TICKETS: [&str; 6] =
    ["x-amz-signature", "x-amz-security-token", "signature", "sig", "token", "access_token"];
const READABLE: &str = "UserData can be read by everyone on the instance";

/// The settings of a file, with one-offs over them, without comments: a comment may say anything. They are valid
/// already; a value that works like a secret is refused.
pub fn settings_to_carry(text: &str, sets: &[String]) -> Result<String, Refusal> {
    let unreadable =
        |error: &dyn fmt::Display| Refusal::new(error.to_string(), "see `vivarium-agent settings`");
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| unreadable(&error.message()))?;
    for (name, value) in sets.iter().filter_map(|set| set.split_once('=')) {
        let value = value.trim();
        let typed = format!("value = {value}").parse::<Table>().ok().and_then(|mut one| one.remove("value"));
        put(&mut table, name.trim(), typed.unwrap_or_else(|| Value::from(value)));
    }
    look("", &Value::Table(table.clone()))?;
    toml::to_string(&table).map_err(|error| unreadable(&error))
}

fn put(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        None => drop(table.insert(name.to_owned(), value)),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn look(name: &str, value: &Value) -> Result<(), Refusal> {
    match value {
        Value::String(text) => url(name, text),
        Value::Array(values) => values.iter().try_for_each(|value| look(name, value)),
        Value::Table(table) => table.iter().try_for_each(|(key, value)| {
            let full = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            look(&full, value)
        }),
        _ => Ok(()),
    }
}

/// Refuses a URL that holds a password or a ticket; the URL itself is not shown.
pub(super) fn url(name: &str, text: &str) -> Result<(), Refusal> {
    let Some((_, rest)) = text.split_once("://") else { return Ok(()) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        let hint =
            "leave the password out: name a mirror that needs none, or an s3:// URL and the instance's role";
        return Err(Refusal::new(format!("{name} holds a password, and {READABLE}"), hint));
    }
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let ticket = query.split('&').find_map(|pair| {
        let key = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        TICKETS.iter().find(|ticket| **ticket == key)
    });
    match ticket {
        None => Ok(()),
        Some(ticket) => {
            let hint =
                "a signed URL lets in whoever has it: name an s3:// URL, which the instance's role can read";
            Err(Refusal::new(format!("{name} is signed ({ticket}), and {READABLE}"), hint))
        }
    }
}
