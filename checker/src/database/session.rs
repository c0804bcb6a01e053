//! A connection that becomes private, and then a session: the two rungs that need a TLS stream in hand.

use std::future::{Ready, ready};
use std::io;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::{MakeTlsConnect, NoTlsStream, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::ladder::{Fault, Target};
use super::server;
use super::tls;
use super::verdict::DatabaseFailure;

type Encrypted = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::Stream;

/// A connection, private or not, with nobody logged in.
pub(super) enum Session {
    /// As it came.
    Plain(TcpStream),
    /// Within TLS.
    Private(Box<Encrypted>),
}

/// Someone logged in; the connection must be polled for the client to be answered.
pub(super) enum LoggedIn {
    /// In plain text.
    Plain(Client, Box<Connection<TcpStream, NoTlsStream>>),
    /// Within TLS.
    Private(Client, Box<Connection<Encrypted, Encrypted>>),
}

/// Shakes hands on a stream whose server said that it is willing.
pub(super) async fn encrypt(
    client: ClientConfig,
    host: &str,
    stream: TcpStream,
    deadline: Duration,
) -> Result<Session, Fault> {
    let mut connector = MakeRustlsConnect::new(client);
    let Ok(connect) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut connector, bare(host));
    match timeout(deadline, connect.connect(stream)).await {
        Ok(Ok(stream)) => Ok(Session::Private(Box::new(stream))),
        Ok(Err(error)) => Err(tls::failure(&error)),
        Err(_) => Err((DatabaseFailure::Silent, "in the middle of the handshake".to_owned())),
    }
}

fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

/// Logs in.
pub(super) async fn begin(target: &Target, session: Session) -> Result<LoggedIn, Fault> {
    match timeout(target.deadline, log_in(target, session)).await {
        Ok(Ok(logged_in)) => Ok(logged_in),
        Ok(Err(error)) => Err(failure(&error)),
        Err(_) => Err((DatabaseFailure::Silent, "while logging in".to_owned())),
    }
}

async fn log_in(target: &Target, session: Session) -> Result<LoggedIn, tokio_postgres::Error> {
    let mut config = Config::new();
    config.user(&target.user).dbname(&target.database);
    // An empty password is none, as for libpq.
    if !target.password.reveal().is_empty() {
        config.password(target.password.reveal());
    }
    config.application_name("vivarium");
    match session {
        Session::Plain(stream) => {
            let (client, connection) = config.ssl_mode(SslMode::Disable).connect_raw(stream, NoTls).await?;
            Ok(LoggedIn::Plain(client, Box::new(connection)))
        }
        Session::Private(stream) => {
            // The handshake is over: "direct" keeps the client from asking for it again.
            config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
            let (client, connection) = config.connect_raw(*stream, AlreadyPrivate).await?;
            Ok(LoggedIn::Private(client, Box::new(connection)))
        }
    }
}

/// Gives a private stream back as it is, so that its channel binding is used in SCRAM.
struct AlreadyPrivate;

impl<S: AsyncRead + AsyncWrite + TlsStream + Unpin> TlsConnect<S> for AlreadyPrivate {
    type Stream = S;
    type Error = io::Error;
    type Future = Ready<io::Result<S>>;

    fn connect(self, stream: S) -> Self::Future {
        ready(Ok(stream))
    }
}

/// What an error of the client means, and in which words. Its own words hide the cause, so the chain is walked.
pub(super) fn failure(error: &tokio_postgres::Error) -> Fault {
    if let Some(said) = error.as_db_error() {
        let code = said.code().code();
        return (server::refused(Some(code), said.message()), format!("{}, {code}", said.message()));
    }
    let words = chain(error);
    let failure = match () {
        () if error.is_closed()
            || words.contains("connection closed")
            || words.contains("unexpected end") =>
        {
            DatabaseFailure::ClosedEarly
        }
        () if words.contains("password missing") => DatabaseFailure::NoPassword,
        () if words.contains("unsupported authentication") => DatabaseFailure::UnsupportedAuthentication,
        () if words.contains("reset by peer") || words.contains("roken pipe") => DatabaseFailure::ClosedEarly,
        () if words.contains("unexpected message") || words.contains("parsing response") => {
            DatabaseFailure::NotPostgres
        }
        () => DatabaseFailure::Other,
    };
    (failure, words)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !words.contains(&said) {
            words = format!("{words}: {said}");
        }
        next = cause.source();
    }
    words
}
