//! What was done and what was about to be done, one JSON object a line, synced before the deed.
//! Shared by every way of starting the agent. No step is ever believed done because of it: it
//! remembers intentions that the host itself cannot show, and runs for people to read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::{clock, files};

/// The journal of this host.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, in UTC.
    pub time: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// Something worth remembering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// Its id.
        run: String,
        /// `person`, `userdata`, `ssm` or `boot`.
        caller: String,
    },
    /// A step came to an end.
    StepEnded {
        /// The run's id.
        run: String,
        /// The step.
        step: String,
        /// What became of it.
        outcome: String,
    },
    /// A run came to its end.
    RunEnded {
        /// Its id.
        run: String,
        /// Its verdict.
        verdict: String,
    },
    /// A volume proven blank is about to be given a filesystem.
    FormatIntent(Format),
    /// It has it.
    FormatDone(Format),
}

/// A format: which device, proven blank by what, given which filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// The volume's id or, where it has none, its path.
    pub volume: String,
    /// The kernel's number for this attachment of the device.
    pub diskseq: Option<u64>,
    /// Its size in bytes.
    pub size: u64,
    /// The filesystem's kind.
    pub filesystem: String,
    /// The UUID chosen for it before it was made.
    pub uuid: String,
    /// What was read to prove it blank.
    pub proof: String,
}

impl Journal {
    /// The journal in this file, which need not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line; when this returns, the line is on the disk.
    pub fn append(&self, event: Event) -> io::Result<()> {
        let record = Record { time: clock::text(), event };
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        let new = !self.path.exists();
        if new {
            fs::create_dir_all(self.path.parent().unwrap_or(Path::new("/")))?;
        }
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(&self.path)?;
        if cut_off(&self.path)? {
            line.insert(0, b'\n');
        }
        file.write_all(&line)?;
        file.sync_all()?;
        if new { files::sync_directory(&self.path) } else { Ok(()) }
    }

    /// All lines that can be read, oldest first. A line that a power cut tore is passed over.
    pub fn records(&self) -> io::Result<Vec<Record>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(bytes
                .split(|byte| *byte == b'\n')
                .filter_map(|line| serde_json::from_slice(line).ok())
                .collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// Whether the last line was torn: the next one must not be glued to it.
fn cut_off(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::FileExt;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length - 1)?;
    }
    Ok(last != [b'\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(run: &str) -> Event {
        Event::RunStarted { run: run.to_owned(), caller: "person".to_owned() }
    }

    #[test]
    fn what_is_appended_is_read_again_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::at(folder.path().join("state/journal.jsonl"));
        assert_eq!(journal.records().expect("no file is an empty journal"), []);
        journal.append(started("1")).expect("written");
        journal.append(started("2")).expect("written");
        let events: Vec<Event> =
            journal.records().expect("read").into_iter().map(|record| record.event).collect();
        assert_eq!(events, [started("1"), started("2")]);
    }

    #[test]
    fn a_torn_last_line_costs_no_other_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::at(folder.path().join("journal.jsonl"));
        journal.append(started("1")).expect("written");
        let mut torn = fs::read(journal.path()).expect("read");
        torn.extend_from_slice(b"{\"time\":\"2026");
        fs::write(journal.path(), torn).expect("written");
        journal.append(started("2")).expect("written");
        let events: Vec<Event> =
            journal.records().expect("read").into_iter().map(|record| record.event).collect();
        assert_eq!(events, [started("1"), started("2")]);
    }
}
