//! Which wheel of psycopg2-binary fits which Python, pip, processor and glibc.

use std::fmt;

use crate::settings::Sha256;

const TABLE: &str = include_str!("../../data/psycopg2_wheels.tsv");

/// A wheel that may be installed, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheel {
    /// `2.9.13`
    pub version: &'static str,
    /// Its file name.
    pub file_name: &'static str,
    /// What it hashes to.
    pub sha256: Sha256,
}

/// What a wheel has to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// `3.6`
    pub python: String,
    /// `x86_64`
    pub machine: String,
    /// `(9, 0)`
    pub pip: (u32, u32),
    /// Unknown on musl, and where the interpreter cannot tell.
    pub glibc: Option<(u32, u32)>,
}

/// Why there is no wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoWheel {
    wanted: Option<String>,
    interpreter: Interpreter,
    /// Versions that there are for this Python and processor.
    there_are: Vec<&'static str>,
}

impl fmt::Display for NoWheel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Interpreter { python, machine, pip, glibc } = &self.interpreter;
        let glibc = glibc.map_or("no glibc".to_owned(), |(major, minor)| format!("glibc {major}.{minor}"));
        let wanted = self.wanted.as_deref().unwrap_or("any version");
        write!(
            f,
            "no psycopg2 ({wanted}) is known that fits Python {python} on {machine} with {glibc} and pip {}.{}",
            pip.0, pip.1
        )?;
        if !self.there_are.is_empty() {
            write!(f, "; for this Python there are {}", self.there_are.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for NoWheel {}

struct Row {
    version: &'static str,
    python: &'static str,
    machine: &'static str,
    glibc: (u32, u32),
    file_name: &'static str,
    sha256: &'static str,
}

/// The newest wheel that fits; or the one of this version, if it does.
pub fn choose(interpreter: &Interpreter, version: Option<&str>) -> Result<Wheel, NoWheel> {
    let here = || rows().filter(|row| row.python == interpreter.python && row.machine == interpreter.machine);
    let fits = |row: &Row| {
        interpreter.glibc.is_some_and(|glibc| glibc >= row.glibc)
            && interpreter.pip >= pip_for(row.file_name)
            && version.is_none_or(|version| version == row.version)
    };
    let found = here().find(fits).ok_or_else(|| NoWheel {
        wanted: version.map(str::to_owned),
        interpreter: interpreter.clone(),
        there_are: here().map(|row| row.version).collect(),
    })?;
    Ok(Wheel {
        version: found.version,
        file_name: found.file_name,
        sha256: found.sha256.parse().expect("a test reads every hash of the table"),
    })
}

/// Source distributions of psycopg2: version, the first Python it supports, SHA-256.
const SOURCES: [(&str, u32, &str); 3] = [
    ("2.9.13", 10, "d36784fc2dae69523ba4b79c7d1d1b4d6e83e87836874f111262f4db940b16a6"),
    ("2.9.9", 7, "d1454bde93fb1e224166811694d600e746430c006fbb031ea06ecc2ea41bf156"),
    ("2.9.5", 6, "a5246d2e683a972e2187a8714b5c2cf8156c064629f9a9b1a873c1730d9e245a"),
];

/// The newest source of psycopg2 for this Python; or the one of this version.
pub fn choose_source(
    interpreter: &Interpreter,
    version: Option<&str>,
) -> Result<(&'static str, Sha256), NoWheel> {
    let minor = pair(&interpreter.python).map_or(0, |(_, minor)| minor);
    let fits = |row: &&(&'static str, u32, &'static str)| {
        row.1 <= minor && version.is_none_or(|version| version == row.0)
    };
    let found = SOURCES.iter().find(fits).ok_or_else(|| NoWheel {
        wanted: version.map(str::to_owned),
        interpreter: interpreter.clone(),
        there_are: SOURCES.iter().map(|row| row.0).collect(),
    })?;
    Ok((found.0, found.2.parse().expect("a test reads every hash")))
}

/// The first pip that knows one of the tags in a wheel's name.
fn pip_for(file_name: &str) -> (u32, u32) {
    [("manylinux1_", (1, 0)), ("manylinux2010_", (19, 0)), ("manylinux2014_", (19, 3))]
        .into_iter()
        .find(|(tag, _)| file_name.contains(tag))
        .map_or((20, 3), |(_, pip)| pip)
}

fn rows() -> impl Iterator<Item = Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| read_row(line).expect("a test reads every line of the table"))
}

