//! The view from within an instance, as it is kept: what the instance was asked, and what came back. Pure.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::answer::{self, Unreadable};
use super::facts::Facts;
use super::told::Told;

/// Where the agent is, unless the settings say otherwise.
pub const AGENT: &str = "/usr/local/bin/vivarium-agent";
/// What the script ends with where there is no agent: nothing that a shell or the agent would end with.
const NOT_INSTALLED: i64 = 71;
/// The agent's own code for an option or a command that it does not know.
const USAGE: i64 = 9;
/// What Run Command puts where it cuts.
const CUT: &str = "output truncated";

/// The view from within.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// Of which instance.
    pub instance: String,
    /// What it says.
    pub facts: Told<Facts>,
    /// What to do where it says nothing.
    pub hint: String,
}

impl Inside {
    /// None, and why.
    pub fn none(instance: &str, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { instance: instance.to_owned(), facts: Told::Unknown(why.into()), hint: hint.into() }
    }

    /// Of what the script printed.
    pub fn of_output(instance: &str, agent: &str, code: i64, stdout: &str, stderr: &str) -> Self {
        let none = |why: String, hint: &str| Self::none(instance, why, hint);
        if code == NOT_INSTALLED {
            let why = format!(
                "vivarium-agent is not installed on {instance}: there is no {agent}, and none in PATH"
            );
            return none(
                why,
                "install it there, over Run Command as well, or say in check.toml where it is: agent = \"/PATH\"",
            );
        }
        if code == USAGE {
            let why = format!(
                "the vivarium-agent on {instance} does not know `probe` or one of its options: {}",
                first(stderr)
            );
            return none(why, "bring the agent up to this checker's version");
        }
        match answer::read(stdout) {
            Ok(facts) => {
                Self { instance: instance.to_owned(), facts: Told::Known(facts), hint: String::new() }
            }
            Err(_) if stdout.contains(CUT) => none(
                format!("what {instance} says was cut off by Run Command"),
                "something else prints before it: see what root's shell says when it starts (ENV, /etc/profile)",
            ),
            Err(Unreadable::CutOff) => none(
                format!("what {instance} says ends too early (exit code {code}): {}", first(stderr)),
                "it was ended while it wrote: see `dmesg` on the instance, and ask again",
            ),
            Err(Unreadable::Version(version)) => none(
                format!("{instance} says it in version {version}, which this checker does not read"),
                "bring the agent and the checker to the same version",
            ),
            Err(Unreadable::NoAnswer(said)) => {
                let said = if stderr.trim().is_empty() { said } else { first(stderr) };
                none(
                    format!("{instance} gave no answer (exit code {code}): {said}"),
                    "see the command's output: `aws ssm list-command-invocations --details`",
                )
            }
        }
    }
}

fn first(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().chars().take(300).collect()
}

/// What the instance is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The address that the client comes from.
    pub client: Option<IpAddr>,
    /// The port that it wants.
    pub port: u16,
    /// As whom it wants to log in.
    pub user: Option<String>,
    /// For how many seconds to watch for its packets.
    pub watch: u8,
    /// The database to look for.
    pub database: Option<(String, u16)>,
}

/// The script: finds the agent and has it look. Every word in it is quoted, whatever it is.
pub fn script(agent: &str, asked: &Asked) -> String {
    let mut words = vec!["probe".to_owned(), "--json".to_owned(), format!("--port={}", asked.port)];
    words.extend(asked.client.map(|client| format!("--client={client}")));
    words.extend(asked.user.as_ref().filter(|user| is_user(user)).map(|user| format!("--user={user}")));
    words.extend((asked.watch > 0).then(|| format!("--watch={}", asked.watch)));
    words.extend(asked.database.as_ref().map(|(host, port)| {
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("--database={host}:{port}")
    }));
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!(
        "agent={agent}; [ -x \"$agent\" ] || agent=$(command -v vivarium-agent) || exit {NOT_INSTALLED}\nexec \"$agent\" {}",
        words.join(" "),
        agent = quoted(agent),
    )
}

/// The agent takes no other.
fn is_user(user: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-@\\$".contains(letter);
    user.chars().all(plain) && !user.starts_with('-')
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::super::answer::Answer;
    use super::super::judge::sound;
    use super::*;

    fn asked() -> Asked {
        Asked {
            client: Some([203, 0, 113, 10].into()),
            port: 22,
            user: Some("ec2-user".into()),
            watch: 4,
            database: Some(("mydb.example".into(), 5432)),
        }
    }

    #[test]
    fn every_word_of_the_script_is_quoted_and_a_user_that_is_none_is_left_out() {
        let script = |agent, asked: &Asked| super::script(agent, asked);
        let plain = script(AGENT, &asked());
        assert!(plain.ends_with(
            "exec \"$agent\" 'probe' '--json' '--port=22' '--client=203.0.113.10' '--user=ec2-user' '--watch=4' \
             '--database=mydb.example:5432'"
        ), "{plain}");
        let hostile =
            Asked { user: Some("a;reboot".into()), database: Some(("x'$(reboot)".into(), 1)), ..asked() };
        let hostile = script("/opt/it's/agent", &hostile);
        assert!(!hostile.contains("a;reboot"), "{hostile}");
        assert!(hostile.contains(r"'--database=x'\''$(reboot):1'"), "{hostile}");
        assert!(hostile.contains(r"agent='/opt/it'\''s/agent'"), "{hostile}");
    }

    #[test]
    fn each_way_to_say_nothing_is_named_with_what_to_do() {
        let of = |code, stdout: &str, stderr: &str| Inside::of_output("i-1", AGENT, code, stdout, stderr);
        let line = Answer::of(sound()).line();
        assert_eq!(of(0, &line, "").facts, Told::Known(sound()));
        let table = [
            (of(71, "", ""), "not installed"),
            (of(9, "", "error: unrecognized subcommand 'probe'"), "does not know `probe`"),
            (
                of(0, &format!("{}\n---Output truncated---output truncated--", &line[..100]), ""),
                "cut off by Run Command",
            ),
            (of(137, &line[..100], "Killed"), "ends too early (exit code 137): Killed"),
            (of(0, &line.replacen("\"version\":1", "\"version\":2", 1), ""), "version 2"),
            (of(1, "", "Segmentation fault"), "gave no answer (exit code 1): Segmentation fault"),
        ];
        for (inside, words) in table {
            let why = inside.facts.why().expect("nothing is known");
            assert!(why.contains(words) && !inside.hint.is_empty(), "{why}");
        }
    }
}
