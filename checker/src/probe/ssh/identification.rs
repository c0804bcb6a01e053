//! The first line of an SSH server, or what came in its place.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::probe::greetings;
use crate::probe::observation::Outcome;

/// More than any server says before its identification.
const MOST: usize = 8192;

/// A server that speaks SSH.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identified {
    /// Its line, without the end of it.
    pub(super) line: String,
    /// Everything read so far, from the line on.
    pub(super) bytes: Vec<u8>,
}

/// Reads up to the line, or says what happened instead.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    deadline: Duration,
) -> Result<Identified, Outcome> {
    let mut bytes = Vec::new();
    let ended = match timeout(deadline, read_until_known(stream, &mut bytes)).await {
        Ok(Ok(Some(identified))) => return Ok(identified),
        Ok(Ok(None)) => Outcome::ClosedBeforeBanner,
        Ok(Err(error)) => broken(&error),
        Err(_) => Outcome::Silent,
    };
    // Who has said something is told by it, however it ended.
    Err(if bytes.is_empty() { ended } else { Outcome::Spoke(greetings::unfamiliar(&bytes)) })
}

/// Nothing, where the other side closed or what it said is no longer an SSH server's.
async fn read_until_known(
    stream: &mut (impl AsyncRead + Unpin),
    bytes: &mut Vec<u8>,
) -> io::Result<Option<Identified>> {
    let mut piece = [0; 1024];
    loop {
        let count = stream.read(&mut piece).await?;
        bytes.extend_from_slice(&piece[..count]);
        if let Some(identified) = identified(bytes) {
            return Ok(Some(identified));
        }
        if count == 0 || bytes.len() > MOST || greetings::who(bytes).is_some_and(|who| who != "an SSH server")
        {
            return Ok(None);
        }
    }
}

fn broken(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Outcome::Reset,
        _ => error.raw_os_error().map_or(Outcome::Reset, |number| Outcome::Errno { number }),
    }
}

/// The first whole line that begins with `SSH-`. RFC 4253, 4.2 lets a server say other lines first.
fn identified(bytes: &[u8]) -> Option<Identified> {
    let mut begins = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"SSH-") && line.ends_with(b"\n") {
            let printable = String::from_utf8_lossy(line.trim_ascii_end()).escape_debug().to_string();
            return Some(Identified { line: printable, bytes: bytes[begins..].to_vec() });
        }
        begins += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::observation::Words;

    async fn heard(said: &[u8]) -> Result<Identified, Outcome> {
        read(&mut &*said, Duration::from_secs(1)).await
    }

    #[tokio::test]
    async fn a_line_is_found_behind_others_and_what_follows_it_is_kept() {
        let found = heard(b"welcome\r\nSSH-2.0-OpenSSH_9.2p1 Debian\r\n\0\0\x01").await.expect("identified");
        assert_eq!(found.line, "SSH-2.0-OpenSSH_9.2p1 Debian");
        assert_eq!(found.bytes, b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n\0\0\x01");
    }

    #[tokio::test]
    async fn what_is_not_a_whole_line_of_ssh_is_told_by_its_beginning() {
        assert_eq!(heard(b"").await, Err(Outcome::ClosedBeforeBanner));
        let said = |beginning: &str, who: Option<&str>| {
            let (beginning, who) = (beginning.to_owned(), who.map(str::to_owned));
            Err(Outcome::Spoke(Words::Unfamiliar { beginning, who }))
        };
        assert_eq!(heard(b"SSH-2.0-half").await, said("SSH-2.0-half", Some("an SSH server")));
        assert_eq!(heard(b"+OK ready\r\n").await, said("+OK ready", None));
        let full = heard(b"Exceeded MaxStartups\r\n").await;
        assert_eq!(full, said("Exceeded MaxStartups", Some("an SSH server with too many logins under way")));
    }

    #[tokio::test]
    async fn a_server_that_never_ends_is_not_listened_to_for_ever() {
        let mut endless = tokio::io::repeat(b'x');
        let outcome = read(&mut endless, Duration::from_secs(5)).await.expect_err("no line");
        assert!(matches!(outcome, Outcome::Spoke(_)), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_silent() {
        let (mut ours, _theirs) = tokio::io::duplex(64);
        assert_eq!(read(&mut ours, Duration::from_millis(20)).await, Err(Outcome::Silent));
    }
}
