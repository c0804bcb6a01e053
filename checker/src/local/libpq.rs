//! Which database is meant, and as whom: libpq's keywords, from a URL, a service file, the environment and its defaults,
//! in libpq's order. The password may come from `~/.pgpass`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::Mistake;
use super::password::Token;
use super::{pgpass, service_file};
use crate::database::ladder::Password;

/// The environment's names for the keywords that matter here.
const ENVIRONMENT: [(&str, &str); 11] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGSERVICE", "service"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
];
const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// libpq's keywords and their values.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Sets a keyword; an empty value is none.
    pub fn set(&mut self, keyword: &str, value: String) {
        if !value.is_empty() {
            self.0.insert(keyword.to_owned(), value);
        }
    }

    /// The value of a keyword.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.0.get(keyword).map(String::as_str)
    }

    fn fill(&mut self, keyword: &str, value: &str) {
        if !value.is_empty() {
            self.0.entry(keyword.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(keyword, value)| match keyword {
            keyword if keyword == "password" || keyword == "sslpassword" => {
                (keyword, "(password)".to_owned())
            }
            keyword => (keyword, value),
        };
        f.debug_map().entries(self.0.clone().into_iter().map(shown)).finish()
    }
}

/// The user's side, handed in.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The environment's variables.
    pub environment: &'a BTreeMap<String, String>,
    /// The home folder.
    pub home: &'a Path,
    /// Who is logged in on this machine.
    pub local_user: &'a str,
}

/// Where to log in, and as whom.
#[derive(Debug, Clone)]
pub struct Login {
    /// The host, by name or address.
    pub host: String,
    /// `hostaddr`: where to connect, while the certificate is for the host.
    pub address: Option<String>,
    /// Its port.
    pub port: u16,
    /// Other hosts and ports to try after it.
    pub more: Vec<(String, u16)>,
    /// The database.
    pub database: String,
    /// The role.
    pub user: String,
    /// The password, if any was found.
    pub password: Option<Password>,
    /// The token of IAM that the password is, if it is one.
    pub token: Option<Token>,
    /// What looks wrong about the password, and what to do.
    pub oddity: Option<(&'static str, &'static str)>,
    /// `sslmode`, if it is set.
    pub sslmode: Option<String>,
    /// `sslrootcert`, if it is set.
    pub sslrootcert: Option<PathBuf>,
}

/// Fills what was not given from the service, the environment and libpq's defaults, and looks for the password.
pub fn login(given: Parameters, surroundings: &Surroundings) -> Result<Login, Mistake> {
    let parameters = filled(given, surroundings)?;
    let mut hosts = hosts(&parameters)?;
    let (host, port) = hosts.remove(0);
    let get = |keyword: &str| parameters.get(keyword).map(str::to_owned);
    let user = get("user").unwrap_or_else(|| surroundings.local_user.to_owned());
    let database = get("dbname").unwrap_or_else(|| user.clone());
    let mut password = get("password");
    if password.is_none() {
        let path = get("passfile").map_or_else(|| surroundings.home.join(".pgpass"), PathBuf::from);
        password =
            pgpass::read(&path, &pgpass::Login { host: &host, port, database: &database, user: &user })?;
    }
    Ok(Login {
        host,
        address: get("hostaddr"),
        port,
        more: hosts,
        database,
        user,
        token: password.as_deref().and_then(super::password::token),
        oddity: password.as_deref().and_then(super::password::oddity),
        password: password.map(Password::new),
        sslmode: sslmode(get("sslmode"))?,
        sslrootcert: get("sslrootcert").map(PathBuf::from),
    })
}

/// A service's settings come before the environment's.
fn filled(mut parameters: Parameters, surroundings: &Surroundings) -> Result<Parameters, Mistake> {
    let environment = |name: &str| surroundings.environment.get(name).map(String::as_str).unwrap_or_default();
    let service = parameters.get("service").unwrap_or_else(|| environment("PGSERVICE")).to_owned();
    if !service.is_empty() {
        for (keyword, value) in of_service(&service, surroundings)? {
            parameters.fill(&keyword, &value);
        }
    }
    for (name, keyword) in ENVIRONMENT {
        parameters.fill(keyword, environment(name));
    }
    Ok(parameters)
}

fn of_service(service: &str, surroundings: &Surroundings) -> Result<BTreeMap<String, String>, Mistake> {
    let named = |name: &str| surroundings.environment.get(name).map(PathBuf::from);
    let own = named("PGSERVICEFILE").unwrap_or_else(|| surroundings.home.join(".pg_service.conf"));
    let shared = named("PGSYSCONFDIR").map(|folder| folder.join("pg_service.conf"));
    for path in [Some(own.clone()), shared].into_iter().flatten() {
        if let Some(settings) = service_file::read(&path, service)? {
            return Ok(settings);
        }
    }
    let why = format!("there is no [{}]", service.escape_debug());
    let hint = format!("add it to {}, or name another service in PGSERVICE", own.display());
    Err(Mistake::new("looking for a service of libpq", why, hint))
}

fn hosts(parameters: &Parameters) -> Result<Vec<(String, u16)>, Mistake> {
    const DOING: &str = "looking for the database's host";
    let names = parameters.get("host").or_else(|| parameters.get("hostaddr")).unwrap_or_default();
    let ports: Vec<&str> = parameters.get("port").unwrap_or_default().split(',').collect();
    let mut hosts = Vec::new();
    for (index, name) in names.split(',').enumerate() {
        if name.is_empty() || name.starts_with('/') || name.starts_with('@') {
            let hint = "name it: postgres://user@host:5432/database, or PGHOST";
            return Err(Mistake::new(DOING, "libpq would use a socket of this machine", hint));
        }
        // One port counts for all.
        let port = if ports.len() == 1 { ports[0] } else { ports.get(index).copied().unwrap_or_default() };
        let port = match port.trim() {
            "" => 5432,
            port => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                let why = format!("\"{}\" is not a port", port.escape_debug());
                Mistake::new(DOING, why, "PGPORT and port= take a number from 1 to 65535")
            })?,
        };
        hosts.push((name.to_owned(), port));
    }
    Ok(hosts)
}

fn sslmode(word: Option<String>) -> Result<Option<String>, Mistake> {
    match word {
        Some(word) if !SSL_MODES.contains(&word.as_str()) => {
            let why = format!("there is no \"{}\"", word.escape_debug());
            Err(Mistake::new("reading sslmode", why, format!("it is one of {}", SSL_MODES.join(", "))))
        }
        word => Ok(word),
    }
}
