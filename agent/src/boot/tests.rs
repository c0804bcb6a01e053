//! The unit's step in a directory that plays the host, with a systemctl that keeps its one link.

use std::cell::RefCell;
use std::os::unix::fs::symlink;
use std::rc::Rc;

use tempfile::TempDir;
use vivarium_bootstrap::host::http::Http;
use vivarium_bootstrap::host::processes::{Exit, Output, ProcessError, Processes};
use vivarium_bootstrap::host::{block, progress};
use vivarium_bootstrap::journal::Journal;

use super::*;

const STEP: InstallUnit = InstallUnit { asked: true };

/// systemctl, as far as this step asks it: units are files, enabled ones have a link.
struct Systemctl {
    root: std::path::PathBuf,
    said: Rc<RefCell<Vec<String>>>,
    broken: bool,
}

impl Systemctl {
    fn answer(&self, arguments: &str) -> (i32, &'static str, &'static str) {
        let link = self.root.join(&LINK[1..]);
        let known = [OWN, PACKAGED[0]].iter().any(|path| self.root.join(&path[1..]).is_file());
        match arguments.split_once(' ').unwrap_or((arguments, "")) {
            _ if self.broken => (1, "", "Failed to connect to bus: No such file or directory"),
            ("is-enabled", _) if fs::read_link(self.root.join(&OWN[1..])).is_ok() => (1, "masked\n", ""),
            ("is-enabled", _) if !known => {
                (1, "", "Failed to get unit file state: No such file or directory")
            }
            ("is-enabled", _) if link.is_symlink() => (0, "enabled\n", ""),
            ("is-enabled", _) => (1, "disabled\n", ""),
            ("enable", _) if known => {
                fs::create_dir_all(link.parent().expect("a folder")).expect("made");
                let _ = symlink(OWN, link);
                (0, "", "")
            }
            ("daemon-reload", _) => (0, "", ""),
            other => panic!("systemctl {other:?}"),
        }
    }
}

#[async_trait(?Send)]
impl Processes for Systemctl {
    async fn run(&self, command: Command) -> Result<Output, ProcessError> {
        let line = command.to_string();
        self.said.borrow_mut().push(line.clone());
        let (code, stdout, stderr) = self.answer(line.strip_prefix("systemctl ").expect("systemctl"));
        Ok(Output { exit: Exit::Code(code), stdout: stdout.into(), stderr: stderr.into() })
    }
}

struct Ground {
    root: TempDir,
    said: Rc<RefCell<Vec<String>>>,
}

impl Ground {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("run/systemd/system")).expect("made");
        Self { root, said: Rc::default() }
    }

    fn host(&self) -> Host {
        self.host_with(false)
    }

    fn host_with(&self, broken: bool) -> Host {
        let root = self.root.path().to_owned();
        let systemctl = Systemctl { root: root.clone(), said: Rc::clone(&self.said), broken };
        let journal = Journal::at(root.join("journal.jsonl"));
        Host::new(
            root,
            Box::new(systemctl),
            Http::direct(),
            Box::new(block::System),
            Box::new(progress::Silent),
            journal,
        )
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.host().path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    async fn changes(&self) -> Vec<String> {
        match STEP.inspect(&self.host()).await.expect("inspected") {
            State::Todo(changes) => changes,
            State::Done(_) => Vec::new(),
            State::Skipped(why) => panic!("skipped: {why}"),
        }
    }
}

#[tokio::test]
async fn where_it_is_not_asked_for_nothing_is_looked_at_and_nothing_done() {
    let ground = Ground::new();
    let state = InstallUnit { asked: false }.inspect(&ground.host()).await.expect("inspected");
    assert_eq!(state, State::Skipped("boot.unit is not set".to_owned()));
    assert!(ground.said.borrow().is_empty());
}

#[tokio::test]
async fn the_unit_is_written_and_enabled_once_and_never_started() {
    let ground = Ground::new();
    assert_eq!(ground.changes().await, [format!("write {OWN}"), format!("enable {UNIT}")]);
    STEP.apply(&ground.host()).await.expect("applied");
    assert_eq!(fs::read_to_string(ground.host().path(OWN)).expect("there"), CONTENT);
    assert_eq!(ground.changes().await, [""; 0]);
    STEP.apply(&ground.host()).await.expect("again");
    let said = ground.said.borrow().join("\n");
    assert!(!said.contains("start") && !said.contains("--now"), "{said}");
}

#[tokio::test]
async fn a_unit_that_a_package_brought_is_enabled_and_not_hidden_by_another() {
    let ground = Ground::new();
    ground.write(PACKAGED[0], "[Unit]\n# of a newer version\n");
    assert_eq!(ground.changes().await, [format!("enable {UNIT}")]);
    STEP.apply(&ground.host()).await.expect("applied");
    assert!(!ground.host().path(OWN).exists());
    assert_eq!(ground.changes().await, [""; 0]);
}

#[tokio::test]
async fn an_older_unit_of_ours_is_replaced() {
    let ground = Ground::new();
    STEP.apply(&ground.host()).await.expect("applied");
    ground.write(OWN, "[Unit]\n# of an older version\n");
    assert_eq!(ground.changes().await, [format!("write {OWN}")]);
    STEP.apply(&ground.host()).await.expect("applied");
    assert_eq!(ground.changes().await, [""; 0]);
}

#[tokio::test]
async fn a_masked_unit_is_left_masked_and_said_so() {
    let ground = Ground::new();
    let own = ground.host().path(OWN);
    fs::create_dir_all(own.parent().expect("a folder")).expect("made");
    symlink("/dev/null", &own).expect("linked");
    let error = STEP.inspect(&ground.host()).await.expect_err("masked");
    assert_eq!(error.failure(), Failure::Precondition);
    assert!(error.hint_text().contains("systemctl unmask"), "{}", error.hint_text());
    assert!(own.is_symlink());
}

#[tokio::test]
async fn a_host_without_systemd_is_refused_before_anything_is_touched() {
    let ground = Ground::new();
    fs::remove_dir(ground.host().path("/run/systemd/system")).expect("removed");
    let error = STEP.preflight(&ground.host()).await.expect_err("no systemd");
    assert_eq!(error.failure(), Failure::Precondition);
    assert!(error.hint_text().contains("boot.unit = false"));
    assert!(InstallUnit { asked: false }.preflight(&ground.host()).await.is_ok());
}

#[tokio::test]
async fn what_systemctl_says_is_passed_on_with_the_line_to_try() {
    let ground = Ground::new();
    let error = STEP.apply(&ground.host_with(true)).await.expect_err("no bus");
    assert!(
        error.chain().ends_with("Failed to connect to bus: No such file or directory"),
        "{}",
        error.chain()
    );
    assert!(error.hint_text().contains("`systemctl daemon-reload`"));
}
