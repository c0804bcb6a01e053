//! Makes an EC2 instance a data scientist's machine. Reads the arguments, puts the world together, calls
//! one command, prints its answer, ends with its code.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::FromArgMatches;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use vivarium_agent::again::Again;
use vivarium_agent::cli::{self, Caller, Cli, Command, Probe, Run};
use vivarium_agent::config::{self, Config, ConfigError};
use vivarium_agent::exit::Exit;
use vivarium_agent::imds::Patience;
use vivarium_agent::world::World;
use vivarium_agent::{commands, log, render};
use vivarium_bootstrap::host::http::{Http, HttpOptions, Proxies};

fn main() -> ExitCode {
    let matches = cli::command().try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    log::begin(cli.verbose);
    prepare_process();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (answer, exit) = match runtime {
        Ok(runtime) => {
            let answered = runtime.block_on(answer(cli));
            // A look-up that nobody answers would hold the exit.
            runtime.shutdown_background();
            answered
        }
        Err(error) => (
            format!("failed: starting: {error}\nhint: see that /proc and /dev are there\n"),
            Exit::Unexpected,
        ),
    };
    // A reader that went away is no failure of ours.
    let _ = std::io::stdout().write_all(answer.as_bytes());
    exit.into()
}

async fn answer(cli: Cli) -> (String, Exit) {
    match &cli.command {
        Command::Settings { sample: true, .. } => return (commands::settings::sample(), Exit::Ok),
        Command::Settings { markdown: true, .. } => return (commands::settings::markdown(), Exit::Ok),
        Command::Completions { shell } => return (commands::pages::completions(*shell), Exit::Ok),
        Command::Man { folder } => return commands::pages::man(folder),
        Command::Installer { file, json } => return in_ascii(commands::installer::examine(file, *json)),
        Command::Userdata(options) => {
            return commands::userdata::userdata(options, cli.config.as_deref(), &cli.sets);
        }
        Command::Settings { from: Some(source), .. } => {
            return in_ascii(
                commands::settings::fetch(source, cli.config.as_deref(), &cli.sets, &http()).await,
            );
        }
        _ => {}
    }
    if matches!(cli.command, Command::Run(_)) {
        config::make_last(cli.config.as_deref());
    }
    let again = Again::new(cli.config.as_deref(), &cli.sets);
    let loaded = config::load(cli.config, &cli.sets);
    if let Command::Probe(asked) = &cli.command {
        return in_ascii(with_or_without_settings(asked, &cli.command, loaded).await);
    }
    let config = match loaded {
        Ok(config) => config,
        Err(errors) => return in_ascii(commands::settings::mistakes(&errors)),
    };
    in_ascii(with_settings(&cli.command, config, &again).await)
}

/// Run Command cuts at bytes, and consoles may know no other letters.
fn in_ascii((answer, exit): (String, Exit)) -> (String, Exit) {
    (render::ascii(&answer), exit)
}

async fn with_or_without_settings(
    asked: &Probe,
    command: &Command,
    loaded: Result<Config, Vec<ConfigError>>,
) -> (String, Exit) {
    match commands::probe::settings(loaded) {
        Ok((config, why_not)) => commands::probe::probe(&world(config, command), asked, why_not).await,
        Err(errors) => commands::settings::mistakes(&errors),
    }
}

fn world(config: Config, command: &Command) -> World {
    World::new(config, patience(command), variable)
}

async fn with_settings(command: &Command, config: Config, again: &Again) -> (String, Exit) {
    let world = world(config, command);
    match command {
        Command::Run(options) => commands::run::run(&world, options, again).await,
        Command::Plan(look) => commands::plan::plan(&world, look.only.as_deref(), look.json).await,
        Command::Status(look) => commands::status::status(&world, look.only.as_deref(), look.json).await,
        Command::Doctor { json } => commands::doctor::doctor(&world, *json).await,
        Command::Report { keep_trying } => commands::report::report(&world, *keep_trying).await,
        _ => (commands::settings::checked(&world.config), Exit::Ok),
    }
}

#[expect(clippy::disallowed_methods, reason = "main is the one who reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The way out where there are no settings yet.
fn http() -> Http {
    Http::new(HttpOptions { proxies: Proxies::from_variables(variable), ..HttpOptions::default() })
}

/// At boot the metadata service may come later than we do.
fn patience(command: &Command) -> Patience {
    match command {
        Command::Run(Run { caller: Caller::Userdata | Caller::Boot, .. }) => Patience::BOOTING,
        Command::Doctor { .. } | Command::Probe(_) => Patience::within(Duration::from_secs(2)),
        _ => Patience::INTERACTIVE,
    }
}

/// Help and version are answers; anything else is wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    // Where stderr is gone there is nobody to tell.
    let _ = error.print();
    if error.use_stderr() { Exit::Settings.into() } else { Exit::Ok.into() }
}

/// What holds for this process and for all that it starts.
fn prepare_process() {
    // What is installed is for everyone on the host, whatever the caller's umask.
    umask(Mode::from_bits_truncate(0o022));
    // A core would hold the database's password. Where even this is refused, no core is written either.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}
