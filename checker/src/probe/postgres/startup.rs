//! What a PostgreSQL server says to a plain start-up message: which password it would ask for, or why not even
//! that. Neither a password nor a role that exists is needed. It costs the server a line in its log.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::probe::clock::Watch;
use crate::probe::greetings::unfamiliar;
use crate::probe::observation::{Asked, Observation, Outcome, Words};
use crate::probe::tcp;

/// A role that hardly any server has: the server answers the same, and its log shows whose question it was.
pub const NOBODY: &str = "vivarium_check";
/// Protocol 3.0.
const PROTOCOL: u32 = 3 << 16;
/// More than any answer before a login needs.
const MOST: usize = 16 * 1024;

/// What a PostgreSQL server said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostgresWords {
    /// It speaks TLS: `S`.
    TlsWilling,
    /// It has no TLS: `N`.
    TlsUnwilling,
    /// It goes on to ask who is there.
    AsksFor {
        /// How: `scram-sha-256`, `md5`, `password`, `gss`, `sspi`, or another's number.
        method: String,
    },
    /// It asks for no password; it may yet miss the role or the database.
    LetsIn,
    /// It refuses.
    Error {
        /// `28000`; empty where the server is too old, or too ill, to say.
        code: String,
        /// In its words.
        message: String,
    },
}

impl PostgresWords {
    /// The client's address as the server saw it, where its words have it: `no pg_hba.conf entry for host "…"`.
    pub fn address_seen(&self) -> Option<IpAddr> {
        let Self::Error { message, .. } = self else { return None };
        message.split('"').skip(1).step_by(2).find_map(|quoted| quoted.parse().ok())
    }
}

impl fmt::Display for PostgresWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TlsWilling => f.write_str("it speaks TLS"),
            Self::TlsUnwilling => f.write_str("it has no TLS"),
            Self::AsksFor { method } => write!(f, "it asks for {method}"),
            Self::LetsIn => f.write_str("it asks for no password"),
            Self::Error { code, message } if code.is_empty() => write!(f, "\"{message}\""),
            Self::Error { code, message } => write!(f, "\"{message}\" ({code})"),
        }
    }
}

/// Begins a session in plain text as `user`, hears the first answer, and hangs up.
pub async fn ask(address: SocketAddr, user: &str, database: &str, deadline: Duration) -> Observation {
    let asked = Asked::PostgresLogin { user: user.to_owned() };
    let watch = Watch::start();
    let (seen, stream) = tcp::connect(address, deadline).await;
    let Some(mut stream) = stream else {
        return Observation::of(asked, address, &watch, seen.outcome.into());
    };
    let from = stream.local_addr().ok();
    let mut bytes = Vec::new();
    let ended = timeout(deadline, exchange(&mut stream, &message(user, database), &mut bytes)).await;
    let outcome = match (understood(&bytes), ended) {
        (Some(words), _) => Outcome::Spoke(words),
        (None, Ok(Ok(()))) => Outcome::ClosedBeforeBanner,
        (None, Ok(Err(error))) => broken(&error),
        (None, Err(_)) => Outcome::Silent,
    };
    Observation::of(asked, address, &watch, outcome).from(from)
}

/// What an error in the middle of a conversation says.
pub(super) fn broken(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Outcome::Reset,
        _ => error.raw_os_error().map_or(Outcome::Reset, |number| Outcome::Errno { number }),
    }
}

async fn exchange(stream: &mut TcpStream, message: &[u8], bytes: &mut Vec<u8>) -> io::Result<()> {
    stream.write_all(message).await?;
    hear(stream, bytes).await?;
    if matches!(understood(bytes), Some(Words::Postgres(PostgresWords::LetsIn))) {
        // Terminate: the end of a session. One that is still asked for its password logs it as a mistake.
        let _ = stream.write_all(b"X\0\0\0\x04").await;
    }
    Ok(())
}

/// Reads until there is a message that says something, or the other side has closed.
async fn hear(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 1024];
    while !said_something(bytes) && bytes.len() < MOST {
        match stream.read(&mut piece).await? {
            0 => return Ok(()),
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
    Ok(())
}

fn said_something(bytes: &[u8]) -> bool {
    match first(bytes) {
        First::Whole(..) | First::Foreign => true,
        First::Part => false,
    }
}

/// The start-up message: its length, the protocol, and pairs of names and values.
fn message(user: &str, database: &str) -> Vec<u8> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for word in ["user", user, "database", database, "application_name", NOBODY] {
        // A zero would end the word early.
        body.extend(word.bytes().filter(|byte| *byte != 0));
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), &body[..]].concat()
}

/// The first message that is not a notice.
enum First<'a> {
    Whole(u8, &'a [u8]),
    Part,
    Foreign,
}

fn first(mut bytes: &[u8]) -> First<'_> {
    loop {
        let (Some(kind), Some(length)) = (bytes.first(), bytes.get(1..5)) else {
            return if bytes.first().is_none_or(|kind| b"ERNv".contains(kind)) {
                First::Part
            } else {
                First::Foreign
            };
        };
        let length = length.try_into().map_or(0, u32::from_be_bytes) as usize;
        if !b"ERNv".contains(kind) || !(4..=MOST).contains(&length) {
            return First::Foreign;
        }
        let Some(body) = bytes.get(5..=length) else { return First::Part };
        match kind {
            // A notice, or another protocol version on offer: something follows.
            b'N' | b'v' => bytes = &bytes[length + 1..],
            kind => return First::Whole(*kind, body),
        }
    }
}

