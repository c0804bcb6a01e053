//! The door to files: who may do what with a path, what a login needs, and room on disk.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use vivarium_bootstrap::host::Host;
use vivarium_checker::host::facts::{Account, Inode, PathFact, Room, Wrapped};
use vivarium_checker::host::{Told, wrappers as judge};

/// Where a login writes, besides the home directories.
const ROOMS: [&str; 6] = ["/", "/home", "/var", "/var/log", "/tmp", "/run"];
const NO_LOGIN: [&str; 3] = ["/etc/nologin", "/run/nologin", "/var/run/nologin"];
const SSHD: [&str; 4] = [
    "/usr/sbin/sshd",
    "/usr/lib/openssh/sshd-session",
    "/usr/libexec/openssh/sshd-session",
    "/usr/local/sbin/sshd",
];
const WRAPPERS: &[u8] = b"libwrap.so";

/// A text file; one that is not there is empty.
pub(super) fn text(host: &Host, path: &str) -> Result<String, String> {
    match fs::read(host.path(path)) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(format!("reading {path}: {error}")),
    }
}

/// What is at a path; nothing where nothing is.
pub(super) fn at(host: &Host, path: &str) -> PathFact {
    let is = fs::metadata(host.path(path)).ok().map(|found| Inode {
        mode: found.mode() & 0o7777,
        owner: found.uid(),
        directory: found.is_dir(),
    });
    PathFact { path: path.to_owned(), is }
}

/// The file that keeps everybody out, and its first line.
pub(super) fn no_login(host: &Host) -> Told<Option<(String, String)>> {
    let found = NO_LOGIN.iter().find(|path| host.path(path).exists());
    let Some(path) = found else { return Told::Known(None) };
    let words = text(host, path).unwrap_or_default();
    Told::Known(Some(((*path).to_owned(), words.lines().next().unwrap_or_default().trim().to_owned())))
}

/// What `hosts.deny` does to the client, where sshd asks it at all.
pub(super) fn wrappers(host: &Host, client: Option<IpAddr>) -> Told<Wrapped> {
    let heeded = SSHD.iter().any(|program| {
        fs::read(host.path(program))
            .is_ok_and(|bytes| bytes.windows(WRAPPERS.len()).any(|part| part == WRAPPERS))
    });
    if !heeded {
        return Told::Known(Wrapped::NotHeeded);
    }
    let Some(client) = client else { return Told::Unknown("the client's address was not said".to_owned()) };
    match (text(host, "/etc/hosts.allow"), text(host, "/etc/hosts.deny")) {
        (Ok(allow), Ok(deny)) => judge::decide(&allow, &deny, client),
        (Err(why), _) | (_, Err(why)) => Told::Unknown(why),
    }
}

/// Each filesystem once.
pub(super) fn rooms(host: &Host, accounts: &[Account]) -> Vec<Room> {
    let homes =
        accounts.iter().filter_map(|account| account.entry.as_ref()).map(|entry| entry.home.path.as_str());
    let mut devices = Vec::new();
    let mut rooms = Vec::new();
    for path in ROOMS.into_iter().chain(homes) {
        let place = host.path(path);
        let Ok(found) = fs::metadata(&place) else { continue };
        if !devices.contains(&found.dev()) {
            devices.push(found.dev());
            rooms.extend(room(&place, path));
        }
    }
    rooms
}

fn room(place: &Path, path: &str) -> Option<Room> {
    let found = statvfs(place).ok()?;
    let size = found.fragment_size();
    Some(Room {
        path: path.to_owned(),
        bytes_free: found.blocks_available() * size,
        bytes: found.blocks() * size,
        inodes_free: (found.files() > 0).then(|| found.files_available()),
    })
}
