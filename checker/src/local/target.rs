//! What a person types or pastes to say which machine is meant.

use std::net::IpAddr;

use super::Mistake;
use super::libpq::Parameters;
use super::postgres_url;

/// A machine, and what was said along with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub place: Place,
    /// `user@`.
    pub user: Option<String>,
    /// `:port`.
    pub port: Option<u16>,
}

/// Which machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `i-0123456789abcdef0`.
    Instance(String),
    /// An RDS instance, by its ARN.
    Database(String),
    /// An address.
    Address(IpAddr),
    /// A name with a dot in it.
    HostName(String),
    /// Anything else: a host alias, a Name tag or an RDS identifier.
    Word(String),
    /// All of a `postgres://` URL.
    Url(Parameters),
}

/// Understands what was typed.
pub fn parse(typed: &str) -> Result<Target, Mistake> {
    let text = unquoted(typed)?;
    let at = |place| Ok(Target { place, user: None, port: None });
    match text {
        "" => Err(mistake("it is empty", "name an instance id, a Name tag, a host or a postgres:// URL")),
        _ if text.contains(char::is_control) => {
            Err(mistake("it has a control character in it", "type it again"))
        }
        _ if text.starts_with("postgres://") || text.starts_with("postgresql://") => {
            at(Place::Url(postgres_url::parse(text)?))
        }
        _ if text.starts_with("ssh://") => host(text.trim_start_matches("ssh://").trim_end_matches('/')),
        _ if text.starts_with("arn:") => at(of_arn(text)?),
        _ if text.contains("://") => Err(foreign_url(text)),
        _ if text.starts_with("ssh ") || text.starts_with("psql ") => Err(pasted_command(text)),
        _ => host(text),
    }
}

fn mistake(why: impl Into<String>, hint: impl Into<String>) -> Mistake {
    Mistake::new("understanding the target", why, hint)
}

/// Quotes around the whole are the shell's, or a document's.
fn unquoted(typed: &str) -> Result<&str, Mistake> {
    const QUOTES: [(char, char); 5] = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’')];
    let text = typed.trim();
    for (open, close) in QUOTES {
        if let Some(inner) = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)) {
            return Ok(inner.trim());
        }
    }
    let quote = |letter: char| QUOTES.iter().any(|(open, close)| letter == *open || letter == *close);
    if text.starts_with(quote) || text.ends_with(quote) {
        return Err(mistake("a quote is on one side only", "leave the quotes away"));
    }
    Ok(text)
}

/// `arn:aws:ec2:eu-west-1:123456789012:instance/i-…`, `arn:aws:rds:eu-west-1:123456789012:db:mydb`.
fn of_arn(text: &str) -> Result<Place, Mistake> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let place = match parts[..] {
        [_, _, "ec2", _, _, resource] => {
            resource.strip_prefix("instance/").map(str::to_owned).map(Place::Instance)
        }
        [_, _, "rds", _, _, resource] => resource.strip_prefix("db:").map(str::to_owned).map(Place::Database),
        _ => None,
    };
    place.ok_or_else(|| mistake("it is the ARN of something else", "name an EC2 instance or an RDS instance"))
}

fn foreign_url(text: &str) -> Mistake {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let why = format!("{}:// is not how SSH or PostgreSQL is reached", scheme.escape_debug());
    if scheme.starts_with("jdbc:postgresql") {
        return mistake(why, "leave jdbc: away: postgres://user@host:5432/database");
    }
    if let Some(id) = instance_id_in(rest) {
        return mistake(why, format!("the instance of this page is {id}: name that"));
    }
    // Credentials stand before the host, and are not repeated.
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = place.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
    mistake(why, format!("name the host alone: {}", host.escape_debug()))
}

fn instance_id_in(text: &str) -> Option<&str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').find(|word| is_instance(word))
}

fn is_instance(word: &str) -> bool {
    hexadecimal(word, "i-").is_some_and(|digits| digits == 8 || digits == 17)
}

