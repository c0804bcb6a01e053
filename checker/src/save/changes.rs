//! What `--apply` did, kept so that it can be undone: written before each call and on disk (fsync) before it is made,
//! so that neither a crash nor a power cut loses how to go back. One file a time, a JSON line for each thing that
//! happened; nobody but its owner reads it.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::network::Change;

/// The version of what is kept: raised when a name's meaning changes.
const VERSION: u32 = 1;
const EXTENSION: &str = "jsonl";

/// What is to be changed, and how to go back by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Plan {
    pub version: u32,
    /// When it was begun: `2026-11-25T20:45:00Z`.
    pub at: String,
    /// What was asked: `ssh my-instance`.
    pub question: String,
    pub profile: Option<String>,
    pub region: Option<String>,
    pub endpoint: Option<String>,
    /// The VPCs in which it is to be seen.
    pub vpcs: BTreeSet<String>,
    /// In words, a line each.
    pub what: Vec<String>,
    pub steps: Vec<Step>,
}

/// One change, with the lines of the AWS CLI that make it and those that undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Step {
    pub change: Change,
    pub commands: Vec<String>,
    pub undo: Vec<String>,
}

impl Plan {
    /// The version that is written.
    pub const VERSION: u32 = VERSION;
}

/// What happened, by the number of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It is about to be made.
    Begun(usize),
    /// An address was allocated for it.
    Allocated(usize, String),
    /// AWS says that it is made.
    Made(usize),
    /// AWS says that it is not.
    Refused(usize),
    /// It is undone.
    Undone(usize),
}

impl Event {
    fn number(&self) -> usize {
        match self {
            Self::Begun(number)
            | Self::Allocated(number, _)
            | Self::Made(number)
            | Self::Refused(number)
            | Self::Undone(number) => *number,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Plan(Box<Plan>),
    Event(Event),
}

/// One file.
#[derive(Debug)]
pub struct Kept {
    /// Where it is.
    pub path: PathBuf,
    /// What was to be changed.
    pub plan: Plan,
    /// What happened since.
    pub events: Vec<Event>,
}

impl Kept {
    /// Begins a file in this folder. When it comes back, the plan is on disk.
    pub fn begin(folder: &Path, plan: Plan) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let (path, mut file) = create(folder, &plan.at.replace([':', '-'], ""))?;
        write(&mut file, &Line::Plan(Box::new(plan.clone())))?;
        File::open(folder)?.sync_all()?;
        Ok(Self { path, plan, events: Vec::new() })
    }

    /// Adds what happens. When it comes back, it is on disk.
    pub fn note(&mut self, event: Event) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        write(&mut file, &Line::Event(event.clone()))?;
        self.events.push(event);
        Ok(())
    }

    /// Its name, as `undo` takes it.
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The changes that stand or may stand, the last one first.
    pub fn standing(&self) -> Vec<usize> {
        let stands = |number: &usize| {
            let last = self.events.iter().rfind(|event| event.number() == *number);
            matches!(last, Some(Event::Begun(_) | Event::Made(_) | Event::Allocated(..)))
        };
        (0..self.plan.steps.len()).rev().filter(stands).collect()
    }

    /// The address that was allocated for a change.
    pub fn allocated(&self, number: usize) -> Option<&str> {
        self.events.iter().find_map(|event| match event {
            Event::Allocated(own, id) if *own == number => Some(id.as_str()),
            _ => None,
        })
    }
}

/// Another run of the same second has the name already: then it gets a number.
fn create(folder: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    let mut number = 1;
    loop {
        let path = folder.join(named(name, number));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            opened => return Ok((path, opened?)),
        }
    }
}

fn named(name: &str, number: u32) -> String {
    if number == 1 { format!("{name}.{EXTENSION}") } else { format!("{name}-{number}.{EXTENSION}") }
}

