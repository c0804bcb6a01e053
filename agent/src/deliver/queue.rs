//! Reports that wait on disk until Systems Manager has taken them: every report is first put here.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use vivarium_bootstrap::host::files;
use vivarium_bootstrap::report::Report;

/// More than this many do not wait; a run a minute for four hours.
pub const MOST: usize = 256;

const GIVEN_UP: &str = "given-up";
const OWED: &str = "owed";
const SENT: &str = "sent";
/// AWS deletes what is in inventory for 30 days; a report is sent again long before.
const FRESH: SignedDuration = SignedDuration::from_hours(7 * 24);
const COMING: &str = ".coming.vivarium";
const OWNER_ONLY: u32 = 0o600;

/// The reports that wait, one file each.
#[derive(Debug, Clone)]
pub struct Queue {
    folder: PathBuf,
    most: usize,
}

/// What was given up because too many waited. Never reset, so that no loss is silent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// How many reports, ever.
    pub runs: u64,
    /// The last of them: a kill between counting and removing must not count it twice.
    pub last_run: String,
}

impl Queue {
    /// The queue in a folder, `/var/lib/vivarium/queue` on a host.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), most: MOST }
    }

    /// The same, with room for fewer.
    #[must_use]
    pub fn with_room_for(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Puts a report at the end. Where too many wait, the oldest is given up, and counted.
    pub fn push(&self, report: &Report) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let content = serde_json::to_vec(report).map_err(io::Error::other)?;
        files::replace_by_way_of(&self.folder.join(COMING), &self.file(&report.run), &content, OWNER_ONLY)?;
        self.make_room()
    }

    /// Those that wait, oldest first. A file that is no report is moved aside, not lost.
    pub fn waiting(&self) -> io::Result<Vec<Report>> {
        let mut reports = Vec::new();
        for path in self.files()? {
            match serde_json::from_slice(&fs::read(&path)?) {
                Ok(report) => reports.push(report),
                Err(error) => set_aside(&path, &error)?,
            }
        }
        reports.sort_by(|one: &Report, other| (&one.started, &one.run).cmp(&(&other.started, &other.run)));
        Ok(reports)
    }

    /// Takes out what was accepted.
    pub fn remove(&self, run: &str) -> io::Result<()> {
        match fs::remove_file(self.file(run)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Notes that the rungs above inventory have not had this report, and so none before it need have.
    pub fn owe(&self, report: &Report) -> io::Result<()> {
        let content = serde_json::to_vec(report).map_err(io::Error::other)?;
        fs::create_dir_all(&self.folder)?;
        files::replace(&self.folder.join(OWED), &content, OWNER_ONLY)
    }

    /// The report that they have not had.
    pub fn owed(&self) -> Option<Report> {
        serde_json::from_slice(&fs::read(self.folder.join(OWED)).ok()?).ok()
    }

    /// Notes that they have had it, or cannot have it.
    pub fn settle(&self) -> io::Result<()> {
        match fs::remove_file(self.folder.join(OWED)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Notes when inventory took something, and of which instance: an image takes this folder with it.
    pub fn sent(&self, instance: &str, at: Timestamp) -> io::Result<()> {
        files::replace(&self.folder.join(SENT), format!("{instance} {at}").as_bytes(), OWNER_ONLY)
    }

    /// Whether what inventory holds of this instance is so old that it is to be sent again, though nothing waits.
    pub fn is_stale(&self, instance: &str, now: Timestamp) -> bool {
        let noted = fs::read_to_string(self.folder.join(SENT)).unwrap_or_default();
        let sent = noted.strip_prefix(instance).and_then(|at| at.trim().parse::<Timestamp>().ok());
        sent.is_some_and(|sent| now.duration_since(sent) > FRESH)
    }

    /// What was given up so far.
    pub fn given_up(&self) -> GivenUp {
        let content = fs::read(self.folder.join(GIVEN_UP)).unwrap_or_default();
        serde_json::from_slice(&content).unwrap_or_default()
    }

    fn make_room(&self) -> io::Result<()> {
        if self.files()?.len() <= self.most {
            return Ok(());
        }
        let waiting = self.waiting()?;
        let too_many = waiting.len().saturating_sub(self.most);
        for report in &waiting[..too_many] {
            self.give_up(report)?;
        }
        Ok(())
    }

    fn give_up(&self, report: &Report) -> io::Result<()> {
        let before = self.given_up();
        if before.last_run != report.run {
            let after = GivenUp { runs: before.runs + 1, last_run: report.run.clone() };
            let content = serde_json::to_vec(&after).map_err(io::Error::other)?;
            files::replace(&self.folder.join(GIVEN_UP), &content, OWNER_ONLY)?;
        }
        self.remove(&report.run)
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|it| it == "json")).collect())
    }

    fn file(&self, run: &str) -> PathBuf {
        let name: String = run.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).collect();
        self.folder.join(format!("{name}.json"))
    }
}

fn set_aside(path: &Path, error: &serde_json::Error) -> io::Result<()> {
    tracing::warn!(path = %path.display(), %error, "a queued report cannot be read; it is moved aside");
    fs::rename(path, path.with_extension("unreadable"))
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::report;
    use super::*;

    fn runs(queue: &Queue) -> Vec<String> {
        queue.waiting().expect("read").into_iter().map(|report| report.run).collect()
    }

    #[test]
    fn what_waits_comes_out_oldest_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let queue = Queue::at(folder.path().join("queue"));
        assert_eq!(runs(&queue), [""; 0]);
        for run in ["2", "1", "3"] {
            queue.push(&report(run)).expect("written");
        }
        queue.remove("2").expect("removed");
        queue.remove("2").expect("removing twice is no failure");
        assert_eq!(runs(&queue), ["1", "3"]);
    }

    #[test]
    fn a_report_that_is_given_up_is_counted_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let queue = Queue::at(folder.path()).with_room_for(2);
        for run in ["1", "2", "3", "4"] {
            queue.push(&report(run)).expect("written");
        }
        assert_eq!(runs(&queue), ["3", "4"]);
        assert_eq!(queue.given_up(), GivenUp { runs: 2, last_run: "2".to_owned() });
        queue.give_up(&report("2")).expect("a run cut off between counting and removing does it again");
        assert_eq!(queue.given_up().runs, 2);
    }

    #[test]
    fn a_report_is_sent_again_when_it_is_a_week_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let queue = Queue::at(folder.path());
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().expect("a time");
        assert!(!queue.is_stale("i-1", now), "nobody knows that anything was sent");
        queue.sent("i-1", now).expect("written");
        for (hours, is_stale) in [(0, false), (7 * 24, false), (7 * 24 + 1, true)] {
            let then = now + SignedDuration::from_hours(hours);
            assert_eq!(queue.is_stale("i-1", then), is_stale, "{hours} hours");
            assert!(!queue.is_stale("i-2", then), "an instance made from an image of the other");
        }
    }

    #[test]
    fn a_file_that_is_no_report_is_moved_aside_and_hinders_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let queue = Queue::at(folder.path());
        fs::write(folder.path().join("torn.json"), "{").expect("written");
        queue.push(&report("1")).expect("written");
        assert_eq!(runs(&queue), ["1"]);
        assert!(folder.path().join("torn.unreadable").exists());
    }
}
