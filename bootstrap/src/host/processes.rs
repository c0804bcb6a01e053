//! The door to other programs. Each runs in a clean environment, in a process group of its own, under
//! a deadline; when the deadline passes or the run is cut short, the whole group is ended.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, interval, sleep, timeout};

/// How much of each output is kept: the end of it, where programs say why they failed.
const KEPT: usize = 64 * 1024;
/// How long a group is given between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs programs.
#[async_trait(?Send)]
pub trait Processes {
    /// Runs one to its end.
    async fn run(&self, command: Command) -> Result<Output, ProcessError>;
}

/// A program to run. Its environment is `PATH`, `LANG=C.UTF-8` and what is added here, nothing else.
pub struct Command {
    /// A name to be found in `PATH`, or a path.
    pub program: PathBuf,
    /// Its arguments. Never a secret: every user of the host can read them.
    pub arguments: Vec<OsString>,
    /// Added to the clean environment. Never a secret either.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it runs; `/` if not said.
    pub directory: PathBuf,
    /// What it reads on its standard input. The one place for a secret.
    pub input: Vec<u8>,
    /// How long it may take.
    pub deadline: Duration,
    /// How long it may go without progress; not watched if not said.
    pub watch: Option<Watch>,
}

/// Progress as a growing number, and how long it may stand still.
pub struct Watch {
    /// How long.
    pub patience: Duration,
    /// Read once a second; any change is progress.
    pub measure: Box<dyn Fn() -> u64>,
}

impl Command {
    /// A program with a deadline of a minute.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: PathBuf::from("/"),
            input: Vec::new(),
            deadline: Duration::from_mins(1),
            watch: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Gives it something to read.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Gives it another deadline.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Watches its progress.
    #[must_use]
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = Some(watch);
        self
    }
}

/// The command as a person would type it; its input is never shown.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program.display())?;
        for argument in &self.arguments {
            write!(f, " {}", argument.to_string_lossy())?;
        }
        Ok(())
    }
}

/// What a program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// The end of its standard output.
    pub stdout: Vec<u8>,
    /// The end of its standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether it exited with 0.
    pub fn success(&self) -> bool {
        self.exit == Exit::Code(0)
    }

    /// Its standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }

    /// The last lines it said, on standard error if it said anything there.
    pub fn last_words(&self) -> String {
        let said = if self.stderr.is_empty() { &self.stdout } else { &self.stderr };
        let text = String::from_utf8_lossy(said);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(3)..].join(" | ")
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It exited.
    Code(i32),
    /// It was killed by this signal.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// Why a program did not run to its end.
#[derive(Debug)]
pub enum ProcessError {
    /// There is no such program.
    NotFound(String),
    /// It could not be started, fed or waited for.
    Io(String, io::Error),
    /// It took longer than this.
    Deadline(String, Duration),
    /// It made no progress for this long.
    Stalled(String, Duration),
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(program) => write!(f, "{program} is not installed on this host"),
            Self::Io(program, error) => write!(f, "{program}: {error}"),
            Self::Deadline(program, time) => {
                write!(f, "{program} was ended after {} s, its deadline", time.as_secs())
            }
            Self::Stalled(program, time) => {
                write!(f, "{program} was ended: it made no progress for {} s", time.as_secs())
            }
        }
    }
}

impl std::error::Error for ProcessError {}

/// The programs of this machine.
pub struct System;

