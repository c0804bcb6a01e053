//! The door to the web: HTTP/1.1 over TLS that is always verified, through proxies that are named.
//!
//! The environment is not read here. Whoever reads it (main) hands the proxy variables to
//! [`Proxies::from_variables`]. The one exception is `SSL_CERT_FILE` and `SSL_CERT_DIR`, which the
//! crate that finds the system's roots reads itself, as OpenSSL does.

mod error;
mod trust;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, NoProxy, Proxy};

pub use error::{HttpError, HttpFailure, shown};
use error::{Redirected, Unresolved};

const USER_AGENT: &str = concat!("vivarium-agent/", env!("CARGO_PKG_VERSION"));
const MOST_REDIRECTS: usize = 10;

/// Fetches from the web. The client behind it is made when it is first used: a run that fetches
/// nothing does not pay for reading a hundred roots.
#[derive(Debug)]
pub struct Http {
    options: HttpOptions,
    client: OnceLock<Client>,
}

/// How the web is reached.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Through which proxies.
    pub proxies: Proxies,
    /// Certificates in PEM to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long a connection may take to be made, TLS included.
    pub connect_timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { proxies: Proxies::default(), ca_file: None, connect_timeout: Duration::from_secs(20) }
    }
}

/// Proxy URLs, which may carry a password: never printed.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    bypassed: Option<String>,
}

impl Proxies {
    /// Reads `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` through `variable`. The small
    /// letters win; `HTTP_PROXY` is not read, since a CGI client can set it.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| {
            names.iter().find_map(|name| variable(name).filter(|value| !value.trim().is_empty()))
        };
        Self {
            http: first(&["http_proxy", "all_proxy", "ALL_PROXY"]),
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            bypassed: first(&["no_proxy", "NO_PROXY"]),
        }
    }
}

impl Proxies {
    /// The proxy for `https:`, for programs that fetch by themselves. It may hold a password.
    pub fn https(&self) -> Option<&str> {
        self.https.as_deref()
    }
}

impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http.as_deref().map(shown))
            .field("https", &self.https.as_deref().map(shown))
            .field("bypassed", &self.bypassed)
            .finish()
    }
}

impl Http {
    /// A door with these options.
    pub fn new(options: HttpOptions) -> Self {
        Self { options, client: OnceLock::new() }
    }

    /// A door with no proxy and the system's roots: what tests of other rooms need.
    pub fn direct() -> Self {
        Self::new(HttpOptions::default())
    }

    /// Through which proxies the web is reached.
    pub fn proxies(&self) -> &Proxies {
        &self.options.proxies
    }

    /// Asks for `url`. There is no deadline but the connection's: whoever asks watches the progress.
    pub async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let client = self.client()?;
        let mut request = client.get(url).header("accept-encoding", "identity");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.map_err(|error| HttpError::of(url, &error))?;
        Ok(Answer { url: url.to_owned(), response })
    }

    fn client(&self) -> Result<&Client, HttpError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = client(&self.options)?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// What a server answered; its body comes in chunks.
#[derive(Debug)]
pub struct Answer {
    url: String,
    response: reqwest::Response,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header, where it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Where redirects led.
    pub fn location(&self) -> String {
        shown(self.response.url().as_str())
    }

    /// The next bytes; none when the body is whole, as far as the server said how long it is.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        self.response.chunk().await.map_err(|error| HttpError::of(&self.url, &error))
    }
}

/// HTTP/1.1 only: one long download gains nothing from streams and windows, and loses to proxies that
/// reset them.
#[expect(clippy::disallowed_methods, reason = "this is the door to the web")]
fn client(options: &HttpOptions) -> Result<Client, HttpError> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(trust::tls(options.ca_file.as_deref())?)
        .http1_only()
        .user_agent(USER_AGENT)
        .referer(false)
        .connect_timeout(options.connect_timeout)
        .redirect(Policy::custom(redirect))
        .dns_resolver(Arc::new(LibcResolver))
        .no_proxy();
    for proxy in proxies(&options.proxies)? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| HttpError::setup("making a client", &error))
}

fn proxies(wanted: &Proxies) -> Result<Vec<Proxy>, HttpError> {
    let bypassed = || wanted.bypassed.as_deref().and_then(NoProxy::from_string);
    let wrong = |error: reqwest::Error| HttpError::setup("reading the proxy variables", &error);
    let http = wanted.http.as_deref().map(|url| Proxy::http(url).map_err(wrong));
    let https = wanted.https.as_deref().map(|url| Proxy::https(url).map_err(wrong));
    http.into_iter().chain(https).map(|proxy| Ok(proxy?.no_proxy(bypassed()))).collect()
}

fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let secure = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if secure && attempt.url().scheme() != "https" {
        let to = shown(attempt.url().as_str());
        return attempt.error(Redirected::Downgrade(to));
    }
    if attempt.previous().len() > MOST_REDIRECTS {
        return attempt.error(Redirected::TooOften(MOST_REDIRECTS));
    }
    attempt.follow()
}

/// The C library's resolver, with failures that can be told from a refused connection.
struct LibcResolver;

impl reqwest::dns::Resolve for LibcResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async move {
            match tokio::net::lookup_host((name.as_str(), 0)).await {
                Ok(addresses) => Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as _),
                Err(error) => Err(Unresolved { name: name.as_str().to_owned(), error }.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_password_is_never_printed() {
        let proxies = Proxies::from_variables(|name| {
            (name == "https_proxy").then(|| "http://me:planted-secret@proxy:3128".to_owned())
        });
        let text = format!("{:?}", HttpOptions { proxies, ..HttpOptions::default() });
        assert!(text.contains("http://proxy:3128") && !text.contains("planted"), "{text}");
    }

    #[test]
    fn small_letters_win_and_all_proxy_fills_the_gaps() {
        let proxies = Proxies::from_variables(|name| match name {
            "https_proxy" => Some("http://small:1".to_owned()),
            "HTTPS_PROXY" => Some("http://large:1".to_owned()),
            "ALL_PROXY" => Some("http://all:1".to_owned()),
            "http_proxy" => Some(String::new()),
            _ => None,
        });
        assert_eq!(proxies.https.as_deref(), Some("http://small:1"));
        assert_eq!(proxies.http.as_deref(), Some("http://all:1"));
    }
}
