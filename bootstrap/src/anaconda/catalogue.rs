//! Which installers there are, and the SHA-256 of each. Nothing is published beside the installers that
//! proves them, so the proof is carried here: hashes that independent collections agree on, and those
//! known to be wrong, so that a person who brings one is told.

use std::fmt;

use super::architecture::Architecture;
use crate::settings::Sha256;

const TABLE: &str = include_str!("../../data/installers.tsv");

/// One installer, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `Anaconda3-5.0.1-Linux-x86_64.sh`
    pub file_name: &'static str,
    /// What its bytes hash to.
    pub sha256: Sha256,
    /// Its exact size, where it is known.
    pub size: Option<u64>,
    /// The Python in it, as `3.6`, where it is known.
    pub python: Option<&'static str>,
    /// The collections in which the hash was found.
    pub sources: Vec<&'static str>,
}

impl Entry {
    /// Where the vendor keeps it.
    pub fn base_url(&self) -> &'static str {
        if self.file_name.starts_with("Miniconda") {
            "https://repo.anaconda.com/miniconda/"
        } else {
            "https://repo.anaconda.com/archive/"
        }
    }
}

/// Why no installer is meant by what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// The catalogue has no such name.
    Unknown {
        /// What was asked for.
        wanted: String,
        /// For which processor.
        architecture: Architecture,
        /// The names nearest to it.
        nearest: Vec<&'static str>,
    },
    /// There is such an installer, for another processor.
    OtherArchitecture {
        /// Its name.
        file_name: &'static str,
        /// The processor of this machine.
        architecture: Architecture,
    },
    /// Only an MD5 of it is known, which proves nothing.
    Unproven(&'static str),
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { wanted, architecture, nearest } => {
                write!(f, "the catalogue has no {wanted:?} for {architecture}")?;
                if !nearest.is_empty() {
                    write!(f, "; the nearest are {}", nearest.join(", "))?;
                }
                Ok(())
            }
            Self::OtherArchitecture { file_name, architecture } => {
                write!(f, "{file_name} is for another processor than this machine's {architecture}")
            }
            Self::Unproven(file_name) => {
                write!(f, "only an MD5 of {file_name} is known, and an MD5 proves nothing")
            }
        }
    }
}

impl std::error::Error for Miss {}

/// How far a row of the table can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    Wrong,
    Unproven,
}

struct Row {
    file_name: &'static str,
    standing: Standing,
    hash: &'static str,
    size: Option<u64>,
    python: Option<&'static str>,
    sources: &'static str,
    note: &'static str,
}

/// Finds what `wanted` means: `latest`, `5.0.1`, `Miniconda3-latest`, `Miniconda3-py312_25.1.1-2`, or a
/// whole file name.
pub fn look_up(wanted: &str, architecture: Architecture) -> Result<Entry, Miss> {
    let name = full_name(wanted, architecture);
    let found = match name.as_str() {
        "Anaconda3-latest" => newest("Anaconda3-", architecture),
        "Miniconda3-latest" => newest("Miniconda3-", architecture),
        name => rows().find(|row| row.file_name == name && row.standing != Standing::Wrong),
    };
    let Some(row) = found else { return Err(miss(wanted, architecture)) };
    if row.standing == Standing::Unproven {
        return Err(Miss::Unproven(row.file_name));
    }
    if architecture_of(row.file_name) != Some(architecture) {
        return Err(Miss::OtherArchitecture { file_name: row.file_name, architecture });
    }
    Ok(entry(&row))
}

/// The installer that has this very hash.
pub fn with_hash(sha256: &Sha256) -> Option<Entry> {
    rows().find(|row| row.standing == Standing::Good && row.hash == sha256.as_str()).map(|row| entry(&row))
}

/// Why this hash is known not to be that file's, if it is.
pub fn known_wrong(file_name: &str, sha256: &Sha256) -> Option<&'static str> {
    rows()
        .find(|row| {
            row.standing == Standing::Wrong && row.file_name == file_name && row.hash == sha256.as_str()
        })
        .map(|row| row.note)
}

