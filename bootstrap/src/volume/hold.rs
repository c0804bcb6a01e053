//! Holding a device while it is judged and formatted: opened for ourselves alone, and locked against
//! udev and whoever else asks first.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc::O_EXCL;
use tokio::time::sleep;

use super::identity::Device;
use super::sysfs::DeviceNumber;
use crate::host::Host;
use crate::host::block;

/// udev locks a device for a moment whenever it has changed.
const LOCK_TRIES: usize = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// A device held open. An open device keeps its number even if it is detached.
pub(super) struct Held {
    /// What it could be opened for ourselves alone with, or why not. Dropped before mkfs, which must
    /// do the same.
    pub(super) exclusive: Result<File, String>,
    /// What it is locked with, or why not.
    pub(super) lock: Result<Flock<File>, String>,
    sequence: Option<u64>,
}

impl Held {
    /// Opens and locks it.
    pub(super) async fn take(host: &Host, device: &Device) -> io::Result<Self> {
        let path = host.path(&device.path);
        let exclusive = OpenOptions::new().read(true).custom_flags(O_EXCL).open(&path);
        let file = File::open(&path)?;
        let sequence = block::disk_sequence(&file).ok();
        let lock = lock(file).await;
        Ok(Self { exclusive: exclusive.map_err(|error| error.to_string()), lock, sequence })
    }

    /// Whether what is held open is this device, at this size, in the attachment it was opened in.
    pub(super) fn is(&self, host: &Host, device: &Device) -> io::Result<bool> {
        let again = File::open(host.path(&device.path))?;
        let number = DeviceNumber::from_raw(again.metadata()?.rdev());
        Ok(number == device.number()
            && block::size(&again)? == device.size
            && block::disk_sequence(&again).ok() == self.sequence)
    }

    /// Whether the device itself says that it refuses writes.
    pub(super) fn read_only(host: &Host, device: &Device) -> Option<bool> {
        block::read_only(&File::open(host.path(&device.path)).ok()?).ok()
    }

    /// Lets others open it, and keeps it locked.
    pub(super) fn let_mkfs_in(self) -> Result<Flock<File>, String> {
        drop(self.exclusive);
        self.lock
    }
}

async fn lock(mut file: File) -> Result<Flock<File>, String> {
    for _ in 1..LOCK_TRIES {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((returned, Errno::EWOULDBLOCK)) => file = returned,
            Err((_, error)) => return Err(error.to_string()),
        }
        sleep(LOCK_PAUSE).await;
    }
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.to_string())
}

/// Makes what was written last, and forgets what was cached of it.
pub(super) fn settle(device: &Path) -> io::Result<()> {
    let file = File::open(device)?;
    file.sync_all()?;
    block::flush_buffers(&file)
}
