//! Why nothing came from the web, kept apart as far as a person would act differently.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::CertificateError;

/// Why a request or its body failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    failure: HttpFailure,
    url: String,
    detail: String,
}

/// The sorts of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpFailure {
    /// The name has no address, or no server says so.
    Unresolved,
    /// Nothing listens there.
    Refused,
    /// No answer to the attempt to connect.
    ConnectTimedOut,
    /// No route to it.
    Unreachable,
    /// The certificate was issued by someone who is not trusted here.
    UnknownIssuer,
    /// The certificate has expired, by this host's clock.
    Expired,
    /// The certificate is not valid yet, by this host's clock.
    NotYetValid,
    /// The certificate is for another name.
    WrongName,
    /// TLS failed in another way.
    Tls,
    /// The connection was reset.
    Reset,
    /// The connection was closed before everything had come.
    ClosedEarly,
    /// Nothing came for too long.
    TimedOut,
    /// The proxy did not let it through.
    Proxy,
    /// Redirected too often, or from https to http.
    Redirected,
    /// What is asked makes no sense: an unreadable URL or certificate file.
    Setup,
    /// What came is not HTTP.
    Protocol,
}

impl HttpError {
    /// The sort of failure.
    pub fn failure(&self) -> HttpFailure {
        self.failure
    }

    /// What happened, without the URL.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether it may go away by itself.
    pub fn is_transient(&self) -> bool {
        use HttpFailure as F;
        match self.failure {
            F::Proxy => !self.detail.contains("authorization"),
            F::UnknownIssuer | F::Expired | F::NotYetValid | F::WrongName | F::Redirected | F::Setup => false,
            _ => true,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        use HttpFailure as F;
        match self.failure {
            F::Unresolved => "check the name and this host's DNS servers (/etc/resolv.conf)",
            F::Refused => "check host and port; nothing listens there",
            F::ConnectTimedOut | F::Unreachable => {
                "check the route out: a NAT gateway or public address, the security group's outbound \
                 rules, the network ACL; or set https_proxy"
            }
            F::UnknownIssuer => {
                "if a proxy of yours re-signs TLS, or the mirror is internal, name its root in download.ca_file"
            }
            F::Expired => "renew the server's certificate; if it is valid, this host's clock is ahead",
            F::NotYetValid => "this host's clock is most likely behind: check chrony or timedatectl",
            F::WrongName => "use the host name that the certificate is for",
            F::Tls => "something between here and the server speaks no TLS, or only an old one",
            F::Proxy => {
                "check https_proxy, its credentials, and whether it allows this host; or list the host in no_proxy"
            }
            F::Redirected => "give the URL that the redirects should end at",
            F::Reset | F::ClosedEarly | F::TimedOut | F::Protocol => {
                "run again, what has come is kept; if it happens again, name another mirror"
            }
            F::Setup => "correct the setting that is named",
        }
    }

    /// Nothing came for too long: said by whoever watches the progress.
    pub fn timed_out(url: &str, detail: impl Into<String>) -> Self {
        Self { failure: HttpFailure::TimedOut, url: shown(url), detail: detail.into() }
    }

    pub(super) fn setup(doing: &str, error: &dyn Error) -> Self {
        Self { failure: HttpFailure::Setup, url: doing.to_owned(), detail: root_cause(error).to_string() }
    }

    pub(super) fn of(url: &str, error: &reqwest::Error) -> Self {
        let (failure, detail) = classify(error);
        Self { failure, url: shown(url), detail }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.detail)
    }
}

impl Error for HttpError {}

/// A URL as it may be printed: without credentials, and without a query, where signatures are.
pub fn shown(text: &str) -> String {
    let Ok(mut url) = url::Url::parse(text) else { return "a URL that cannot be read".to_owned() };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    if url.query().is_some() {
        url.set_query(Some("..."));
    }
    let text = url.to_string();
    if url.path() == "/" { text.trim_end_matches('/').to_owned() } else { text }
}

#[derive(Debug)]
pub(super) struct Unresolved {
    pub(super) name: String,
    pub(super) error: io::Error,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.error.to_string();
        let reason = reason.strip_prefix("failed to lookup address information: ").unwrap_or(&reason);
        write!(f, "the name {} cannot be resolved: {reason}", self.name)
    }
}

