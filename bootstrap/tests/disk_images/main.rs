//! A corpus of disk images on loop devices, each shown to the real step: only those that are blank are
//! given a filesystem, and of all others not one byte changes.

mod bench;
mod corpus;

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use bench::{Bench, Outcome, sh};
use corpus::{Case, Expected};
use nix::libc::O_EXCL;
use vivarium_bootstrap::journal::{Event, Format};
use vivarium_bootstrap::settings::{BlankPolicy, FilesystemKind};

/// Makes each image, shows it to the step, and compares.
async fn run(cases: &[Case]) {
    for case in cases {
        let bench = Bench::of_size(case.size);
        bench.prepare(case.script);
        let before = bench.digest();
        let outcome = bench.judge().await;
        match case.expected {
            Expected::Kept(kind) => assert_eq!(outcome, Outcome::Kept(kind.to_owned()), "{}", case.name),
            Expected::Refused(why) => outcome.expect_refusal(case.name, why),
            Expected::Formatted => assert_eq!(outcome, Outcome::Formatted, "{}", case.name),
        }
        if outcome == Outcome::Formatted {
            assert!(before.is_blank(), "{} was formatted, but it was not blank", case.name);
            bench.proves_to_be_a_new_filesystem().await;
        } else {
            assert_eq!(bench.digest(), before, "{} was changed", case.name);
        }
    }
}

#[test]
fn the_corpus_has_at_least_fifty_images() {
    let all: Vec<&Case> = corpus::ALL.iter().flat_map(|cases| cases.iter()).collect();
    assert!(all.len() >= 50, "{} images", all.len());
}

#[tokio::test]
async fn a_known_filesystem_is_kept_whatever_is_on_it() {
    run(corpus::KEPT).await;
}

#[tokio::test]
async fn a_filesystem_nothing_is_installed_on_is_refused() {
    run(corpus::OTHER_FILESYSTEMS).await;
}

#[tokio::test]
async fn what_others_are_built_on_is_refused() {
    run(corpus::CONTAINERS).await;
}

#[tokio::test]
async fn tables_and_marks_at_the_tail_are_refused() {
    run(corpus::TABLES_AND_TAILS).await;
}

#[tokio::test]
async fn damaged_and_half_made_filesystems_are_refused() {
    run(corpus::DAMAGED).await;
}

#[tokio::test]
async fn one_byte_is_enough_to_refuse_and_none_is_blank() {
    run(corpus::BYTES).await;
}

#[tokio::test]
async fn a_device_that_cannot_be_read_is_refused_wherever_it_fails() {
    for (length, script) in
        [(0, "true"), (512 << 20, "true"), ((1 << 30) - (64 << 10), "true"), (512 << 10, "mkfs.ext4 -q $F")]
    {
        let bench = Bench::of_size(1 << 30);
        bench.prepare(script);
        let device = bench.attach("");
        bench.cut_file(length);
        let before = bench.digest();
        bench.judge_at(&device).await.expect_refusal("read errors", "cannot be read at byte");
        assert_eq!(bench.digest(), before);
    }
}

#[tokio::test]
async fn a_device_in_use_is_refused() {
    let bench = Bench::of_size(1 << 30);
    bench.prepare("true");
    let device = bench.attach("");
    let holder = OpenOptions::new().read(true).custom_flags(O_EXCL).open(device.path()).expect("held");
    bench.judge_at(&device).await.expect_refusal("held by another program", "in use");
    drop(holder);

    sh(&format!("mkswap -q {0} && swapon {0}", device.path().display()));
    let outcome = bench.judge_at(&device).await;
    sh(&format!("swapoff {}", device.path().display()));
    outcome.expect_refusal("swapped to", "swaps to it");
}

#[tokio::test]
async fn a_locked_device_is_refused() {
    let bench = Bench::of_size(1 << 30);
    bench.prepare("true");
    let device = bench.attach("");
    let file = std::fs::File::open(device.path()).expect("opened");
    let lock = nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockShared).expect("locked");
    bench.judge_at(&device).await.expect_refusal("locked by another program", "locked");
    drop(lock);
    assert!(bench.digest().is_blank());
}

#[tokio::test]
async fn a_read_only_device_is_refused() {
    let bench = Bench::of_size(1 << 30);
    bench.prepare("true");
    let device = bench.attach("--read-only");
    bench.judge_at(&device).await.expect_refusal("read-only", "read-only");
    assert!(bench.digest().is_blank());
}

#[tokio::test]
async fn a_mounted_filesystem_is_kept_while_it_is_written_to() {
    for kind in ["ext4", "xfs", "btrfs"] {
        let bench = Bench::of_size(1 << 30);
        bench.prepare(&format!("mkfs.{kind} -q $F"));
        let device = bench.attach("");
        let mount = bench.mount(&device);
        std::fs::write(mount.path().join("precious"), "here").expect("written");
        assert_eq!(bench.judge_at(&device).await, Outcome::Kept(kind.to_owned()));
        assert_eq!(std::fs::read_to_string(mount.path().join("precious")).expect("read"), "here");
    }
}

