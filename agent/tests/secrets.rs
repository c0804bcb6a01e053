//! Every kind of secret, from an AWS that holds the caller to its role's policy; and no value in any failure.

mod parts;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use parts::Service;
use serde_json::json;
use vivarium_agent::aws::{AwsSettings, sdk_config};
use vivarium_agent::secret::{Login, SecretReference};
use vivarium_agent::secrets::{Database, login};
use vivarium_bootstrap::step::StepError;

const PASSWORD: &str = "correct-horse-9f8e7d";
const DATABASE: Database<'static> =
    Database { host: "mydb.aaaaaaaaaa.us-east-1.rds.amazonaws.com", port: 5432, user: Some("dbadmin") };

fn aws() -> Service {
    Service::start("aws.py", &[])
}

/// The role's credentials begin with ASIA; others are the lab's own and may do everything.
async fn config(service: &Service, access_key: &str) -> SdkConfig {
    let credentials = Credentials::new(access_key, "secret", None, None, "lab");
    let settings = AwsSettings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(service.endpoint.clone()),
        credentials: Some(SharedCredentialsProvider::new(credentials)),
        ..AwsSettings::default()
    };
    sdk_config(&settings).await
}

async fn as_lab(service: &Service) -> SdkConfig {
    config(service, "AKIALABLABLABLABLAB1").await
}

async fn as_instance(service: &Service) -> SdkConfig {
    config(service, "ASIALABLABLABLABLAB1").await
}

/// Creates a secret and gives its ARN.
async fn create_secret(service: &Service, name: &str, text: &str) -> String {
    let client = aws_sdk_secretsmanager::Client::new(&as_lab(service).await);
    let created = client.create_secret().name(name).secret_string(text).send().await.expect("created");
    created.arn().expect("an ARN").to_owned()
}

async fn fetch(service: &Service, reference: &str, user: Option<&str>) -> Result<Login, StepError> {
    let reference: SecretReference = reference.parse().expect("a reference");
    login(&reference, Database { user, ..DATABASE }, &as_instance(service).await).await
}

fn assert_silent(error: &StepError) {
    let all = format!("{error:?} {} {}", error.chain(), error.hint_text());
    assert!(!all.contains(PASSWORD), "{all}");
}

#[tokio::test]
async fn secrets_manager_gives_plain_text_json_and_what_rds_manages() {
    let service = aws();
    service.set("policy", json!("everything")).await;
    create_secret(&service, "plain", PASSWORD).await;
    let json = json!({"username": "owner", "password": PASSWORD}).to_string();
    let managed = create_secret(&service, "rds!db-0a1b2c3d", &json).await;
    let plain = fetch(&service, "secretsmanager:plain", Some("dbadmin")).await.expect("a login");
    assert_eq!((plain.user.as_str(), plain.password.reveal()), ("dbadmin", PASSWORD));
    let managed = fetch(&service, &format!("secretsmanager:{managed}"), None).await.expect("a login");
    assert_eq!((managed.user.as_str(), managed.password.reveal()), ("owner", PASSWORD));
}

#[tokio::test]
async fn a_secret_that_the_role_may_not_read_is_named_with_a_statement_that_helps() {
    let service = aws();
    create_secret(&service, "prod", PASSWORD).await;
    let error = fetch(&service, "secretsmanager:prod", Some("u")).await.expect_err("the stock role may not");
    assert_silent(&error);
    assert!(
        error.chain().starts_with("reading the database's password from secretsmanager:prod: access denied")
    );
    let (_, statement) = error.hint_text().split_once("role: ").expect("a statement");
    let wanted = r#"{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:us-east-1:*:secret:prod-??????"}"#;
    assert_eq!(statement, wanted);
    let statement: serde_json::Value = serde_json::from_str(statement).expect("JSON");
    service.set("policy", json!({"Statement": [statement]})).await;
    fetch(&service, "secretsmanager:prod", Some("u")).await.expect("the statement helps");
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_said_to_be_not_there() {
    let service = aws();
    service.set("policy", json!("everything")).await;
    for reference in ["secretsmanager:nothing", "ssm:/nothing"] {
        let error = fetch(&service, reference, Some("u")).await.expect_err("nothing is there");
        assert!(error.chain().contains(&format!("{reference}: not found")), "{}", error.chain());
    }
}

#[tokio::test]
async fn a_secure_string_is_decrypted_with_the_stock_role() {
    let service = aws();
    let client = aws_sdk_ssm::Client::new(&as_lab(&service).await);
    let put = client.put_parameter().name("/prod/db").value(PASSWORD);
    put.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.expect("put");
    let login = fetch(&service, "ssm:/prod/db", Some("dbadmin")).await.expect("a login");
    assert_eq!(login.password.reveal(), PASSWORD);
}

#[tokio::test]
async fn a_file_gives_its_first_line_and_only_if_no_one_else_may_read_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("password");
    fs::write(&path, format!("{PASSWORD}\r\nsecond line\n")).expect("written");
    let reference = SecretReference::File(path.clone());
    let offline = SdkConfig::builder().build();
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        let error = login(&reference, DATABASE, &offline).await.expect_err("others may");
        assert_silent(&error);
        assert!(error.chain().contains(&format!("mode {mode:03o}")), "{}", error.chain());
        assert!(error.hint_text().starts_with("chmod 600 /"));
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
    let read = login(&reference, DATABASE, &offline).await.expect("a login");
    assert_eq!(read.password.reveal(), PASSWORD);
}

#[tokio::test]
async fn a_file_that_is_missing_or_empty_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("password");
    let reference = SecretReference::File(path.clone());
    let offline = SdkConfig::builder().build();
    let error = login(&reference, DATABASE, &offline).await.expect_err("nothing is there");
    assert!(error.chain().contains(&path.display().to_string()), "{}", error.chain());
    fs::write(&path, "\n").expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
    let error = login(&reference, DATABASE, &offline).await.expect_err("nothing is in it");
    assert!(error.chain().ends_with("it is empty"), "{}", error.chain());
}

#[tokio::test]
async fn a_token_is_made_without_asking_anyone_and_needs_a_role_to_be() {
    let service = aws();
    let made = fetch(&service, "iam", Some("dbadmin")).await.expect("a token");
    assert!(made.password.reveal().contains("DBUser=dbadmin&X-Amz-Algorithm=AWS4-HMAC-SHA256"));
    assert_eq!(service.read("received").await["calls"], json!([]));
    let error = fetch(&service, "iam", None).await.expect_err("whose");
    assert!(error.hint_text().contains("database.user"));
}

#[tokio::test]
async fn a_json_secret_without_a_password_is_refused_and_not_shown() {
    let service = aws();
    service.set("policy", json!("everything")).await;
    create_secret(&service, "odd", &json!({"username": "u", "pass": PASSWORD}).to_string()).await;
    let error = fetch(&service, "secretsmanager:odd", None).await.expect_err("no password in it");
    assert_silent(&error);
}
