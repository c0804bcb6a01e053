use super::*;
use vivarium_bootstrap::host::block::System as Controllers;
use vivarium_bootstrap::host::http::Http;
use vivarium_bootstrap::host::processes::System;
use vivarium_bootstrap::host::progress::Silent;
use vivarium_bootstrap::journal::Journal;

use std::sync::LazyLock;

static VOLUME: LazyLock<VolumeIdentity> = LazyLock::new(|| VolumeIdentity::Path("/dev/sdf".into()));

fn host(root: &std::path::Path) -> Host {
    let journal = Journal::at(root.join("journal"));
    Host::new(root, Box::new(System), Http::direct(), Box::new(Controllers), Box::new(Silent), journal)
}

/// A patient whose every peer is at this address of this host.
fn patient(host: &Host, port: u16) -> Patient<'_> {
    let needed = |name: &str| Needed {
        name: name.to_owned(),
        url: format!("https://127.0.0.1:{port}/"),
        required: true,
    };
    Patient {
        host,
        volume: &VOLUME,
        mount_point: Path::new("/anaconda"),
        metadata_endpoint: format!("http://127.0.0.1:{port}"),
        hosts: vec![needed("the archive"), needed("the wheel index")],
        database: Some(("127.0.0.1".to_owned(), port)),
        ssm: None,
        temporary: "/tmp".into(),
        space: 1 << 30,
    }
}

#[tokio::test]
async fn with_nothing_reachable_every_finding_comes_all_the_same() {
    let root = tempfile::tempdir().expect("a root with nothing in it");
    let host = host(root.path());
    let findings = examine(&patient(&host, 1)).await;
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check.as_str()).collect();
    let wanted = [
        "metadata service",
        "hop limit",
        "instance role",
        "clock",
        "egress to the archive",
        "egress to the wheel index",
        "way to the database",
        "SSM permissions",
        "volume",
        "space",
        "memory",
        "programs in /tmp",
        "programs in /var/lib/amazon/ssm",
        "run lock",
        "package manager",
    ];
    assert_eq!(checks, wanted);
    assert_eq!(worst(&findings), Status::Bad);
    let left: Vec<_> = std::fs::read_dir(root.path()).expect("still there").collect();
    assert!(left.is_empty(), "the doctor has made {left:?}");
}

#[tokio::test]
async fn peers_that_take_connections_and_say_nothing_are_not_waited_for_one_after_another() {
    let root = tempfile::tempdir().expect("a root with nothing in it");
    let host = host(root.path());
    // Never accepted from: the kernel connects, and nobody answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let findings = examine(&patient(&host, silent.local_addr().expect("its address").port())).await;
    let found =
        |check: &str| findings.iter().find(|finding| finding.check == check).expect("it is always there");
    assert_eq!(found("hop limit").status, Status::Bad);
    assert!(found("egress to the archive").what.contains("timed out"), "{}", found("egress to the archive"));
    assert!(
        found("way to the database").what.contains("does not answer"),
        "{}",
        found("way to the database")
    );
}
