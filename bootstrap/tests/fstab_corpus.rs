//! Files of many systems, and any bytes at all, survive the editing of fstab but for our own lines.
//! What a file's name begins with says what must become of it: `refused_`, `replaced_`, `theirs_`; our
//! lines are put into every other.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use vivarium_bootstrap::volume::fstab::{Decision, Entry, Line, decide, without_ours};

const UUID: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";

fn wanted() -> Entry {
    Entry {
        volume: "vol-0123456789abcdef0".to_owned(),
        uuid: UUID.to_owned(),
        point: PathBuf::from("/anaconda"),
        filesystem: "ext4".to_owned(),
        nouuid: false,
    }
}

fn our_lines() -> Vec<u8> {
    format!("# managed by vivarium: vol-0123456789abcdef0 (do not edit)\n{}", wanted().line()).into_bytes()
}

/// The corpus: each file's name and bytes.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fstab");
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path))
        .filter(|(name, _)| !name.starts_with('.'))
        .map(|(name, path)| (name, fs::read(path).expect("read")))
        .collect();
    files.sort();
    files
}

fn beginning_with(prefix: &str) -> Vec<(String, Vec<u8>)> {
    let files: Vec<_> = corpus().into_iter().filter(|(name, _)| name.starts_with(prefix)).collect();
    assert!(!files.is_empty(), "no file begins with {prefix}");
    files
}

/// Where the needle begins in the haystack.
fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// What is left when our lines are cut out of a file by hand, with the newline that parts them from the rest.
fn cut_out(edited: &[u8]) -> Vec<u8> {
    let start = position(edited, &our_lines()).expect("our lines are there");
    let end = start + our_lines().len();
    match (start, edited.get(end)) {
        (_, Some(b'\n')) => [&edited[..start], &edited[end + 1..]].concat(),
        (0, None) => Vec::new(),
        (_, None) => edited[..start - 1].to_vec(),
        (_, Some(_)) => panic!("something is glued to our lines"),
    }
}

#[test]
fn the_corpus_is_large_enough_to_mean_something() {
    assert!(corpus().len() >= 50, "{}", corpus().len());
}

#[test]
fn our_lines_go_in_whole_and_every_other_byte_survives() {
    let special = ["refused_", "replaced_", "theirs_"];
    for (name, file) in corpus() {
        if special.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let Decision::Insert(edited) = decide(&file, &wanted()) else { panic!("{name} was not edited") };
        assert_eq!(cut_out(&edited), file, "{name}");
        let start = position(&edited, &our_lines()).expect("our lines are there");
        assert!(start == 0 || edited[start - 1] == b'\n', "{name}: ours are glued to the line before");
        assert_eq!(edited.last() == Some(&b'\n'), file.last() == Some(&b'\n') || file.is_empty(), "{name}");
        assert_eq!(decide(&edited, &wanted()), Decision::AlreadyRight, "{name}: a second time");
    }
}

#[test]
fn without_our_lines_the_file_is_the_one_before_them() {
    for (name, file) in corpus() {
        if let Decision::Insert(edited) = decide(&file, &wanted()) {
            assert_eq!(without_ours(&edited), without_ours(&file), "{name}");
            if !name.starts_with("ours_") {
                assert_eq!(without_ours(&edited), file, "{name}: not the original");
            }
        }
    }
}

#[test]
fn an_entry_of_someone_else_in_the_way_is_refused_and_shown() {
    for (name, file) in beginning_with("refused_") {
        let Decision::Foreign(lines) = decide(&file, &wanted()) else { panic!("{name} was not refused") };
        let text = String::from_utf8(file).expect("text");
        for Line { number, text: shown } in lines {
            assert_eq!(text.lines().nth(number - 1), Some(shown.as_str()), "{name}");
        }
    }
}

#[test]
fn an_old_entry_of_ours_is_put_right_and_every_other_byte_survives() {
    for (name, file) in beginning_with("replaced_") {
        let Decision::Replace { content, .. } = decide(&file, &wanted()) else {
            panic!("{name} was not put right")
        };
        assert_eq!(without_ours(&content), without_ours(&file), "{name}");
        assert_eq!(cut_out(&content), without_ours(&file), "{name}");
        assert_eq!(decide(&content, &wanted()), Decision::AlreadyRight, "{name}: a second time");
    }
}

#[test]
fn an_entry_of_someone_else_that_does_the_same_is_left_to_them() {
    for (name, file) in beginning_with("theirs_") {
        assert!(matches!(decide(&file, &wanted()), Decision::Theirs(_)), "{name}");
    }
}

/// Bytes of which fstab files are made, and any others.
fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            &b"\n"[..], b"\r\n", b" ", b"\t", b"#", b"UUID=", b"/", b"/anaconda", b"/data", b"ext4", b"defaults",
            b"0 2", b"\\040", b"0f0e0d0c-0b0a-4908-8706-050403020100", b"LABEL=a /a ext4 defaults 0 2\n",
            b"# managed by vivarium: vol-0fedcba9876543210 (do not edit)\n",
            b"# managed by vivarium: vol-0123456789abcdef0 (do not edit)\n",
            b"UUID=1234-5678 /x ext4 defaults,nofail,x-systemd.device-timeout=30s 0 2\n",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_survive_an_edit_and_its_undoing(file in any_file()) {
        match decide(&file, &wanted()) {
            Decision::Insert(edited) => {
                prop_assert_eq!(cut_out(&edited), file.clone());
                prop_assert_eq!(without_ours(&edited), without_ours(&file));
                prop_assert_eq!(decide(&edited, &wanted()), Decision::AlreadyRight);
            }
            Decision::Replace { content, .. } => {
                prop_assert_eq!(without_ours(&content), without_ours(&file));
                prop_assert_eq!(decide(&content, &wanted()), Decision::AlreadyRight);
            }
            Decision::AlreadyRight | Decision::Theirs(_) | Decision::Foreign(_) => {}
        }
    }

    #[test]
    fn nothing_but_our_own_lines_is_ever_taken_out(file in any_file()) {
        let kept = without_ours(&file);
        let text = String::from_utf8_lossy(&kept).into_owned();
        let before = String::from_utf8_lossy(&file).into_owned();
        for line in before.split('\n') {
            let ours = line.trim().starts_with("# managed by vivarium: ") || line.contains("nofail,x-systemd.device-timeout=30s");
            prop_assert!(ours || line.trim().is_empty() || text.contains(line), "{} is gone", line);
        }
    }
}
