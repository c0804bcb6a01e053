//! The last rung: `SELECT NOW()`, and a little about who answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_postgres::{Client, Connection, SimpleQueryMessage};

use super::ladder::Fault;
use super::session::{self, LoggedIn};
use super::verdict::DatabaseFailure;

/// The question first, alone, as a person would type it; then who answers. `pg_stat_ssl` of one's own
/// session is open to every role.
const QUESTIONS: &str = "SET TIME ZONE 'UTC'; SELECT NOW(); \
    SELECT extract(epoch FROM now())::bigint, current_setting('server_version'), pg_is_in_recovery(), \
    (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()), \
    (SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid())";

/// What the database said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// `NOW()`, in UTC, as the server writes it.
    pub now: String,
    /// The same in seconds since 1970.
    pub epoch: i64,
    /// `15.18`, perhaps with the distribution's words behind it.
    pub server_version: String,
    /// Whether it is a replica.
    pub in_recovery: bool,
    /// `TLSv1.3`; nothing in plain text.
    pub tls: Option<String>,
    /// `TLS_AES_256_GCM_SHA384`.
    pub cipher: Option<String>,
}

/// Asks, and reads the answer.
pub(super) async fn ask(session: LoggedIn, deadline: Duration) -> Result<Answer, Fault> {
    let asked = async {
        match session {
            LoggedIn::Plain(client, connection) => converse(client, *connection).await,
            LoggedIn::Private(client, connection) => converse(client, *connection).await,
        }
    };
    match timeout(deadline, asked).await {
        Ok(Ok(messages)) => understood(&rows(&messages)),
        Ok(Err(error)) => Err(session::failure(&error)),
        Err(_) => Err((DatabaseFailure::Silent, "after SELECT NOW()".to_owned())),
    }
}

async fn converse<S, T>(
    client: Client,
    connection: Connection<S, T>,
) -> Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let asked = async {
        let answer = client.simple_query(QUESTIONS).await;
        drop(client);
        answer
    };
    // The connection ends when the client is gone; what it ends with says more than "closed" does.
    match tokio::join!(asked, connection) {
        (Ok(answer), _) => Ok(answer),
        (Err(error), Ok(())) => Err(error),
        (Err(_), Err(ended)) => Err(ended),
    }
}

fn rows(messages: &[SimpleQueryMessage]) -> Vec<Vec<Option<String>>> {
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        })
        .collect()
}

fn understood(rows: &[Vec<Option<String>>]) -> Result<Answer, Fault> {
    let strange = || (DatabaseFailure::NotPostgres, format!("it answered SELECT NOW() with {rows:?}"));
    let [now, about] = rows else { return Err(strange()) };
    let ([Some(now)], [Some(epoch), Some(version), recovery, tls, cipher]) = (&now[..], &about[..]) else {
        return Err(strange());
    };
    Ok(Answer {
        now: now.clone(),
        epoch: epoch.parse().map_err(|_| strange())?,
        server_version: version.clone(),
        in_recovery: recovery.as_deref() == Some("t"),
        tls: tls.clone(),
        cipher: cipher.clone(),
    })
}
