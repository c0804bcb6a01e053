//! What an SSH server says to someone who does not log in: who it is, its key, its ways in and, only where asked
//! for, whether it would take a public key. Nothing is signed, and no private key is read.
//!
//! Each question costs the server a connection, and servers count: one for [`ask`], one a user for [`query`].

mod conversation;
mod identification;
pub mod words;

use std::net::SocketAddr;
use std::time::Duration;

use russh::keys::{Algorithm, PublicKey};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use self::conversation::Conversation;
use self::words::SshWords;
use super::clock::Watch;
use super::observation::{Asked, Observation, Outcome, Words};
use super::tcp::{self, TcpOutcome};

/// Never more users than that: OpenSSH from 9.8 on, and fail2ban, shut out who fails too often.
pub const MOST_USERS: usize = 4;
/// Never more keys than that in one connection; `MaxAuthTries` is 6 unless someone lowered it.
pub const MOST_KEYS: usize = 3;

/// Listens to the server's first words, exchanges keys, and asks for the ways in of a user, if one is named. `prefer`
/// are the kinds of host key already known for it, so that what comes can be compared.
pub async fn ask(
    address: SocketAddr,
    user: Option<&str>,
    prefer: &[Algorithm],
    deadline: Duration,
) -> Observation {
    let asked = Asked::Ssh { user: user.map(str::to_owned) };
    observed(asked, address, deadline, async |stream| {
        let mut conversation = spoken_to(stream, prefer, deadline).await?;
        conversation.rsa_signature().await;
        if let Some(user) = user {
            conversation.methods(user).await;
        }
        Ok(conversation.finish().await)
    })
    .await
}

/// Asks, in one connection, whether the server would take each of these keys from this user.
pub async fn query(address: SocketAddr, user: &str, keys: &[PublicKey], deadline: Duration) -> Observation {
    let asked = Asked::SshKeys { user: user.to_owned() };
    observed(asked, address, deadline, async |stream| {
        let mut conversation = spoken_to(stream, &[], deadline).await?;
        let rsa = conversation.rsa_signature().await;
        conversation.methods(user).await;
        for key in keys.iter().take(MOST_KEYS) {
            if conversation.over() {
                break;
            }
            conversation.query(user, key, rsa).await;
        }
        Ok(conversation.finish().await)
    })
    .await
}

/// The same for several users, one after another, until one of them would be let in.
pub async fn query_users(
    address: SocketAddr,
    users: &[String],
    keys: &[PublicKey],
    deadline: Duration,
) -> Vec<Observation> {
    let mut seen = Vec::new();
    for user in users.iter().take(MOST_USERS) {
        let one = query(address, user, keys, deadline).await;
        // A server that no longer talks will not talk to the next user either.
        let enough = one.ssh().is_none_or(|words| words.taken_key().is_some());
        seen.push(one);
        if enough {
            break;
        }
    }
    seen
}

/// Connects, and lets the conversation be led; an outcome takes the place of words that were never said.
async fn observed(
    asked: Asked,
    address: SocketAddr,
    deadline: Duration,
    lead: impl AsyncFnOnce(TcpStream) -> Result<SshWords, Outcome>,
) -> Observation {
    let watch = Watch::start();
    let (seen, stream) = tcp::connect(address, deadline).await;
    let Some(stream) = stream else {
        return Observation::of(asked, address, &watch, seen.outcome.into());
    };
    debug_assert_eq!(seen.outcome, TcpOutcome::Connected, "only a connection has a stream");
    let from = stream.local_addr().ok();
    let outcome = lead(stream)
        .await
        .map_or_else(|outcome| outcome, |words| Outcome::Spoke(Words::Ssh(Box::new(words))));
    Observation::of(asked, address, &watch, outcome).from(from)
}

async fn spoken_to(
    stream: TcpStream,
    prefer: &[Algorithm],
    deadline: Duration,
) -> Result<Conversation, Outcome> {
    let (read, write) = stream.into_split();
    spoken_over(read, write, prefer, deadline).await
}

async fn spoken_over(
    mut read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
    prefer: &[Algorithm],
    deadline: Duration,
) -> Result<Conversation, Outcome> {
    let identified = identification::read(&mut read, deadline).await?;
    let begun = conversation::begin((read, write), identified, prefer, deadline).await;
    begun.map_err(|words| Outcome::Spoke(Words::Ssh(Box::new(words))))
}

/// The same with a server that says these bytes and hangs up: the fuzzers' way in, who have no wire.
#[cfg(fuzzing)]
pub async fn heard(bytes: Vec<u8>, user: &str, deadline: Duration) -> Outcome {
    let said = std::io::Cursor::new(bytes);
    let words = async {
        let mut conversation = spoken_over(said, tokio::io::sink(), &[], deadline).await?;
        conversation.rsa_signature().await;
        conversation.methods(user).await;
        Ok(conversation.finish().await)
    };
    words.await.map_or_else(|outcome| outcome, |words| Outcome::Spoke(Words::Ssh(Box::new(words))))
}