impl Error for Unresolved {}

#[derive(Debug)]
pub(super) enum Redirected {
    Downgrade(String),
    TooOften(usize),
}

impl fmt::Display for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Downgrade(to) => write!(f, "redirected from https to {to}, which is refused"),
            Self::TooOften(most) => write!(f, "redirected more than {most} times"),
        }
    }
}

impl Error for Redirected {}

fn classify(error: &reqwest::Error) -> (HttpFailure, String) {
    let causes = causes(error);
    let found = |failure| (failure, root_cause(error).to_string());
    if let Some(cause) = causes.iter().find_map(|cause| cause.downcast_ref::<Redirected>()) {
        return (HttpFailure::Redirected, cause.to_string());
    }
    if error.is_builder() {
        return found(HttpFailure::Setup);
    }
    // The proxy is what failed, whatever happened to the connection to it.
    if let Some(cause) = causes.iter().find(|cause| cause.to_string().starts_with("tunnel error")) {
        let reason = cause.to_string().replacen("tunnel error: ", "", 1);
        return (HttpFailure::Proxy, format!("the proxy opened no tunnel: {reason}"));
    }
    if let Some(cause) = causes.iter().find_map(|cause| cause.downcast_ref::<Unresolved>()) {
        return (HttpFailure::Unresolved, cause.to_string());
    }
    if let Some(cause) = causes.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return (tls(cause), cause.to_string());
    }
    if error.is_timeout() && error.is_connect() {
        return (
            HttpFailure::ConnectTimedOut,
            "no answer to the attempt to connect, TLS included".to_owned(),
        );
    }
    if let Some(kind) = causes.iter().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind)
    {
        return socket(kind).map_or_else(|| found(HttpFailure::Protocol), |(f, said)| (f, said.to_owned()));
    }
    let early = causes
        .iter()
        .filter_map(|c| c.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_incomplete_message);
    if early {
        return (HttpFailure::ClosedEarly, "the connection was closed before an answer".to_owned());
    }
    found(HttpFailure::Protocol)
}

fn tls(error: &rustls::Error) -> HttpFailure {
    use CertificateError as C;
    let rustls::Error::InvalidCertificate(error) = error else { return HttpFailure::Tls };
    match error {
        C::UnknownIssuer => HttpFailure::UnknownIssuer,
        C::Expired | C::ExpiredContext { .. } => HttpFailure::Expired,
        C::NotValidYet | C::NotValidYetContext { .. } => HttpFailure::NotYetValid,
        C::NotValidForName | C::NotValidForNameContext { .. } => HttpFailure::WrongName,
        _ => HttpFailure::Tls,
    }
}

fn socket(kind: io::ErrorKind) -> Option<(HttpFailure, &'static str)> {
    use io::ErrorKind as K;
    Some(match kind {
        K::ConnectionRefused => (HttpFailure::Refused, "connection refused"),
        K::ConnectionReset | K::BrokenPipe | K::ConnectionAborted => {
            (HttpFailure::Reset, "the connection was reset")
        }
        K::UnexpectedEof => {
            (HttpFailure::ClosedEarly, "the connection was closed before everything had come")
        }
        K::TimedOut => (HttpFailure::TimedOut, "nothing came for too long"),
        K::HostUnreachable | K::NetworkUnreachable => (HttpFailure::Unreachable, "no route to it"),
        _ => return None,
    })
}

/// All causes, also those that an `io::Error` wraps: its `source` passes them over.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut causes = vec![error];
    let mut next = Some(error);
    while let Some(cause) = next {
        let wrapped = cause.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        next = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| cause.source());
        causes.extend(next);
    }
    causes
}

fn root_cause<'a>(error: &'a (dyn Error + 'a)) -> &'a (dyn Error + 'a) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_credentials_nor_signatures_of_a_url_are_shown() {
        let text = shown("https://me:planted@bucket.example/a.sh?X-Amz-Signature=planted#x");
        assert_eq!(text, "https://bucket.example/a.sh?...");
        assert_eq!(shown("planted"), "a URL that cannot be read");
    }
}
