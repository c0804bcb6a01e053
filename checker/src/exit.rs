//! The exit codes. They are an interface: printed by `--help`, and what a script goes by.

use crate::evaluate::Verdict;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// All that was asked for is reachable, or is as `--assert` says.
    Reachable = 0,
    /// Something is not, and the answer says why.
    NotReachable = 1,
    /// Wrong usage, settings or files.
    Usage = 2,
    /// What is needed to tell could not be had; the answer says what and why.
    Unknown = 3,
}

impl Exit {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Reachable, Self::NotReachable, Self::Usage, Self::Unknown];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for `--help` and the documentation.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Reachable => "reachable, or as --assert says; of status: all is well",
            Self::NotReachable => {
                "not reachable, wholly or in part, and explained; or not as --assert says; of status: one has failed"
            }
            Self::Usage => "wrong usage, settings or files; the message names the line or the option",
            Self::Unknown => "cannot tell, and why: the answer names what is missing",
        }
    }

    /// Of several answers the one that a script must hear of: a blocked one, else an unknown one.
    pub fn of_all(exits: impl IntoIterator<Item = Self>) -> Self {
        let rank = |exit: &Self| match exit {
            Self::Reachable => 0,
            Self::Unknown => 1,
            Self::NotReachable => 2,
            Self::Usage => 3,
        };
        exits.into_iter().max_by_key(rank).unwrap_or(Self::Unknown)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Reachable => Self::Reachable,
            Verdict::NotReachable | Verdict::Partly => Self::NotReachable,
            Verdict::Unknown => Self::Unknown,
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
    Exit::ALL.iter().map(|exit| format!("  {}  {}\n", exit.code(), exit.meaning())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_answers_the_one_that_must_be_heard_of_decides() {
        let of = |exits: &[Exit]| Exit::of_all(exits.iter().copied());
        assert_eq!(of(&[Exit::Reachable, Exit::Unknown, Exit::NotReachable]), Exit::NotReachable);
        assert_eq!(of(&[Exit::Reachable, Exit::Unknown]), Exit::Unknown);
        assert_eq!(of(&[Exit::Reachable]), Exit::Reachable);
        assert_eq!(of(&[]), Exit::Unknown, "nothing was looked at");
    }
}