/// The processor an installer's file name names.
pub fn architecture_of(file_name: &str) -> Option<Architecture> {
    file_name.strip_suffix(".sh")?.rsplit_once("-Linux-")?.1.parse().ok()
}

/// Every name that can be asked for on this processor, oldest first.
pub fn names(architecture: Architecture) -> Vec<&'static str> {
    rows()
        .filter(|row| row.standing == Standing::Good && architecture_of(row.file_name) == Some(architecture))
        .filter_map(|row| short_name(row.file_name))
        .collect()
}

fn full_name(wanted: &str, architecture: Architecture) -> String {
    let wanted = wanted.trim();
    if has_file_suffix(wanted) {
        return wanted.to_owned();
    }
    let named = wanted.starts_with("Anaconda3-") || wanted.starts_with("Miniconda3-");
    let with_product = if named { wanted.to_owned() } else { format!("Anaconda3-{wanted}") };
    if with_product.ends_with("-latest") {
        return with_product;
    }
    format!("{with_product}-Linux-{architecture}.sh")
}

#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "the installers' names are exact")]
fn has_file_suffix(name: &str) -> bool {
    name.ends_with(".sh")
}

fn newest(product: &str, architecture: Architecture) -> Option<Row> {
    rows()
        .filter(|row| row.standing == Standing::Good && row.file_name.starts_with(product))
        .filter(|row| architecture_of(row.file_name) == Some(architecture))
        .max_by_key(|row| version_key(row.file_name))
}

/// Conda's version first and Python's after it, so that the newest is the newest conda; the numbering by
/// years came after the one by releases, and its numbers are larger.
fn version_key(file_name: &str) -> (Vec<u32>, Vec<u32>) {
    let name = short_name(file_name).unwrap_or_default();
    let version = name.split_once('-').map_or("", |(_, version)| version);
    let (python, conda) = match version.split_once('_') {
        Some((python, conda)) => (python.trim_start_matches("py"), conda),
        None => ("", version),
    };
    let numbers = |text: &str| text.split(['.', '-']).filter_map(|part| part.parse().ok()).collect();
    (numbers(conda), numbers(python))
}

fn short_name(file_name: &str) -> Option<&str> {
    Some(file_name.split_once("-Linux-")?.0)
}

fn miss(wanted: &str, architecture: Architecture) -> Miss {
    let product = if wanted.contains("Mini") { "Miniconda3-" } else { "Anaconda3-" };
    let asked = wanted.strip_prefix(product).unwrap_or(wanted);
    let mut names: Vec<(&'static str, f64)> = names(architecture)
        .into_iter()
        .filter_map(|name| name.strip_prefix(product).map(|version| (name, version)))
        .map(|(name, version)| (name, strsim::jaro_winkler(asked, version)))
        .collect();
    names.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let nearest = names.into_iter().take(3).map(|(name, _)| name).collect();
    Miss::Unknown { wanted: wanted.to_owned(), architecture, nearest }
}

fn entry(row: &Row) -> Entry {
    Entry {
        file_name: row.file_name,
        sha256: row.hash.parse().expect("a test reads every hash of the table"),
        size: row.size,
        python: row.python,
        sources: row.sources.split(',').collect(),
    }
}

fn rows() -> impl Iterator<Item = Row> {
    TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| read_row(line).expect("a test reads every line of the table"))
}

