//! Room on a filesystem, in bytes and in files.

use std::io;
use std::path::Path;

/// What a filesystem has left for anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    pub(super) bytes: u64,
    /// Nothing, where the filesystem makes inodes as it needs them.
    pub(super) inodes: Option<u64>,
}

/// The room on the filesystem of `path`, or of the nearest directory above it that exists.
pub(super) fn of(path: &Path) -> io::Result<Space> {
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let found = nix::sys::statvfs::statvfs(existing)?;
    let inodes = (found.files() > 0).then(|| found.files_available());
    Ok(Space { bytes: found.blocks_available() * found.fragment_size(), inodes })
}
