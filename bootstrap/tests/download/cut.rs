//! A process that is killed while it downloads, really and with SIGKILL.

use std::process::Child;
use std::time::Duration;

use vivarium_bootstrap::settings::Sha256;

use super::bench::{BLOCK, Bench, file};
use super::server::{Act, Server, broken, honest, part};

const SIZE: usize = 4 * 1024 * 1024;
const TAG: &str = "\"one\"";
const ORDERS: &str = "VIVARIUM_TEST_DOWNLOAD";

/// Not a test of its own: the process that the others start and kill. Without orders it does nothing.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Some(orders) = orders() else { return };
    let [root, url, sha256] =
        <[&str; 3]>::try_from(orders.split('|').collect::<Vec<_>>()).expect("three orders");
    let mut bench = Bench::new(vec![url.to_owned()], b"");
    bench.root = root.into();
    bench.request.sha256 = sha256.parse().expect("a hash");
    bench.fetch().await.expect("it is killed before it ends, or it converges");
}

#[expect(clippy::disallowed_methods, reason = "the one way to give orders to a test that is started again")]
fn orders() -> Option<String> {
    std::env::var(ORDERS).ok()
}

/// Kills the process also when a test fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a real process is needed that can be killed")]
fn start(bench: &Bench) -> Killed {
    let sha256: &Sha256 = &bench.request.sha256;
    let orders = format!("{}|{}|{sha256}", bench.root.display(), bench.request.urls[0]);
    let child = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "download::cut::the_process_that_is_killed"])
        .env(ORDERS, orders)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it was just running");
    Killed(child)
}

/// How many bytes the note says are safe.
fn safe(bench: &Bench) -> u64 {
    let note = std::fs::read(bench.note()).unwrap_or_default();
    let note: serde_json::Value = serde_json::from_slice(&note).unwrap_or_default();
    note["synced"].as_u64().unwrap_or(0)
}

/// Waits until so much is safe, and kills at that moment.
async fn kill_at(bench: &Bench, bytes: u64) {
    let process = start(bench);
    let reached = async {
        while safe(bench) < bytes {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), reached).await.expect("the download makes progress");
    drop(process);
    bench.assert_nothing_unverified_has_the_name(false);
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures are what a person wants to see")]
async fn killed_at_ninety_percent_only_the_rest_and_one_block_are_fetched_again() {
    let bytes = file(SIZE);
    let (wanted, ninety) = (bytes.clone(), SIZE * 9 / 10);
    let server = Server::plain(move |seen| match seen.number {
        0 => broken(&bytes, TAG, ninety, Act::Hang),
        _ => honest(&bytes, TAG, seen),
    })
    .await;
    let bench = Bench::new(vec![server.url("/installer.sh")], &wanted);
    kill_at(&bench, ninety as u64 - BLOCK).await;
    let fetched = bench.fetch().await.expect("it converges");
    let again: usize = server.seen()[1..].iter().map(|seen| seen.sent).sum();
    let most = SIZE - ninety + usize::try_from(BLOCK).expect("it is small");
    assert!(again <= most, "{again} bytes were sent again, {most} are allowed");
    assert_eq!(fetched.resumed + again as u64, SIZE as u64);
    println!("killed at {ninety} of {SIZE} bytes; sent again: {again}; allowed: {most}");
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures are what a person wants to see")]
async fn killed_again_and_again_it_converges_and_no_byte_but_a_blocks_is_sent_twice() {
    let bytes = file(SIZE);
    let wanted = bytes.clone();
    let step = SIZE / 16;
    let server = Server::plain(move |seen| {
        let from = seen.from.unwrap_or(0);
        let mut acts = part_or_whole(&bytes, from);
        if from + 2 * step < SIZE {
            acts[1] = Act::Body(bytes[from..from + step].to_vec());
            acts.push(Act::Hang);
        }
        acts
    })
    .await;
    let bench = Bench::new(vec![server.url("/installer.sh")], &wanted);
    let mut kills = 0;
    while safe(&bench) + 2 * (step as u64) < SIZE as u64 {
        kill_at(&bench, safe(&bench) + step as u64 - BLOCK).await;
        kills += 1;
    }
    bench.fetch().await.expect("it converges");
    let sent = server.seen().iter().map(|seen| seen.sent).sum::<usize>();
    let most = SIZE + kills * usize::try_from(BLOCK).expect("it is small");
    assert!(kills >= 10 && sent <= most, "{kills} kills; {sent} bytes sent, {most} allowed");
    println!("{kills} kills; {sent} bytes sent for a file of {SIZE}; allowed: {most}");
}

fn part_or_whole(bytes: &[u8], from: usize) -> Vec<Act> {
    if from == 0 { super::server::whole(bytes, TAG) } else { part(bytes, from, TAG) }
}

#[tokio::test]
async fn killed_between_the_last_byte_and_the_name_nothing_is_fetched_again() {
    let bytes = file(SIZE);
    let wanted = bytes.clone();
    let server = Server::plain(move |seen| honest(&bytes, TAG, seen)).await;
    let bench = Bench::new(vec![server.url("/installer.sh")], &wanted);
    bench.fetch().await.expect("it is there");
    let note = serde_json::json!({
        "sha256": bench.request.sha256.as_str(), "url": bench.request.urls[0], "etag": TAG,
        "total": SIZE, "synced": SIZE,
    });
    std::fs::rename(bench.path(super::bench::DESTINATION), bench.part()).expect("renamed");
    std::fs::write(bench.note(), note.to_string()).expect("written");
    bench.fetch().await.expect("it is all there");
    assert_eq!(server.seen().len(), 1);
}
