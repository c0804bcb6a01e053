//! The host as the steps meet it: a root directory and the doors to what lies outside this program.

pub mod block;
pub mod clock;
pub mod files;
pub mod http;
pub mod processes;
pub mod progress;
pub mod space;

use std::path::{Path, PathBuf};

use crate::journal::Journal;
use block::NvmeControllers;
use http::Http;
use processes::Processes;
use progress::Progress;

/// What every step is handed.
pub struct Host {
    root: PathBuf,
    /// Runs programs.
    pub processes: Box<dyn Processes>,
    /// Fetches from the web.
    pub http: Http,
    /// Asks NVMe controllers who they are.
    pub nvme: Box<dyn NvmeControllers>,
    /// Tells a person how far things are.
    pub progress: Box<dyn Progress>,
    /// Remembers, across runs, what was about to be done to the volume.
    pub journal: Journal,
}

impl Host {
    /// A host whose files are below `root`: `/`, or a directory in tests.
    pub fn new(
        root: impl Into<PathBuf>,
        processes: Box<dyn Processes>,
        http: Http,
        nvme: Box<dyn NvmeControllers>,
        progress: Box<dyn Progress>,
        journal: Journal,
    ) -> Self {
        Self { root: root.into(), processes, http, nvme, progress, journal }
    }

    /// Where an absolute path of the host is found by this program.
    pub fn path(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let absolute = absolute.as_ref();
        self.root.join(absolute.strip_prefix("/").unwrap_or(absolute))
    }
}