/// What the bytes say; nothing, where there are none.
pub(super) fn understood(bytes: &[u8]) -> Option<Words> {
    if bytes.is_empty() {
        return None;
    }
    Some(match first(bytes) {
        First::Whole(b'E', body) => Words::Postgres(error(body)),
        First::Whole(_, body) => authentication(body).map_or_else(|| unfamiliar(bytes), Words::Postgres),
        // Before it has forked, a server can only say a line, as protocol 2 framed it.
        First::Foreign if bytes.starts_with(b"E") && bytes.ends_with(b"\0") => {
            let message = String::from_utf8_lossy(&bytes[1..bytes.len() - 1]).trim_end().to_owned();
            Words::Postgres(PostgresWords::Error { code: String::new(), message })
        }
        First::Part | First::Foreign => unfamiliar(bytes),
    })
}

fn error(body: &[u8]) -> PostgresWords {
    let field = |kind: u8| {
        let mut fields = body.split(|byte| *byte == 0);
        let found = fields.find_map(|field| field.strip_prefix(&[kind]));
        found.map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
    };
    PostgresWords::Error { code: field(b'C'), message: field(b'M') }
}

fn authentication(body: &[u8]) -> Option<PostgresWords> {
    let (number, rest) = body.split_first_chunk::<4>()?;
    let method = match u32::from_be_bytes(*number) {
        0 => return Some(PostgresWords::LetsIn),
        3 => "password".to_owned(),
        5 => "md5".to_owned(),
        7 => "gss".to_owned(),
        9 => "sspi".to_owned(),
        10 => mechanisms(rest),
        other => format!("method {other}"),
    };
    Some(PostgresWords::AsksFor { method })
}

/// `SCRAM-SHA-256` in the words of `pg_hba.conf`; with channel binding it is the same method.
fn mechanisms(list: &[u8]) -> String {
    let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty() && !name.ends_with(b"-PLUS"));
    let names: Vec<String> = names.map(|name| name.to_ascii_lowercase().escape_ascii().to_string()).collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(code: &str, message: &str) -> PostgresWords {
        PostgresWords::Error { code: code.to_owned(), message: message.to_owned() }
    }

    fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
        [&[kind], &length[..], body].concat()
    }

    #[test]
    fn each_first_answer_is_told_apart() {
        let said = |words| Some(Words::Postgres(words));
        let asks = |method: &str| said(PostgresWords::AsksFor { method: method.to_owned() });
        let scram = b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
        assert_eq!(understood(&framed(b'R', scram)), asks("scram-sha-256"));
        assert_eq!(understood(&framed(b'R', b"\0\0\0\x05salt")), asks("md5"));
        assert_eq!(understood(&framed(b'R', b"\0\0\0\x03")), asks("password"));
        assert_eq!(understood(&framed(b'R', b"\0\0\0\x63")), asks("method 99"));
        assert_eq!(understood(&framed(b'R', b"\0\0\0\0")), said(PostgresWords::LetsIn));
        let full = framed(b'E', b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0");
        assert_eq!(understood(&full), said(refuses("53300", "sorry, too many clients already")));
        let behind_a_notice = [framed(b'N', b"Mhello\0\0"), full].concat();
        assert_eq!(understood(&behind_a_notice), said(refuses("53300", "sorry, too many clients already")));
        let fork = b"Ecould not fork new process for connection\n\0";
        assert_eq!(understood(fork), said(refuses("", "could not fork new process for connection")));
        assert_eq!(understood(b""), None);
    }

    #[test]
    fn what_is_not_an_answer_is_shown_as_it_begins() {
        let bytes: [&[u8]; 7] = [
            b"R",
            b"R\0\0\0\x04",
            b"R\xff\xff\xff\xff",
            b"E\0\0\0\x05",
            b"SSH-2.0-x\r\n",
            b"HTTP/1.1 400",
            b"N\0\0\0\x04",
        ];
        for bytes in bytes {
            let words = understood(bytes);
            assert!(matches!(words, Some(Words::Unfamiliar { .. })), "{words:?}");
        }
    }

    #[test]
    fn the_address_that_the_server_saw_is_found_in_its_words() {
        let seen =
            |message: &str| refuses("28000", message).address_seen().map(|address| address.to_string());
        let said = r#"no pg_hba.conf entry for host "198.51.100.7", user "a", database "b", no encryption"#;
        assert_eq!(seen(said).as_deref(), Some("198.51.100.7"));
        let said = r#"kein pg_hba.conf-Eintrag für Host "2001:db8::7", Benutzer "a""#;
        assert_eq!(seen(said).as_deref(), Some("2001:db8::7"));
        assert_eq!(seen(r#"role "a" does not exist"#), None);
        assert_eq!(PostgresWords::LetsIn.address_seen(), None);
    }

    #[test]
    fn a_name_cannot_smuggle_another_setting_into_the_message() {
        let bytes = message("a\0options", "b");
        assert_eq!(bytes[..8], [0, 0, 0, 66, 0, 3, 0, 0]);
        assert_eq!(&bytes[8..22], b"user\0aoptions\0");
        assert_eq!(bytes.len(), 66);
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(
            kind in "(|E|R|N|v|S|H)",
            length in proptest::prelude::any::<[u8; 2]>(),
            rest in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64),
        ) {
            let bytes = [kind.as_bytes(), &[0, 0], &length, &rest].concat();
            proptest::prop_assert_eq!(understood(&bytes).is_none(), bytes.is_empty());
            let _ = (said_something(&rest), understood(&rest));
        }
    }
}
