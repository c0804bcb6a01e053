//! What a command comes to: the same for people, for programs and for scripts.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::Trouble;
use crate::cli::Assertion;
use crate::exit::Exit;

/// What a command comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// As a page, where there is one.
    pub page: Option<String>,
    /// For scripts.
    pub exit: Exit,
}

impl Answer {
    /// A text that nothing hangs on.
    pub fn said(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            json: serde_json::json!({ "version": 1, "text": text }),
            text,
            page: None,
            exit: Exit::Reachable,
        }
    }

    /// Several in one: the texts one after the other, the worst code.
    pub fn together(mut answers: Vec<Self>) -> Self {
        if answers.len() == 1 {
            return answers.remove(0);
        }
        let exit = Exit::of_all(answers.iter().map(|answer| answer.exit));
        let texts: Vec<String> = answers.iter().map(|answer| answer.text.clone()).collect();
        let answers: Vec<Value> = answers.into_iter().map(|answer| answer.json).collect();
        let json = serde_json::json!({ "version": 1, "answers": answers });
        Self { text: texts.join("\n"), json, page: None, exit }
    }

    /// As it is printed.
    pub fn printed(&self, as_json: bool) -> String {
        if as_json { pretty(&self.json) } else { self.text.clone() }
    }

    /// Held against what was asserted. What cannot be told holds against nothing.
    #[must_use]
    pub fn held_against(mut self, assertion: Option<Assertion>) -> Self {
        let Some(assertion) = assertion else { return self };
        let wanted = match assertion {
            Assertion::Reachable => Exit::Reachable,
            Assertion::NotReachable => Exit::NotReachable,
        };
        let (exit, word) = match self.exit {
            exit if exit == wanted => (Exit::Reachable, "holds"),
            Exit::Unknown | Exit::Usage => (self.exit, "cannot be told"),
            _ => (Exit::NotReachable, "does not hold"),
        };
        self.exit = exit;
        self.text = format!("assertion {} {word}\n{}", assertion.word(), self.text);
        if let Value::Object(fields) = &mut self.json {
            let assertion =
                serde_json::json!({ "wanted": assertion.word(), "holds": exit == Exit::Reachable });
            fields.insert("assertion".into(), assertion);
        }
        self
    }
}

/// Writes the pages: the first under the name itself, others with a number in it.
pub fn report(answers: &[Answer], file: &Path) -> Result<(), Trouble> {
    for (number, page) in (1..).zip(answers.iter().filter_map(|answer| answer.page.as_ref())) {
        let name = if number == 1 { file.to_owned() } else { numbered(file, number) };
        fs::write(&name, page).map_err(|error| {
            let hint = "name a file in a folder that you may write to";
            Trouble::usage(format!("writing the report {}: {error}", name.display()), hint)
        })?;
    }
    Ok(())
}

fn numbered(file: &Path, number: usize) -> std::path::PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let extension = file.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    file.with_file_name(format!("{stem}-{number}{}", extension.unwrap_or_default()))
}

/// JSON as it is printed.
pub fn pretty(json: &Value) -> String {
    // Keys and values are ours: nothing in them cannot be written.
    serde_json::to_string_pretty(json).map_or_else(|_| json.to_string(), |text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_turns_the_exit_code_and_never_what_cannot_be_told() {
        let table = [
            (Exit::Reachable, Assertion::Reachable, Exit::Reachable),
            (Exit::Reachable, Assertion::NotReachable, Exit::NotReachable),
            (Exit::NotReachable, Assertion::NotReachable, Exit::Reachable),
            (Exit::NotReachable, Assertion::Reachable, Exit::NotReachable),
            (Exit::Unknown, Assertion::NotReachable, Exit::Unknown),
        ];
        for (exit, assertion, wanted) in table {
            let answer = Answer { text: "so it is\n".into(), json: serde_json::json!({}), page: None, exit };
            let held = answer.held_against(Some(assertion));
            assert_eq!(held.exit, wanted, "{exit:?} {assertion:?}");
            assert_eq!(held.json["assertion"]["holds"], wanted == Exit::Reachable);
        }
    }
}
