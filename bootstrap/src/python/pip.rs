//! pip's command line, in words that the pip at hand knows, and what its complaints mean.

use std::path::Path;

use super::wheels::Wheel;
use crate::host::processes::Output;
use crate::settings::{Sha256, WheelSource};

/// What is to be installed.
pub(super) enum Requirement {
    /// This wheel.
    Wheel(Wheel),
    /// This version, compiled here.
    Source(&'static str, Sha256),
}

impl Requirement {
    /// The file that has to be found.
    pub(super) fn file_name(&self) -> String {
        match self {
            Self::Wheel(wheel) => wheel.file_name.to_owned(),
            Self::Source(version, _) => format!("psycopg2-{version}.tar.gz"),
        }
    }

    /// One line of a requirements file, with the hash that pip then insists on.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Wheel(wheel) => {
                format!("psycopg2-binary=={} --hash=sha256:{}\n", wheel.version, wheel.sha256)
            }
            Self::Source(version, sha256) => format!("psycopg2=={version} --hash=sha256:{sha256}\n"),
        }
    }
}

/// The words after `pip`, for a pip of this version.
pub(super) fn install(requirement: &Requirement, file: &Path, pip: (u32, u32), managed: bool) -> Vec<String> {
    let mut words = words(&["install", "--no-deps", "--no-cache-dir", "--require-hashes", "--upgrade"]);
    words.extend(common(pip));
    if managed && pip >= (23, 0) {
        words.push("--break-system-packages".to_owned());
    }
    words.push(match requirement {
        Requirement::Wheel(_) => "--only-binary=:all:".to_owned(),
        Requirement::Source(..) => "--no-binary=:all:".to_owned(),
    });
    words.extend(["-r".to_owned(), file.display().to_string()]);
    words
}

/// The words that remove what cannot be imported.
pub(super) fn uninstall(pip: (u32, u32), managed: bool) -> Vec<String> {
    let mut words = words(&["uninstall", "--yes", "psycopg2", "psycopg2-binary"]);
    words.extend(common(pip));
    if managed && pip >= (23, 0) {
        words.push("--break-system-packages".to_owned());
    }
    words
}

