//! The step that brings the installer.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::anaconda::prefix::{self, Prefix};
use crate::anaconda::wanted::Wanted;
use crate::anaconda::{catalogue, preflight};
use crate::host::{Host, space};
use crate::settings::Settings;
use crate::step::{Evidence, Failure, State, Step, StepError};

use super::fetch::{Request, fetch};
use super::{opinion, part};

/// Brings the installer onto the volume, unless Anaconda is there already.
pub struct Download {
    settings: Settings,
    /// The file that this run has hashed: a gigabyte is read once, not at every look.
    verified: RefCell<Option<Stamp>>,
}

impl Download {
    /// The step for these settings.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), verified: RefCell::new(None) }
    }

    /// Why nothing is to be fetched, if so.
    async fn done(&self, host: &Host, wanted: Wanted, place: &Path) -> Result<Option<Evidence>, StepError> {
        if matches!(prefix::look(host, &self.settings).await?, Prefix::Sound { .. }) {
            let summary = "not needed: Anaconda is installed".to_owned();
            return Ok(Some(Evidence { summary, ..Evidence::default() }));
        }
        let verified = self.is_verified(&host.path(place), &wanted).await;
        if !verified.map_err(|error| unreadable(place, error))? {
            return Ok(None);
        }
        let summary = format!("{} is here, SHA-256 {}", place.display(), wanted.sha256);
        Ok(Some(Evidence { summary, ..Evidence::default() }.fact("installer", wanted.file_name)))
    }

    fn place(&self, wanted: &Wanted) -> PathBuf {
        wanted.place(&self.settings)
    }

    async fn is_verified(&self, path: &Path, wanted: &Wanted) -> io::Result<bool> {
        let stamp = match Stamp::of(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            stamp => stamp?,
        };
        if self.verified.borrow().as_ref() == Some(&stamp) {
            return Ok(true);
        }
        let (found, _) = part::hash(path).await?;
        if found != wanted.sha256 {
            return Ok(false);
        }
        self.verified.replace(Some(stamp));
        Ok(true)
    }
}

#[async_trait(?Send)]
impl Step for Download {
    fn name(&self) -> &'static str {
        "download"
    }

    fn writes_to_the_volume(&self) -> bool {
        true
    }

    async fn preflight(&self, _host: &Host) -> Result<(), StepError> {
        Wanted::here(&self.settings).map(|_| ())
    }

    async fn inspect(&self, host: &Host) -> Result<State, StepError> {
        let wanted = Wanted::here(&self.settings)?;
        let place = self.place(&wanted);
        let Some(evidence) = self.done(host, wanted.clone(), &place).await? else {
            return Ok(State::todo(change(&wanted, &place)));
        };
        if remains(&host.path(&place)).is_empty() {
            return Ok(State::Done(evidence));
        }
        Ok(State::todo(format!("remove what an earlier download of {} left behind", wanted.file_name)))
    }

    async fn apply(&self, host: &Host) -> Result<(), StepError> {
        let wanted = Wanted::here(&self.settings)?;
        let place = self.place(&wanted);
        if self.done(host, wanted.clone(), &place).await?.is_some() {
            return remove_remains(&host.path(&place));
        }
        check_room(host, &place, wanted.size)?;
        if self.settings.download.second_opinion {
            opinion::ask(&host.http, &opinions(&wanted), &wanted.file_name, &wanted.sha256).await?;
        }
        let mut request = Request::new(wanted.urls, &place, wanted.sha256);
        request.expected_size = wanted.size;
        let fetched = fetch(host, &request, &self.settings.download).await?;
        tracing::info!(bytes = fetched.bytes, resumed = fetched.resumed, from = fetched.from, "downloaded");
        let stamp = Stamp::of(&host.path(&place)).map_err(|error| unreadable(&place, error))?;
        self.verified.replace(Some(stamp));
        Ok(())
    }
}

/// What a download that was cut off at its very end leaves beside the file.
fn remains(place: &Path) -> Vec<PathBuf> {
    let both = [part::beside(place, "part"), part::beside(place, "part.json")];
    both.into_iter().filter(|path| path.exists()).collect()
}

fn remove_remains(place: &Path) -> Result<(), StepError> {
    for path in remains(place) {
        part::remove(&path).map_err(|error| {
            StepError::new(Failure::Unexpected, format!("removing {}", path.display())).because(error)
        })?;
    }
    Ok(())
}

fn change(wanted: &Wanted, place: &Path) -> String {
    let from: Vec<String> = wanted.urls.iter().map(|url| crate::host::http::shown(url)).collect();
    let size = wanted.size.map_or_else(|| "size unknown".to_owned(), |size| format!("{size} bytes"));
    let folder = place.parent().unwrap_or(Path::new("/")).display();
    format!(
        "download {} ({size}, SHA-256 {}) from {} to {folder}",
        wanted.file_name,
        wanted.sha256,
        from.join(", or ")
    )
}

/// The lists to be asked: beside the URLs, and the vendor's own where mirrors stand in for it.
fn opinions(wanted: &Wanted) -> Vec<String> {
    let vendor = catalogue::with_hash(&wanted.sha256);
    let vendor = vendor.map(|entry| format!("{}{}", entry.base_url(), entry.file_name));
    wanted.urls.iter().cloned().chain(vendor).collect()
}

/// Room for the installer and for what it unpacks, asked for before the first byte.
fn check_room(host: &Host, place: &Path, size: Option<u64>) -> Result<(), StepError> {
    let Some(size) = size else { return Ok(()) };
    let place = host.path(place);
    let free = space::of(&place).map_err(|error| unreadable(&place, error))?;
    let held = fs::metadata(part::beside(&place, "part")).map_or(0, |part| part.blocks() * 512);
    preflight::enough_space(still_needed(size, held), free.bytes, free.inodes)
}

/// `held` is what a part on the disk takes already.
fn still_needed(size: u64, held: u64) -> u64 {
    size.saturating_mul(1 + preflight::UNPACKED).saturating_sub(held)
}

fn unreadable(path: &Path, error: io::Error) -> StepError {
    StepError::new(Failure::Unexpected, format!("reading {}", path.display())).because(error)
}

/// What changes when a file does.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        if !found.is_file() {
            return Err(io::Error::other("it is no plain file"));
        }
        Ok(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_asked_for_the_installation_too_and_less_what_is_held() {
        assert_eq!(still_needed(1000, 0), 6000);
        assert_eq!(still_needed(1000, 1000), 5000);
    }
}
