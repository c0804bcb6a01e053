//! Installers of every generation are read, and what is wrong with one is known before any of it runs.

use std::fs;
use std::path::Path;

use vivarium_bootstrap::anaconda::architecture::Architecture::{Aarch64, X86_64};
use vivarium_bootstrap::anaconda::header::{Damage, Generation, check, examine, look, parse};

/// The header of a fixture as long as the real one, and the first bytes of its payload.
fn head(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/headers").join(name);
    let text = fs::read_to_string(&path).expect("the fixture is there");
    let wanted = |mark: &str| text.lines().find_map(|line| line.strip_prefix(mark)?.parse::<usize>().ok());
    let (lines, bytes) = (wanted("#LINES "), wanted("#BYTES "));
    let kept: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("#LINES ") && !line.starts_with("#BYTES ")).collect();
    let (last, body) = kept.split_last().expect("a header ends");
    let mut script = body.join("\n") + "\n";
    let missing = lines.map_or(1, |lines| lines - kept.len() + 1).saturating_sub(1);
    let needed = bytes.map_or(0, |bytes| bytes - script.len() - last.len() - 1);
    if needed > 0 && missing == 0 {
        script += &("#".repeat(needed - 1) + "\n");
    } else if needed > 0 {
        script += &("#".repeat(needed - missing) + &"\n".repeat(missing));
    } else {
        script += &"\n".repeat(missing);
    }
    let mut head = format!("{script}{last}\n").into_bytes();
    head.extend(payload(text.contains("CONDA_EXEC") || text.contains("boundary")));
    head
}

fn payload(program: bool) -> Vec<u8> {
    if program {
        let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0".to_vec();
        elf.resize(600, 0);
        return elf;
    }
    let mut tar = b"LICENSE.txt".to_vec();
    tar.resize(600, 0);
    tar
}

/// File, name, version, size, generation.
const ERAS: [(&str, &str, &str, u64, Generation); 11] = [
    ("anaconda3-2.4.1.sh", "Anaconda3", "2.4.1", 283_797_156, Generation::Packages),
    ("anaconda3-4.3.1.sh", "Anaconda3", "4.3.1", 497_343_851, Generation::Packages),
    ("anaconda3-5.0.1.sh", "Anaconda3", "5.0.1", 550_796_553, Generation::Packages),
    ("anaconda3-2019.03.sh", "Anaconda3", "2019.03", 685_906_562, Generation::Packages),
    ("miniconda3-4.7.10.sh", "Miniconda3", "4.7.10", 75_257_002, Generation::Offsets),
    ("miniconda3-4.7.12-olddd.sh", "Miniconda3", "4.7.12", 59_031_559, Generation::Offsets),
    ("anaconda3-2023.07-1.sh", "Anaconda3", "2023.07-1", 1_059_513_078, Generation::Boundaries),
    ("miniconda3-onedir.sh", "Miniconda3", "py313_26.5.3-1", 162_430_960, Generation::Boundaries),
    ("miniconda3-py38_4.9.2.sh", "Miniconda3", "py38_4.9.2", 94_235_922, Generation::Offsets),
    ("miniconda3-py310_22.11.1-1.sh", "Miniconda3", "py310_22.11.1-1", 72_402_405, Generation::Boundaries),
    ("miniconda3-py312_24.7.1-0.sh", "Miniconda3", "py312_24.7.1-0", 0, Generation::Boundaries),
];

#[test]
fn the_header_of_every_era_is_read() {
    for (file, name, version, size, generation) in ERAS {
        let head = head(file);
        let header = parse(&head, size).unwrap_or_else(|damage| panic!("{file}: {damage}"));
        assert_eq!((header.name.as_str(), header.version.as_str()), (name, version), "{file}");
        assert_eq!((header.platform.as_str(), header.generation), ("linux-64", generation), "{file}");
        if size > 0 {
            assert_eq!(check(&head, size, X86_64).map(|header| header.size), Ok(size), "{file}");
        }
    }
}

