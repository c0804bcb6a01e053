//! How far an installation came, as one small file on the volume says. A Python that imports what it must
//! proves nothing while the installer may have been cut off behind it; and only what an installer of ours
//! left unfinished may ever be deleted.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::wanted::workplace;
use crate::host::{Host, files};
use crate::settings::Settings;

/// How far the last installation into the prefix came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// None is under way.
    None,
    /// One was begun, and its installer has not ended well.
    Begun,
    /// Its installer ended well; nothing has been proven or tidied up since.
    Ended,
}

/// Reads it.
pub fn read(host: &Host, settings: &Settings) -> io::Result<Mark> {
    let ours = |path: PathBuf| match std::fs::read_to_string(host.path(path)) {
        Ok(text) => Ok(Path::new(text.trim_end()) == settings.anaconda.prefix),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    };
    if ours(begun(settings))? {
        return Ok(Mark::Begun);
    }
    Ok(if ours(ended(settings))? { Mark::Ended } else { Mark::None })
}

/// Says that an installation begins. The installer's shell renames this file to [`ended`].
pub fn begin(host: &Host, settings: &Settings) -> io::Result<()> {
    let text = format!("{}\n", settings.anaconda.prefix.display());
    std::fs::create_dir_all(host.path(workplace(settings)))?;
    files::replace(&host.path(begun(settings)), text.as_bytes(), 0o600)
}

/// Notes which directory the installer has made, as soon as it is seen.
pub fn claim(host: &Host, settings: &Settings) -> io::Result<bool> {
    let Ok(made) = std::fs::metadata(host.path(&settings.anaconda.prefix)) else { return Ok(false) };
    files::replace(&host.path(claimed(settings)), made.ino().to_string().as_bytes(), 0o600)?;
    Ok(true)
}

/// Whether what is in the prefix was made by an installer of ours and was never finished. One that a
/// person made there since is another directory, or was made while nothing of ours ran.
pub fn unfinished(host: &Host, settings: &Settings) -> io::Result<bool> {
    if read(host, settings)? == Mark::None {
        return Ok(false);
    }
    let prefix = host.path(&settings.anaconda.prefix);
    let noted = std::fs::read_to_string(host.path(claimed(settings))).ok();
    Ok(match (noted, std::fs::metadata(&prefix)) {
        (Some(noted), Ok(now)) => noted == now.ino().to_string(),
        (None, _) => !prefix.join("bin/python").exists(),
        (_, Err(_)) => false,
    })
}

/// Says that all is proven and tidied up.
pub fn clear(host: &Host, settings: &Settings) -> io::Result<()> {
    for path in [claimed(settings), begun(settings), ended(settings)] {
        match std::fs::remove_file(host.path(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    files::sync_directory(&host.path(begun(settings)))
}

/// The file that says it was begun.
pub fn begun(settings: &Settings) -> PathBuf {
    workplace(settings).join("installing")
}

/// The file that says its installer ended well.
pub fn ended(settings: &Settings) -> PathBuf {
    workplace(settings).join("installed")
}

fn claimed(settings: &Settings) -> PathBuf {
    workplace(settings).join("installing-into")
}
