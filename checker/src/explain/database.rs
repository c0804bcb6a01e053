//! The database itself, where AWS tells of it: its state and events, its parameters, its certificate (P10, P13, P19,
//! P22, P26 to P28).

use jiff::SignedDuration;

use super::case::Case;
use super::diagnosis::Warning;
use super::subject;
use crate::database::verdict::DatabaseFailure;
use crate::evaluate::{Code, Gate};
use crate::network::DbInstance;

/// Events that are told: the last ones.
const MOST_EVENTS: usize = 3;
/// A certificate that runs out sooner than that is worth a warning.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 90);

/// P26 where it is on its way, P28 where it is broken, else P27: by its state.
pub fn symptom_of_state(gate: &Gate, case: &Case) -> &'static str {
    let database = case.network.and_then(|network| network.db_instances.get(&gate.element.as_str().into()));
    match database.and_then(|database| database.status.value()).map(String::as_str) {
        Some("rebooting" | "starting") => "P26",
        Some("creating" | "deleting" | "stopped" | "stopping") | None => "P27",
        Some(_) => "P28",
    }
}

/// What RDS tells of the database whose state a gate is.
pub fn events_of_gate(gate: &Gate, case: &Case) -> impl Iterator<Item = String> {
    let is_state = gate.code() == Some(Code::DatabaseNotAvailable);
    let database = case.network.and_then(|network| network.db_instances.get(&gate.element.as_str().into()));
    lines(case, database.filter(|_| is_state))
}

/// What RDS tells of the database.
pub fn events(case: &Case) -> impl Iterator<Item = String> {
    lines(case, subject::database(case))
}

fn lines(case: &Case, database: Option<&DbInstance>) -> impl Iterator<Item = String> + use<> {
    let events = database.and_then(|database| case.network?.db_events.get(&database.id));
    let last = events.map(|events| events[events.len().saturating_sub(MOST_EVENTS)..].to_vec());
    last.unwrap_or_default().into_iter().map(|event| {
        let when = event.date.map(|date| format!(" at {date}")).unwrap_or_default();
        format!("event of {}{when}: {}", event.database, event.message)
    })
}

/// The parameter group by which the database takes TLS only.
pub fn forces_tls<'a>(case: &Case<'a>) -> Option<&'a str> {
    let network = case.network?;
    let groups = &subject::database(case)?.parameter_groups;
    let forces = |name: &&String| {
        network.db_parameter_groups.get(*name).is_some_and(|group| group.force_ssl == Some(true))
    };
    groups.iter().find(forces).map(String::as_str)
}

/// What AWS adds to a login that failed.
#[derive(Debug, Default)]
pub struct Told {
    /// A more exact row.
    pub symptom: Option<&'static str>,
    /// What was read.
    pub lines: Vec<String>,
    /// A more exact way on.
    pub hint: Option<String>,
}

/// What AWS adds to a login that failed.
pub fn of_login(case: &Case, failure: DatabaseFailure) -> Told {
    use DatabaseFailure as F;
    match failure {
        F::TlsRequired | F::NoEntry => {
            let group = forces_tls(case);
            Told {
                lines: group.map(|name| format!("rds.force_ssl is 1 in {name}")).into_iter().collect(),
                ..Told::default()
            }
        }
        F::UnknownAuthority | F::NotVerified => authority(case),
        F::TokenRefused => token(case),
        F::NoSuchDatabase => no_such_database(case),
        F::StartingUp | F::ShuttingDown | F::ClosedEarly | F::Silent => {
            Told { lines: events(case).collect(), ..Told::default() }
        }
        _ => Told::default(),
    }
}

/// P13: the bundle that was named does not know the authority of the database's certificate.
fn authority(case: &Case) -> Told {
    let authority = subject::database(case).and_then(|database| database.ca_certificate.as_ref());
    let line = authority.map(|name| format!("the database's certificate is signed by {name}"));
    match (&case.own.sslrootcert, authority) {
        (Some(file), Some(name)) => Told {
            symptom: Some("P13"),
            lines: line.into_iter().collect(),
            hint: Some(format!(
                "{file} does not know {name}: get RDS's bundle anew (global-bundle.pem), or leave sslrootcert out: \
                 Amazon's roots are built in here"
            )),
        },
        _ => Told { lines: line.into_iter().collect(), ..Told::default() },
    }
}

/// P19: without IAM authentication no token is taken.
fn token(case: &Case) -> Told {
    let off = subject::database(case).filter(|database| database.iam_authentication == Some(false));
    let told = |database: &DbInstance| Told {
        lines: vec![format!("IAM authentication of {} is off", database.id)],
        hint: Some(format!(
            "`aws rds modify-db-instance --db-instance-identifier {} --enable-iam-database-authentication --apply-immediately`, \
             or log in with a password",
            database.id
        )),
        ..Told::default()
    };
    off.map(told).unwrap_or_default()
}

/// P22: which database was made with the instance.
fn no_such_database(case: &Case) -> Told {
    let Some(database) = subject::database(case) else { return Told::default() };
    let name = database.database_name.as_deref();
    let line = match name {
        Some(name) => format!("{} was made with the database {name}", database.id),
        None => format!(
            "{} was made without DBName: it has only postgres until somebody creates another",
            database.id
        ),
    };
    let hint = format!("name it: --dbname {}", name.unwrap_or("postgres"));
    Told { lines: vec![line], hint: Some(hint), ..Told::default() }
}

/// P13, before it happens: the certificate runs out.
pub fn warnings(case: &Case) -> Option<Warning> {
    let database = subject::database(case)?;
    let (ends, now) = (database.certificate_valid_till?, case.observations.first()?.at);
    (ends.duration_since(now) < SOON).then(|| Warning {
        symptom: Some("P13"),
        line: format!("the certificate of {} is valid until {ends}", database.id),
        hint: format!(
            "`aws rds modify-db-instance --db-instance-identifier {} --ca-certificate-identifier …`, after all clients \
             trust the new authority",
            database.id
        ),
    })
}