fn read_row(line: &'static str) -> Option<Row> {
    let columns: [&'static str; 7] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
    let [file_name, standing, hash, size, python, sources, note] = columns;
    let known = |text: &'static str| (text != "-").then_some(text);
    Some(Row {
        file_name,
        standing: match standing {
            "good" => Standing::Good,
            "wrong" => Standing::Wrong,
            "unproven" => Standing::Unproven,
            _ => return None,
        },
        hash,
        size: known(size).map(str::parse).transpose().ok()?,
        python: known(python),
        sources,
        note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Architecture::{Aarch64, X86_64};

    #[test]
    fn every_line_of_the_table_can_be_read_and_every_good_one_has_a_whole_hash() {
        let mut good = 0;
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let row = read_row(line).expect(line);
            assert!(architecture_of(row.file_name).is_some(), "{line}");
            if row.standing != Standing::Unproven {
                assert!(row.hash.parse::<Sha256>().is_ok(), "{line}");
            }
            good += usize::from(row.standing == Standing::Good);
        }
        assert_eq!(good, 386);
    }

    #[test]
    fn no_two_good_lines_speak_of_one_file() {
        let mut names: Vec<_> =
            rows().filter(|row| row.standing == Standing::Good).map(|row| row.file_name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn the_walk_through_is_found_by_version_by_name_and_by_file() {
        for wanted in ["5.0.1", "Anaconda3-5.0.1", "Anaconda3-5.0.1-Linux-x86_64.sh"] {
            let entry = look_up(wanted, X86_64).expect(wanted);
            assert_eq!((entry.size, entry.python), (Some(550_796_553), Some("3.6")));
            assert!(entry.sha256.as_str().starts_with("55e4db1919f4"));
            assert_eq!(entry.base_url(), "https://repo.anaconda.com/archive/");
        }
    }

    #[test]
    fn the_latest_is_the_newest_by_number_not_by_letter() {
        let latest = |wanted, architecture| look_up(wanted, architecture).expect("there is one").file_name;
        assert_eq!(latest("latest", X86_64), "Anaconda3-2025.12-2-Linux-x86_64.sh");
        assert_eq!(latest("Anaconda3-latest", Aarch64), "Anaconda3-2025.12-2-Linux-aarch64.sh");
        assert_eq!(latest("Miniconda3-latest", X86_64), "Miniconda3-py314_26.5.3-1-Linux-x86_64.sh");
    }

    #[test]
    fn a_miniconda_has_its_own_folder_and_python() {
        let entry = look_up("Miniconda3-py312_25.1.1-2", X86_64).expect("there is one");
        assert_eq!((entry.size, entry.python), (Some(154_615_621), Some("3.12")));
        assert_eq!(entry.base_url(), "https://repo.anaconda.com/miniconda/");
    }

    #[test]
    fn a_miss_names_the_nearest() {
        let miss = look_up("2025.12", X86_64).expect_err("it has a build number");
        let said = miss.to_string();
        assert!(said.contains("Anaconda3-2025.12-1") && said.contains("Anaconda3-2025.12-2"), "{said}");
        assert!(matches!(look_up("", X86_64), Err(Miss::Unknown { .. })));
    }

    #[test]
    fn a_file_for_another_processor_is_not_handed_out() {
        let miss = look_up("Anaconda3-2025.12-2-Linux-aarch64.sh", X86_64);
        assert!(matches!(miss, Err(Miss::OtherArchitecture { .. })));
    }

    #[test]
    fn what_only_an_md5_is_known_of_is_refused() {
        let miss = look_up("2021.04", X86_64);
        assert_eq!(miss, Err(Miss::Unproven("Anaconda3-2021.04-Linux-x86_64.sh")));
    }

    #[test]
    fn a_hash_known_to_be_wrong_is_named_and_never_handed_out() {
        let wrong: Sha256 =
            "1ea2f885b4dbc3098662845560bc64271eb17085387a70c2ba3f29fff6f8d52f".parse().expect("a hash");
        let file_name = "Miniconda3-py39_4.12.0-Linux-x86_64.sh";
        assert!(known_wrong(file_name, &wrong).is_some_and(|note| note.contains("4.10.3")));
        let right = look_up(file_name, X86_64).expect("the right one is there").sha256;
        assert!(right.as_str().starts_with("78f39f9b") && known_wrong(file_name, &right).is_none());
    }
}
