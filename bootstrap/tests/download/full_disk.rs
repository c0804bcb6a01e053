//! A disk that is too small: a real one, of a few pages of memory.

use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount, umount};
use vivarium_bootstrap::step::Failure;

use super::bench::{Bench, file};
use super::server::{Server, answer, honest};

const SIZE: usize = 1_000_000;

/// A tmpfs that is unmounted when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn on(path: &Path) -> Self {
        std::fs::create_dir(path).expect("created");
        mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::empty(), Some("size=400k"))
            .expect("tests run as root");
        Self(path.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        umount(&self.0).expect("nothing holds it");
    }
}

#[tokio::test]
async fn a_disk_that_is_too_small_for_the_announced_size_is_refused_before_the_first_byte() {
    let bytes = file(SIZE);
    let wanted = bytes.clone();
    let server = Server::plain(move |seen| honest(&bytes, "\"one\"", seen)).await;
    let bench = Bench::new(vec![server.url("/installer.sh")], &wanted);
    let _disk = SmallDisk::on(&bench.path("downloads"));
    let failed = bench.fetch().await.expect_err("it does not fit");
    assert_eq!(failed.failure, Failure::Precondition);
    failed.says(&["the disk is full", "/downloads", "bytes are free", "enlarge the volume"]);
    assert_eq!(std::fs::metadata(bench.part()).expect("it is empty").len(), 0);
}

#[tokio::test]
async fn a_disk_that_fills_up_is_named_with_the_bytes_so_far() {
    let bytes = file(SIZE);
    let wanted = bytes.clone();
    let server = Server::plain(move |_| answer("200 OK", &[], &bytes)).await;
    let bench = Bench::new(vec![server.url("/installer.sh")], &wanted);
    let disk = SmallDisk::on(&bench.path("downloads"));
    let failed = bench.fetch().await.expect_err("it does not fit");
    assert_eq!(failed.failure, Failure::Precondition);
    failed.says(&["the disk is full (after ", "bytes are free"]);
    drop(disk);
    bench.fetch().await.expect("there is room elsewhere");
}
