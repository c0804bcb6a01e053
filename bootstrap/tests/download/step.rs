//! The step as the engine meets it, and the second opinion on its hash.

use std::path::PathBuf;
use std::time::Duration;

use vivarium_bootstrap::download::step::Download;
use vivarium_bootstrap::settings::{
    AnacondaSettings, BlankPolicy, FilesystemKind, InstallerChoice, MountSettings, Psycopg2, PythonSettings,
    Settings, VolumeIdentity, VolumeSettings, WheelSource,
};
use vivarium_bootstrap::step::{Failure, State, Step};

use super::bench::{Bench, file, sha256};
use super::server::{Seen, Server, answer, honest, status};

const SIZE: usize = 100_000;
const PLACE: &str = "/anaconda/.vivarium/downloads/installer.sh";

/// A server with the installer, and with this list beside it.
async fn vendor(list: impl Fn(&Seen) -> Option<String> + Send + Sync + 'static) -> (Server, Bench) {
    let bytes = file(SIZE);
    let wanted = bytes.clone();
    let server = Server::plain(move |seen| match seen.path.as_str() {
        "/archive/.files.json" => match list(seen) {
            Some(list) => answer("200 OK", &[("content-length", &list.len().to_string())], list.as_bytes()),
            None => status("404 Not Found", &[]),
        },
        _ => honest(&bytes, "\"one\"", seen),
    })
    .await;
    let mut bench = Bench::new(vec![server.url("/archive/installer.sh")], &wanted);
    bench.settings.second_opinion = true;
    (server, bench)
}

fn settings(bench: &Bench) -> Settings {
    let (urls, sha256) = (bench.request.urls.clone(), bench.request.sha256.clone());
    Settings {
        volume: VolumeSettings {
            identity: VolumeIdentity::Path("/dev/null".into()),
            wait: Duration::ZERO,
            filesystem: FilesystemKind::Ext4,
            blank: BlankPolicy::Zeros,
            format_if_unrecognised: None,
        },
        mount: MountSettings { point: PathBuf::from("/anaconda"), allow_duplicate_uuid: false },
        anaconda: AnacondaSettings {
            installer: InstallerChoice::Own { urls, sha256 },
            mirrors: Vec::new(),
            accept_license: true,
            prefix: PathBuf::from("/anaconda/anaconda3"),
            keep_installer: false,
            patience: Duration::from_mins(1),
        },
        download: bench.settings.clone(),
        python: PythonSettings {
            psycopg2: Psycopg2::Binary(None),
            wheels: WheelSource::DefaultIndex,
            upgrade_pip: false,
            profile: PathBuf::from("/etc/profile.d/vivarium.sh"),
        },
    }
}

#[tokio::test]
async fn the_step_says_what_it_would_do_does_it_and_is_done() {
    let (server, bench) = vendor(|_| None).await;
    let (host, step) = (bench.host(), Download::new(&settings(&bench)));
    let State::Todo(changes) = step.inspect(&host).await.expect("it looks") else {
        panic!("nothing is there")
    };
    assert!(changes[0].contains("download installer.sh") && changes[0].contains(&server.url("/archive")));
    assert!(!bench.path("/anaconda").exists(), "to look changes nothing");
    step.apply(&host).await.expect("it is there");
    for step in [step, Download::new(&settings(&bench))] {
        let State::Done(evidence) = step.inspect(&host).await.expect("it looks") else {
            panic!("it is there")
        };
        assert!(evidence.summary.contains(PLACE) && evidence.summary.contains(bench.request.sha256.as_str()));
        assert_eq!(evidence.facts["installer"], "installer.sh");
    }
}

#[tokio::test]
async fn an_installer_that_was_changed_after_it_was_verified_is_not_believed() {
    let (_server, bench) = vendor(|_| None).await;
    let (host, step) = (bench.host(), Download::new(&settings(&bench)));
    step.apply(&host).await.expect("it is there");
    std::fs::write(bench.path(PLACE), file(SIZE - 1)).expect("written");
    assert!(matches!(step.inspect(&host).await.expect("it looks"), State::Todo(_)));
}

#[tokio::test]
async fn a_list_with_another_hash_refuses_the_download_and_both_are_named() {
    let other = sha256(b"other");
    let (server, bench) =
        vendor(move |_| Some(format!(r#"{{"installer.sh": {{"sha256": "{other}"}}}}"#))).await;
    let error = Download::new(&settings(&bench)).apply(&bench.host()).await.expect_err("they differ");
    assert_eq!(error.failure(), Failure::Download);
    let text = error.chain();
    for word in
        [bench.request.sha256.as_str(), sha256(b"other").as_str(), &server.url("/archive/.files.json")]
    {
        assert!(text.contains(word), "{word} is not said in: {text}");
    }
    assert!(error.hint_text().contains("download.second_opinion"));
    assert!(!bench.path(PLACE).exists() && server.seen().len() == 1);
}

#[tokio::test]
async fn a_list_that_agrees_or_makes_no_sense_changes_nothing() {
    for list in
        [format!(r#"{{"installer.sh": {{"sha256": "{}"}}}}"#, sha256(&file(SIZE))), "<html>".to_owned()]
    {
        let (_server, bench) = vendor(move |_| Some(list.clone())).await;
        Download::new(&settings(&bench)).apply(&bench.host()).await.expect("it is there");
        assert!(bench.path(PLACE).exists());
    }
}
