//! Why there is no answer: what was being done to what, the cause once, and a hint.

use std::fmt;

use crate::exit::Exit;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    message: String,
    hint: String,
    exit: Exit,
}

impl Trouble {
    /// Something that was asked for in a way that cannot be carried out. The message says what was being done, to
    /// what, and why it failed.
    pub fn usage(message: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self { message: message.to_string(), hint: hint.into(), exit: Exit::Usage }
    }

    /// Something that could not be had, so that nothing can be told.
    pub fn unknown(message: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self { exit: Exit::Unknown, ..Self::usage(message, hint) }
    }

    /// How the program ends of it.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The same for programs.
    pub fn printed(&self) -> String {
        super::answer::pretty(&serde_json::json!({
            "version": 1,
            "verdict": "unknown",
            "error": { "message": self.message, "hint": self.hint },
        }))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        if self.hint.is_empty() { Ok(()) } else { writeln!(f, "hint: {}", self.hint) }
    }
}
