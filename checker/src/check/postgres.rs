//! `postgres`: where libpq would go and as whom, then what the server says, held against the configuration.

use super::Trouble;
use super::look::{Means, mistake};
use super::record::{Question, Record};
use crate::database::ladder::{self, Password, TlsMode};
use crate::explain::{OwnProblem, Service};
use crate::local::libpq::{self, Login, Parameters};
use crate::local::target::{self, Place};
use crate::probe::controls::Controls;
use crate::probe::postgres::startup::NOBODY;
use crate::probe::round::{Inquiry, PostgresInquiry};

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// As it was typed.
    pub target: String,
    /// Over what the target and libpq's files say.
    pub user: Option<String>,
    /// The same.
    pub port: Option<u16>,
    /// The same.
    pub dbname: Option<String>,
    /// From how many of this machine's ports to connect besides; 0 unless asked for.
    pub sample_ports: u16,
}

/// Looks.
pub async fn look(wanted: &Wanted, means: &Means<'_>) -> Result<Record, Trouble> {
    let (mut given, place, shown) = given(wanted)?;
    let reach = match place {
        Some(place) => Some(means.reach(&place)?),
        None => None,
    };
    if let Some(reach) = &reach {
        given.set("host", reach.host.clone());
        if given.get("port").is_none() {
            given.set("port", reach.port.map(|port| port.to_string()).unwrap_or_default());
        }
    }
    let (home, user) = (means.surroundings.home(), means.surroundings.user());
    let as_user = given.get("user").is_some() || means.surroundings.variable("PGUSER").is_some();
    let login =
        libpq::login(given, &means.surroundings.for_libpq(&home, &user)).map_err(|error| mistake(&error))?;
    let known = means.reach(&Place::HostName(login.host.clone()))?.end;
    let inquiry = inquiry(&login, as_user, wanted, means);
    let mut record = Record::of(Question {
        service: Service::Postgres,
        from: String::new(),
        to: reach.and_then(|reach| reach.end).or(known).unwrap_or_default(),
        target: shown.unwrap_or_else(|| login.host.clone()),
        port: login.port,
        protocol: "tcp".into(),
        source_ports: None,
        user: Some(login.user.clone()),
    });
    if !login.more.is_empty() {
        record.notes.push(format!("of several hosts only the first was asked: {}", login.host));
    }
    record.own.sslrootcert = login.sslrootcert.as_ref().map(|path| path.display().to_string());
    let (climbed, ()) = tokio::join!(climb(&login, means), means.observe(&mut record, &inquiry));
    record.login = climbed;
    let now = record.round.as_ref().map(|round| round.name.at);
    let token = login.token.as_ref().zip(now);
    record.own.token =
        token.and_then(|(token, now)| token.mistake(&login.host, login.port, &login.user, now));
    record.own.password = login.oddity.map(|(words, hint)| OwnProblem {
        symptom: "P18".into(),
        words: words.into(),
        hint: hint.into(),
    });
    record.notes.extend(no_roots(&login, &home));
    Ok(record)
}

/// P14: what libpq would not even begin with; from here Amazon's roots are believed.
fn no_roots(login: &Login, home: &std::path::Path) -> Option<String> {
    let verifies = matches!(login.sslmode.as_deref(), Some("verify-full" | "verify-ca"));
    let usual = home.join(".postgresql/root.crt");
    let missing = verifies && login.sslrootcert.is_none() && !usual.exists();
    missing.then(|| {
        format!(
            "psql would stop here (P14): {} is not there; name RDS's bundle in sslrootcert, while Amazon's roots are built in here",
            usual.display()
        )
    })
}

/// libpq's words for it, the place where there is one to look up, and how to show it without a password.
fn given(wanted: &Wanted) -> Result<(Parameters, Option<Place>, Option<String>), Trouble> {
    let mut given = Parameters::default();
    let (place, shown) = match wanted.target.trim().strip_prefix("service=") {
        Some(service) => {
            given.set("service", service.to_owned());
            (None, None)
        }
        None => {
            let typed = target::parse(&wanted.target).map_err(|error| mistake(&error))?;
            match typed.place {
                Place::Url(parameters) => {
                    given = parameters;
                    (None, None)
                }
                place => {
                    given.set("user", typed.user.unwrap_or_default());
                    given.set("port", typed.port.map(|port| port.to_string()).unwrap_or_default());
                    (Some(place), Some(wanted.target.trim().to_owned()))
                }
            }
        }
    };
    let port = wanted.port.map(|port| port.to_string());
    for (keyword, value) in [("user", &wanted.user), ("port", &port), ("dbname", &wanted.dbname)] {
        if let Some(value) = value {
            given.set(keyword, value.clone());
        }
    }
    Ok((given, place, shown))
}

fn inquiry(login: &Login, as_user: bool, wanted: &Wanted, means: &Means) -> Inquiry {
    let web = means.online.then(|| ("checkip.amazonaws.com".to_owned(), 443));
    Inquiry {
        host: login.address.clone().unwrap_or_else(|| login.host.clone()),
        ssh: None,
        postgres: Some(PostgresInquiry {
            port: login.port,
            user: if as_user { login.user.clone() } else { NOBODY.to_owned() },
            database: login.database.clone(),
        }),
        controls: Controls { web, ..Controls::default() },
        source_ports: wanted.sample_ports.into(),
        deadline: means.deadline(),
    }
}

/// Logs in, where there is a password to log in with.
async fn climb(login: &Login, means: &Means<'_>) -> Option<super::record::Login> {
    let password: Password = login.password.clone()?;
    let target = ladder::Target {
        host: login.host.clone(),
        port: login.port,
        database: login.database.clone(),
        user: login.user.clone(),
        password,
        tls: tls(login.sslmode.as_deref()),
        sslrootcert: login.sslrootcert.clone(),
        deadline: means.deadline(),
    };
    Some(ladder::climb(&target).await.into())
}

/// libpq's `prefer` and `allow` speak TLS with whoever can: a password is not sent in plain text from here.
fn tls(sslmode: Option<&str>) -> TlsMode {
    match sslmode {
        Some("disable") => TlsMode::Disable,
        Some("verify-full") => TlsMode::VerifyFull,
        Some("verify-ca") => TlsMode::VerifyCa,
        _ => TlsMode::Require,
    }
}
