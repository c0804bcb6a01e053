//! One resumable, ranged, hashing fetch.
//!
//! What proves a file is its SHA-256 and nothing else. So bytes of different mirrors may be put
//! together, although their `ETag`s differ: a wrong whole costs one more fetch, never a wrong file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::host::Host;
use crate::host::http::{Answer, HttpError, shown};
use crate::host::{clock, files, space};
use crate::settings::{DownloadSettings, Sha256};
use crate::step::StepError;

use super::failure;
use super::pace::Pace;
use super::part::{self, Origin, Part};
use super::reply::{self, Asked, Head, Meaning};
use super::retry::Backoff;
use super::sources::{Setback, Sources};

/// How many bytes a run that is killed may have to fetch again.
pub const BLOCK: u64 = 8 * 1024 * 1024;

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// `https:`, `http:` or `file:` URLs of the same bytes, asked in turn.
    pub urls: Vec<String>,
    /// The path on the host that the file gets once it is whole and right.
    pub destination: PathBuf,
    /// What proves it.
    pub sha256: Sha256,
    /// Its size, only if it is known to the byte.
    pub expected_size: Option<u64>,
    /// How to wait between attempts.
    pub backoff: Backoff,
    /// After how many bytes what has come is made safe on the disk.
    pub block: u64,
}

impl Request {
    /// A request with the usual waits.
    pub fn new(urls: Vec<String>, destination: impl Into<PathBuf>, sha256: Sha256) -> Self {
        let (destination, backoff) = (destination.into(), Backoff::default());
        Self { urls, destination, sha256, expected_size: None, backoff, block: BLOCK }
    }
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its size.
    pub bytes: u64,
    /// How many of them an earlier run had left.
    pub resumed: u64,
    /// The URL of the last of them, or nothing if the file was there.
    pub from: Option<String>,
}

/// Brings the file wanted to its destination, or says why it cannot.
pub async fn fetch(
    host: &Host,
    request: &Request,
    settings: &DownloadSettings,
) -> Result<Fetched, StepError> {
    let destination = host.path(&request.destination);
    if let Some(bytes) =
        already_there(&destination, &request.sha256).await.map_err(|error| failure::here(request, error))?
    {
        return Ok(Fetched { bytes, resumed: 0, from: None });
    }
    let mut fetch = Fetch::open(host, request, settings, &destination)
        .await
        .map_err(|error| failure::here(request, error))?;
    let resumed = fetch.part.length();
    let outcome = timeout(settings.budget, fetch.run()).await;
    host.progress.end();
    let from = match outcome {
        Ok(outcome) => outcome,
        Err(_) => Err(failure::out_of_time(request, &fetch.sources, settings.budget, &fetch.so_far())),
    };
    let kept = fetch.part.checkpoint();
    let (from, bytes) = (from?, fetch.part.length());
    kept.and_then(|()| fetch.part.publish(&destination)).map_err(|error| failure::here(request, error))?;
    Ok(Fetched { bytes, resumed, from: Some(from) })
}

