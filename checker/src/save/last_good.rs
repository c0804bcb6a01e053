//! What was found the last time that a target worked: one folder a target, one file in it, written whole or not at
//! all, for its owner's eyes alone.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha1::{Digest, Sha1};

use super::folder::Saved;

/// The version of the file: raised when a name's meaning changes.
pub const VERSION: u32 = 1;
const NAME: &str = "last-good.json";
/// As long as the part of a folder's name may be that a person reads.
const LONGEST: usize = 60;

/// What was found the last time that a target worked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastGood {
    /// [`VERSION`].
    pub version: u32,
    /// When it was.
    pub worked: Timestamp,
    /// The record.
    pub saved: Saved,
    /// AWS's answers, each with the command that prints it.
    pub answers: Vec<(String, Value)>,
}

/// The folder of a target. Its name is for people; what tells targets apart is the digest at its end.
pub fn folder(state: &Path, target: &str) -> PathBuf {
    let plain =
        |letter: char| if letter.is_ascii_alphanumeric() || ".-".contains(letter) { letter } else { '_' };
    let name: String = target.chars().map(plain).take(LONGEST).collect();
    let digest: String = Sha1::digest(target).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    state.join("last-good").join(format!("{name}-{digest}"))
}

/// Writes it in place of the one before.
pub fn write(folder: &Path, good: &LastGood) -> io::Result<()> {
    private_folder(folder)?;
    // Two runs at once do not write into each other's file.
    let temporary = folder.join(format!("{NAME}.{}.part", std::process::id()));
    let written = put(&temporary, &serde_json::to_vec(good)?)
        .and_then(|()| fs::rename(&temporary, folder.join(NAME)))
        .and_then(|()| fs::File::open(folder)?.sync_all());
    if written.is_err() {
        // It says nothing to anybody; where it cannot be taken away, nothing else can be done.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Reads it; nothing where it never worked.
pub fn read(folder: &Path) -> io::Result<Option<LastGood>> {
    let bytes = match fs::read(folder.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let good: Value = serde_json::from_slice(&bytes)?;
    if good["version"] != VERSION {
        return Err(io::Error::other("another version of this program wrote it"));
    }
    Ok(Some(serde_json::from_value(good)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(worked: &str) -> LastGood {
        let saved = Saved {
            program: "vivarium-check".into(),
            configured: true,
            records: vec![serde_json::json!({ "version": 1 })],
            refused: Value::Array(Vec::new()),
            answers: Vec::new(),
        };
        let answers = vec![("describe-vpcs".to_owned(), serde_json::json!({ "Vpcs": [] }))];
        LastGood { version: VERSION, worked: worked.parse().expect("a time"), saved, answers }
    }

    #[test]
    fn what_is_written_is_read_and_the_one_before_is_gone() {
        let state = tempfile::tempdir().expect("a folder");
        let folder = folder(state.path(), "ssh ada@box 22");
        assert_eq!(read(&folder).expect("nothing"), None);
        for worked in ["2026-11-23T15:00:00Z", "2026-11-24T15:00:00Z"] {
            write(&folder, &good(worked)).expect("written");
            assert_eq!(read(&folder).expect("read"), Some(good(worked)));
        }
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_look_into_it() {
        use std::os::unix::fs::PermissionsExt;
        let state = tempfile::tempdir().expect("a folder");
        let folder = folder(state.path(), "x");
        write(&folder, &good("2026-11-23T15:00:00Z")).expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(NAME))), (0o700, 0o600));
    }

    #[test]
    fn targets_that_look_alike_have_folders_of_their_own() {
        let of = |target: &str| folder(Path::new("/state"), target);
        assert_ne!(of("ssh a/b 22"), of("ssh a_b 22"));
        assert!(of("ssh ../../etc 22").starts_with("/state/last-good"));
        assert_eq!(of("../..").components().count(), 4);
    }
}