/// How many digits follow, if nothing else does.
fn hexadecimal(word: &str, prefix: &str) -> Option<usize> {
    let digits = word.strip_prefix(prefix)?;
    digits.chars().all(|letter| letter.is_ascii_hexdigit()).then_some(digits.len())
}

fn pasted_command(text: &str) -> Mistake {
    let words: Vec<&str> = text.split_whitespace().collect();
    let target = words.iter().skip(1).find(|word| word.contains('@')).or(words.last());
    let target = target.map(|word| word.escape_debug().to_string()).unwrap_or_default();
    mistake("it is a whole command", format!("name its target alone: {target}"))
}

fn host(text: &str) -> Result<Target, Mistake> {
    let (user, rest) = match text.rsplit_once('@') {
        Some(("", _)) => return Err(mistake("nothing stands before the @", "write user@host")),
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, text),
    };
    if let Some(user) = user.as_deref().filter(|user| user.contains([':', '/', ' ', '@'])) {
        // It may be a password, and is not repeated.
        let hint = if user.contains(':') {
            "write user@host; a password has no place here"
        } else {
            "write user@host"
        };
        return Err(mistake("what stands before the @ is not a user", hint));
    }
    let (name, port) = without_port(rest)?;
    Ok(Target { place: place(name)?, user, port })
}

/// The name, and the port behind it. Two colons make an address of version 6.
fn without_port(text: &str) -> Result<(&str, Option<u16>), Mistake> {
    let hint = "a port is a number from 1 to 65535; an address of version 6 stands in [ ] before it";
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, "")) => return Ok((name, None)),
            Some((name, behind)) => (name, behind.strip_prefix(':').unwrap_or("")),
            None => return Err(mistake("a [ is not closed", "write [fd00::1]:22")),
        },
        None => match text.split_once(':') {
            Some((name, port)) if !port.contains(':') => (name, port),
            _ => return Ok((text, None)),
        },
    };
    match port.parse() {
        Ok(port) if port > 0 => Ok((name, Some(port))),
        _ => Err(mistake("what stands behind the last colon is not a port", hint)),
    }
}

fn place(name: &str) -> Result<Place, Mistake> {
    if let Ok(address) = name.parse() {
        return Ok(Place::Address(address));
    }
    let numbers = name.contains('.') && name.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    match name {
        "" => Err(mistake("there is no host in it", "write user@host or host:port")),
        _ if numbers => {
            Err(mistake("it looks like an address, and is none", "an address has four numbers up to 255"))
        }
        _ if name.contains(':') => {
            Err(mistake("it looks like an address of version 6, and is none", "check its digits"))
        }
        _ if name.contains('/') => Err(mistake("it has a path in it", "name the host alone")),
        _ if is_instance(name) => Ok(Place::Instance(name.to_owned())),
        _ if hexadecimal(name, "i-").is_some() => {
            Err(mistake("it looks like an instance id, and is cut off", "an id has 8 or 17 digits behind i-"))
        }
        _ => match other_resource(name) {
            Some(kind) => Err(mistake(format!("it is the id of a {kind}"), "name the instance: i-…")),
            None if name.contains('.') && !name.contains(' ') => {
                Ok(Place::HostName(name.trim_end_matches('.').to_owned()))
            }
            None => Ok(Place::Word(name.to_owned())),
        },
    }
}

fn other_resource(name: &str) -> Option<&'static str> {
    const KINDS: [(&str, &str); 6] = [
        ("sg-", "security group"),
        ("vpc-", "VPC"),
        ("subnet-", "subnet"),
        ("vol-", "volume"),
        ("ami-", "image"),
        ("eipalloc-", "Elastic IP address"),
    ];
    let is = |prefix| hexadecimal(name, prefix).is_some_and(|digits| digits >= 8);
    KINDS.iter().find(|(prefix, _)| is(prefix)).map(|(_, kind)| *kind)
}
