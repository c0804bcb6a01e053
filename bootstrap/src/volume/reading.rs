//! Reading a device past the page cache, so that what is judged is what is on it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::libc::O_DIRECT;

use super::signatures::Pieces;
use super::signatures::places::Place;

/// Direct reads must go to memory aligned like this.
const ALIGNMENT: usize = 4096;
/// An unreadable device takes long for each block it fails on; a few say enough.
const ENOUGH_ERRORS: usize = 4;

/// A part that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// Where.
    pub offset: u64,
    /// Why.
    pub cause: String,
}

/// Reads these places of a device. What fails is told apart from what is zero.
pub fn read(device: &Path, places: &[Place]) -> io::Result<(Pieces, Vec<ReadError>)> {
    let file = open(device)?;
    let (mut pieces, mut errors) = (Pieces::default(), Vec::new());
    for place in places {
        match read_place(&file, *place) {
            Ok(bytes) => pieces.add(place.offset, bytes),
            Err(error) => errors.push(error),
        }
        if errors.len() == ENOUGH_ERRORS {
            break;
        }
    }
    Ok((pieces, errors))
}

fn open(device: &Path) -> io::Result<File> {
    let direct = OpenOptions::new().read(true).custom_flags(O_DIRECT).open(device);
    match direct {
        // Not everything that holds bytes can be read past the cache.
        Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => File::open(device),
        opened => opened,
    }
}

fn read_place(file: &File, place: Place) -> Result<Vec<u8>, ReadError> {
    let failed = |offset, error: &io::Error| ReadError { offset, cause: error.to_string() };
    let length =
        usize::try_from(place.length).map_err(|error| failed(place.offset, &io::Error::other(error)))?;
    let mut buffer = vec![0; length + ALIGNMENT];
    let start = buffer.as_ptr().align_offset(ALIGNMENT);
    let mut done = 0;
    while done < length {
        let offset = place.offset + done as u64;
        match file.read_at(&mut buffer[start + done..start + length], offset) {
            Ok(0) => return Err(failed(offset, &io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(offset, &error)),
        }
    }
    Ok(buffer[start..start + length].to_vec())
}
