//! The step that proves the database, twice: by the agent's own ladder, and by `$python3` as its user will ask.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use vivarium_bootstrap::host::{Host, clock, files};
use vivarium_bootstrap::python::proof::{self, Answer, Question, Unanswered};
use vivarium_bootstrap::step::{Evidence, Failure, State, Step, StepError};
use vivarium_checker::database::ladder::{self, Broken, Password, Proof, Target, TlsMode};
use vivarium_checker::database::verdict::DatabaseFailure;
use vivarium_checker::database::{libpq, roots};

use crate::secret::Login;

/// Where psycopg2 finds Amazon's RDS roots; anyone's `sslrootcert` may name it.
pub const ROOTS: &str = "/var/lib/vivarium/rds-roots.pem";
/// A clock that is further off than this makes IAM tokens and certificates fail.
const SKEW: i64 = 300;

/// Which database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// The endpoint's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database on the server.
    pub name: String,
    /// The role, where the secret does not say it.
    pub user: Option<String>,
    /// Certificates to believe in place of Amazon's.
    pub sslrootcert: Option<PathBuf>,
    /// How much is believed of the server.
    pub sslmode: TlsMode,
    /// How long each rung of the ladder may take.
    pub timeout: Duration,
}

impl fmt::Display for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{}", self.name, self.host, self.port)
    }
}

/// Where the role and its password come from.
#[async_trait(?Send)]
pub trait Logins {
    /// Fetches them.
    async fn login(&self) -> Result<Login, StepError>;
}

/// The step.
pub struct DatabaseProof {
    asked: Option<(DatabaseSettings, Box<dyn Logins>)>,
    interpreter: PathBuf,
}

impl DatabaseProof {
    /// Asks this database, with this login, through this interpreter too; or nothing at all.
    pub fn new(interpreter: PathBuf, asked: Option<(DatabaseSettings, Box<dyn Logins>)>) -> Self {
        Self { asked, interpreter }
    }

    /// The settings; and what is missing on this host before the question can be asked.
    fn missing(&self, host: &Host, settings: &DatabaseSettings) -> Result<Option<String>, StepError> {
        if !host.path(&self.interpreter).exists() {
            return Ok(Some(format!("ask database {settings} for NOW(), {}", self.once("is there"))));
        }
        if needs_roots(settings) && !roots_are_current(host)? {
            return Ok(Some(format!("write Amazon's RDS root certificates to {ROOTS}")));
        }
        Ok(None)
    }

    fn once(&self, what: &str) -> String {
        format!("once {} {what}", self.interpreter.display())
    }

    async fn ask(
        &self,
        host: &Host,
        settings: &DatabaseSettings,
        logins: &dyn Logins,
    ) -> Result<State, StepError> {
        let login = logins.login().await?;
        let user = if login.user.is_empty() {
            settings.user.as_deref().unwrap_or_default()
        } else {
            login.user.as_str()
        };
        let target = target(settings, user, login.password.reveal());
        let file = trusted(host, settings);
        let question = question(settings, user, login.password.reveal(), file.as_deref());
        match tokio::join!(ladder::climb(&target), proof::ask(host, &self.interpreter, &question)) {
            (_, Err(Unanswered::NoPsycopg2(_))) => {
                Ok(State::todo(format!("ask database {settings} for NOW(), {}", self.once("has psycopg2"))))
            }
            (Ok(ours), Ok(theirs)) => {
                Ok(State::Done(evidence(&self.interpreter, &ours, &theirs, clock::now().as_second())))
            }
            (ours, theirs) => Err(refused(settings, &self.interpreter, ours, theirs)),
        }
    }
}

#[async_trait(?Send)]
impl Step for DatabaseProof {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn inspect(&self, host: &Host) -> Result<State, StepError> {
        let Some((settings, logins)) = &self.asked else {
            return Ok(State::Skipped("no database in the settings".to_owned()));
        };
        match self.missing(host, settings)? {
            Some(change) => Ok(State::todo(change)),
            None => self.ask(host, settings, logins.as_ref()).await,
        }
    }

    async fn apply(&self, host: &Host) -> Result<(), StepError> {
        if let Some((settings, _)) = &self.asked
            && needs_roots(settings)
            && !roots_are_current(host)?
        {
            return write_roots(host);
        }
        Err(StepError::new(Failure::Database, "asking the database through $python3")
            .because(format!(
                "{} or its psycopg2 is missing, and this step only asks",
                self.interpreter.display()
            ))
            .hint("run without --only, so that the steps anaconda and psycopg2 come first"))
    }
}