#[test]
fn header_and_sizes_add_up_to_the_size_of_a_real_miniconda() {
    let header = parse(&head("miniconda3-py310_22.11.1-1.sh"), 72_402_405).expect("it is sound");
    assert_eq!((header.payload, header.size), (26_317, 26_317 + 12_093_208 + 60_282_880));
}

#[test]
fn what_a_new_header_asks_of_the_host_is_read() {
    let head = head("miniconda3-py313_25.9.1-3.sh");
    let header = parse(&head, 0).expect("it is sound");
    assert_eq!(header.glibc, Some((2, 28)));
    assert_eq!(header.installed, Some(997_567 * 1024));
    assert_eq!(header.size, header.payload + 35_460_016 + 122_408_960);
    assert_eq!(header.machine, Some(62));
}

#[test]
fn a_file_that_was_cut_short_is_refused_with_both_sizes() {
    for (file, _, _, size, _) in ERAS.into_iter().filter(|era| era.3 > 0) {
        let damage = check(&head(file), size / 3, X86_64).expect_err("it is a third of itself");
        assert_eq!(damage, Damage::Size(size, size / 3), "{file}");
        let said = damage.to_string();
        assert!(said.contains(&size.to_string()) && said.contains(&(size / 3).to_string()), "{said}");
    }
}

#[test]
fn a_file_cut_inside_its_header_says_so_wherever_the_cut_is() {
    for (file, ..) in ERAS {
        let head = head(file);
        let end = head.len() - 600;
        for cut in (8..end).step_by(211).chain([end - 1]) {
            let damage = check(&head[..cut], cut as u64, X86_64).expect_err("it has no end");
            assert_eq!(damage, Damage::EndsInHeader(cut as u64), "{file} at {cut}");
        }
    }
}

#[test]
fn a_file_that_grew_is_refused() {
    let damage = check(&head("miniconda3-4.7.10.sh"), 75_257_003, X86_64);
    assert_eq!(damage, Err(Damage::Size(75_257_002, 75_257_003)));
}

#[test]
fn an_installer_for_another_machine_is_refused_whatever_its_size() {
    let damage = check(&head("miniconda3-py312_25.1.1-2-osx-arm64.sh"), 100_000, X86_64);
    assert_eq!(damage, Err(Damage::Platform("osx-arm64".to_owned(), X86_64)));
    let damage = check(&head("anaconda3-5.0.1.sh"), 550_796_553, Aarch64);
    assert_eq!(damage, Err(Damage::Platform("linux-64".to_owned(), Aarch64)));
}

#[test]
fn a_foreign_program_under_a_fitting_header_is_refused() {
    let mut head = head("miniconda3-py310_22.11.1-1.sh");
    head[26_317 + 18] = 183;
    assert_eq!(check(&head, 72_402_405, X86_64), Err(Damage::Machine(183, X86_64)));
}

#[test]
fn a_header_that_contradicts_itself_is_refused() {
    let with = |file: &str, from: &str, to: &str| {
        let text = String::from_utf8_lossy(&head(file)).replacen(from, to, 1);
        check(text.as_bytes(), 94_235_922, X86_64)
    };
    let moved = with("miniconda3-py38_4.9.2.sh", "skip=27292 ", "skip=27290 ");
    assert!(matches!(moved, Err(Damage::Contradicts(_))), "{moved:?}");
    let lines = with("miniconda3-py38_4.9.2.sh", "# LINES: 578", "# LINES: 577");
    assert!(matches!(lines, Err(Damage::Contradicts(_))), "{lines:?}");
    let boundary = with("miniconda3-py312_24.7.1-0.sh", "+ 113448960", "+ 1134x8960");
    assert!(matches!(boundary, Err(Damage::Contradicts(_))), "{boundary:?}");
    let platform = with("miniconda3-py38_4.9.2.sh", "# PLAT:", "# PLUT:");
    assert_eq!(platform, Err(Damage::Lacks("PLAT")));
}

