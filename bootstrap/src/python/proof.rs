//! Asking the database through $python3 and psycopg2, as the user will.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::host::Host;
use crate::host::processes::{Command, Output, ProcessError};

const SCRIPT: &str = include_str!("proof.py");
/// What an interpreter on a cold volume may need to start and to import, besides the connection's time.
const START: Duration = Duration::from_secs(30);

/// Which database, as whom. Has no `Debug`: it carries the password.
pub struct Question<'a> {
    /// A name, or an address.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The database on the server.
    pub database: &'a str,
    /// The role.
    pub user: &'a str,
    /// Its password; given on the standard input, nowhere else.
    pub password: &'a str,
    /// libpq's word for how much is believed of the server.
    pub sslmode: &'a str,
    /// Certificates to believe.
    pub sslrootcert: Option<&'a Path>,
    /// How long connecting may take; libpq counts in seconds, two at least.
    pub timeout: Duration,
}

/// What the database said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// `NOW()`, in UTC, as Python writes it.
    pub now: String,
    /// The same in seconds since 1970.
    pub epoch: i64,
    /// The server's version.
    pub server_version: String,
    /// `TLSv1.3`; nothing in plain text.
    pub tls: Option<String>,
    /// `170011` is libpq 17.11.
    pub libpq_version: u32,
    /// `2.9.13`.
    pub psycopg2_version: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// psycopg2 cannot be imported, with Python's reason.
    NoPsycopg2(String),
    /// psycopg2 was told no.
    Refused(Refusal),
    /// The interpreter could not be run.
    NotRun(ProcessError),
    /// The interpreter ended in a way of its own, with its last words.
    Strange(String),
}

/// An exception of psycopg2.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// Its text.
    #[serde(rename = "error")]
    pub message: String,
    /// Its `pgcode`, which is empty for what goes wrong before a session exists.
    pub code: Option<String>,
    /// Its class: `OperationalError`.
    pub class: String,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPsycopg2(why) => write!(f, "psycopg2 cannot be imported: {why}"),
            Self::Refused(refusal) => f.write_str(&refusal.line()),
            Self::NotRun(error) => error.fmt(f),
            Self::Strange(words) => write!(f, "the interpreter ended without an answer: {words}"),
        }
    }
}

impl std::error::Error for Unanswered {}

impl Refusal {
    /// Its text in one line.
    pub fn line(&self) -> String {
        self.message.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Asks with one start of the interpreter.
pub async fn ask(host: &Host, interpreter: &Path, question: &Question<'_>) -> Result<Answer, Unanswered> {
    let command = Command::new(interpreter)
        .args(["-I", "-c", SCRIPT])
        .input(parameters(question).to_string())
        .deadline(START + question.timeout * 3);
    understood(&host.processes.run(command).await.map_err(Unanswered::NotRun)?)
}

/// The arguments of `psycopg2.connect`.
fn parameters(question: &Question<'_>) -> serde_json::Value {
    let mut parameters = json!({
        "host": question.host.trim_matches(['[', ']']),
        "port": question.port,
        "dbname": question.database,
        "user": question.user,
        "password": question.password,
        "sslmode": question.sslmode,
        "connect_timeout": question.timeout.as_secs().max(2),
        "application_name": "vivarium",
    });
    if let Some(file) = question.sslrootcert {
        parameters["sslrootcert"] = json!(file);
    }
    parameters
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    Answer(Answer),
    Refusal(Refusal),
    Missing { missing: String },
}

fn understood(output: &Output) -> Result<Answer, Unanswered> {
    match serde_json::from_slice(&output.stdout) {
        Ok(Reply::Answer(answer)) => Ok(answer),
        Ok(Reply::Refusal(refusal)) => Err(Unanswered::Refused(refusal)),
        Ok(Reply::Missing { missing }) => Err(Unanswered::NoPsycopg2(missing)),
        Err(_) => Err(Unanswered::Strange(format!("{}, {}", output.exit, output.last_words()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::processes::Exit;

    fn output(stdout: &str, stderr: &str, code: i32) -> Output {
        Output { exit: Exit::Code(code), stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn an_answer_is_read() {
        let said = r#"{"now": "2026-11-23 14:05:00.1+00:00", "epoch": 1795442700, "server_version": "15.18",
            "tls": "TLSv1.3", "libpq_version": 170011, "psycopg2_version": "2.9.13"}"#;
        let answer = understood(&output(said, "", 0)).expect("an answer");
        assert_eq!((answer.now.as_str(), answer.libpq_version), ("2026-11-23 14:05:00.1+00:00", 170_011));
    }

    #[test]
    fn what_went_wrong_is_told_apart() {
        let refused =
            r#"{"error": "connection failed:\n\tFATAL:  no\n", "code": null, "class": "OperationalError"}"#;
        let error = understood(&output(refused, "", 0)).expect_err("it was refused");
        assert_eq!(error.to_string(), "connection failed: FATAL: no");
        let missing = understood(&output(r#"{"missing": "No module named 'psycopg2'"}"#, "", 0));
        assert!(matches!(missing, Err(Unanswered::NoPsycopg2(_))));
        let strange = understood(&output("", "Segmentation fault", 1)).expect_err("it crashed");
        assert_eq!(
            strange.to_string(),
            "the interpreter ended without an answer: exit code 1, Segmentation fault"
        );
    }

    #[test]
    fn what_is_asked_goes_to_the_standard_input_and_nowhere_else() {
        let question = Question {
            host: "[fd00::1]",
            port: 5432,
            database: "app",
            user: "dbadmin",
            password: "s3cret \"quoted\" \\ ✓",
            sslmode: "verify-full",
            sslrootcert: Some(Path::new("/roots.pem")),
            timeout: Duration::from_millis(500),
        };
        let asked = parameters(&question);
        assert_eq!(asked["password"], question.password);
        assert_eq!((&asked["host"], &asked["connect_timeout"]), (&json!("fd00::1"), &json!(2)));
        assert!(!SCRIPT.contains("argv") && !SCRIPT.contains("environ"));
    }
}
