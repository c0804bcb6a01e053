//! Where settings are kept for an instance to fetch, as a noun.

use std::fmt;
use std::str::FromStr;

/// A place of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsSource {
    /// A parameter of Systems Manager: `ssm:/NAME`.
    Parameter(String),
    /// An object in S3: `s3://BUCKET/KEY`.
    Object {
        /// In which bucket.
        bucket: String,
        /// Under which key.
        key: String,
    },
}

impl FromStr for SettingsSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = match text.split_once(':') {
            Some(("ssm", name)) if is_plain(name) => Some(Self::Parameter(name.to_owned())),
            Some(("s3", rest)) => rest
                .strip_prefix("//")
                .and_then(|rest| rest.split_once('/'))
                .filter(|(bucket, key)| is_plain(bucket) && is_plain(key))
                .map(|(bucket, key)| Self::Object { bucket: bucket.to_owned(), key: key.to_owned() }),
            _ => None,
        };
        found.ok_or_else(|| {
            "expected ssm:/NAME or s3://BUCKET/KEY, of letters, digits, `/`, `.`, `_` and `-`".to_owned()
        })
    }
}

/// What a shell and a URL take as it is.
fn is_plain(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
}

impl fmt::Display for SettingsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::Object { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_shown() {
        for text in ["ssm:/vivarium/agent.toml", "ssm:settings", "s3://bucket/some/key.toml"] {
            assert_eq!(text.parse::<SettingsSource>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_a_shell_would_take_apart_is_no_place() {
        for text in
            ["", "ssm:", "s3://bucket", "s3://bucket/", "ssm:/a b", "ssm:/$(reboot)", "ssm:/a'b", "file:/x"]
        {
            assert!(text.parse::<SettingsSource>().is_err(), "{text}");
        }
    }
}
