//! Anaconda's installer is run, for real, in the shape of today's and of 2017's: the stand-in that the lab
//! makes has the header, the flags, the checks and the habits of the vendor's, and a real Python in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use vivarium_bootstrap::anaconda::install::{InstallAnaconda, hash};
use vivarium_bootstrap::anaconda::wanted::Wanted;
use vivarium_bootstrap::host::Host;
use vivarium_bootstrap::host::block;
use vivarium_bootstrap::host::http::Http;
use vivarium_bootstrap::host::processes::System;
use vivarium_bootstrap::host::progress::Silent;
use vivarium_bootstrap::journal::Journal;
use vivarium_bootstrap::python::profile::PublishPython3;
use vivarium_bootstrap::python::psycopg2::InstallPsycopg2;
use vivarium_bootstrap::settings::{
    AnacondaSettings, BlankPolicy, DownloadSettings, FilesystemKind, InstallerChoice, MountSettings,
    Psycopg2, PythonSettings, Settings, VolumeIdentity, VolumeSettings, WheelSource,
};
use vivarium_bootstrap::step::{Failure, State, Step};

/// An installer made once for all tests of this file.
fn installer(era: &'static str) -> &'static Path {
    static TODAY: OnceLock<PathBuf> = OnceLock::new();
    static OF_2017: OnceLock<PathBuf> = OnceLock::new();
    let cell = if era == "2017" { &OF_2017 } else { &TODAY };
    cell.get_or_init(|| {
        let into = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("installers-{era}"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/lab/installer.py");
        make(&script, &into, era)
    })
}

#[expect(clippy::disallowed_methods, reason = "this is the door to the lab's own tools")]
fn make(script: &Path, into: &Path, era: &str) -> PathBuf {
    let made = std::process::Command::new("python3")
        .args([script.as_os_str(), "--into".as_ref(), into.as_os_str(), "--era".as_ref(), era.as_ref()])
        .output()
        .expect("python3 runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    PathBuf::from(said.lines().next().expect("it names the file"))
}

/// A volume, as a directory, with the installer where the download leaves it.
struct Bench {
    folder: tempfile::TempDir,
    host: Host,
    settings: Settings,
}

impl Bench {
    fn new(era: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let installer = installer(era);
        let settings = settings(folder.path(), installer);
        let place = Wanted::here(&settings).expect("it is wanted").place(&settings);
        fs::create_dir_all(place.parent().expect("it has one")).expect("it is made");
        fs::copy(installer, place).expect("it is copied");
        let journal = Journal::at(folder.path().join("journal"));
        let host = Host::new(
            "/",
            Box::new(System),
            Http::direct(),
            Box::new(block::System),
            Box::new(Silent),
            journal,
        );
        Self { folder, host, settings }
    }

    fn step(&self) -> InstallAnaconda {
        InstallAnaconda::new(&self.settings)
    }

    fn prefix(&self) -> &Path {
        &self.settings.anaconda.prefix
    }

    async fn state(&self) -> State {
        self.step().inspect(&self.host).await.expect("it can be inspected")
    }

    /// All names on the volume but the prefix's own.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("it is read");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn settings(volume: &Path, installer: &Path) -> Settings {
    Settings {
        volume: VolumeSettings {
            identity: VolumeIdentity::Path("/dev/null".into()),
            wait: Duration::from_secs(1),
            filesystem: FilesystemKind::Ext4,
            blank: BlankPolicy::Zeros,
            format_if_unrecognised: None,
        },
        mount: MountSettings { point: volume.to_owned(), allow_duplicate_uuid: false },
        anaconda: AnacondaSettings {
            installer: InstallerChoice::Own {
                urls: vec![format!("file://{}", installer.display())],
                sha256: hash(installer).expect("it is read"),
            },
            mirrors: Vec::new(),
            accept_license: true,
            prefix: volume.join("anaconda3"),
            keep_installer: false,
            patience: Duration::from_mins(2),
        },
        download: DownloadSettings {
            budget: Duration::from_secs(1),
            stall: Duration::from_secs(1),
            slow_below: 1,
            ca_file: None,
            second_opinion: false,
        },
        python: PythonSettings {
            psycopg2: Psycopg2::Binary(None),
            wheels: WheelSource::Wheelhouse(volume.join("wheels")),
            upgrade_pip: false,
            profile: volume.join("profile.d/vivarium.sh"),
        },
    }
}

fn is_done(state: &State) -> bool {
    matches!(state, State::Done(_))
}

#[tokio::test]
async fn installers_of_both_eras_are_installed_and_tidied_up_after() {
    for era in ["today", "2017"] {
        let bench = Bench::new(era);
        bench.step().preflight(&bench.host).await.expect("nothing is amiss");
        assert!(matches!(bench.state().await, State::Todo(changes) if changes.len() == 1));
        bench.step().apply(&bench.host).await.unwrap_or_else(|error| panic!("{era}: {}", error.chain()));
        let State::Done(evidence) = bench.state().await else { panic!("{era}: not done") };
        assert!(evidence.facts["python_version"].starts_with('3'), "{era}");
        assert_eq!(bench.names(), [".vivarium", "anaconda3"], "{era}");
        let left: Vec<_> = fs::read_dir(bench.folder.path().join(".vivarium")).expect("it is read").collect();
        assert_eq!(left.len(), 1, "{era}: only the empty downloads are left: {left:?}");
    }
}

#[tokio::test]
async fn without_the_licence_accepted_nothing_is_run() {
    let mut bench = Bench::new("today");
    bench.settings.anaconda.accept_license = false;
    let error = bench.step().preflight(&bench.host).await.expect_err("it is not accepted");
    assert_eq!(error.failure(), Failure::Precondition);
    assert!(error.hint_text().contains("anaconda.accept_license = true"));
    assert!(bench.step().apply(&bench.host).await.is_err() && !bench.prefix().exists());
}

#[tokio::test]
async fn a_tampered_installer_is_never_run() {
    let bench = Bench::new("today");
    let place = Wanted::here(&bench.settings).expect("it is wanted").place(&bench.settings);
    let mut bytes = fs::read(&place).expect("it is read");
    let last = bytes.len() - 5000;
    bytes[last] ^= 1;
    fs::write(&place, bytes).expect("it is written");
    let error = bench.step().apply(&bench.host).await.expect_err("it is not what it was");
    assert!(error.chain().contains("SHA-256"), "{}", error.chain());
    assert!(!bench.prefix().exists() && place.exists());
}

#[tokio::test]
async fn a_truncated_installer_is_refused_with_both_sizes_before_it_is_run() {
    let bench = Bench::new("today");
    let place = Wanted::here(&bench.settings).expect("it is wanted").place(&bench.settings);
    let whole = fs::metadata(&place).expect("it is there").len();
    fs::OpenOptions::new()
        .write(true)
        .open(&place)
        .and_then(|file| file.set_len(1_000_000))
        .expect("it is cut");
    let error = bench.step().apply(&bench.host).await.expect_err("it is cut short").chain();
    assert!(error.contains("1000000") && error.contains(&whole.to_string()), "{error}");
    assert!(!bench.prefix().exists());
}

#[tokio::test]
async fn what_a_person_put_in_the_prefixs_place_is_moved_aside_and_kept() {
    let bench = Bench::new("today");
    fs::create_dir_all(bench.prefix().join("work")).expect("it is made");
    fs::write(bench.prefix().join("work/thesis"), "mine").expect("it is written");
    assert!(matches!(bench.state().await, State::Todo(changes) if changes[0].contains("aside")));
    bench.step().apply(&bench.host).await.expect("it is installed");
    assert!(is_done(&bench.state().await));
    let names = bench.names();
    let aside = names.iter().find(|name| name.starts_with("anaconda3.broken-")).expect("it is kept");
    let thesis = bench.folder.path().join(aside).join("work/thesis");
    assert_eq!(fs::read_to_string(thesis).expect("it is there"), "mine");
}

/// Cut off at moments spread over the whole installation, by dropping it as a killed agent would; the
/// processes it started are ended with it.
#[tokio::test]
async fn an_installation_cut_off_anywhere_converges_to_the_same_volume() {
    for milliseconds in [0, 400, 1600] {
        let bench = Bench::new("today");
        let cut =
            tokio::time::timeout(Duration::from_millis(milliseconds), bench.step().apply(&bench.host)).await;
        if cut.is_err() {
            assert!(!is_done(&bench.state().await), "cut off after {milliseconds} ms, and taken for done");
        }
        bench
            .step()
            .apply(&bench.host)
            .await
            .unwrap_or_else(|error| panic!("{milliseconds}: {}", error.chain()));
        assert!(is_done(&bench.state().await));
        assert_eq!(bench.names(), [".vivarium", "anaconda3"], "after {milliseconds} ms");
    }
}

#[tokio::test]
async fn python3_is_published_and_psycopg2_that_is_nowhere_to_be_had_is_named() {
    let bench = Bench::new("today");
    let step = InstallPsycopg2::new(&bench.settings);
    let before = step.inspect(&bench.host).await.expect("it can be inspected");
    assert_eq!(before, State::todo("install psycopg2-binary, once Anaconda is there"));
    bench.step().apply(&bench.host).await.expect("it is installed");
    fs::create_dir(bench.folder.path().join("wheels")).expect("it is made");
    let missing = step.apply(&bench.host).await.expect_err("the wheelhouse is empty");
    assert!(missing.chain().contains("has not this version"), "{}", missing.chain());
    assert!(!bench.folder.path().join(".vivarium/tmp").exists());
    let profile = PublishPython3::new(&bench.settings);
    assert!(!is_done(&profile.inspect(&bench.host).await.expect("it can be inspected")));
    let error = profile.apply(&bench.host).await.expect_err("no login shell reads a file out there");
    assert!(error.chain().contains("login shell"), "{}", error.chain());
    assert!(is_done(&profile.inspect(&bench.host).await.expect("it can be inspected")));
}
