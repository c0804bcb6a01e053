//! Room to work in: a temporary directory that programs can be run from, what earlier runs left of the
//! prefix moved aside.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::host::processes::Command;
use crate::host::{Host, clock, files};
use crate::step::{Failure, StepError};

/// A directory for temporary files, empty, and proven to let programs run: `/tmp` often does not.
pub(crate) async fn temporary(host: &Host, directory: &Path) -> Result<(), StepError> {
    let doing = || format!("preparing {} for temporary files", directory.display());
    let here = host.path(directory);
    let made = remove(&here).and_then(|()| probe(&here));
    let probe = made.map_err(|error| StepError::new(Failure::Unexpected, doing()).because(error))?;
    let answer = host.processes.run(Command::new(&probe)).await;
    let why = match answer {
        Ok(output) if output.text() == "runs" => return Ok(()),
        Ok(output) => format!("a script in it ended with {}: {}", output.exit, output.last_words()),
        Err(error) => error.to_string(),
    };
    Err(StepError::new(Failure::Precondition, doing())
        .because(why)
        .hint("programs must be able to run there: mount the volume without noexec"))
}

fn probe(directory: &Path) -> io::Result<PathBuf> {
    use io::Write;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let probe = directory.join("probe");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o700).open(&probe)?;
    file.write_all(b"#!/bin/sh\necho runs\n")?;
    Ok(probe)
}

/// Removes a directory and all in it, if it is there.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whose work the thing in the prefix's place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remains {
    /// An installer of ours was cut off: deleted once there is something better.
    Unfinished,
    /// Anyone's: kept for ever.
    Foreign,
}

impl Remains {
    fn suffix(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Foreign => "broken",
        }
    }
}

/// Renames what is in the prefix's place, so that the installer finds nothing there.
pub(super) fn move_aside(prefix: &Path, remains: Remains) -> io::Result<Option<PathBuf>> {
    match fs::remove_dir(prefix) {
        Ok(()) => return files::sync_directory(prefix).map(|()| None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) => {}
    }
    let mut name = prefix.as_os_str().to_owned();
    name.push(format!(".{}-{}", remains.suffix(), clock::stamp()));
    files::publish(prefix, Path::new(&name))?;
    Ok(Some(PathBuf::from(name)))
}

/// Deletes what installers of ours left unfinished beside the prefix, and nothing else.
pub(super) fn remove_unfinished(prefix: &Path) -> io::Result<()> {
    let Some((parent, name)) = prefix.parent().zip(prefix.file_name()) else { return Ok(()) };
    let ours = format!("{}.{}-", name.to_string_lossy(), Remains::Unfinished.suffix());
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&ours) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_aside_keeps_its_files_and_only_our_own_is_ever_deleted() {
        let root = tempfile::tempdir().expect("a directory");
        let prefix = root.path().join("anaconda3");
        for remains in [Remains::Unfinished, Remains::Foreign] {
            fs::create_dir(&prefix).expect("it is made");
            fs::write(prefix.join("file"), "mine").expect("it is written");
            let aside = move_aside(&prefix, remains).expect("it moves").expect("there was something");
            assert_eq!(fs::read_to_string(aside.join("file")).expect("it is there"), "mine");
        }
        remove_unfinished(&prefix).expect("it is removed");
        let left: Vec<String> = fs::read_dir(root.path())
            .expect("it is read")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        assert!(left.len() == 1 && left[0].starts_with("anaconda3.broken-"), "{left:?}");
    }

    #[test]
    fn an_empty_directory_in_the_prefixs_place_simply_goes() {
        let root = tempfile::tempdir().expect("a directory");
        let prefix = root.path().join("anaconda3");
        fs::create_dir(&prefix).expect("it is made");
        assert_eq!(move_aside(&prefix, Remains::Foreign).expect("it goes"), None);
        assert!(!prefix.exists() && move_aside(&prefix, Remains::Foreign).expect("nothing to do").is_none());
    }
}
