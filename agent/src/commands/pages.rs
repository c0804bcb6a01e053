//! `completions` and `man`, made from the command line's own description.

use std::path::Path;

use clap_complete::Shell;

use crate::cli;
use crate::exit::Exit;

/// The completions for a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "vivarium-agent", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes a man page for the program and for each of its commands.
pub fn man(folder: &Path) -> (String, Exit) {
    let written =
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(cli::command(), folder));
    match written {
        Ok(()) => (format!("ok: man pages are in {}\n", folder.display()), Exit::Ok),
        Err(error) => {
            let text = format!(
                "failed: writing man pages into {}: {error}\nhint: name a folder you may write to\n",
                folder.display()
            );
            (text, Exit::Unexpected)
        }
    }
}
