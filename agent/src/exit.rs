//! The exit codes. They are an interface: printed by `--help`, kept away from 137, 168, 169 and 194,
//! which mean something to Run Command.

use vivarium_bootstrap::step::Failure;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The host is as its settings ask, changed or not.
    Ok = 0,
    /// Something no one foresaw.
    Unexpected = 1,
    /// It works, but the report waits on disk, or `status` found something left to do.
    Degraded = 2,
    /// Refused for the safety of data.
    Refused = 3,
    /// The machine or the settings cannot carry what is asked.
    Precondition = 4,
    /// The volume did not appear.
    Device = 5,
    /// A download failed or did not verify.
    Download = 6,
    /// An installation failed.
    Install = 7,
    /// The database did not answer.
    Database = 8,
    /// Wrong usage or settings; nothing was touched.
    Settings = 9,
    /// The time budget is used up.
    Budget = 10,
    /// The facts are not those of the plan that was agreed to; nothing was touched.
    PlanChanged = 11,
    /// Another run holds the lock; nothing was touched.
    Busy = 75,
}

impl Exit {
    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::Unexpected,
        Self::Degraded,
        Self::Refused,
        Self::Precondition,
        Self::Device,
        Self::Download,
        Self::Install,
        Self::Database,
        Self::Settings,
        Self::Budget,
        Self::PlanChanged,
        Self::Busy,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for `--help` and the documentation.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "the host is as its settings ask, changed or not",
            Self::Unexpected => "something no one foresaw, or the run was told to end",
            Self::Degraded => {
                "it works, but the report waits on disk (0 under UserData, Run Command and boot unless \
                 run.strict), or status found something left to do"
            }
            Self::Refused => "refused for the safety of data; the message says what would allow it",
            Self::Precondition => {
                "the machine or the settings cannot carry it: licence, architecture, space, memory, an installer that is damaged or another machine's"
            }
            Self::Device => "the volume did not appear in time",
            Self::Download => "a download failed or did not verify",
            Self::Install => "an installation failed or did not take",
            Self::Database => "the database did not answer SELECT NOW()",
            Self::Settings => "wrong usage or wrong settings; nothing was touched",
            Self::Budget => "the time budget is used up; run again, it goes on from there",
            Self::PlanChanged => "the facts are not those of the plan's hash; nothing was touched",
            Self::Busy => "another run holds the lock; nothing was touched",
        }
    }
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused => Self::Refused,
            Failure::Precondition => Self::Precondition,
            Failure::Device => Self::Device,
            Failure::Download => Self::Download,
            Failure::Install => Self::Install,
            Failure::Database => Self::Database,
            Failure::Budget => Self::Budget,
            Failure::Unexpected => Self::Unexpected,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The codes and their meanings, a line each.
pub fn table() -> String {
    Exit::ALL.iter().map(|exit| format!("  {:>2}  {}\n", exit.code(), exit.meaning())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_one_that_run_command_gives_a_meaning_of_its_own() {
        for exit in Exit::ALL {
            assert!(![137, 168, 169, 194].contains(&exit.code()), "{exit:?}");
        }
    }
}