#[test]
fn other_files_under_an_installers_name_are_named() {
    for (bytes, what) in [
        (&b"<!DOCTYPE html><html>"[..], "a web page"),
        (b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "an XML document"),
        (b"\x1f\x8b\x08\0", "a gzip file"),
        (b"MZ\x90\0", "a Windows program"),
        (b"xar!\0\x1c", "a macOS package"),
        (b"\xef\xbb\xbf#!/bin/sh\n", "saved with a byte order mark"),
        (&[0; 4096], "nothing written"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"", "an empty file"),
        (b"#!/bin/sh\r\n# NAME:  Anaconda3\r\n", "transferred as text"),
    ] {
        let damage = check(bytes, bytes.len() as u64, X86_64).expect_err(what);
        assert!(damage.to_string().contains(what), "{damage}");
    }
}

#[test]
fn a_shell_script_of_another_kind_is_no_installer() {
    let script = format!("#!/bin/sh\nset -e\n{}", "echo hello\n".repeat(1000));
    let damage = check(script.as_bytes(), script.len() as u64, X86_64);
    assert!(matches!(damage, Err(Damage::NotAnInstaller(_))), "{damage:?}");
}

#[test]
fn every_kind_of_damage_has_a_remedy_of_its_own() {
    let said = |bytes: &[u8]| check(bytes, bytes.len() as u64, X86_64).expect_err("damage").hint();
    assert!(said(b"MZ\x90\0").contains("Linux-x86_64.sh"));
    assert!(said(b"version https://git-lfs.github.com/spec/v1\n").contains("git lfs pull"));
    assert!(said(b"#!/bin/sh\r\n# NAME:  Anaconda3\r\n").contains("binary"));
    assert!(said(b"<?xml version=\"1.0\"?><Error>").contains("access"));
    assert!(said(&head("miniconda3-py38_4.9.2.sh")).contains("fetch it again"));
}

#[test]
fn any_bytes_at_all_are_read_without_harm() {
    let head = head("miniconda3-py38_4.9.2.sh");
    for at in (0..head.len()).step_by(97) {
        let mut changed = head.clone();
        changed[at] ^= 0x5a;
        let _ = check(&changed, 94_235_922, X86_64);
    }
}

#[test]
fn a_truncated_file_on_disk_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("Miniconda3-py310_22.11.1-1-Linux-x86_64.sh");
    fs::write(&path, head("miniconda3-py310_22.11.1-1.sh")).expect("it is written");
    let error = examine(&path, X86_64).expect_err("it is cut short");
    assert!(error.chain().contains("cut short: 26917 bytes") && error.chain().contains("72402405"));
    assert!(error.hint_text().contains("fetch it again"));
}

#[test]
fn a_truncated_file_still_says_what_it_should_have_been() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("Miniconda3.sh");
    for (file, name, version, size, _) in ERAS.into_iter().filter(|era| era.3 > 0) {
        fs::write(&path, head(file)).expect("it is written");
        let examined = look(&path, X86_64).expect("its header is read");
        assert_eq!((examined.header.name.as_str(), examined.header.version.as_str()), (name, version));
        assert_eq!(examined.damage, Some(Damage::Size(size, examined.length)), "{file}");
    }
    fs::write(&path, head("miniconda3-py312_25.1.1-2-osx-arm64.sh")).expect("it is written");
    let examined = look(&path, X86_64).expect("its header is read");
    assert_eq!(examined.header.platform, "osx-arm64");
    assert!(matches!(examined.damage, Some(Damage::Platform(..))));
}

#[test]
fn a_file_whose_zeros_were_lost_is_told_by_its_size_and_not_by_its_program() {
    let whole = head("miniconda3-py310_22.11.1-1.sh");
    let kept: Vec<u8> = whole.into_iter().filter(|byte| *byte != 0).collect();
    let damage = check(&kept, kept.len() as u64, X86_64);
    assert_eq!(damage, Err(Damage::Size(72_402_405, kept.len() as u64)));
}

#[test]
fn what_is_no_file_is_refused_without_waiting_for_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let pipe = directory.path().join("pipe.sh");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).expect("a pipe");
    for path in [pipe.as_path(), directory.path()] {
        let error = examine(path, X86_64).expect_err("it is no file");
        assert!(error.chain().contains("not a regular file"), "{}", error.chain());
        assert!(error.hint_text().contains("path of the installer"));
    }
}
