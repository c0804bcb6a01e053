//! The file that is still coming: `NAME.part`, with a note beside it of where its bytes are from and
//! how many of them are safe on the disk. What is not in the note is fetched again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, OFlag, fallocate};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};

use crate::host::files;
use crate::settings::Sha256;

const CHUNK: usize = 1024 * 1024;

/// Where bytes are from, as the note keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The URL as it may be printed.
    pub(super) url: String,
    /// Its `ETag`.
    pub(super) etag: Option<String>,
    /// Its `Last-Modified`.
    pub(super) modified: Option<String>,
    /// The size it announced.
    pub(super) total: Option<u64>,
}

impl Origin {
    /// What `If-Range` may carry: a strong `ETag`, or the date.
    pub(super) fn validator(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.modified.as_deref())
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    sha256: String,
    #[serde(flatten)]
    origin: Origin,
    synced: u64,
}

/// The file that is still coming.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    note: PathBuf,
    wanted: Sha256,
    file: File,
    hasher: Hasher,
    origin: Origin,
    length: u64,
    synced: u64,
    block: u64,
}

impl Part {
    /// Opens the part of `destination`, empty unless a note says that its bytes are of the file wanted.
    pub(super) async fn open(destination: &Path, wanted: &Sha256, block: u64) -> io::Result<Self> {
        let (path, note) = (beside(destination, "part"), beside(destination, "part.json"));
        let remembered = read_note(&note).filter(|note| note.sha256 == wanted.as_str()).unwrap_or_default();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path)?;
        let mut part = Self {
            path,
            note,
            wanted: wanted.clone(),
            file,
            hasher: Hasher::new(),
            origin: remembered.origin,
            length: 0,
            synced: 0,
            block,
        };
        part.take_up(remembered.synced).await?;
        Ok(part)
    }

    /// Reads again what is on the disk, as far as it is safe there, since the hash needs every byte.
    async fn take_up(&mut self, synced: u64) -> io::Result<()> {
        if synced == 0 || self.file.metadata()?.len() < synced {
            return self.empty();
        }
        tracing::info!(bytes = synced, part = %self.path.display(), "resuming: reading again what is here");
        self.file.set_len(synced)?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut chunk = vec![0; CHUNK];
        while self.length < synced {
            let count = self.file.read(&mut chunk)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.hasher.update(&chunk[..count]);
            self.length += count as u64;
            tokio::task::yield_now().await;
        }
        self.synced = synced;
        Ok(())
    }

    /// Drops every byte.
    pub(super) fn empty(&mut self) -> io::Result<()> {
        (self.origin, self.length, self.synced) = (Origin::default(), 0, 0);
        self.hasher = Hasher::new();
        self.remember()?;
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(|_| ())
    }

    /// Begins with the first byte of `origin`, with room for all of it.
    pub(super) fn begin(&mut self, origin: Origin) -> io::Result<()> {
        self.empty()?;
        if let Some(total) = origin.total {
            reserve(&self.file, total)?;
        }
        self.origin = origin;
        self.remember()
    }

    /// Goes on with bytes of `origin`, which may be another mirror: the hash decides in the end.
    pub(super) fn go_on(&mut self, origin: Origin) -> io::Result<()> {
        if origin == self.origin {
            return Ok(());
        }
        self.origin = origin;
        self.remember()
    }

    /// Adds bytes; every so often what is here is made safe.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        if self.length - self.synced >= self.block { self.checkpoint() } else { Ok(()) }
    }

    /// Makes what is here safe: a run that is killed now fetches none of it again.
    pub(super) fn checkpoint(&mut self) -> io::Result<()> {
        if self.length == self.synced {
            return Ok(());
        }
        self.file.sync_data()?;
        self.synced = self.length;
        self.remember()
    }

    /// How many bytes are here.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Where they are from.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Their SHA-256.
    pub(super) fn digest(&self) -> Sha256 {
        Sha256::from_bytes(&self.hasher.clone().finalize())
    }

    /// Gives the file its name, if its bytes are the ones wanted; closed, so that it can be run.
    pub(super) fn publish(self, destination: &Path) -> io::Result<()> {
        if self.digest() != self.wanted || self.file.metadata()?.len() != self.length {
            return Err(io::Error::other("these are not the bytes wanted"));
        }
        self.file.set_permissions(fs::Permissions::from_mode(0o644))?;
        self.file.sync_all()?;
        drop(self.file);
        files::publish(&self.path, destination)?;
        remove(&self.note)
    }

    fn remember(&self) -> io::Result<()> {
        let note = Note { sha256: self.wanted.to_string(), origin: self.origin.clone(), synced: self.synced };
        files::replace(&self.note, &serde_json::to_vec(&note)?, 0o600)
    }
}

/// The SHA-256 of a file, and its size.
pub(super) async fn hash(path: &Path) -> io::Result<(Sha256, u64)> {
    let (mut file, mut hasher) = (File::open(path)?, Hasher::new());
    let (mut chunk, mut length) = (vec![0; CHUNK], 0);
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok((Sha256::from_bytes(&hasher.finalize()), length));
        }
        hasher.update(&chunk[..count]);
        length += count as u64;
        tokio::task::yield_now().await;
    }
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// `/downloads/NAME` → `/downloads/NAME.part`.
pub(super) fn beside(destination: &Path, extension: &str) -> PathBuf {
    let mut name = destination.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    destination.with_file_name(name)
}

/// A note that cannot be read is none: then nothing is known of the bytes, and they are dropped.
fn read_note(path: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Takes the room without growing the file, whose length says how many bytes have come.
fn reserve(file: &File, total: u64) -> io::Result<()> {
    let Ok(total) = i64::try_from(total) else { return Err(io::ErrorKind::StorageFull.into()) };
    if total == 0 {
        return Ok(());
    }
    match fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, total) {
        // Some filesystems cannot reserve; then the disk may be full later.
        Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