/// Whether certificates are verified, and by Amazon's roots.
fn needs_roots(settings: &DatabaseSettings) -> bool {
    settings.sslrootcert.is_none() && matches!(settings.sslmode, TlsMode::VerifyFull | TlsMode::VerifyCa)
}

fn roots_are_current(host: &Host) -> Result<bool, StepError> {
    match fs::read(host.path(ROOTS)) {
        Ok(bytes) => Ok(bytes == roots::RDS_ROOTS_PEM.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StepError::new(Failure::Unexpected, format!("reading {ROOTS}")).because(error)),
    }
}

fn write_roots(host: &Host) -> Result<(), StepError> {
    let path = host.path(ROOTS);
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)
        .and_then(|()| files::replace(&path, roots::RDS_ROOTS_PEM.as_bytes(), 0o644))
        .map_err(|error| StepError::new(Failure::Unexpected, format!("writing {ROOTS}")).because(error))
}

/// The file psycopg2 is to believe. With `require` it is given none: libpq would verify by it.
fn trusted(host: &Host, settings: &DatabaseSettings) -> Option<PathBuf> {
    match settings.sslmode {
        TlsMode::Require | TlsMode::Disable => None,
        TlsMode::VerifyFull | TlsMode::VerifyCa => {
            Some(settings.sslrootcert.clone().unwrap_or_else(|| host.path(ROOTS)))
        }
    }
}

/// What the ladder is to climb.
pub fn target(settings: &DatabaseSettings, user: &str, password: &str) -> Target {
    Target {
        host: settings.host.clone(),
        port: settings.port,
        database: settings.name.clone(),
        user: user.to_owned(),
        password: Password::new(password),
        tls: settings.sslmode,
        sslrootcert: settings.sslrootcert.clone(),
        deadline: settings.timeout,
    }
}

fn question<'a>(
    settings: &'a DatabaseSettings,
    user: &'a str,
    password: &'a str,
    sslrootcert: Option<&'a Path>,
) -> Question<'a> {
    Question {
        host: &settings.host,
        port: settings.port,
        database: &settings.name,
        user,
        password,
        sslmode: settings.sslmode.as_str(),
        sslrootcert,
        timeout: settings.timeout,
    }
}

fn evidence(interpreter: &Path, ours: &Proof, theirs: &Answer, clock: i64) -> Evidence {
    let answer = &ours.answer;
    let version = answer.server_version.split_whitespace().next().unwrap_or_default();
    let privacy = match &answer.tls {
        Some(tls) => format!("over {}", tls.replacen("TLSv", "TLS ", 1)),
        None => "in plain text".to_owned(),
    };
    let summary = format!(
        "SELECT NOW() answered twice by PostgreSQL {version} {privacy}: to the agent and to {}",
        interpreter.display()
    );
    let evidence = Evidence { summary, ..Evidence::default() }
        .fact("database_now", &answer.now)
        .fact("database_now_python3", &theirs.now)
        .fact("database_version", version)
        .fact("database_tls", answer.tls.as_deref().unwrap_or("none"))
        .fact("database_address", ours.address.to_string());
    let skew = clock - answer.epoch;
    if skew.abs() > SKEW { evidence.fact("clock_skew_seconds", skew.to_string()) } else { evidence }
}

/// The two clients' verdicts as one failure: said once where they agree, side by side where not.
fn refused(
    settings: &DatabaseSettings,
    interpreter: &Path,
    ours: Result<Proof, Broken>,
    theirs: Result<Answer, Unanswered>,
) -> StepError {
    let python = interpreter.display();
    let theirs = theirs.map_err(|error| Verdict::of(&error));
    let hint = match (&ours, &theirs) {
        (Err(broken), _) => broken.failure.hint(),
        (Ok(_), Err(verdict)) => verdict.failure.map_or("", DatabaseFailure::hint),
        (Ok(_), Ok(_)) => "",
    };
    let cause = match (ours, theirs) {
        (Err(ours), Err(theirs))
            if theirs.failure.is_some_and(|failure| failure.agrees_with(ours.failure)) =>
        {
            format!("{ours}; {python} is told the same")
        }
        (Err(ours), Err(theirs)) => format!("the agent: {ours}; {python}: {theirs}"),
        (Err(ours), Ok(_)) => format!("{python} was answered, the agent was not: {ours}"),
        (Ok(_), Err(theirs)) => format!("the agent was answered, {python} was not: {theirs}"),
        (Ok(_), Ok(_)) => String::new(),
    };
    StepError::new(Failure::Database, format!("asking database {settings} for NOW()"))
        .because(cause)
        .hint(hint)
}

