//! What is in the prefix: nothing, a Python that works, or something that does not.

use std::path::Path;

use crate::host::Host;
use crate::host::processes::{Command, Exit, Output, ProcessError};

/// Imports what must work, and says which Python it is.
const QUESTION: &str = "import ssl, sqlite3, ctypes, sys; print('python %d.%d.%d' % sys.version_info[:3])";

/// What is in the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prefix {
    /// Nothing at all.
    Absent,
    /// An interpreter that imports what it must.
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

/// Looks, with one start of the interpreter.
pub async fn look(host: &Host, prefix: &Path) -> Result<Prefix, std::io::Error> {
    match std::fs::symlink_metadata(host.path(prefix)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Prefix::Absent),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let interpreter = prefix.join("bin/python");
    if !host.path(&interpreter).exists() {
        return Ok(Prefix::Broken { why: "it has no bin/python".to_owned() });
    }
    Ok(judge(host.processes.run(Command::new(interpreter).args(["-I", "-c", QUESTION])).await))
}

/// What the interpreter's answer means.
fn judge(answer: Result<Output, ProcessError>) -> Prefix {
    let output = match answer {
        Ok(output) => output,
        Err(error) => return Prefix::Broken { why: error.to_string() },
    };
    match (output.success(), output.text().strip_prefix("python ")) {
        (true, Some(python)) => Prefix::Sound { python: python.to_owned() },
        _ => Prefix::Broken { why: complaint(&output) },
    }
}

fn complaint(output: &Output) -> String {
    match output.exit {
        Exit::Signal(4) => "its Python needs instructions that this processor has not (SIGILL)".to_owned(),
        Exit::Signal(signal) => format!("its Python was ended by signal {signal}"),
        Exit::Code(code) if output.last_words().is_empty() => {
            format!("its Python ended with exit code {code}")
        }
        Exit::Code(_) => format!("its Python says: {}", output.last_words()),
    }
}
