//! The door to this program itself: starts it once more, to go on with what must not keep a run from ending.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The program that runs, even where its file has been replaced since.
const SELF: &str = "/proc/self/exe";

/// How this program is started once more, with the same settings.
#[derive(Debug, Clone, Default)]
pub struct Again {
    arguments: Vec<OsString>,
}

impl Again {
    /// With these settings, as they were given.
    pub fn new(config: Option<&Path>, sets: &[String]) -> Self {
        let config = config.map(|file| ["--config".into(), file.as_os_str().to_owned()]);
        let sets = sets.iter().flat_map(|set| ["--set".into(), set.into()]);
        Self { arguments: config.into_iter().flatten().chain(sets).collect() }
    }

    /// Keeps sending reports when this process has ended. Nobody waits for it: not cloud-init, nor Run Command, which
    /// wait for what holds their pipes; nor a terminal that is closed.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is started here outlives this process, unlike all others"
    )]
    pub fn start(&self) {
        let mut command = Command::new(SELF);
        command.args(&self.arguments).args(["report", "--keep-trying"]).current_dir("/").process_group(0);
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if let Err(error) = started {
            tracing::warn!("the report waits for the next run: keeping on sending it: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_started_with_the_settings_of_this_time() {
        let again = Again::new(Some(Path::new("/tmp/a.toml")), &["report.ssm=true".to_owned()]);
        assert_eq!(again.arguments, ["--config", "/tmp/a.toml", "--set", "report.ssm=true"]);
        assert_eq!(Again::new(None, &[]).arguments, [""; 0]);
    }
}