fn read_row(line: &'static str) -> Option<Row> {
    let columns: [&'static str; 6] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
    let [version, python, machine, glibc, file_name, sha256] = columns;
    Some(Row { version, python, machine, glibc: pair(glibc)?, file_name, sha256 })
}

/// The first two numbers of a version: `9.0.1` gives 9 and 0.
pub fn pair(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|part| {
        let digits = part.trim_start().split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse().ok()
    });
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(python: &str, machine: &str, pip: (u32, u32), minor: u32) -> Option<&'static str> {
        let (python, machine) = (python.to_owned(), machine.to_owned());
        choose(&Interpreter { python, machine, pip, glibc: Some((2, minor)) }, None).ok().map(|w| w.version)
    }

    #[test]
    fn every_line_of_the_table_can_be_read() {
        let lines: Vec<_> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 70);
        for line in lines {
            let row = read_row(line).expect(line);
            assert!(row.sha256.parse::<Sha256>().is_ok() && row.file_name.contains(row.version), "{line}");
            assert!(row.file_name.contains(&format!("-cp{}", row.python.replace('.', ""))), "{line}");
            assert!(row.file_name.contains(row.machine), "{line}");
        }
    }

    #[test]
    fn a_source_is_chosen_by_its_python() {
        let of = |python: &str| {
            let python = python.to_owned();
            let here = Interpreter { python, machine: "x86_64".into(), pip: (9, 0), glibc: None };
            choose_source(&here, None).ok().map(|(version, _)| version)
        };
        assert_eq!(
            [of("3.13"), of("3.9"), of("3.6"), of("3.5")],
            [Some("2.9.13"), Some("2.9.9"), Some("2.9.5"), None]
        );
        assert!(SOURCES.iter().all(|row| row.2.parse::<Sha256>().is_ok()));
    }

    #[test]
    fn the_walk_through_of_2017_gets_the_one_wheel_its_pip_understands() {
        assert_eq!(chosen("3.6", "x86_64", (9, 0), 36), Some("2.8.6"));
    }

    #[test]
    fn the_newest_that_fits_is_taken() {
        for (python, machine, pip, glibc, version) in [
            ("3.6", "x86_64", (21, 0), 26, "2.9.5"),
            ("3.6", "aarch64", (21, 0), 26, "2.9.5"),
            ("3.7", "x86_64", (19, 3), 26, "2.9.9"),
            ("3.8", "aarch64", (24, 0), 26, "2.9.10"),
            ("3.9", "x86_64", (22, 0), 34, "2.9.12"),
            ("3.9", "aarch64", (22, 0), 26, "2.9.11"),
            ("3.12", "aarch64", (25, 0), 26, "2.9.11"),
            ("3.12", "aarch64", (25, 0), 34, "2.9.13"),
            ("3.13", "x86_64", (25, 0), 26, "2.9.13"),
            ("3.14", "x86_64", (25, 0), 34, "2.9.13"),
        ] {
            assert_eq!(
                chosen(python, machine, pip, glibc),
                Some(version),
                "{python} {machine} {pip:?} 2.{glibc}"
            );
        }
    }

    #[test]
    fn where_nothing_fits_it_is_said_what_there_is() {
        assert_eq!(chosen("3.4", "x86_64", (9, 0), 36), None);
        assert_eq!(chosen("3.12", "x86_64", (9, 0), 36), None);
        assert_eq!(chosen("3.6", "aarch64", (21, 0), 17), None);
        let musl = Interpreter { python: "3.12".into(), machine: "x86_64".into(), pip: (25, 0), glibc: None };
        let said = choose(&musl, Some("2.9.1")).expect_err("there is none").to_string();
        assert!(said.contains("2.9.13") && said.contains("no glibc"), "{said}");
    }

    #[test]
    fn a_version_that_is_asked_for_is_taken_if_it_fits() {
        let here = Interpreter {
            python: "3.12".into(),
            machine: "x86_64".into(),
            pip: (25, 0),
            glibc: Some((2, 36)),
        };
        assert_eq!(choose(&here, Some("2.9.9")).map(|wheel| wheel.version), Ok("2.9.9"));
        assert!(choose(&here, Some("2.9.8")).is_err());
    }
}
