//! The mirrors of one file: whose turn it is, and what each of them last said.

use std::fmt;
use std::time::Duration;

use crate::host::http::{HttpError, shown};

use super::retry;

/// Why an attempt at one mirror ended without the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setback {
    /// What happened.
    pub(super) why: String,
    /// What to do about it.
    pub(super) hint: String,
    /// Whether the mirror is worth asking again.
    pub(super) again: bool,
    /// Whether another mirror should have its turn.
    pub(super) turn: bool,
    /// How long the server asks to be left alone.
    pub(super) after: Option<Duration>,
}

impl Setback {
    /// The mirror will never do.
    pub(super) fn never(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into(), again: false, turn: true, after: None }
    }

    /// The mirror may do later.
    pub(super) fn later(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into(), again: true, turn: true, after: None }
    }

    /// The server answered with this status.
    pub(super) fn status(status: u16, after: Option<Duration>) -> Self {
        let why = format!("the server answered {status} {}", reason(status));
        match after {
            None => Self::never(why, format!("likely: {}", retry::likely_cause(status))),
            Some(after) => Self {
                after: (!after.is_zero()).then_some(after),
                ..Self::later(why, "the server is busy or broken: run again later, or name another mirror")
            },
        }
    }

    /// The request or its body failed on the way.
    pub(super) fn on_the_way(error: &HttpError, detail: &str) -> Self {
        let why =
            if detail.is_empty() { error.detail().to_owned() } else { format!("{}{detail}", error.detail()) };
        Self { again: error.is_transient(), ..Self::later(why, error.hint()) }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        416 => "Range Not Satisfiable",
        425 => "Too Early",
        429 => "Too Many Requests",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        300..=399 => "(a redirect to nowhere)",
        _ => "",
    }
}

/// The mirrors, in the order they were named.
#[derive(Debug)]
pub(super) struct Sources {
    all: Vec<Source>,
    turn: usize,
}

#[derive(Debug)]
struct Source {
    url: String,
    last: Option<Setback>,
}

impl Source {
    fn open(&self) -> bool {
        self.last.as_ref().is_none_or(|setback| setback.again)
    }
}

impl Sources {
    pub(super) fn new(urls: &[String]) -> Self {
        let all = urls.iter().map(|url| Source { url: url.clone(), last: None }).collect();
        Self { all, turn: 0 }
    }

    /// Whose turn it is, unless no one is left.
    pub(super) fn current(&mut self) -> Option<String> {
        let count = self.all.len();
        let next = (0..count).map(|step| (self.turn + step) % count).find(|index| self.all[*index].open())?;
        self.turn = next;
        Some(self.all[next].url.clone())
    }

    /// Notes what the current one said, and passes the turn on if that is better.
    pub(super) fn set_back(&mut self, setback: Setback) {
        let turn = setback.turn || !setback.again;
        if let Some(source) = self.all.get_mut(self.turn) {
            source.last = Some(setback);
        }
        if turn {
            self.pass_on();
        }
    }

    /// Passes the turn on.
    pub(super) fn pass_on(&mut self) {
        self.turn = (self.turn + 1) % self.all.len().max(1);
    }

    /// Whether every one has had its turn and it is time to wait: the turn is back at the first.
    pub(super) fn round_is_over(&self) -> bool {
        !self.all[self.turn..].iter().any(|source| source.open() && source.last.is_none())
    }

    /// What to do, by whoever spoke last and is worth most.
    pub(super) fn hint(&self) -> String {
        let said =
            |again| self.all.iter().filter_map(|source| source.last.as_ref()).find(|s| s.again == again);
        said(false).or_else(|| said(true)).map(|setback| setback.hint.clone()).unwrap_or_default()
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.all.iter().filter_map(|source| Some((&source.url, source.last.as_ref()?)));
        let lines: Vec<String> =
            said.map(|(url, setback)| format!("{}: {}", shown(url), setback.why)).collect();
        if lines.is_empty() {
            return f.write_str("no URL was asked");
        }
        f.write_str(&lines.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(names: &[&str]) -> Sources {
        Sources::new(&names.iter().map(|name| format!("https://{name}/f")).collect::<Vec<_>>())
    }

    #[test]
    fn a_mirror_that_will_never_do_is_not_asked_again() {
        let mut sources = urls(&["a", "b"]);
        assert_eq!(sources.current().as_deref(), Some("https://a/f"));
        sources.set_back(Setback::status(404, None));
        assert_eq!(sources.current().as_deref(), Some("https://b/f"));
        sources.set_back(Setback::status(503, Some(Duration::ZERO)));
        assert_eq!(sources.current().as_deref(), Some("https://b/f"));
        sources.set_back(Setback::status(410, None));
        assert_eq!(sources.current(), None);
        assert!(sources.to_string().contains("https://a/f: the server answered 404 Not Found; https://b/f"));
    }

    #[test]
    fn a_wait_comes_after_every_mirror_has_had_its_turn() {
        let mut sources = urls(&["a", "b"]);
        sources.current();
        sources.set_back(Setback::later("reset", ""));
        assert!(!sources.round_is_over());
        sources.current();
        sources.set_back(Setback::later("reset", ""));
        assert!(sources.round_is_over());
    }
}
