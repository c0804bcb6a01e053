//! Room on disk and in memory.

use super::super::facts::{Facts, Room};
use super::super::problem::{Kind, Problem};

/// With less than this nothing of use can be written.
const LEAST_BYTES: u64 = 64 << 10;
const MIB: u64 = 1 << 20;

pub(super) fn problems(facts: &Facts) -> Vec<Problem> {
    let full = facts.rooms.iter().filter_map(full);
    let without_files = facts.rooms.iter().filter_map(without_files);
    full.chain(without_files).chain(killed(facts)).collect()
}

fn full(room: &Room) -> Option<Problem> {
    let Room { path, bytes_free, bytes, .. } = room;
    (*bytes_free < LEAST_BYTES && *bytes > 0).then(|| {
        Problem::new(Kind::DiskFull, path, format!("the filesystem of {path} is full"))
            .shown_by(format!("{bytes_free} bytes of {} MiB are free on {path}", bytes / MIB))
            .hint(format!(
                "make room: `du -xh {path} | sort -h | tail`, `journalctl --vacuum-size=100M`; or grow the volume: \
                 `aws ec2 modify-volume`, then `growpart` and `resize2fs` or `xfs_growfs`"
            ))
    })
}

fn without_files(room: &Room) -> Option<Problem> {
    let path = &room.path;
    (room.inodes_free == Some(0)).then(|| {
        Problem::new(Kind::InodesFull, path, format!("the filesystem of {path} has no inodes left"))
            .shown_by(format!("no file can be made on {path}, with {} MiB free", room.bytes_free / MIB))
            .hint(format!("find the directory with the many files and empty it: `du --inodes -x {path} | sort -n | tail`"))
    })
}

/// What the kernel said long ago says nothing where sshd runs.
fn killed(facts: &Facts) -> Option<Problem> {
    let line = facts.memory.killed.known()?.as_ref()?;
    if facts.sshd.processes.known() != Some(&0) {
        return None;
    }
    let problem = Problem::new(Kind::OutOfMemory, "", "the kernel killed sshd because memory ran out");
    let problem = problem.shown_by(format!("the kernel: {line}"));
    let problem = match facts.memory.available.known() {
        Some(bytes) => problem.shown_by(format!("{} MiB of memory are free now", bytes / MIB)),
        None => problem,
    };
    Some(problem.hint(
        "start it again with `systemctl restart ssh sshd`, then end what takes the memory (`ps aux --sort=-rss | head`), \
         add swap, or take a larger instance",
    ))
}
