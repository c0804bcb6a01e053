//! `~/.pgpass`: the password of the first line that fits.

use std::fs;
use std::io;
use std::path::Path;

use super::Mistake;

/// What a login is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login<'a> {
    /// The host as it was named.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: &'a str,
    /// The role.
    pub user: &'a str,
}

/// Reads the file, if it is there, and looks for the login. libpq does not read a file that others may read, so that
/// is a mistake here.
pub(super) fn read(path: &Path, login: &Login) -> Result<Option<String>, Mistake> {
    let doing = || format!("reading {}", path.display());
    let (found, bytes) = match fs::metadata(path).and_then(|found| Ok((found, fs::read(path)?))) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Mistake::new(doing(), error.to_string(), "check its owner and mode")),
    };
    if let Some(mode) = open_to_others(&found) {
        let why = format!("others may read it (mode {mode:03o}), so libpq does not");
        return Err(Mistake::new(doing(), why, format!("chmod 600 {}", path.display())));
    }
    Ok(password(&String::from_utf8_lossy(&bytes), login))
}

#[cfg(unix)]
fn open_to_others(found: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = found.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_to_others(_found: &fs::Metadata) -> Option<u32> {
    None
}

/// The password of the first line that fits: `host:port:database:user:password`, where `*` fits all, and a backslash
/// makes the next letter an ordinary one.
pub(super) fn password(text: &str, login: &Login) -> Option<String> {
    let port = login.port.to_string();
    let wanted = [login.host, &port, login.database, login.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut rest = line;
        for word in wanted {
            rest = rest.strip_prefix("*:").or_else(|| after(rest, word))?;
        }
        Some(unescaped(rest))
    })
}

/// What follows the field, if it is this word.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut escaped = false;
    let ends = text.find(|letter| {
        let end = letter == ':' && !escaped;
        escaped = letter == '\\' && !escaped;
        end
    })?;
    (unescaped(&text[..ends]) == word).then(|| &text[ends + 1..])
}

/// The password ends where an unescaped colon stands, though nothing comes behind it.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next()),
            ':' => break,
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        password(text, &Login { host: "db.example", port: 5432, database: "app", user: "me" })
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let text = "# db.example:5432:app:me:comment\nother:*:*:*:no\n*:5432:app:me:first\ndb.example:5432:app:me:second";
        assert_eq!(found(text).as_deref(), Some("first"));
        assert_eq!(found("db.example:5433:*:*:no\n"), None);
        assert_eq!(found("db.example:5432:app\n"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn a_backslash_makes_a_colon_ordinary() {
        assert_eq!(found(r"*:*:*:*:a\:b\\c").as_deref(), Some(r"a:b\c"));
        let odd = Login { host: "fd00::1", port: 5432, database: "a:b", user: "me" };
        assert_eq!(password(r"fd00\:\:1:5432:a\:b:me:yes", &odd).as_deref(), Some("yes"));
        assert_eq!(password("fd00::1:5432:a:b:me:no", &odd), None);
    }
}
