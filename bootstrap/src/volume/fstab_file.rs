//! The file /etc/fstab: replaced as a whole with all that hangs on it, kept in a backup, put back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::mountinfo::{self, Mount};
use crate::host::{Host, clock, files};

const PATH: &str = "/etc/fstab";
/// Where a security label is kept.
const LABEL: &str = "security.selinux";

/// The file as it was when it was read.
#[derive(Debug)]
pub struct FstabFile {
    path: PathBuf,
    /// Nothing where there is no such file.
    content: Option<Vec<u8>>,
}

impl FstabFile {
    /// Reads it.
    pub fn read(host: &Host) -> io::Result<Self> {
        let path = host.path(PATH);
        match fs::read(&path) {
            Ok(content) => Ok(Self { path, content: Some(content) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { path, content: None }),
            Err(error) => Err(error),
        }
    }

    /// What it says.
    pub fn content(&self) -> &[u8] {
        self.content.as_deref().unwrap_or_default()
    }

    /// Why it must not be replaced: a rename would cut it off from what stands behind it.
    pub fn obstacle(&self, mounts: &[Mount]) -> Option<&'static str> {
        if self.path.is_symlink() {
            return Some("/etc/fstab is a symbolic link");
        }
        mountinfo::at(mounts, &self.path).map(|_| "something is mounted on /etc/fstab")
    }

    /// Removes what a killed run left beside the file.
    pub fn clear_leftovers(&self) -> io::Result<()> {
        match fs::remove_file(self.beside()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn beside(&self) -> PathBuf {
        self.path.with_file_name(".fstab.vivarium")
    }

    /// Writes what the file is to say beside it, with its owner, mode and label. What a killed run left
    /// there is overwritten.
    pub fn prepare(&self, content: &[u8]) -> io::Result<PathBuf> {
        self.clear_leftovers()?;
        let beside = self.beside();
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&beside)?;
        self.dress(&file)?;
        file.write_all(content)?;
        file.sync_all()?;
        Ok(beside)
    }

    fn dress(&self, file: &File) -> io::Result<()> {
        if self.content.is_none() {
            return file.set_permissions(fs::Permissions::from_mode(0o644));
        }
        let like = File::open(&self.path)?;
        let metadata = like.metadata()?;
        fchown(file, Some(metadata.uid()), Some(metadata.gid()))?;
        file.set_permissions(fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
        copy_label(&like, file)
    }

    /// Keeps the file's content under a name of its own, unless a backup of the same content is there.
    pub fn back_up(&self) -> io::Result<()> {
        let Some(content) = &self.content else { return Ok(()) };
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.starts_with("fstab.vivarium.bak-") {
                continue;
            }
            if fs::read(&path)? == *content {
                return Ok(());
            }
            names.push(name);
        }
        let beside = self.prepare(content)?;
        files::publish(&beside, &directory.join(free_name(&names, &clock::stamp())))
    }

    /// Makes the prepared file the file.
    pub fn publish(&self, prepared: &Path) -> io::Result<()> {
        files::publish(prepared, &self.path)
    }

    /// Puts the file back as it was, unless someone else has changed it since it was published.
    pub fn restore(&self, published: &[u8]) -> io::Result<()> {
        if fs::read(&self.path)? != published {
            return Ok(());
        }
        match &self.content {
            Some(content) => self.publish(&self.prepare(content)?),
            None => fs::remove_file(&self.path).and_then(|()| files::sync_directory(&self.path)),
        }
    }
}

fn free_name(taken: &[String], stamp: &str) -> String {
    let mut name = format!("fstab.vivarium.bak-{stamp}");
    let mut count = 1;
    while taken.contains(&name) {
        count += 1;
        name = format!("fstab.vivarium.bak-{stamp}-{count}");
    }
    name
}

/// Without its label a file in /etc is one that confined programs may not read.
fn copy_label(from: &File, to: &File) -> io::Result<()> {
    let mut label = [0; 1024];
    match rustix::fs::fgetxattr(from, LABEL, &mut label) {
        Ok(length) => {
            Ok(rustix::fs::fsetxattr(to, LABEL, &label[..length], rustix::fs::XattrFlags::empty())?)
        }
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, content: &str) -> FstabFile {
        let path = folder.join("fstab");
        fs::write(&path, content).expect("written");
        FstabFile { path, content: Some(content.as_bytes().to_vec()) }
    }

    fn backups(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.display().to_string().contains(".bak-")).collect()
    }

    #[test]
    fn owner_and_mode_go_with_the_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = file(folder.path(), "old\n");
        fs::set_permissions(&old.path, fs::Permissions::from_mode(0o640)).expect("set");
        std::os::unix::fs::chown(&old.path, Some(7), Some(8)).expect("we are root");
        old.publish(&old.prepare(b"new\n").expect("prepared")).expect("published");
        let metadata = fs::metadata(&old.path).expect("there");
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o777), (7, 8, 0o640));
        assert_eq!(fs::read(&old.path).expect("read"), b"new\n");
    }

    #[test]
    fn each_content_is_backed_up_once() {
        let folder = tempfile::tempdir().expect("a folder");
        for content in ["one\n", "one\n", "two\n"] {
            file(folder.path(), content).back_up().expect("backed up");
        }
        assert_eq!(backups(folder.path()).len(), 2);
    }

    #[test]
    fn what_a_killed_run_left_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = file(folder.path(), "old\n");
        old.prepare(b"a longer line that a killed run left\n").expect("prepared");
        let prepared = old.prepare(b"new\n").expect("prepared");
        assert_eq!(fs::read(prepared).expect("read"), b"new\n");
    }

    #[test]
    fn a_file_that_someone_changed_meanwhile_is_not_put_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = file(folder.path(), "old\n");
        fs::write(&old.path, "theirs\n").expect("written");
        old.restore(b"new\n").expect("left");
        assert_eq!(fs::read(&old.path).expect("read"), b"theirs\n");
        old.restore(b"theirs\n").expect("restored");
        assert_eq!(fs::read(&old.path).expect("read"), b"old\n");
    }

    #[test]
    fn a_symbolic_link_is_an_obstacle() {
        let folder = tempfile::tempdir().expect("a folder");
        let there = file(folder.path(), "");
        assert_eq!(there.obstacle(&[]), None);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&there.path, &link).expect("linked");
        assert!(FstabFile { path: link, content: None }.obstacle(&[]).is_some());
    }
}