/// What `$python3` was told, put into the ladder's words where it was the database who said it.
struct Verdict {
    failure: Option<DatabaseFailure>,
    words: String,
}

impl Verdict {
    fn of(error: &Unanswered) -> Self {
        let failure = match error {
            Unanswered::Refused(refusal) => Some(libpq::failure(refusal.code.as_deref(), &refusal.message)),
            _ => None,
        };
        Self { failure, words: error.to_string() }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failure {
            Some(failure) => write!(f, "{failure} ({})", self.words),
            None => f.write_str(&self.words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> DatabaseSettings {
        DatabaseSettings {
            host: "mydb.example".to_owned(),
            port: 5432,
            name: "app".to_owned(),
            user: None,
            sslrootcert: None,
            sslmode: TlsMode::VerifyFull,
            timeout: Duration::from_secs(5),
        }
    }

    fn broken(failure: DatabaseFailure) -> Result<Proof, Broken> {
        let rung = vivarium_checker::database::verdict::Rung::Tcp;
        Err(Broken { rung, failure, detail: "10.0.2.20:5432".to_owned(), climbed: Vec::new() })
    }

    fn refusal(message: &str) -> Result<Answer, Unanswered> {
        let class = "OperationalError".to_owned();
        Err(Unanswered::Refused(proof::Refusal { message: message.to_owned(), code: None, class }))
    }

    fn answer() -> Answer {
        Answer {
            now: "2026-11-23 14:05:00+00:00".to_owned(),
            epoch: 1_795_442_700,
            server_version: "15.18".to_owned(),
            tls: None,
            libpq_version: 170_011,
            psycopg2_version: "2.9.13".to_owned(),
        }
    }

    fn chain(ours: Result<Proof, Broken>, theirs: Result<Answer, Unanswered>) -> String {
        refused(&settings(), Path::new("/anaconda/anaconda3/bin/python"), ours, theirs).chain()
    }

    #[test]
    fn two_clients_that_agree_are_quoted_once() {
        assert_eq!(
            chain(broken(DatabaseFailure::Refused), refusal("could not connect: Connection refused")),
            "asking database app at mydb.example:5432 for NOW(): TCP: the port refuses connections \
             (10.0.2.20:5432); /anaconda/anaconda3/bin/python is told the same"
        );
    }

    #[test]
    fn two_clients_that_disagree_are_shown_side_by_side() {
        let both =
            chain(broken(DatabaseFailure::TimedOut), refusal("FATAL:  sorry, too many clients already"));
        assert!(both.contains("the agent: TCP: no answer from the address (10.0.2.20:5432); "), "{both}");
        assert!(
            both.contains("bin/python: the server's connection slots are all in use (FATAL: sorry"),
            "{both}"
        );
        let one = chain(broken(DatabaseFailure::TimedOut), Ok(answer()));
        assert!(one.contains("bin/python was answered, the agent was not: TCP: no answer"), "{one}");
    }

    #[test]
    fn the_summary_says_the_same_of_the_same_database_and_the_facts_carry_the_time() {
        let ours = Proof {
            answer: vivarium_checker::database::question::Answer {
                now: "2026-11-23 14:05:00+00".to_owned(),
                epoch: 1_795_442_700,
                server_version: "15.18 (Debian 15.18-0+deb12u1)".to_owned(),
                in_recovery: false,
                tls: Some("TLSv1.3".to_owned()),
                cipher: None,
            },
            address: "10.0.2.20:5432".parse().expect("an address"),
            rungs: Vec::new(),
        };
        let python = Path::new("/anaconda/anaconda3/bin/python");
        let seen = evidence(python, &ours, &answer(), 1_795_442_701);
        let wanted = "SELECT NOW() answered twice by PostgreSQL 15.18 over TLS 1.3: to the agent and to \
                      /anaconda/anaconda3/bin/python";
        assert_eq!(seen.summary, wanted);
        assert_eq!(seen.facts["database_now_python3"], "2026-11-23 14:05:00+00:00");
        assert!(!seen.facts.contains_key("clock_skew_seconds"));
        let late = evidence(python, &ours, &answer(), 1_795_442_700 - 301);
        assert_eq!(late.facts["clock_skew_seconds"], "-301");
    }
}
