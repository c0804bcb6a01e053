//! What a server says to PostgreSQL's first question, "may we speak TLS?". No password is needed.

pub mod startup;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::startup::{PostgresWords, broken as broken_off};
use super::clock::Watch;
use super::greetings::{self, unfamiliar};
use super::observation::{Asked, Observation, Outcome, Words};
use super::tcp;

/// The length, 8, and the number that asks for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// More than any first answer needs: one byte, or an error of a few hundred.
const FIRST_ANSWER: usize = 1024;

/// What the server said to the request for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsAnswer {
    /// It speaks TLS: `S`.
    Willing,
    /// It is PostgreSQL, or something that speaks like it, and has no TLS: `N`.
    Unwilling,
    /// It is PostgreSQL and cannot serve anyone: its own words.
    Error(String),
    /// It is something else; who, where its first bytes say so.
    NotPostgres(String),
    /// It closed the connection without a word.
    Closed,
    /// It said nothing in time.
    Silent,
    /// The connection broke.
    Broken(String),
}

/// Connects, asks whether the server speaks TLS, and hangs up.
pub async fn ask(address: SocketAddr, deadline: Duration) -> Observation {
    let watch = Watch::start();
    let (seen, stream) = tcp::connect(address, deadline).await;
    let Some(mut stream) = stream else {
        return Observation::of(Asked::PostgresTls, address, &watch, seen.outcome.into());
    };
    let from = stream.local_addr().ok();
    let outcome = match timeout(deadline, exchange(&mut stream)).await {
        Ok(Ok(bytes)) => spoken(&bytes),
        Ok(Err(error)) => broken_off(&error),
        Err(_) => Outcome::Silent,
    };
    Observation::of(Asked::PostgresTls, address, &watch, outcome).from(from)
}

fn spoken(bytes: &[u8]) -> Outcome {
    Outcome::Spoke(match bytes {
        [] => return Outcome::ClosedBeforeBanner,
        [b'S'] => Words::Postgres(PostgresWords::TlsWilling),
        [b'N'] => Words::Postgres(PostgresWords::TlsUnwilling),
        [b'E', ..] => startup::understood(bytes).unwrap_or_else(|| unfamiliar(bytes)),
        _ => unfamiliar(bytes),
    })
}

/// Asks, and reads the answer. The stream can go on with TLS only after [`TlsAnswer::Willing`].
pub async fn ask_for_tls(stream: &mut TcpStream, deadline: Duration) -> TlsAnswer {
    match timeout(deadline, exchange(stream)).await {
        Ok(Ok(bytes)) => understood(&bytes),
        Ok(Err(error)) => broken(&error),
        Err(_) => TlsAnswer::Silent,
    }
}

async fn exchange(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    stream.write_all(&SSL_REQUEST).await?;
    let mut bytes = vec![0; FIRST_ANSWER];
    let count = stream.read(&mut bytes).await?;
    bytes.truncate(count);
    Ok(bytes)
}

fn broken(error: &io::Error) -> TlsAnswer {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => TlsAnswer::Closed,
        _ => TlsAnswer::Broken(error.to_string()),
    }
}

/// What the first bytes mean. A single `S` or `N` is an answer; the same letter with more behind it is
/// the beginning of another protocol's greeting, as of `SSH-2.0`.
pub fn understood(bytes: &[u8]) -> TlsAnswer {
    match bytes {
        [] => TlsAnswer::Closed,
        [b'S'] => TlsAnswer::Willing,
        [b'N'] => TlsAnswer::Unwilling,
        [b'E', rest @ ..] => error_of(rest).map_or_else(|| foreign(bytes), TlsAnswer::Error),
        _ => foreign(bytes),
    }
}

/// The message of an error, as protocol 3 frames it or as protocol 2 did, without a length.
fn error_of(rest: &[u8]) -> Option<String> {
    let length = usize::try_from(u32::from_be_bytes(rest.get(..4)?.try_into().ok()?)).ok()?;
    if length <= FIRST_ANSWER {
        let mut fields = rest[4..].split(|byte| *byte == 0);
        return fields.find_map(|field| field.strip_prefix(b"M")).map(text);
    }
    rest.strip_suffix(b"\n\0").or(rest.strip_suffix(b"\0")).map(text)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn foreign(bytes: &[u8]) -> TlsAnswer {
    TlsAnswer::NotPostgres(match (bytes, greetings::who(bytes)) {
        ([0x15 | 0x16, 3, ..], _) => "it is a TLS server that does not speak PostgreSQL".to_owned(),
        (_, Some(who)) => format!("it is {who}"),
        (_, None) => format!("it began with {}", beginning(bytes)),
    })
}

fn beginning(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes[..bytes.len().min(24)].escape_ascii())
}

/// What is made of a server that says these bytes, to either question: the fuzzers' way in, who have no wire.
#[cfg(fuzzing)]
pub fn heard(bytes: &[u8]) -> (Outcome, TlsAnswer, Option<Words>) {
    (spoken(bytes), understood(bytes), startup::understood(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_first_answer_is_told_apart() {
        let ssh = TlsAnswer::NotPostgres("it is an SSH server".to_owned());
        let web = TlsAnswer::NotPostgres("it is a web server".to_owned());
        let mysql = TlsAnswer::NotPostgres("it is a MySQL server".to_owned());
        let fork = TlsAnswer::Error("could not fork new process for connection".to_owned());
        let slots = TlsAnswer::Error("sorry, too many clients already".to_owned());
        let table: [(&[u8], TlsAnswer); 9] = [
            (b"", TlsAnswer::Closed),
            (b"S", TlsAnswer::Willing),
            (b"N", TlsAnswer::Unwilling),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", ssh),
            (b"HTTP/1.1 400 Bad Request\r\n", web),
            (b"\x4a\0\0\0\x0a8.0.36\0", mysql),
            (b"Ecould not fork new process for connection\n\0", fork),
            (b"E\0\0\0\x2eSFATAL\0C53300\0Msorry, too many clients already\0\0", slots),
            (b"+OK", TlsAnswer::NotPostgres("it began with \"+OK\"".to_owned())),
        ];
        for (bytes, wanted) in table {
            assert_eq!(understood(bytes), wanted, "{}", bytes.escape_ascii());
        }
    }
}
