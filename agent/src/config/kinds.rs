//! What the value of a key can be, and what is said when it is not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml_edit::Value as Toml;
use vivarium_bootstrap::settings::{Sha256, VolumeId};

use crate::secret::SecretReference;

/// A sort of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number in a range.
    Number(u64, u64),
    /// `90s`, `5m`, `2h`, or a number of seconds.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An absolute path.
    Path,
    /// One URL or a list of them.
    Urls,
    /// `vol-…`.
    Volume,
    /// 64 hexadecimal digits.
    Sha256,
    /// `secretsmanager:…`, `ssm:…`, `file:…` or `iam`.
    Secret,
}

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, or a choice.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(u64),
    /// A length of time.
    Duration(Duration),
    /// An absolute path.
    Path(PathBuf),
    /// URLs, at least one.
    Urls(Vec<String>),
    /// A volume's id.
    Volume(VolumeId),
    /// A hash.
    Sha256(Sha256),
    /// A secret's reference.
    Secret(SecretReference),
}

impl Kind {
    /// Checks a value as it stands in the file; the error says what was expected.
    pub fn check(self, value: &Toml) -> Result<Value, String> {
        match (self, value) {
            (Self::Flag, Toml::Boolean(flag)) => Ok(Value::Flag(*flag.value())),
            (Self::Number(low, high), Toml::Integer(number)) => number_in(*number.value(), low, high),
            (Self::Duration, Toml::Integer(seconds)) => u64::try_from(*seconds.value())
                .map(|seconds| Value::Duration(Duration::from_secs(seconds)))
                .map_err(|_| expected(self)),
            (Self::Urls, Toml::Array(list)) => list
                .iter()
                .map(|item| item.as_str().ok_or_else(|| expected(self)).and_then(url))
                .collect::<Result<Vec<_>, _>>()
                .and_then(|urls| if urls.is_empty() { Err(expected(self)) } else { Ok(Value::Urls(urls)) }),
            (_, Toml::String(text)) => self.check_text(text.value()),
            _ => Err(expected(self)),
        }
    }

    fn check_text(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Text if !text.is_empty() => Ok(Value::Text(text.to_owned())),
            Self::Duration => duration(text).map(Value::Duration).ok_or_else(|| expected(self)),
            Self::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Self::Path if Path::new(text).is_absolute() => Ok(Value::Path(PathBuf::from(text))),
            Self::Text | Self::Choice(_) | Self::Path | Self::Flag | Self::Number(_, _) => {
                Err(expected(self))
            }
            Self::Urls => url(text).map(|url| Value::Urls(vec![url])),
            Self::Volume => text.parse().map(Value::Volume),
            Self::Sha256 => text.parse().map(Value::Sha256),
            Self::Secret => text.parse().map(Value::Secret),
        }
    }
}

/// What was expected, as a person would say it.
pub fn expected(kind: Kind) -> String {
    match kind {
        Kind::Text => "expected text that is not empty".to_owned(),
        Kind::Flag => "expected true or false".to_owned(),
        Kind::Number(low, high) => format!("expected a whole number from {low} to {high}"),
        Kind::Duration => "expected a length of time such as \"90s\", \"5m\" or \"2h\"".to_owned(),
        Kind::Choice(words) => format!("expected one of \"{}\"", words.join("\", \"")),
        Kind::Path => "expected an absolute path such as \"/anaconda\"".to_owned(),
        Kind::Urls => {
            "expected a URL beginning with https://, http:// or file://, or a list of them".to_owned()
        }
        Kind::Volume => "expected a volume id such as \"vol-0123456789abcdef0\"".to_owned(),
        Kind::Sha256 => "expected a SHA-256, 64 hexadecimal digits".to_owned(),
        Kind::Secret => {
            "expected \"secretsmanager:NAME\", \"ssm:/NAME\", \"file:/PATH\" or \"iam\"".to_owned()
        }
    }
}

fn number_in(number: i64, low: u64, high: u64) -> Result<Value, String> {
    match u64::try_from(number) {
        Ok(number) if (low..=high).contains(&number) => Ok(Value::Number(number)),
        _ => Err(expected(Kind::Number(low, high))),
    }
}

fn url(text: &str) -> Result<String, String> {
    let known = ["https://", "http://", "file://"].iter().any(|scheme| text.starts_with(scheme));
    if known { Ok(text.to_owned()) } else { Err(expected(Kind::Urls)) }
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let seconds = match &text[digits.len()..] {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_a_unit_or_is_in_seconds() {
        assert_eq!(duration("90"), Some(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Some(Duration::from_mins(5)));
        assert_eq!(duration("2h"), Some(Duration::from_hours(2)));
        for text in ["", "m", "5 m", "5d", "-1s", "99999999999999999999h", "18446744073709551615h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_url_of_another_scheme_is_refused() {
        assert!(Kind::Urls.check(&Toml::from("ftp://host/file")).is_err());
        assert!(Kind::Urls.check(&Toml::from("https://host/file")).is_ok());
    }
}
