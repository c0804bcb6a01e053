//! Writing a file so that a power cut leaves the old one or the new one, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The error with the path that it is about, which the system leaves out; its kind stays.
pub fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Replaces `path` by `content`: written beside it, synced, renamed over it, the directory synced.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    replace_by_way_of(&beside(path), path, content, mode)
}

/// The same, where the place beside it is one for many names that never come again: what a killed run
/// left there is overwritten by the next.
pub fn replace_by_way_of(beside: &Path, path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    publish(beside, path)
}

/// Renames a synced file into its place and makes the rename last.
pub fn publish(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory(to)
}

/// Makes a rename or a creation in the directory of `path` last.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

fn beside(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.vivarium"))
}
