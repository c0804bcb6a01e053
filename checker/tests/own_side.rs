//! The user's own side, against a real PostgreSQL at this end of what could be a tunnel: the whole command, from its
//! arguments to its answer. Each test bears the number of its row in the table of symptoms.

#[expect(dead_code, reason = "the ladder's tests need more of it")]
mod support;

use clap::FromArgMatches;
use serde_json::Value;
use support::certificates::{Authority, Validity};
use support::network;
use support::server::Server;
use vivarium_checker::check::{self, Surroundings, Terminal};
use vivarium_checker::cli::{self, Cli};

const NAME: &str = "mydb.abc123.eu-west-1.rds.amazonaws.com";

/// What `vivarium-check postgres` says, to programs and to people.
fn said(url: &str, variables: &[(&str, &str)]) -> (Value, String) {
    let words = ["vivarium-check", "postgres", url, "--no-aws", "--no-history"];
    let matches = cli::command().try_get_matches_from(words).expect("a command line");
    let cli = Cli::from_arg_matches(&matches).expect("a command");
    let home = tempfile::tempdir().expect("a folder");
    let home = home.path().to_string_lossy().into_owned();
    let given = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let surroundings =
        Surroundings::new(given.chain([("HOME".to_owned(), home), ("USER".to_owned(), "ada".to_owned())]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer =
        runtime.block_on(check::answer(&cli, &surroundings, &Terminal::default())).expect("an answer");
    runtime.shutdown_background();
    (answer.json.clone(), answer.text)
}

fn row(url: &str, variables: &[(&str, &str)]) -> String {
    let (json, text) = said(url, variables);
    json["findings"][0]["symptom"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn server() -> Server {
    Server::started(Some(&Authority::new("Somebody").identity(NAME, Validity::Now)), "")
}

#[test]
fn p32_another_postgresql_at_this_end_of_a_tunnel_is_told_by_its_certificate() {
    network::inside(|| {
        let _server = server();
        assert_eq!(row("postgres://app:right@127.0.0.1:5432/postgres?sslmode=verify-ca", &[]), "P32");
    });
}

#[test]
fn p32_a_postgresql_without_tls_at_this_end_of_a_tunnel_is_not_rds() {
    network::inside(|| {
        let _server = Server::started(None, "");
        assert_eq!(row("postgres://app:right@127.0.0.1:5432/postgres?sslmode=require", &[]), "P32");
    });
}

#[test]
fn p9_p17_p18_p19_and_p22_what_is_wrong_with_a_login_is_told_apart() {
    network::inside(|| {
        let _server = server();
        let at = |login: &str, database: &str| {
            format!("postgres://{login}@127.0.0.1:5432/{database}?sslmode=require")
        };
        let (json, text) = said(&at("app:wrong", "postgres"), &[]);
        assert_eq!(json["findings"][0]["symptom"], "P17", "{text}");
        assert!(text.contains("no pg_hba.conf entry … no encryption"), "{text}");
        // Encoded twice: libpq decodes it once.
        let (json, text) = said(&at("app:r%2569ght", "postgres"), &[]);
        assert_eq!(json["findings"][0]["symptom"], "P18", "{text}");
        assert!(!text.contains("r%69ght"), "{text}");
        let token = format!(
            "{NAME}:5432/?Action=connect&DBUser=app&X-Amz-Date=20261123T150000Z&X-Amz-Expires=900\
            &X-Amz-Credential=AKIA%2F20261123%2Feu-west-1%2Frds-db%2Faws4_request&X-Amz-Signature={}",
            "ab".repeat(32)
        );
        let (json, text) = said(&at("app", "postgres"), &[("PGPASSWORD", &token)]);
        assert_eq!(json["findings"][0]["symptom"], "P19", "{text}");
        assert!(text.contains("the token is for mydb.abc123") && !text.contains("abab"), "{text}");
        assert_eq!(row(&at("app:right", "nowhere"), &[]), "P22");
        let (json, text) = said(&at("app:right", "postgres"), &[]);
        assert_eq!(json["verdict"], "reachable", "{text}");
    });
}

#[test]
fn p14_and_p31_a_file_of_roots_that_psql_would_miss_and_a_tunnel_that_is_not_there() {
    network::inside(|| {
        let (json, text) = said("postgres://app:right@127.0.0.1:5433/postgres?sslmode=verify-full", &[]);
        assert_eq!(json["findings"][0]["symptom"], "P31", "{text}");
        assert!(
            text.contains("psql would stop here (P14)") && text.contains(".postgresql/root.crt"),
            "{text}"
        );
    });
}