#[tokio::test]
async fn xfs_is_made_where_the_settings_ask_for_it() {
    let mut bench = Bench::of_size(1 << 30);
    bench.settings.filesystem = FilesystemKind::Xfs;
    bench.prepare("true");
    assert_eq!(bench.judge().await, Outcome::Formatted);
    bench.proves_to_be_a_new_filesystem().await;
}

#[tokio::test]
async fn unrecognised_bytes_give_way_to_the_policy_and_to_the_typed_id_of_this_very_volume() {
    const NOISE: &str = "printf noise | dd of=$F bs=1 seek=5000 conv=notrunc status=none";
    let mut bench = Bench::with_serial("vol0123456789abcdef0");
    bench.prepare(NOISE);
    bench.judge().await.expect_refusal("no consent", "byte 5000 is not zero");
    bench.settings.format_if_unrecognised = Some("vol-00000000000000000".parse().expect("an id"));
    bench.judge().await.expect_refusal("another volume's consent", "byte 5000 is not zero");
    bench.settings.format_if_unrecognised = Some("vol-0123456789abcdef0".parse().expect("an id"));
    assert_eq!(bench.judge().await, Outcome::Formatted);

    let mut bench = Bench::of_size(1 << 30);
    bench.settings.blank = BlankPolicy::Signatures;
    bench.prepare(NOISE);
    assert_eq!(bench.judge().await, Outcome::Formatted);
}

#[tokio::test]
async fn no_consent_and_no_policy_gives_a_signature_away() {
    let mut bench = Bench::with_serial("vol0123456789abcdef0");
    bench.settings.format_if_unrecognised = Some("vol-0123456789abcdef0".parse().expect("an id"));
    bench.settings.blank = BlankPolicy::Signatures;
    bench.prepare("mkfs.vfat $F");
    let before = bench.digest();
    bench.judge().await.expect_refusal("vfat", "it holds vfat");
    assert_eq!(bench.digest(), before);
}

/// What a run that was killed after its intent had been written leaves to the next.
async fn after_a_killed_run(made: &str) -> (Bench, Outcome) {
    const UUID: &str = "6a3b1f0c-5a0e-4a43-9f0e-0d9c2f6b7a11";
    let bench = Bench::with_serial("vol0123456789abcdef0");
    bench.prepare(&made.replace("UUID", UUID));
    let intent = Format {
        volume: "vol-0123456789abcdef0".to_owned(),
        diskseq: Some(1),
        size: 1 << 30,
        filesystem: "ext4".to_owned(),
        uuid: UUID.to_owned(),
        proof: "a test".to_owned(),
    };
    bench.journal().append(Event::FormatIntent(intent)).expect("written");
    let outcome = bench.judge().await;
    (bench, outcome)
}

fn receipts(bench: &Bench) -> usize {
    let records = bench.journal().records().expect("read");
    records.iter().filter(|record| matches!(record.event, Event::FormatDone(_))).count()
}

#[tokio::test]
async fn a_filesystem_whose_maker_was_killed_is_checked_and_adopted() {
    let (bench, outcome) = after_a_killed_run("mkfs.ext4 -q -U UUID $F").await;
    assert_eq!((outcome, receipts(&bench)), (Outcome::Adopted("ext4".to_owned()), 1));
    assert_eq!(bench.judge().await, Outcome::Kept("ext4".to_owned()));
}

#[tokio::test]
async fn a_device_still_blank_after_a_killed_run_is_formatted() {
    let (bench, outcome) = after_a_killed_run("true").await;
    assert_eq!((outcome, receipts(&bench)), (Outcome::Formatted, 1));
}

#[tokio::test]
async fn a_filesystem_half_made_by_a_killed_run_is_refused() {
    let half =
        "mkfs.ext4 -q -U UUID $F && dd if=/dev/zero of=$F bs=4096 seek=2 count=60 conv=notrunc status=none";
    let (bench, outcome) = after_a_killed_run(half).await;
    outcome.expect_refusal("half made", "interrupted run");
    assert_eq!(receipts(&bench), 0);
    let (_, outcome) =
        after_a_killed_run("printf x | dd of=$F bs=1 seek=9000 conv=notrunc status=none").await;
    outcome.expect_refusal("not even that", "a format that an earlier run began did not end");
}

#[tokio::test]
async fn a_volume_replaced_by_another_between_two_looks_is_never_formatted() {
    let bench = Bench::with_serial("vol0123456789abcdef0");
    bench.prepare("true");
    bench.wear_serial("vol0ffffffffffffffff");
    assert_eq!(bench.judge().await, Outcome::Absent);
    let file = OpenOptions::new().read(true).open(bench.image()).expect("opened");
    let mut byte = [1];
    file.read_exact_at(&mut byte, 1080).expect("read");
    assert_eq!(byte, [0]);
}
