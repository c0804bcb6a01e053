//! `postgres://` URLs, taken apart as libpq does, with a word for what people forget to escape.

use super::Mistake;
use super::libpq::Parameters;

/// What every message begins with. The URL itself may hold a password.
const DOING: &str = "reading the postgres:// URL";

/// Takes a URL apart into libpq's keywords.
pub fn parse(url: &str) -> Result<Parameters, Mistake> {
    let rest =
        url.strip_prefix("postgresql://").or_else(|| url.strip_prefix("postgres://")).ok_or_else(|| {
            let hint = "write postgres://user@host:5432/database";
            Mistake::new(DOING, "it does not begin with postgres:// or postgresql://", hint)
        })?;
    if rest.contains(char::is_whitespace) {
        return Err(Mistake::new(DOING, "there is a space in it", "write %20 for a space"));
    }
    let mut parameters = Parameters::default();
    let (credentials, rest) = credentials(rest)?;
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    parameters.set("user", decoded(user, "user")?);
    parameters.set("password", decoded(password, "password")?);
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    places(hosts, &mut parameters)?;
    parameters.set("dbname", decoded(database, "database")?);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (keyword, value) = pair.split_once('=').ok_or_else(|| {
            Mistake::new(
                DOING,
                "a setting behind the ? has no =",
                "write keyword=value, with & between two of them",
            )
        })?;
        match (decoded(keyword, "setting")?.as_str(), decoded(value, "setting")?) {
            ("ssl", value) if value == "true" => parameters.set("sslmode", "require".to_owned()),
            (keyword, value) => parameters.set(keyword, value),
        }
    }
    Ok(parameters)
}

/// What stands before the `@`, and what behind it.
fn credentials(rest: &str) -> Result<(&str, &str), Mistake> {
    let escape = |what: &str, code: &str| {
        let why = format!("the user or password has a {what} that is not escaped");
        Mistake::new(DOING, why, format!("write {code} for {what}, or leave the password to ~/.pgpass"))
    };
    let path = rest.find('/').unwrap_or(rest.len());
    let query = rest.find('?').unwrap_or(rest.len());
    let Some(first) = rest[..path].find('@') else {
        // An "@" behind the first slash, and before any question: the slash was the password's.
        return if rest[path.min(query)..query].contains('@') {
            Err(escape("/", "%2F"))
        } else {
            Ok(("", rest))
        };
    };
    if rest[first + 1..path.min(query).max(first + 1)].contains('@') {
        return Err(escape("@", "%40"));
    }
    Ok((&rest[..first], &rest[first + 1..]))
}

/// One or several hosts with their ports, put together with commas as libpq's keywords have them.
fn places(hosts: &str, parameters: &mut Parameters) -> Result<(), Mistake> {
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for place in hosts.split(',') {
        let (name, port) = one_place(place)?;
        names.push(decoded(name, "host")?);
        ports.push(port.to_owned());
    }
    parameters.set("host", names.join(",").trim_matches(',').to_owned());
    if ports.iter().any(|port| !port.is_empty()) {
        parameters.set("port", ports.join(","));
    }
    Ok(())
}

fn one_place(place: &str) -> Result<(&str, &str), Mistake> {
    let (name, behind) = match place.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or_else(|| {
            Mistake::new(DOING, "the [ before an address of version 6 is not closed", "write [fd00::1]:5432")
        })?,
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    let port = behind.strip_prefix(':').unwrap_or(behind);
    let number = port.parse::<u16>().is_ok_and(|port| port > 0);
    if behind.is_empty() || behind == ":" || number {
        return Ok((name, port));
    }
    let why = "what stands behind the host is not a port";
    let hint = "a port is a number from 1 to 65535; an address of version 6 stands in [ ]; in a password, write %3A for : \
                and %2F for /";
    Err(Mistake::new(DOING, why, hint))
}

/// Replaces `%2F` and its like.
fn decoded(text: &str, what: &str) -> Result<String, Mistake> {
    let wrong = |why: &str| {
        let hint = "write %25 for a percent sign; others are a percent sign and two hexadecimal digits";
        Mistake::new(DOING, format!("in the {what}, {why}"), hint)
    };
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes().iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(wrong("a percent sign is followed by something else than two hexadecimal digits"));
        };
        match u8::try_from(high * 16 + low) {
            Ok(byte @ 1..) => bytes.push(byte),
            _ => return Err(wrong("there is %00, which nothing can hold")),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("the escaped bytes are not UTF-8"))
}
