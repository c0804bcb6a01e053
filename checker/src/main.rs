//! Finds out why an instance or its database cannot be reached. Reads the arguments and the environment, calls one
//! command, prints its answer, ends with its code.

use std::io::Write;
use std::process::ExitCode;

use clap::FromArgMatches;
use vivarium_checker::check::{self, Answer, Surroundings, Terminal, Trouble};
use vivarium_checker::cli::{self, Cli};
use vivarium_checker::exit::Exit;
use vivarium_checker::log;

fn main() -> ExitCode {
    let matches = cli::command().try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    log::begin(cli.options.verbose);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let answered = match runtime {
        Ok(runtime) => {
            let answered = runtime.block_on(answered(&cli));
            // A look-up that nobody answers would hold the exit.
            runtime.shutdown_background();
            answered
        }
        Err(error) => {
            Err(Trouble::unknown(format!("starting: {error}"), "see that /proc and /dev are there"))
        }
    };
    say(answered, cli.options.json).into()
}

async fn answered(cli: &Cli) -> Result<Answer, Trouble> {
    let surroundings = Surroundings::new(environment());
    let terminal = Terminal::new();
    tokio::select! {
        answered = check::answer(cli, &surroundings, &terminal) => answered,
        _ = tokio::signal::ctrl_c() => Err(told_to_end(&terminal)),
    }
}

fn told_to_end(terminal: &Terminal) -> Trouble {
    if terminal.has_changed() {
        let hint = "`vivarium-check undo --list` shows what stands, and `vivarium-check undo` takes it back";
        Trouble::unknown("changing AWS: it was told to end, and a change may have been made", hint)
    } else {
        Trouble::unknown("looking: it was told to end", "nothing was changed, here or in AWS")
    }
}

/// The environment; what is not text in it means nothing here.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The answer on stdout; on stderr why there is none, with the same on stdout for a program that waits for JSON.
fn say(answered: Result<Answer, Trouble>, as_json: bool) -> Exit {
    let (text, exit) = match answered {
        Ok(answer) => (answer.printed(as_json), answer.exit),
        Err(trouble) => {
            // Where stderr is gone there is nobody to tell.
            let _ = write!(std::io::stderr(), "{trouble}");
            (if as_json { trouble.printed() } else { String::new() }, trouble.exit())
        }
    };
    // A reader that went away is no failure of ours.
    let _ = std::io::stdout().write_all(text.as_bytes());
    exit
}

/// Help and version are answers; anything else is wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    // Where stderr is gone there is nobody to tell.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Reachable.into() }
}
