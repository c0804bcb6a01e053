//! The way to the database from here: the checker's own probes, and the ladder where the settings have a login.

use std::time::Duration;

use vivarium_checker::database::ladder;
use vivarium_checker::host::facts::Database;
use vivarium_checker::probe::controls::Controls;
use vivarium_checker::probe::postgres::startup::NOBODY;
use vivarium_checker::probe::round::{Inquiry, PostgresInquiry, probe};

use super::Wanted;
use crate::cloud::SecretLogins;
use crate::config;
use crate::database::{DatabaseSettings, Logins, target};
use crate::world::World;

/// A probe must be back before Run Command's reader has lost patience.
const RUNG: Duration = Duration::from_secs(3);

/// Looks for the database that was named, or that of the settings; nothing where there is neither.
pub(super) async fn look(world: &World, wanted: &Wanted) -> Option<Database> {
    let settings = world.config.database.as_ref();
    let own = settings.map(|own| (own.settings.host.clone(), own.settings.port));
    let (host, port) = wanted.database.clone().or_else(|| own.clone())?;
    // The password of one database is not shown to another.
    let login = settings.filter(|_| own.as_ref() == Some(&(host.clone(), port)));
    let inquiry = Inquiry {
        host,
        ssh: None,
        postgres: Some(PostgresInquiry { port, user: NOBODY.to_owned(), database: "postgres".to_owned() }),
        controls: Controls::default(),
        source_ports: 0,
        deadline: RUNG,
    };
    let (round, climbed) = tokio::join!(probe(&inquiry), climb(world, login));
    let (login, not_tried) = match climbed {
        Some(Ok(login)) => (Some(login), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, wanted.no_settings.clone()),
    };
    Some(Database { round, login, not_tried })
}

type Climbed = Result<vivarium_checker::database::login::Login, String>;

async fn climb(world: &World, login: Option<&config::Database>) -> Option<Climbed> {
    let database = login?;
    let settings =
        DatabaseSettings { timeout: database.settings.timeout.min(RUNG), ..database.settings.clone() };
    let logins = SecretLogins { cloud: std::rc::Rc::clone(&world.cloud), database: database.clone() };
    let login = match logins.login().await {
        Ok(login) => login,
        Err(error) => return Some(Err(error.chain())),
    };
    let user =
        if login.user.is_empty() { settings.user.clone().unwrap_or_default() } else { login.user.clone() };
    Some(Ok(ladder::climb(&target(&settings, &user, login.password.reveal())).await.into()))
}