/// A file of that name with other bytes is removed: nothing unverified may have the name.
async fn already_there(destination: &Path, wanted: &Sha256) -> io::Result<Option<u64>> {
    match part::hash(destination).await {
        Ok((found, bytes)) if found == *wanted => Ok(Some(bytes)),
        Ok((found, _)) => {
            tracing::warn!(%found, %wanted, path = %destination.display(), "removing a file with other bytes");
            fs::remove_file(destination)?;
            Ok(None)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why a mirror's turn ended without the file: the mirror, or this host.
enum Stop {
    Setback(Setback),
    Here(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Here(error)
    }
}

impl From<Setback> for Stop {
    fn from(setback: Setback) -> Self {
        Self::Setback(setback)
    }
}

struct Fetch<'a> {
    host: &'a Host,
    request: &'a Request,
    settings: &'a DownloadSettings,
    sources: Sources,
    part: Part,
    /// Wholes that were wrong: where from, and their hash.
    wrong: Vec<(String, Sha256)>,
    /// Attempts in a row that brought nothing.
    fruitless: u32,
}

impl<'a> Fetch<'a> {
    async fn open(
        host: &'a Host,
        request: &'a Request,
        settings: &'a DownloadSettings,
        destination: &Path,
    ) -> io::Result<Self> {
        fs::create_dir_all(destination.parent().unwrap_or(Path::new("/")))?;
        let part = Part::open(destination, &request.sha256, request.block).await?;
        files::sync_directory(destination)?;
        let sources = Sources::new(&request.urls);
        Ok(Self { host, request, settings, sources, part, wrong: Vec::new(), fruitless: 0 })
    }

    /// Returns the URL that gave the last byte, once the bytes here are the ones wanted.
    async fn run(&mut self) -> Result<String, StepError> {
        loop {
            let Some(url) = self.sources.current() else {
                return Err(failure::given_up(self.request, &self.sources));
            };
            let before = self.part.length();
            let outcome = self.attempt(&url).await;
            if self.part.length() > before {
                self.fruitless = 0;
            }
            match outcome {
                Ok(()) if self.part.digest() == self.request.sha256 => return Ok(shown(&url)),
                Ok(()) => self.start_over(&url)?,
                Err(Stop::Here(error)) => return Err(self.stopped_here(error)),
                Err(Stop::Setback(setback)) => self.wait(&url, setback).await?,
            }
        }
    }

    /// Bytes that are wrong as a whole are dropped and fetched once more, by another mirror if there
    /// is one: a proxy may have kept a damaged copy.
    fn start_over(&mut self, url: &str) -> Result<(), StepError> {
        let found = self.part.digest();
        tracing::warn!(url = shown(url), %found, wanted = %self.request.sha256, "the bytes are not the ones wanted");
        self.wrong.push((shown(url), found));
        self.part.empty().map_err(|error| failure::here(self.request, error))?;
        self.sources.pass_on();
        if self.wrong.len() < 2 { Ok(()) } else { Err(failure::twice_wrong(self.request, &self.wrong)) }
    }

    async fn wait(&mut self, url: &str, setback: Setback) -> Result<(), StepError> {
        self.fruitless += 1;
        let have = self.part.length();
        tracing::warn!(url = shown(url), bytes = have, reason = setback.why, "the download was interrupted");
        let asked = setback.after;
        self.sources.set_back(setback);
        if self.fruitless >= self.request.backoff.attempts {
            return Err(failure::given_up(self.request, &self.sources));
        }
        if self.sources.current().is_some() && (asked.is_some() || self.sources.round_is_over()) {
            let random = uuid::Uuid::new_v4().as_fields().0;
            sleep(asked.unwrap_or_else(|| self.request.backoff.delay(self.fruitless, random))).await;
        }
        Ok(())
    }

    /// One turn of one mirror. All is here when it returns without a stop; right or wrong.
    async fn attempt(&mut self, url: &str) -> Result<(), Stop> {
        if let Some(path) = local_path(url)? {
            return self.copy(url, &path).await;
        }
        let have = self.part.length();
        if have > 0 && self.part.origin().total == Some(have) {
            return Ok(());
        }
        let answer = self.ask(url).await?;
        match self.meaning(url, &answer) {
            Meaning::AskAgain(why) => {
                tracing::info!(url = shown(url), why, "what is here does not fit: beginning again");
                self.part.empty()?;
                let answer = self.ask(url).await?;
                let meaning = self.meaning(url, &answer);
                self.take(url, answer, meaning).await
            }
            meaning => self.take(url, answer, meaning).await,
        }
    }

    async fn ask(&self, url: &str) -> Result<Answer, Stop> {
        let range = format!("bytes={}-", self.part.length());
        let mut headers = Vec::new();
        if self.part.length() > 0 {
            headers.push(("range", range.as_str()));
            let same = self.part.origin().url == shown(url);
            headers.extend(self.part.origin().validator().filter(|_| same).map(|value| ("if-range", value)));
        }
        if !self.wrong.is_empty() {
            headers.push(("cache-control", "no-cache"));
        }
        match timeout(self.settings.stall, self.host.http.get(url, &headers)).await {
            Ok(answer) => Ok(answer.map_err(|error| Setback::on_the_way(&error, &self.so_far()))?),
            Err(_) => {
                Err(self.too_slow(url, format!("no answer for {} s", self.settings.stall.as_secs_f64())))
            }
        }
    }

    fn meaning(&self, url: &str, answer: &Answer) -> Meaning {
        let origin = self.part.origin();
        let asked = Asked {
            from: self.part.length(),
            expected: self.request.expected_size,
            announced: origin.total,
            etag: origin.etag.clone().filter(|_| origin.url == shown(url)),
        };
        reply::read(&asked, &head(answer), clock::now())
    }

    async fn take(&mut self, url: &str, answer: Answer, meaning: Meaning) -> Result<(), Stop> {
        match meaning {
            Meaning::Complete => Ok(()),
            Meaning::GoesOn(total) => {
                self.part.go_on(origin(url, &answer, total))?;
                self.stream(url, answer, total).await
            }
            Meaning::Whole(total) => {
                self.part.begin(origin(url, &answer, total))?;
                self.stream(url, answer, total).await
            }
            Meaning::Later(after) => Err(Setback::status(answer.status(), Some(after)).into()),
            Meaning::Never => Err(Setback::status(answer.status(), None).into()),
            Meaning::Unfit(why) | Meaning::AskAgain(why) => Err(Setback::never(
                why,
                "another file is behind this URL: correct it, or name another mirror",
            )
            .into()),
        }
    }

    async fn stream(&mut self, url: &str, mut answer: Answer, total: Option<u64>) -> Result<(), Stop> {
        self.begin_progress(total);
        let mut pace = Pace::new(self.settings.stall, self.settings.slow_below, Instant::now());
        loop {
            let chunk = match timeout_at(pace.ends(), answer.chunk()).await {
                Ok(chunk) => chunk.map_err(|error| self.broken_off(&error))?,
                Err(_) => Some(bytes::Bytes::new()),
            };
            let Some(chunk) = chunk else { return self.ended(total) };
            self.add(&chunk, total)?;
            pace.came(chunk.len());
            if let Some(why) = pace.verdict(Instant::now()) {
                return Err(self.too_slow(url, why));
            }
        }
    }

    fn add(&mut self, bytes: &[u8], total: Option<u64>) -> Result<(), Stop> {
        let most = total.unwrap_or(u64::MAX);
        if self.part.length() + bytes.len() as u64 > most {
            self.part.empty()?;
            let why = format!("it sends more than the {most} bytes the file should have");
            return Err(Setback::never(why, "another file is behind this URL: name another mirror").into());
        }
        self.part.write(bytes)?;
        self.host.progress.reached(self.part.length());
        Ok(())
    }

    /// The body is over, as far as the server said how long it is.
    fn ended(&self, total: Option<u64>) -> Result<(), Stop> {
        match total {
            Some(total) if self.part.length() < total => {
                let why = format!("the body ended{}", self.so_far());
                Err(Setback { turn: false, ..Setback::later(why, "name another mirror") }.into())
            }
            _ => Ok(()),
        }
    }

    /// A connection that broke is taken up again at the same mirror: it was giving.
    fn broken_off(&self, error: &HttpError) -> Stop {
        Setback { turn: false, ..Setback::on_the_way(error, &self.so_far()) }.into()
    }

    fn too_slow(&self, url: &str, why: String) -> Stop {
        Setback::on_the_way(&HttpError::timed_out(url, why), &self.so_far()).into()
    }

    async fn copy(&mut self, url: &str, path: &Path) -> Result<(), Stop> {
        let path = self.host.path(path);
        let unreadable = |error: io::Error| {
            Setback::never(
                error.to_string(),
                format!("put the file at {}, or correct the URL", path.display()),
            )
        };
        let mut file = File::open(&path).map_err(unreadable)?;
        let total = file.metadata()?.len();
        let origin = Origin { url: shown(url), total: Some(total), ..Origin::default() };
        self.part.begin(origin)?;
        self.begin_progress(Some(total));
        let mut chunk = vec![0; 1024 * 1024];
        loop {
            let count = file.read(&mut chunk).map_err(unreadable)?;
            if count == 0 {
                return Ok(());
            }
            self.part.write(&chunk[..count])?;
            self.host.progress.reached(self.part.length());
            tokio::task::yield_now().await;
        }
    }

    fn begin_progress(&self, total: Option<u64>) {
        self.host.progress.begin(&format!("downloading {}", failure::name(self.request)), total);
        self.host.progress.reached(self.part.length());
    }

    fn stopped_here(&self, error: io::Error) -> StepError {
        if error.kind() != io::ErrorKind::StorageFull {
            return failure::here(self.request, error);
        }
        let free = space::of(&self.host.path(&self.request.destination)).ok();
        failure::disk_full(self.request, &self.so_far(), free.map(|space| space.bytes))
    }

    fn so_far(&self) -> String {
        let have = self.part.length();
        match self.part.origin().total.or(self.request.expected_size) {
            Some(total) => format!(" (after {have} of {total} bytes)"),
            None => format!(" (after {have} bytes)"),
        }
    }
}

fn head(answer: &Answer) -> Head {
    let text = |name| answer.header(name).map(ToOwned::to_owned);
    Head {
        status: answer.status(),
        length: answer.header("content-length").and_then(|value| value.trim().parse().ok()),
        range: text("content-range"),
        etag: text("etag"),
        modified: text("last-modified"),
        retry_after: text("retry-after"),
    }
}

fn origin(url: &str, answer: &Answer, total: Option<u64>) -> Origin {
    let Head { etag, modified, .. } = head(answer);
    Origin { url: shown(url), etag, modified, total }
}

/// The path of a `file:` URL.
fn local_path(url: &str) -> Result<Option<PathBuf>, Setback> {
    let hint = "give an https:, http: or file: URL";
    let parsed = url::Url::parse(url).map_err(|error| Setback::never(error.to_string(), hint))?;
    match parsed.scheme() {
        "http" | "https" => Ok(None),
        "file" => match parsed.to_file_path() {
            Ok(path) => Ok(Some(path)),
            Err(()) => Err(Setback::never("this file: URL names another host", "write file:///path")),
        },
        other => Err(Setback::never(format!("{other}: URLs are not understood"), hint)),
    }
}
