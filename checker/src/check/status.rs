//! `status`: asks EC2 and Systems Manager what instances reported. What AWS does not tell is named, and the rest is
//! told all the same.

use std::fmt;

use serde_json::Value;

use super::{Answer, Surroundings, Trouble};
use crate::aws::live::{Action, Client, ClientSettings, Failure};
use crate::aws::profile;
use crate::aws::reports::{self, Reports};
use crate::cli::{Cli, Options, Status};
use crate::fleet::{Answers, NotRead, Survey, Whom, is_id, names};
use crate::probe::together::together;

/// So many questions are on their way at once.
const AT_ONCE: usize = 4;
/// EC2 takes so many values in one filter.
const VALUES: usize = 200;

type Asked = Vec<(String, String)>;

/// What instances reported.
pub async fn status(
    asked: &Status,
    cli: &Cli,
    aws: &profile::Wanted,
    surroundings: &Surroundings,
) -> Result<Answer, Trouble> {
    suits(&cli.options)?;
    let whom = asked.fleet.clone().unwrap_or_else(|| Whom::Named(asked.targets.clone()));
    let variable = |name: &str| surroundings.variable(name).map(str::to_owned);
    let settings =
        profile::settings(aws, variable).await.map_err(|error| cannot(&whom, &error, error.hint()))?;
    let survey = survey(&whom, settings).await.map_err(|failure| cannot(&whom, &failure, hint(&failure)))?;
    Ok(Answer { text: survey.text(), json: survey.json(), page: None, exit: survey.exit() })
}

/// Options that mean nothing here.
fn suits(options: &Options) -> Result<(), Trouble> {
    let given = [
        ("--no-aws", options.no_aws),
        ("--network", options.network.is_some()),
        ("--assert", options.assert.is_some()),
        ("--apply", options.apply),
        ("--yes", options.yes),
        ("--from-instance", options.from_instance.is_some()),
        ("--report", options.report.is_some()),
        ("--save", options.save.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => {
            let hint = "leave it out: status asks Systems Manager, and nothing else";
            Err(Trouble::usage(format!("reading {option}: it means nothing to status"), hint))
        }
    }
}

fn cannot(whom: &Whom, why: &impl fmt::Display, hint: impl Into<String>) -> Trouble {
    Trouble::unknown(format!("reading what was reported of {}: {why}", whom.said()), hint)
}

/// What to do about it, where going without AWS is no way.
fn hint(failure: &Failure) -> String {
    failure.hint().replace("; --no-aws goes without", "")
}

/// A failure is one that every other question would meet as well.
async fn survey(whom: &Whom, settings: ClientSettings) -> Result<Survey, Failure> {
    let (ec2, reports) = (Client::new(settings.clone())?, Reports::new(settings)?);
    let (mut answers, mut not_read) = (Answers::default(), Vec::new());
    let is_named = matches!(whom, Whom::Named(words) if words.iter().all(|word| is_id(word)));
    match machines(whom, &ec2).await {
        Ok(told) => answers.described(&told),
        // Who was named by id is known without EC2, but for its state.
        Err(failure) => not_read.push(missing("names and states of instances", failure, !is_named)?),
    }
    match managed(whom, &answers.ids(whom), &reports).await {
        Ok(rows) => answers.pinged(&rows),
        Err(failure) => not_read.push(missing("whether instances are heard of", failure, true)?),
    }
    let ids = answers.ids(whom);
    not_read.extend(inventory(&ids, &reports, &mut answers).await?);
    if answers.lacks_a_run(&ids) {
        match reports.compliance(names::COMPLIANCE_TYPE).await {
            Ok(rows) => answers.complied(&rows),
            Err(failure) => not_read.push(missing("reports to compliance", failure, false)?),
        }
    }
    Ok(answers.survey(whom, reports.region(), not_read))
}

fn missing(what: &'static str, failure: Failure, matters: bool) -> Result<NotRead, Failure> {
    if failure.concerns_all() && !matches!(failure, Failure::NotReached { .. }) {
        return Err(failure);
    }
    Ok(NotRead { what, because: failure.to_string(), hint: hint(&failure), matters })
}

async fn machines(whom: &Whom, ec2: &Client) -> Result<Vec<Value>, Failure> {
    let mut told = Vec::new();
    for question in questions(whom) {
        told.push(ec2.ask(Action::DescribeInstances, &question).await?);
    }
    Ok(told)
}

/// An id in a filter finds none where there is none; elsewhere it is an error for all the others, too.
fn questions(whom: &Whom) -> Vec<Asked> {
    let filtered = |name: &str, values: &[&String]| {
        let values =
            values.iter().zip(1..).map(|(value, at)| (format!("Filter.1.Value.{at}"), (*value).clone()));
        std::iter::once(("Filter.1.Name".to_owned(), name.to_owned())).chain(values).collect()
    };
    match whom {
        Whom::Tagged(key, None) => vec![filtered("tag-key", &[key])],
        Whom::Tagged(key, Some(value)) => vec![filtered(&format!("tag:{key}"), &[value])],
        Whom::Named(words) => {
            let (ids, names): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| is_id(word));
            let ids = ids.chunks(VALUES).map(|part| filtered("instance-id", part));
            ids.chain(names.chunks(VALUES).map(|part| filtered("tag:Name", part))).collect()
        }
    }
}

/// Those that EC2 gave are asked for by id: Systems Manager need not know what it has no tag of.
async fn managed(whom: &Whom, ids: &[String], reports: &Reports) -> Result<Vec<Value>, Failure> {
    let mut rows = match whom {
        Whom::Tagged(key, None) => reports.managed("tag-key", std::slice::from_ref(key)).await?,
        Whom::Tagged(key, Some(value)) => {
            reports.managed(&format!("tag:{key}"), std::slice::from_ref(value)).await?
        }
        Whom::Named(words) => {
            let names: Vec<String> = words.iter().filter(|word| !is_id(word)).cloned().collect();
            reports.managed("tag:Name", &names).await?
        }
    };
    let told = |id: &&String| !rows.iter().any(|row| row["InstanceId"] == **id);
    let rest: Vec<String> = ids.iter().filter(told).cloned().collect();
    rows.extend(reports.managed("InstanceIds", &rest).await?);
    Ok(rows)
}

async fn inventory(
    ids: &[String],
    reports: &Reports,
    answers: &mut Answers,
) -> Result<Option<NotRead>, Failure> {
    let parts: Vec<&[String]> = reports::parts(ids).collect();
    let told = parts.iter().map(|part| reports.inventory(names::RUN_TYPE, part));
    let mut not_read = None;
    for (part, told) in parts.iter().zip(together(AT_ONCE, told).await) {
        match told {
            Ok(entities) => answers.ran(&entities),
            Err(failure) => {
                answers.not_ran(part);
                not_read = Some(missing("reports to inventory", failure, true)?);
            }
        }
    }
    Ok(not_read)
}
