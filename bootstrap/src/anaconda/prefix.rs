//! What is in the prefix: nothing, a Python that works, or something that does not.

use crate::host::Host;
use crate::host::processes::{Command, Exit, Output, ProcessError};
use crate::settings::Settings;
use crate::step::{Failure, StepError};

use super::mark::{self, Mark};

/// Imports what must work, and says which Python it is.
const QUESTION: &str = "import ssl, sqlite3, ctypes, sys; print('python %d.%d.%d' % sys.version_info[:3])";

/// What is in the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prefix {
    /// Nothing at all.
    Absent,
    /// An interpreter that imports what it must, and no installation cut off.
    Sound {
        /// Its version, as `3.6.3`.
        python: String,
    },
    /// Something, but no Python that works.
    Broken {
        /// Why not.
        why: String,
    },
}

/// Looks, with at most one start of the interpreter.
pub async fn look(host: &Host, settings: &Settings) -> Result<Prefix, StepError> {
    let prefix = &settings.anaconda.prefix;
    let unreadable = |error: std::io::Error| {
        StepError::new(Failure::Unexpected, format!("looking into {}", prefix.display())).because(error)
    };
    match std::fs::symlink_metadata(host.path(prefix)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Prefix::Absent),
        Err(error) => return Err(unreadable(error)),
        Ok(_) => {}
    }
    if mark::read(host, settings).map_err(unreadable)? == Mark::Begun {
        return Ok(Prefix::Broken { why: "its installation was cut off".to_owned() });
    }
    let interpreter = host.path(prefix).join("bin/python");
    if !interpreter.exists() {
        return Ok(Prefix::Broken { why: "it has no bin/python".to_owned() });
    }
    Ok(judge(host.processes.run(Command::new(interpreter).args(["-I", "-c", QUESTION])).await))
}

/// What the interpreter's answer means.
fn judge(answer: Result<Output, ProcessError>) -> Prefix {
    let output = match answer {
        Ok(output) => output,
        Err(ProcessError::Io(_, error)) if error.raw_os_error() == Some(nix::libc::ENOEXEC) => {
            return Prefix::Broken { why: "its Python is made for another processor".to_owned() };
        }
        Err(error) => return Prefix::Broken { why: error.to_string() },
    };
    match (output.success(), output.text().strip_prefix("python ")) {
        (true, Some(python)) => Prefix::Sound { python: python.to_owned() },
        _ => Prefix::Broken { why: complaint(&output) },
    }
}

fn complaint(output: &Output) -> String {
    let words = output.last_words();
    match output.exit {
        Exit::Signal(4) => "its Python needs instructions that this processor has not (SIGILL)".to_owned(),
        Exit::Signal(signal) => format!("its Python was ended by signal {signal}"),
        Exit::Code(_) if words.contains("GLIBC_") => format!("its Python needs a newer glibc: {words}"),
        Exit::Code(code) if words.is_empty() => format!("its Python ended with exit code {code}"),
        Exit::Code(_) => format!("its Python says: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(exit: Exit, stdout: &str, stderr: &str) -> Prefix {
        judge(Ok(Output { exit, stdout: stdout.into(), stderr: stderr.into() }))
    }

    #[test]
    fn a_python_that_answers_is_sound() {
        assert_eq!(said(Exit::Code(0), "python 3.6.3\n", ""), Prefix::Sound { python: "3.6.3".to_owned() });
    }

    #[test]
    fn a_python_that_cannot_is_broken_and_says_why() {
        for (answer, why) in [
            (said(Exit::Signal(4), "", ""), "SIGILL"),
            (said(Exit::Code(1), "", "ImportError: No module named _ssl"), "_ssl"),
            (said(Exit::Code(1), "", "libc.so.6: version `GLIBC_2.28' not found"), "newer glibc"),
            (said(Exit::Code(127), "", ""), "exit code 127"),
            (said(Exit::Code(0), "hello", ""), "hello"),
        ] {
            let Prefix::Broken { why: said } = answer else { panic!("{why}: sound") };
            assert!(said.contains(why), "{said}");
        }
        let foreign = ProcessError::Io("python".to_owned(), std::io::Error::from_raw_os_error(8));
        assert!(matches!(judge(Err(foreign)), Prefix::Broken { why } if why.contains("another processor")));
    }
}
