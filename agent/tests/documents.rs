//! What the program says of itself and what the documents say are the same, byte for byte.
//! `make docs` writes the documents anew.

use std::fmt::Write;
use std::path::PathBuf;

use vivarium_agent::config::sample;
use vivarium_agent::{cli, exit};

fn document(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

fn holds(name: &str, text: &str) {
    let path = document(name);
    if writing() {
        std::fs::write(&path, text).expect("the documents can be written");
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == text, "{} has drifted; `make docs` writes it anew", path.display());
}

#[expect(clippy::disallowed_methods, reason = "`make docs` says so in the environment")]
fn writing() -> bool {
    std::env::var("VIVARIUM_BLESS").is_ok()
}

#[test]
fn the_table_of_settings_is_the_program_s() {
    let head = "# Settings\n\nRead from `/etc/vivarium/agent.toml`. `vivarium-agent settings --sample` prints them \
                all as a commented file, [agent.toml](agent.toml) here; `--set KEY=VALUE` overrides one of them \
                for once. Tables and dotted keys may be mixed as TOML allows.\n\n";
    holds("settings.md", &format!("{head}{}", sample::markdown()));
}

#[test]
fn the_sample_of_settings_is_the_program_s() {
    holds("agent.toml", &sample::file());
}

#[test]
fn the_exit_codes_are_the_program_s() {
    let mut text = "# Exit codes\n\nAn interface: they change only with a new major version. 137, 168, 169 and 194 \
                    are never used, since Run Command gives them a meaning of its own.\n\n| code | meaning |\n|---|---|\n"
        .to_owned();
    for exit in exit::Exit::ALL {
        writeln!(text, "| {} | {} |", exit.code(), exit.meaning())
            .expect("writing to a string does not fail");
    }
    holds("exit-codes.md", &text);
}

#[test]
fn the_help_is_the_program_s() {
    let mut command = cli::command().term_width(100);
    let mut text = format!("# vivarium-agent --help\n\n```text\n{}```\n", command.render_long_help());
    command.build();
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        let (name, help) = (inner.get_name().to_owned(), inner.render_long_help());
        write!(text, "\n## vivarium-agent {name} --help\n\n```text\n{help}```\n")
            .expect("writing to a string does not fail");
    }
    holds("help.md", &text);
}
