//! What a PostgreSQL server may answer, before a login and in a session; and what a person may write to name one. The
//! first byte chooses.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tokio::io::{join, sink};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};
use vivarium_checker::database::libpq;
use vivarium_checker::local::{postgres_url, target};
use vivarium_checker::probe::postgres;

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((1, rest)) => {
            let text = String::from_utf8_lossy(rest);
            let _ = (postgres_url::parse(&text), target::parse(&text));
        }
        Some((2, rest)) => runtime().block_on(session(rest.to_vec())),
        Some((3, rest)) => {
            let text = String::from_utf8_lossy(rest);
            let (code, message) = text.split_once(' ').unwrap_or(("", &text));
            let _ = (libpq::failure(Some(code), message), libpq::failure(None, &text));
        }
        _ => {
            let (outcome, tls, words) = postgres::heard(bytes);
            let _ = (outcome.to_string(), format!("{tls:?}"), serde_json::to_string(&words));
        }
    }
});

/// A login and a question, to a server that says these bytes and hangs up.
async fn session(said: Vec<u8>) {
    let mut config = Config::new();
    config.user("ada").dbname("postgres").password("a password").ssl_mode(SslMode::Disable);
    let stream = join(std::io::Cursor::new(said), sink());
    let asked = async {
        let (client, connection) = config.connect_raw(stream, NoTls).await?;
        tokio::select! {
            answered = client.simple_query("SELECT NOW()") => answered.map(|_| ()),
            ended = connection => ended,
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(5), asked).await;
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_current_thread().enable_time().build().expect("a runtime"))
}
