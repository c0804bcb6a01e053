//! What can be told of a password without saying it: that it is a token of IAM, and for whom; that it looks as though
//! it was copied or written wrongly (P17 to P19).

use jiff::{SignedDuration, Timestamp, civil};
use serde::{Deserialize, Serialize};

/// A token of IAM in place of a password. What is secret in it is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The host and port that it is for: `mydb.abc123.eu-west-1.rds.amazonaws.com:5432`.
    pub endpoint: String,
    /// The role that it is for.
    pub user: Option<String>,
    /// The Region that it was signed for.
    pub region: Option<String>,
    /// When it stops to be valid.
    pub expires: Option<Timestamp>,
    /// Whether its signature is there, whole.
    pub is_whole: bool,
}

/// As many hexadecimal digits as a signature has.
const SIGNATURE: usize = 64;

/// The token, where a password is one.
pub fn token(password: &str) -> Option<Token> {
    let plain = password.trim();
    let (endpoint, query) = plain.split_once("/?").or_else(|| plain.split_once('?'))?;
    if !query.contains("Action=connect") {
        return None;
    }
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let signature = get("X-Amz-Signature").unwrap_or_default();
    Some(Token {
        endpoint: endpoint.trim_start_matches("https://").trim_end_matches('/').to_owned(),
        user: get("DBUser").map(str::to_owned),
        // ACCESSKEY/20261123/eu-west-1/rds-db/aws4_request
        region: get("X-Amz-Credential").and_then(|words| words.split('/').nth(2)).map(str::to_owned),
        expires: get("X-Amz-Date").and_then(|date| expires(date, get("X-Amz-Expires")?)),
        is_whole: signature.len() == SIGNATURE && signature.bytes().all(|byte| byte.is_ascii_hexdigit()),
    })
}

fn expires(date: &str, seconds: &str) -> Option<Timestamp> {
    let signed = civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    let signed = signed.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    signed.checked_add(SignedDuration::from_secs(seconds.parse().ok()?)).ok()
}

impl Token {
    /// Why it cannot be taken for this login at this moment; nothing where nothing speaks against it.
    pub fn mistake(&self, host: &str, port: u16, user: &str, now: Timestamp) -> Option<String> {
        let wanted = format!("{host}:{port}");
        if self.endpoint.to_lowercase() != wanted.to_lowercase() {
            return Some(format!("the token is for {}, and it is used at {wanted}", self.endpoint));
        }
        match &self.user {
            Some(of) if of != user => return Some(format!("the token is for {of}, and {user} uses it")),
            _ => {}
        }
        match (&self.region, host.split('.').nth(2)) {
            (Some(of), Some(region)) if host.contains(".rds.amazonaws.") && of != region => {
                return Some(format!("the token is signed for {of}, and the database is in {region}"));
            }
            _ => {}
        }
        match self.expires {
            Some(expires) if expires < now => {
                Some(format!("the token was valid until {expires}: it lasts 15 minutes"))
            }
            _ if !self.is_whole => Some("the token is cut off: its signature is not whole".into()),
            _ => None,
        }
    }
}

/// What looks wrong about a password, in words that do not say it, and what to do.
pub fn oddity(password: &str) -> Option<(&'static str, &'static str)> {
    if password.ends_with(['\n', '\r', ' ', '\t']) || password.starts_with(' ') {
        return Some((
            "the password begins or ends with a space or a line feed",
            "take it away: `echo` and editors add one; a secret wants `printf %s`",
        ));
    }
    is_percent_encoded(password).then_some((
        "the password looks percent-encoded: in a URL it is decoded once, elsewhere not at all",
        "in a URL encode it once; in ~/.pgpass, PGPASSWORD and service files write it as it is",
    ))
}

/// `%3A`: what a URL makes of a letter that it has another use for.
fn is_percent_encoded(text: &str) -> bool {
    let hex = |byte: &u8| byte.is_ascii_hexdigit();
    text.as_bytes().windows(3).any(|three| three[0] == b'%' && hex(&three[1]) && hex(&three[2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "mydb.abc123.eu-west-1.rds.amazonaws.com";

    fn written(host: &str, user: &str, region: &str, signature: &str) -> String {
        format!(
            "{host}:5432/?Action=connect&DBUser={user}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=\
             AKIASECRET%2F20261123%2F{region}%2Frds-db%2Faws4_request&X-Amz-Date=20261123T150000Z&X-Amz-Expires=900\
             &X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
        )
    }

    #[test]
    fn p19_a_token_says_for_whom_and_until_when_it_is_and_nothing_secret() {
        let told = token(&written(HOST, "app", "eu-west-1", &"ab".repeat(32))).expect("a token");
        assert_eq!(
            (told.user.as_deref(), told.region.as_deref(), told.is_whole),
            (Some("app"), Some("eu-west-1"), true)
        );
        assert_eq!(told.expires, Some("2026-11-23T15:15:00Z".parse().expect("a time")));
        assert!(!format!("{told:?}").contains("AKIASECRET") && !format!("{told:?}").contains("abab"));
        assert_eq!(token("hunter2"), None);
        assert_eq!(token("what?is this"), None);
    }

    #[test]
    fn p19_each_way_in_which_a_token_cannot_be_taken_is_told() {
        let whole = "ab".repeat(32);
        let in_time: Timestamp = "2026-11-23T15:10:00Z".parse().expect("a time");
        let late: Timestamp = "2026-11-23T15:20:00Z".parse().expect("a time");
        for (text, now, wanted) in [
            (written(HOST, "app", "eu-west-1", &whole), in_time, None),
            (written(HOST, "app", "eu-west-1", &whole), late, Some("valid until 2026-11-23T15:15:00Z")),
            (written("localhost", "app", "eu-west-1", &whole), in_time, Some("is for localhost:5432")),
            (written(HOST, "root", "eu-west-1", &whole), in_time, Some("for root, and app uses it")),
            (written(HOST, "app", "us-east-1", &whole), in_time, Some("signed for us-east-1")),
            (written(HOST, "app", "eu-west-1", "abab"), in_time, Some("cut off")),
        ] {
            let told = token(&text).expect("a token").mistake(HOST, 5432, "app", now);
            match wanted {
                None => assert_eq!(told, None),
                Some(words) => assert!(told.as_ref().is_some_and(|told| told.contains(words)), "{told:?}"),
            }
        }
    }

    #[test]
    fn p18_a_password_that_was_written_for_a_url_is_told_and_so_is_a_line_feed() {
        assert!(oddity("p%40ss").expect("odd").0.contains("percent-encoded"));
        assert!(oddity("pass\n").expect("odd").0.contains("line feed"));
        assert_eq!(oddity("100%"), None);
        assert_eq!(oddity("p@ss:w/rd"), None);
    }
}
