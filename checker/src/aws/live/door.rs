//! The doors of this room: HTTPS to AWS, and the time that signatures carry.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime};

use reqwest::redirect::Policy;

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(20);
/// A large account's page is a few megabytes; nothing of AWS's is near this.
const MOST_BYTES: usize = 64 << 20;

/// What came back.
pub(in crate::aws) struct Reply {
    pub(in crate::aws) status: u16,
    /// AWS's time, where it was said.
    pub(in crate::aws) date: Option<String>,
    pub(in crate::aws) body: String,
}

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "this is the door to the time of day")]
pub(in crate::aws) fn now() -> SystemTime {
    SystemTime::now()
}

/// A client that trusts the system's roots, and those in `bundle` besides. It goes through the proxies that the
/// environment names, as every tool of AWS's does.
#[expect(clippy::disallowed_methods, reason = "this is the door to AWS")]
pub(in crate::aws) fn client(bundle: Option<&Path>) -> Result<reqwest::Client, String> {
    let mut builder =
        reqwest::Client::builder().connect_timeout(CONNECT).timeout(ANSWER).redirect(Policy::none());
    if let Some(path) = bundle {
        let wrong = |error: &dyn Error| format!("reading the certificates in {}: {error}", path.display());
        let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
        let roots = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))?;
        builder = builder.tls_certs_merge(roots);
    }
    builder.build().map_err(|error| format!("preparing TLS: {}", last_cause(&error)))
}

/// Sends a form, and reads what comes back.
pub(in crate::aws) async fn post(
    client: &reqwest::Client,
    url: &str,
    headers: &[(String, String)],
    body: String,
) -> Result<Reply, String> {
    let mut request = client.post(url).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    receive(request).await.map_err(|error| last_cause(&error))
}

/// Asks for a document with these headers.
pub(in crate::aws) async fn get(
    client: &reqwest::Client,
    url: &str,
    headers: &[(&str, &str)],
) -> Result<Reply, String> {
    let mut request = client.get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    receive(request).await.map_err(|error| last_cause(&error))
}

async fn receive(request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
    let mut response = request.send().await?;
    let date = response.headers().get("date").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            break;
        }
    }
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Reply { status: response.status().as_u16(), date, body })
}

/// reqwest tells what it did; why it failed comes last.
fn last_cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}