fn write(file: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// All files of this folder, the newest last.
pub fn list(folder: &Path) -> io::Result<Vec<Kept>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|own| own == EXTENSION));
    paths.sort();
    // A file whose plan never reached the disk stands for nothing: no call was made after it.
    paths.into_iter().filter_map(|path| read(path).transpose()).collect()
}

fn read(path: PathBuf) -> io::Result<Option<Kept>> {
    let text = fs::read_to_string(&path)?;
    let wrong =
        |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()));
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.ends_with('\n')) else { return Ok(None) };
    let plan: Plan = serde_json::from_str(first).map_err(|error| wrong(format!("line 1: {error}")))?;
    if plan.version != VERSION {
        return Err(wrong("it was written by another version".into()));
    }
    let mut events = Vec::new();
    // The last line may have been cut off while it was written: what it says had not begun.
    for (number, line) in (2..).zip(lines.filter(|line| line.ends_with('\n'))) {
        events.push(serde_json::from_str(line).map_err(|error| wrong(format!("line {number}: {error}")))?);
    }
    Ok(Some(Kept { path, plan, events }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(at: &str) -> Plan {
        let step = |change| Step { change, commands: Vec::new(), undo: Vec::new() };
        let steps = [Change::StartInstance("i-1".into()), Change::PassOn("eni-1".into())].map(step).to_vec();
        let what = vec!["start i-1".to_owned()];
        let (profile, region, endpoint) = (None, Some("eu-west-1".to_owned()), None);
        let (version, at, question) = (VERSION, at.to_owned(), "ssh web".to_owned());
        let vpcs = BTreeSet::new();
        Plan { version, at, question, profile, region, endpoint, vpcs, what, steps }
    }

    #[test]
    fn what_was_begun_stands_until_it_is_refused_or_undone_and_is_read_back() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("deep/changes");
        let mut kept = Kept::begin(&folder, plan("2026-11-25T20:45:00Z")).expect("begun");
        assert_eq!(kept.standing(), Vec::<usize>::new());
        for (event, standing) in [
            (Event::Begun(0), vec![0]),
            (Event::Made(0), vec![0]),
            (Event::Begun(1), vec![1, 0]),
            (Event::Allocated(1, "eipalloc-1".into()), vec![1, 0]),
            (Event::Refused(1), vec![0]),
            (Event::Undone(0), vec![]),
        ] {
            kept.note(event).expect("noted");
            assert_eq!(kept.standing(), standing);
            let again = list(&folder).expect("read").pop().expect("one");
            assert_eq!((again.plan, again.events), (kept.plan.clone(), kept.events.clone()));
        }
        assert_eq!(kept.allocated(1), Some("eipalloc-1"));
    }

    #[test]
    fn two_of_one_second_have_names_of_their_own_and_nobody_else_reads_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let names: Vec<String> = (0..3)
            .map(|_| Kept::begin(folder.path(), plan("2026-11-25T20:45:00Z")).expect("begun").name())
            .collect();
        assert_eq!(names, ["20261125T204500Z", "20261125T204500Z-2", "20261125T204500Z-3"]);
        let file = folder.path().join("20261125T204500Z.jsonl");
        assert_eq!(fs::metadata(file).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_line_that_was_cut_off_is_passed_over_and_a_wrong_one_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut kept = Kept::begin(folder.path(), plan("2026-11-25T20:45:00Z")).expect("begun");
        kept.note(Event::Begun(0)).expect("noted");
        let whole = fs::read_to_string(&kept.path).expect("there");
        for cut in 0..whole.len() {
            fs::write(&kept.path, &whole[..cut]).expect("written");
            let read = list(folder.path()).expect("no error");
            assert!(read.iter().all(|kept| kept.events.is_empty()), "{cut}");
        }
        fs::write(&kept.path, whole + "nonsense\n").expect("written");
        let error = list(folder.path()).expect_err("nonsense").to_string();
        assert!(error.contains("line 3"), "{error}");
    }
}
