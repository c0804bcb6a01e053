//! The door to whoever sits at the terminal: what is said while a command goes on, and what is asked.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

/// The person at the terminal, if there is one.
#[derive(Debug, Default)]
pub struct Terminal {
    listens: bool,
    changed: AtomicBool,
}

impl Terminal {
    /// That of this process.
    pub fn new() -> Self {
        let listens = stdin().is_terminal() && stderr().is_terminal();
        Self { listens, changed: AtomicBool::new(false) }
    }

    /// Whether somebody can be asked.
    pub fn listens(&self) -> bool {
        self.listens
    }

    /// Part of the answer that must be read before the rest is there.
    pub fn say(&self, text: &str) {
        // A reader that went away is no failure of ours.
        let _ = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
    }

    /// What goes on.
    pub fn tell(&self, text: &str) {
        // Where stderr is gone there is nobody to tell.
        let _ = stderr().write_all(text.as_bytes());
    }

    /// Asks; nothing where nobody is there, or where they have left.
    pub async fn ask(&self, question: &str) -> Option<String> {
        if !self.listens {
            return None;
        }
        self.tell(question);
        // Beside the runtime, so that Ctrl-C is heard while somebody thinks.
        let read = || {
            let mut line = String::new();
            stdin().read_line(&mut line).ok().filter(|bytes| *bytes > 0).map(|_| line)
        };
        tokio::task::spawn_blocking(read).await.ok().flatten()
    }

    /// Notes that from now on something may be changed.
    pub fn changes(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether something may have been changed.
    pub fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }
}
