//! Carries out what was asked: knows every room, and is known by `main` alone.

mod answer;
mod conclude;
mod configuration;
mod history;
mod keep;
mod live;
mod look;
mod path;
mod postgres;
mod record;
mod ssh;
mod surroundings;
mod trouble;
mod wanted;
mod whereabouts;

pub use answer::Answer;
pub use surroundings::Surroundings;
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
pub async fn answer(cli: &Cli, surroundings: &Surroundings) -> Result<Answer, Trouble> {
    if let Some(Command::Settings { sample: true }) = cli.command {
        return Ok(Answer::said(config::sample()));
    }
    let settings = settings(cli, surroundings)?;
    let mut findings = match &cli.command {
        Some(Command::Settings { .. }) => return Ok(Answer::said("the settings are valid\n")),
        Some(Command::Replay { folder }) => keep::read(folder)?,
        other => look(&wanted::all(other.as_ref(), &settings)?, cli, &settings, surroundings).await?,
    };
    let looked = !matches!(cli.command, Some(Command::Replay { .. }));
    if looked && !cli.options.no_history && settings.history.unwrap_or(true) {
        history::hold(&mut findings, surroundings);
    }
    if let Some(folder) = &cli.options.save {
        findings = keep::save(&findings, folder, surroundings)?;
    }
    let answers = findings.answers();
    if let Some(report) = &cli.options.report {
        answer::report(&answers, report)?;
    }
    Ok(Answer::together(answers).held_against(cli.options.assert))
}

async fn look(
    wanted: &[Wanted],
    cli: &Cli,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Findings, Trouble> {
    let configuration = configuration(wanted, cli, settings, surroundings).await?;
    let means = Means { surroundings, settings, configuration, online: online(cli) };
    let looks = wanted.iter().map(async |one| match one {
        Wanted::Ssh(wanted) => ssh::look(wanted, &means).await,
        Wanted::Postgres(wanted) => postgres::look(wanted, &means).await,
        Wanted::Path(wanted) => path::record(wanted, &means.configuration),
    });
    let looked = together(AT_ONCE, looks).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    // What was said here and is not the AWS CLI's own default, the lines to type must say too.
    let region = cli.options.region.as_ref().or(settings.aws.region.as_ref());
    let profile = cli.options.profile.as_ref().or(settings.aws.profile.as_ref());
    let named = |record| Record { region: region.cloned(), profile: profile.cloned(), ..record };
    let records = looked.into_iter().map(named).collect();
    Ok(Findings { records, configuration: means.configuration })
}

/// Whether AWS may be asked.
fn online(cli: &Cli) -> bool {
    !cli.options.no_aws && cli.options.network.is_none()
}

async fn configuration(
    wanted: &[Wanted],
    cli: &Cli,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Configuration, Trouble> {
    let (options, aws) = (&cli.options, &settings.aws);
    if let Some(folder) = options.network.as_ref().or(settings.network.as_ref()) {
        return Configuration::of_folder(folder);
    }
    if options.no_aws {
        return Ok(Configuration::none("it was not asked for"));
    }
    let asked = profile::Wanted {
        profile: options.profile.as_ref().or(aws.profile.as_ref()).cloned(),
        region: options.region.as_ref().or(aws.region.as_ref()).cloned(),
        endpoint: options.endpoint.as_ref().or(aws.endpoint.as_ref()).cloned(),
    };
    Ok(live::read(wanted, &asked, surroundings).await)
}

fn settings(cli: &Cli, surroundings: &Surroundings) -> Result<Settings, Trouble> {
    let usual = surroundings.settings().join("check.toml");
    config::load(cli.options.config.as_deref(), Some(&usual))
        .map_err(|mistake| Trouble::usage(&mistake, mistake.hint()))
}
