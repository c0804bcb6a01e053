//! A place to fetch to. After every fetch it is asserted that the name exists only for the right bytes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256 as Hasher};
use vivarium_bootstrap::download::fetch::{Fetched, Request, fetch};
use vivarium_bootstrap::download::retry::Backoff;
use vivarium_bootstrap::host::http::{Http, HttpOptions};
use vivarium_bootstrap::host::progress::Silent;
use vivarium_bootstrap::host::{Host, block, processes};
use vivarium_bootstrap::journal::Journal;
use vivarium_bootstrap::settings::{DownloadSettings, Sha256};
use vivarium_bootstrap::step::Failure;

/// How much a run that is killed may lose here.
pub const BLOCK: u64 = 64 * 1024;
/// The path of the file on the host.
pub const DESTINATION: &str = "/downloads/installer.sh";

/// Bytes that do not repeat, always the same.
pub fn file(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

pub fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(&Hasher::digest(bytes))
}

/// How a fetch failed, as a person reads it.
#[derive(Debug)]
pub struct Failed {
    pub failure: Failure,
    pub text: String,
}

impl Failed {
    /// Asserts that a person is told all of this.
    pub fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.text.contains(word), "{word:?} is not said in: {}", self.text);
        }
    }
}

pub struct Bench {
    _folder: tempfile::TempDir,
    pub root: PathBuf,
    pub http: HttpOptions,
    pub settings: DownloadSettings,
    pub request: Request,
}

impl Bench {
    /// To fetch a file with these bytes from these URLs.
    pub fn new(urls: Vec<String>, wanted: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let backoff = Backoff { base: Duration::from_millis(1), cap: Duration::from_millis(2), attempts: 4 };
        let request = Request { backoff, block: BLOCK, ..Request::new(urls, DESTINATION, sha256(wanted)) };
        let settings = DownloadSettings {
            budget: Duration::from_mins(1),
            stall: Duration::from_secs(20),
            slow_below: 1,
            ca_file: None,
            second_opinion: false,
        };
        let root = folder.path().to_owned();
        Self { _folder: folder, root, http: HttpOptions::default(), settings, request }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub fn host(&self) -> Host {
        Host::new(
            &self.root,
            Box::new(processes::System),
            Http::new(self.http.clone()),
            Box::new(block::System),
            Box::new(Silent),
            Journal::at(self.path("journal")),
        )
    }

    pub async fn fetch(&self) -> Result<Fetched, Failed> {
        let outcome = fetch(&self.host(), &self.request, &self.settings).await;
        self.assert_nothing_unverified_has_the_name(outcome.is_ok());
        outcome.map_err(|error| Failed {
            failure: error.failure(),
            text: format!("{}; hint: {}", error.chain(), error.hint_text()),
        })
    }

    pub fn assert_nothing_unverified_has_the_name(&self, expected: bool) {
        let path = self.path(DESTINATION);
        assert_eq!(path.exists(), expected, "the file has its name only after it was verified");
        if expected {
            assert_eq!(sha256(&fs::read(&path).expect("readable")), self.request.sha256);
            assert_eq!(mode(&path), 0o644, "never executable: it is given to a shell");
            assert!(!self.part().exists() && !self.note().exists(), "nothing is left beside it");
        } else if self.part().exists() {
            assert_eq!(mode(&self.part()), 0o600);
        }
    }

    pub fn part(&self) -> PathBuf {
        self.path("/downloads/installer.sh.part")
    }

    pub fn note(&self) -> PathBuf {
        self.path("/downloads/installer.sh.part.json")
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}
