//! Why an installer failed, told from how it ended and what it said last. It says `1` for most things,
//! and for some that it should not survive, nothing.

use crate::host::processes::{Exit, Output, ProcessError};
use crate::step::{Failure, StepError};

/// Everything there is to judge by.
pub(super) struct Ending<'a> {
    pub(super) output: Result<&'a Output, &'a ProcessError>,
    /// Processes that the kernel killed for want of memory meanwhile.
    pub(super) killed_for_memory: u64,
}

/// What failure it was; none where it went well.
pub(super) fn diagnose(ending: &Ending<'_>) -> Option<StepError> {
    let (why, hint) = match ending.output {
        Err(error) => unfinished(error),
        Ok(output) if output.success() && !warned(output) => return None,
        Ok(output) => finished(output, ending.killed_for_memory),
    };
    Some(StepError::new(Failure::Install, "running Anaconda's installer").because(why).hint(hint))
}

/// A checksum that does not fit is only a warning to the script, and it goes on.
fn warned(output: &Output) -> bool {
    said(output).contains("md5sum mismatch")
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn unfinished(error: &ProcessError) -> (String, &'static str) {
    let hint = match error {
        ProcessError::Stalled(..) => {
            "it wrote nothing for as long as anaconda.patience allows: versions of 2019 hang so on one processor, and slow volumes need more patience"
        }
        ProcessError::Deadline(..) => {
            "the volume or the machine is too slow; take a faster one and run again"
        }
        ProcessError::NotFound(_) | ProcessError::Io(..) => "the installer needs sh and bash on this host",
    };
    (error.to_string(), hint)
}

/// What the script and its programs are known to say, the most telling first.
const KNOWN: [(&str, &str, &str); 12] = [
    (
        "md5sum mismatch",
        "its payload changed between our check and its own",
        "something else writes to the installer, or the disk is failing: run again, and see dmesg",
    ),
    (
        "Exec format error",
        "its programs are for another processor",
        "choose the installer for this machine's processor",
    ),
    (
        "failed to map segment",
        "programs cannot be run from its temporary directory",
        "mount the volume without noexec",
    ),
    (
        "No space left on device",
        "the volume is full",
        "grow the volume and run again; what is half made is moved aside",
    ),
    ("Not enough free disk space", "the volume is too small", "grow the volume and run again"),
    (
        "Disk quota exceeded",
        "a quota is used up",
        "raise the quota on the volume, or install as another user",
    ),
    (
        "GLIBC_",
        "its programs need a newer glibc than this host has",
        "choose an older installer, or a newer image",
    ),
    (
        "requires GLIBC",
        "it needs a newer glibc than this host has",
        "choose an older installer, or a newer image",
    ),
    (
        "BrokenProcessPool",
        "a process that unpacked packages was killed, most often for want of memory",
        "add swap or take a larger instance, and run again",
    ),
    (
        "already exists",
        "its directory is there already",
        "something else made it meanwhile: move it away and run again",
    ),
    (
        "PyInstaller's embedded PKG",
        "the program in it is damaged",
        "delete the installer and run again: it is fetched afresh",
    ),
    (
        "bzip2",
        "its packages could not be unpacked by bzip2",
        "install bzip2 and tar on this host, and run again",
    ),
];

fn finished(output: &Output, killed_for_memory: u64) -> (String, &'static str) {
    let words = said(output);
    let ended = format!("{}: {}", output.exit, output.last_words());
    let starved = matches!(output.exit, Exit::Code(137) | Exit::Signal(9));
    if killed_for_memory > 0 && !output.success() {
        let why = format!("the kernel killed {killed_for_memory} processes for want of memory ({ended})");
        return (why, "add swap or take a larger instance, and run again");
    }
    if let Some((_, why, hint)) = KNOWN.iter().find(|(words_of_it, ..)| words.contains(words_of_it)) {
        return (format!("{why} ({ended})"), hint);
    }
    match output.exit {
        _ if starved => (
            format!("it was killed from outside ({ended})"),
            "see dmesg and journalctl -k for who did it: usually the kernel, for want of memory",
        ),
        Exit::Code(126) => (
            format!("its program could not be run ({ended})"),
            "mount the volume without noexec, and choose the installer for this machine's processor",
        ),
        Exit::Code(127) => (
            format!("a program or library it needs is missing ({ended})"),
            "see what it said last, install that, and run again",
        ),
        Exit::Signal(4) => (
            format!("its program needs instructions that this processor has not ({ended})"),
            "take a newer instance type, or an older installer",
        ),
        _ => (ended, "what is half made is moved aside by the next run; --verbose shows all that it said"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ended(exit: Exit, stderr: &str, killed_for_memory: u64) -> Option<String> {
        let output = Output { exit, stdout: b"PREFIX=/anaconda/anaconda3\n".to_vec(), stderr: stderr.into() };
        diagnose(&Ending { output: Ok(&output), killed_for_memory }).map(|error| error.chain())
    }

    #[test]
    fn an_installer_that_went_well_is_no_failure() {
        assert_eq!(ended(Exit::Code(0), "", 0), None);
        assert_eq!(ended(Exit::Code(0), "", 3), None);
    }

    #[test]
    fn a_checksum_that_only_warned_is_a_failure_although_it_says_zero() {
        let said = ended(Exit::Code(0), "WARNING: md5sum mismatch of tar archive\nexpected: 0\n", 0);
        assert!(said.expect("a failure").contains("changed between"));
    }

    #[test]
    fn each_known_way_to_fail_is_named() {
        for (exit, stderr, why) in [
            (
                Exit::Code(126),
                "line 512: /a/_conda: cannot execute binary file: Exec format error",
                "another processor",
            ),
            (
                Exit::Code(127),
                "error while loading shared libraries: libz.so.1: failed to map segment from",
                "temporary",
            ),
            (Exit::Code(1), "tar: write error: No space left on device", "full"),
            (Exit::Code(1), "concurrent.futures.process.BrokenProcessPool: A process", "want of memory"),
            (Exit::Code(1), "ERROR: File or directory already exists: '/a'", "there already"),
            (Exit::Code(255), "Could not load PyInstaller's embedded PKG archive from", "damaged"),
            (Exit::Code(1), "/a/_conda: libc.so.6: version `GLIBC_2.28' not found", "newer glibc"),
            (Exit::Code(126), "/a/_conda: Permission denied", "could not be run"),
            (Exit::Signal(9), "", "killed from outside"),
            (Exit::Code(2), "syntax error", "exit code 2"),
        ] {
            let said = ended(exit, stderr, 0).expect("a failure");
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_kill_for_want_of_memory_is_called_so_whatever_else_was_said() {
        let said = ended(Exit::Code(1), "BrokenPipeError", 2).expect("a failure");
        assert!(said.contains("killed 2 processes for want of memory"), "{said}");
    }

    #[test]
    fn an_installer_that_stands_still_names_the_setting() {
        let error = ProcessError::Stalled("sh".to_owned(), Duration::from_mins(10));
        let error = diagnose(&Ending { output: Err(&error), killed_for_memory: 0 }).expect("a failure");
        assert!(error.hint_text().contains("anaconda.patience"));
    }
}
