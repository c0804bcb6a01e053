//! Which processor: as the kernel, installers and wheels name it.

use std::fmt;
use std::str::FromStr;

/// A processor that installers exist for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Intel's and AMD's.
    X86_64,
    /// Arm's: Graviton.
    Aarch64,
}

impl Architecture {
    /// The word in `uname -m`, in file names and in the tags of wheels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// What an installer says of itself: `linux-64`.
    pub fn platform(self) -> &'static str {
        match self {
            Self::X86_64 => "linux-64",
            Self::Aarch64 => "linux-aarch64",
        }
    }

    /// `e_machine` in the head of an ELF file.
    pub fn elf_machine(self) -> u16 {
        match self {
            Self::X86_64 => 62,
            Self::Aarch64 => 183,
        }
    }

    /// The processor of this machine, as its kernel names it.
    pub fn of_this_machine() -> Result<Self, String> {
        let names = nix::sys::utsname::uname().map_err(|error| error.to_string())?;
        names.machine().to_string_lossy().parse()
    }
}

impl FromStr for Architecture {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "x86_64" | "amd64" => Ok(Self::X86_64),
            "aarch64" | "arm64" => Ok(Self::Aarch64),
            other => Err(format!("this machine is {other}; Anaconda is installed on x86_64 and aarch64")),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
