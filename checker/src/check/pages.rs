//! `completions` and `man`, made from the command line's own description.

use std::fs;
use std::path::Path;

use clap_complete::Shell;

use super::{Answer, Trouble};
use crate::cli;

/// The completions for a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "vivarium-check", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes a man page for the program and for each of its commands.
pub fn man(folder: &Path) -> Result<Answer, Trouble> {
    let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(cli::command(), folder));
    match written {
        Ok(()) => Ok(Answer::said(format!("man pages are in {}\n", folder.display()))),
        Err(error) => {
            let doing = format!("writing man pages into {}: {error}", folder.display());
            Err(Trouble::usage(doing, "name a folder you may write to"))
        }
    }
}