#[async_trait(?Send)]
impl Processes for System {
    async fn run(&self, command: Command) -> Result<Output, ProcessError> {
        let program = command.program.display().to_string();
        tracing::debug!(command = %command, "running");
        let broken = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => ProcessError::NotFound(program.clone()),
            _ => ProcessError::Io(program.clone(), error),
        };
        let mut child = start(&command).map_err(broken)?;
        let group = Group(Pid::from_raw(child.id().map_or(0, u32::cast_signed)));
        let mut stdin = child.stdin.take();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let feed = async {
                if let Some(pipe) = stdin.as_mut() {
                    // A program may close its input early; its exit code says more than EPIPE does.
                    let _ = pipe.write_all(&command.input).await;
                }
                drop(stdin);
            };
            let ((), stdout, stderr) = tokio::join!(feed, tail(stdout), tail(stderr));
            Ok::<_, io::Error>((child.wait().await?, stdout?, stderr?))
        };
        let ended = tokio::select! {
            ended = work => {
                let (status, stdout, stderr) = ended.map_err(broken)?;
                Ok(Output { exit: exit(status), stdout, stderr })
            }
            () = sleep(command.deadline) => Err(ProcessError::Deadline(program.clone(), command.deadline)),
            patience = stalled(command.watch.as_ref()) => Err(ProcessError::Stalled(program.clone(), patience)),
        };
        match ended {
            Ok(output) => {
                group.forget();
                Ok(output)
            }
            Err(error) => {
                group.end(&mut child).await;
                Err(error)
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the door to other programs")]
fn start(command: &Command) -> io::Result<tokio::process::Child> {
    tokio::process::Command::new(&command.program)
        .args(&command.arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .envs(command.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&command.directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

fn exit(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
    }
}

async fn tail(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let Some(mut pipe) = pipe else { return Ok(Vec::new()) };
    let (mut kept, mut chunk) = (Vec::new(), vec![0; 8192]);
    loop {
        let count = pipe.read(&mut chunk).await?;
        if count == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(&chunk[..count]);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
}

/// Returns when nothing has moved for the whole of the patience; never, where nothing is watched.
async fn stalled(watch: Option<&Watch>) -> Duration {
    let Some(watch) = watch else { return std::future::pending().await };
    let mut every_second = interval(Duration::from_secs(1));
    let (mut last, mut since) = ((watch.measure)(), Instant::now());
    loop {
        every_second.tick().await;
        let now = (watch.measure)();
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() >= watch.patience {
            return watch.patience;
        }
    }
}

/// A process group that is ended when it is dropped, unless it was forgotten.
struct Group(Pid);

impl Group {
    fn forget(self) {
        std::mem::forget(self);
    }

    /// Asks the group to end; what is left after a while is killed when this is dropped.
    async fn end(self, leader: &mut tokio::process::Child) {
        let _ = killpg(self.0, Signal::SIGTERM);
        let gone = async {
            let _ = leader.wait().await;
            while killpg(self.0, None).is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = timeout(GRACE, gone).await;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.0.as_raw() > 1 {
            let _ = killpg(self.0, Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        Command::new("sh").args(["-c", script])
    }

    #[tokio::test]
    async fn a_program_gets_a_clean_environment_and_its_input() {
        let command =
            shell("cat; env | sort | grep -v -e ^PWD -e ^_ -e ^SHLVL").env("ADDED", "1").input("read\n");
        let output = System.run(command).await.expect("sh runs");
        assert_eq!(output.text(), format!("read\nADDED=1\nLANG=C.UTF-8\nPATH={PATH}"));
    }

    #[tokio::test]
    async fn past_its_deadline_the_whole_group_is_ended() {
        let mark = format!("{}.5", 7000 + std::process::id() % 1000);
        let command = shell(&format!("sleep {mark} & sleep {mark}")).deadline(Duration::from_millis(100));
        assert!(matches!(System.run(command).await, Err(ProcessError::Deadline(_, _))));
        let left = System.run(Command::new("pgrep").args(["-f", &format!("^sleep {mark}")])).await;
        assert_eq!(left.expect("pgrep runs").text(), "");
    }

    #[tokio::test]
    async fn without_progress_it_is_ended_before_its_deadline() {
        let still = Watch { patience: Duration::from_millis(100), measure: Box::new(|| 0) };
        let ended = System.run(shell("sleep 30").watch(still)).await;
        assert!(matches!(ended, Err(ProcessError::Stalled(_, _))));
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_named() {
        let error = System.run(Command::new("no-such-program")).await.expect_err("there is none");
        assert_eq!(error.to_string(), "no-such-program is not installed on this host");
    }

    #[tokio::test]
    async fn only_the_end_of_a_long_output_is_kept() {
        let output = System.run(shell("seq 100000; echo last >&2")).await.expect("sh runs");
        assert_eq!((output.stdout.len(), output.last_words()), (KEPT, "last".to_owned()));
    }
}
