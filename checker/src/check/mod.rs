//! Carries out what was asked: knows every room, and is known by `main` alone.

mod answer;
mod apply;
mod conclude;
mod configuration;
mod from_instance;
mod history;
mod keep;
mod live;
mod look;
mod pages;
mod path;
mod postgres;
mod record;
mod ssh;
mod status;
mod surroundings;
mod terminal;
mod trouble;
mod undo;
mod wanted;
mod whereabouts;

pub use answer::Answer;
pub use surroundings::Surroundings;
pub use terminal::Terminal;
pub use trouble::Trouble;

use self::configuration::Configuration;
use self::keep::Findings;
use self::look::Means;
use self::record::Record;
use self::wanted::Wanted;
use crate::aws::profile;
use crate::cli::{Cli, Command};
use crate::config::{self, Settings};
use crate::probe::together::together;

/// How many targets are looked at together.
const AT_ONCE: usize = 8;

/// Carries out what was asked.
pub async fn answer(cli: &Cli, surroundings: &Surroundings, terminal: &Terminal) -> Result<Answer, Trouble> {
    match &cli.command {
        Some(Command::Settings { sample: true }) => return Ok(Answer::said(config::sample())),
        Some(Command::Completions { shell }) => return Ok(Answer::said(pages::completions(*shell))),
        Some(Command::Man { folder }) => return pages::man(folder),
        _ => {}
    }
    let settings = settings(cli, surroundings)?;
    if let Some(Command::Status(asked)) = &cli.command {
        return status::status(asked, cli, &self::asked(cli, &settings), surroundings).await;
    }
    apply::refuse_what_cannot_be(cli, &settings, terminal)?;
    let hands = apply::Hands { cli, settings: &settings, surroundings, terminal };
    let mut findings = match &cli.command {
        Some(Command::Undo { name, list }) => return undo::undo(name.as_deref(), *list, &hands).await,
        Some(Command::Settings { .. }) => return Ok(Answer::said("the settings are valid\n")),
        Some(Command::Replay { folder }) => keep::read(folder)?,
        other => look(&wanted::all(other.as_ref(), &settings)?, cli, &settings, surroundings).await?,
    };
    let looked = !matches!(cli.command, Some(Command::Replay { .. }));
    if looked && !cli.options.no_history && settings.history.unwrap_or(true) {
        history::hold(&mut findings, surroundings);
    }
    let mut answers = match &cli.options.save {
        Some(folder) => keep::save(&findings, folder, surroundings)?.answers(),
        None => findings.answers(),
    };
    if let Some(report) = &cli.options.report {
        answer::report(&answers, report)?;
    }
    if cli.options.apply {
        let wanted = wanted::all(cli.command.as_ref(), &settings)?;
        answers = apply::apply(&wanted, &findings, answers, &hands).await?;
    }
    Ok(Answer::together(answers).held_against(cli.options.assert))
}

async fn look(
    wanted: &[Wanted],
    cli: &Cli,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Findings, Trouble> {
    if cli.options.from_instance.is_some() {
        from_instance::suits(wanted)?;
    }
    let configuration = configuration(wanted, cli, settings, surroundings).await?;
    let means = Means { surroundings, settings, configuration, online: online(cli, settings) };
    let looks = wanted.iter().map(async |one| match one {
        Wanted::Ssh(wanted) => ssh::look(wanted, &means).await,
        Wanted::Postgres(wanted) => postgres::look(wanted, &means).await,
        Wanted::Path(wanted) => path::record(wanted, &means.configuration),
    });
    let looked = together(AT_ONCE, looks).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    // What was said here and is not the AWS CLI's own default, the lines to type must say too.
    let asked = asked(cli, settings);
    let named = |record| Record { region: asked.region.clone(), profile: asked.profile.clone(), ..record };
    let mut records: Vec<Record> = looked.into_iter().map(named).collect();
    if let Some(which) = &cli.options.from_instance {
        for record in &mut records {
            from_instance::ask(record, which, &means, &asked).await?;
        }
    }
    Ok(Findings { records, configuration: means.configuration })
}

/// Whether AWS may be asked where this machine is.
fn online(cli: &Cli, settings: &Settings) -> bool {
    let checkip = !cli.options.no_checkip && settings.checkip.unwrap_or(true);
    checkip && !cli.options.no_aws && cli.options.network.is_none()
}

async fn configuration(
    wanted: &[Wanted],
    cli: &Cli,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Configuration, Trouble> {
    let options = &cli.options;
    if let Some(folder) = options.network.as_ref().or(settings.network.as_ref()) {
        return Configuration::of_folder(folder);
    }
    if options.no_aws {
        return Ok(Configuration::none("it was not asked for"));
    }
    Ok(live::read(wanted, &asked(cli, settings), surroundings).await)
}

/// Whom and where to ask, as far as somebody has said.
fn asked(cli: &Cli, settings: &Settings) -> profile::Wanted {
    let (options, aws) = (&cli.options, &settings.aws);
    profile::Wanted {
        profile: options.profile.as_ref().or(aws.profile.as_ref()).cloned(),
        region: options.region.as_ref().or(aws.region.as_ref()).cloned(),
        endpoint: options.endpoint.as_ref().or(aws.endpoint.as_ref()).cloned(),
    }
}

fn settings(cli: &Cli, surroundings: &Surroundings) -> Result<Settings, Trouble> {
    let usual = surroundings.settings().join("check.toml");
    config::load(cli.options.config.as_deref(), Some(&usual))
        .map_err(|mistake| Trouble::usage(&mistake, mistake.hint()))
}

/// What `replay` says of this record and network: the fuzzers' way in, who have no folder.
#[cfg(fuzzing)]
pub fn replayed(record: &[u8], network: Option<&crate::network::Network>) -> Option<Answer> {
    let record = serde_json::from_slice(record).ok()?;
    Some(conclude::conclude(&record, network))
}
