//! The table of keys as a commented settings file and as a table of the documentation.

use super::keys::{KEYS, Key};

const HEAD: &str = "\
# Settings of vivarium-agent, read from /etc/vivarium/agent.toml. Every setting there is, with its default;
# a line without a default shows an example. The smallest useful file is three lines:
#
#   volume = \"vol-0123456789abcdef0\"
#   database.host = \"mydb.abc123.us-east-1.rds.amazonaws.com\"
#   database.secret = \"secretsmanager:vivarium/mydb\"
#
# and, once you have read Anaconda's terms of service, anaconda.accept_license = true.
";

/// The complete commented sample.
pub fn file() -> String {
    let mut text = HEAD.to_owned();
    let mut table = "";
    for key in KEYS {
        let (here, leaf) = key.name.split_once('.').expect("every key lives in a table");
        if here != table {
            text.push_str(&format!("\n[{here}]\n"));
            table = here;
        }
        text.push_str(&entry(key, leaf));
    }
    text
}

fn entry(key: &Key, leaf: &str) -> String {
    let comment: String = wrapped(key.meaning).iter().map(|line| format!("# {line}\n")).collect();
    let value = if key.default.is_empty() { key.example } else { key.default };
    format!("{comment}#{leaf} = {value}\n\n")
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + word.len() < 98 {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// The table of settings in Markdown.
pub fn markdown() -> String {
    let mut text = "| setting | default | meaning |\n|---|---|---|\n".to_owned();
    for Key { name, default, meaning, .. } in KEYS {
        let default = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
        text.push_str(&format!("| `{name}` | {default} | {meaning} |\n"));
    }
    text
}
