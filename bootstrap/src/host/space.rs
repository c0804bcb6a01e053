//! The door to room on a filesystem, in bytes and in files: what is free and what is used.

use std::io;
use std::path::Path;

/// What a filesystem has left for anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// In bytes.
    pub bytes: u64,
    /// In files. Nothing, where the filesystem makes inodes as it needs them.
    pub inodes: Option<u64>,
}

/// The room on the filesystem of `path`, or of the nearest directory above it that exists.
pub fn of(path: &Path) -> io::Result<Space> {
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let found = nix::sys::statvfs::statvfs(existing)?;
    let inodes = (found.files() > 0).then(|| found.files_available());
    Ok(Space { bytes: found.blocks_available() * found.fragment_size(), inodes })
}

/// Bytes and files in use, as one number that grows while something is written.
pub fn used(path: &Path) -> u64 {
    nix::sys::statvfs::statvfs(path).map_or(0, |found| {
        let blocks = found.blocks() - found.blocks_free();
        blocks * found.fragment_size() + (found.files() - found.files_free())
    })
}