fn common(pip: (u32, u32)) -> Vec<String> {
    let mut words = words(&["--disable-pip-version-check"]);
    if pip >= (22, 1) {
        words.push("--root-user-action=ignore".to_owned());
    }
    words
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// pip's configuration for one call: an index or a proxy may hold a password, and so belongs neither
/// into arguments nor into the environment.
pub(super) fn configuration(source: &WheelSource, proxy: Option<&str>) -> String {
    let mut lines = words(&["[global]", "timeout = 30", "retries = 5"]);
    match source {
        WheelSource::DefaultIndex => {}
        WheelSource::Index(url) => lines.push(format!("index-url = {}", escaped(url))),
        WheelSource::Wheelhouse(folder) => {
            lines.push("no-index = true".to_owned());
            lines.push(format!("find-links = {}", folder.display()));
        }
    }
    if let Some(proxy) = proxy.filter(|_| !matches!(source, WheelSource::Wheelhouse(_))) {
        lines.push(format!("proxy = {}", escaped(proxy)));
    }
    lines.join("\n") + "\n"
}

/// pip reads its configuration without interpolation, but line by line.
fn escaped(value: &str) -> String {
    value.replace(['\n', '\r'], "")
}

/// What it says, why that is, what to do: the most telling first.
const KNOWN: [(&str, &str, &str); 12] = [
    (
        "DO NOT MATCH THE HASHES",
        "what the index serves is not what its SHA-256 should be",
        "the index or a proxy changes files: try another with psycopg2.index, or a wheelhouse",
    ),
    (
        "externally-managed-environment",
        "this Python refuses packages from pip (PEP 668), and its pip is too old to be told otherwise",
        "set psycopg2.upgrade_pip = true, or install psycopg2 with conda",
    ),
    (
        "pg_config executable not found",
        "pg_config is missing",
        "install libpq-dev (Debian, Ubuntu) or libpq-devel (Amazon Linux, RHEL)",
    ),
    ("Python.h: No such file", "Python's headers are missing", "set psycopg2.form = \"binary\""),
    ("No space left on device", "the volume is full", "grow the volume and run again"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "the index's certificate is not trusted",
        "a proxy may re-sign TLS: set psycopg2.index to a mirror you trust, or use a wheelhouse",
    ),
    (
        "407 Proxy Authentication Required",
        "the proxy wants a password",
        "put it into https_proxy, in the agent's environment file",
    ),
    (
        "Temporary failure in name resolution",
        "the index's name does not resolve here",
        "this subnet has no way out to the index: add a NAT gateway or a proxy, or set psycopg2.wheelhouse to a folder with the wheel",
    ),
    (
        "Name or service not known",
        "the index's name does not resolve here",
        "this subnet has no way out to the index: add a NAT gateway or a proxy, or set psycopg2.wheelhouse to a folder with the wheel",
    ),
    (
        "Failed to establish a new connection",
        "the index cannot be reached from here",
        "this subnet has no way out to the index: add a NAT gateway or a proxy, or set psycopg2.wheelhouse to a folder with the wheel",
    ),
    (
        "ConnectTimeout",
        "the index cannot be reached from here",
        "this subnet has no way out to the index: add a NAT gateway or a proxy, or set psycopg2.wheelhouse to a folder with the wheel",
    ),
    (
        "No matching distribution",
        "the index or the wheelhouse has not this version for this Python",
        "put the wheel that is wanted into psycopg2.wheelhouse, or leave psycopg2.index out",
    ),
];

/// The cause and the hint of pip's failure.
pub(super) fn complaint(output: &Output) -> (String, &'static str) {
    let said = [output.stderr.as_slice(), output.stdout.as_slice()].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let ended = format!("pip ended with {}: {}", output.exit, output.last_words());
    match KNOWN.iter().find(|(words, ..)| said.contains(words)) {
        Some((_, why, hint)) => (format!("{why} ({ended})"), hint),
        None => (ended, "run the command that --verbose shows by hand to see all that pip says"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::processes::Exit;

    fn wheel() -> Requirement {
        let sha256 = "a".repeat(64).parse().expect("a hash");
        Requirement::Wheel(Wheel { version: "2.8.6", file_name: "x.whl", sha256 })
    }

    #[test]
    fn the_pip_of_2017_gets_only_words_it_knows() {
        let words = install(&wheel(), Path::new("/r"), (9, 0), true).join(" ");
        assert_eq!(
            words,
            "install --no-deps --no-cache-dir --require-hashes --upgrade --disable-pip-version-check --only-binary=:all: -r /r"
        );
    }

    #[test]
    fn a_managed_python_is_overruled_by_a_pip_that_can() {
        let has = |pip, managed| {
            install(&wheel(), Path::new("/r"), pip, managed).contains(&"--break-system-packages".to_owned())
        };
        assert!(has((25, 0), true) && !has((25, 0), false) && !has((22, 3), true));
    }

    #[test]
    fn a_password_in_an_index_or_a_proxy_stays_out_of_the_arguments() {
        let source = WheelSource::Index("https://me:secret@index.example/simple".to_owned());
        let file = configuration(&source, Some("http://p:hidden@proxy:3128"));
        assert!(file.contains("index-url = https://me:secret@") && file.contains("proxy = http://p:hidden@"));
        assert!(!install(&wheel(), Path::new("/r"), (25, 0), false).join(" ").contains("secret"));
    }

    #[test]
    fn a_wheelhouse_asks_no_network() {
        let file = configuration(&WheelSource::Wheelhouse("/wheels".into()), Some("http://proxy:3128"));
        assert!(file.contains("no-index = true\nfind-links = /wheels\n") && !file.contains("proxy"));
    }

    #[test]
    fn pips_complaints_are_named() {
        for (stderr, why) in [
            (
                "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
                "not what its SHA-256",
            ),
            ("error: externally-managed-environment", "PEP 668"),
            (
                "ERROR: Could not find a version\nERROR: No matching distribution found for psycopg2-binary",
                "has not this",
            ),
            (
                "[Errno -3] Temporary failure in name resolution\nERROR: No matching distribution found",
                "does not resolve",
            ),
            ("Error: pg_config executable not found.", "pg_config is missing"),
        ] {
            let output = Output { exit: Exit::Code(1), stdout: Vec::new(), stderr: stderr.into() };
            assert!(complaint(&output).0.contains(why), "{}", complaint(&output).0);
        }
    }
}
