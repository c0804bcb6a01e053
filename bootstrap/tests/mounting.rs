//! Mounting and growing with real loop devices, a real `mount` and the real /etc/fstab of a mount
//! namespace that each test has to itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use vivarium_bootstrap::host::processes::{Command, Output, ProcessError, Processes};
use vivarium_bootstrap::host::{Host, block, http::Http, processes, progress};
use vivarium_bootstrap::journal::Journal;
use vivarium_bootstrap::settings::{
    AnacondaSettings, BlankPolicy, DownloadSettings, FilesystemKind, InstallerChoice, MountSettings,
    Psycopg2, PythonSettings, Settings, VolumeIdentity, VolumeSettings, WheelSource,
};
use vivarium_bootstrap::step::{Evidence, Failure, State, Step, StepError};
use vivarium_bootstrap::volume::grow::GrowFilesystem;
use vivarium_bootstrap::volume::mount::MountVolume;

const POINT: &str = "/run/anaconda";
const FSTAB: &str = "# this machine's own\nLABEL=vivarium-none\t/nowhere  ext4 defaults,nofail 0 2";
const MARK: &str = "VIVARIUM_TEST_NAMESPACE";

/// Runs a test again, in a process with a mount namespace of its own, where /etc and /run are copies.
#[expect(clippy::disallowed_methods, reason = "this helper is where the tests meet the environment")]
fn in_own_namespace(name: &str, test: impl FnOnce(&Ground)) {
    if std::env::var_os(MARK).is_some() {
        return test(&Ground::new());
    }
    let program = std::env::current_exe().expect("this test's program");
    let output = std::process::Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(program)
        .args(["--exact", name, "--nocapture"])
        .env(MARK, "1")
        .output()
        .expect("unshare runs; are we root?");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[expect(clippy::disallowed_methods, reason = "this helper is the door to other programs")]
fn sh(script: &str) -> String {
    let output = std::process::Command::new("sh").args(["-ec", script]).output().expect("sh runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// A namespace with an fstab to play with. The kernel takes it away with the process.
struct Ground {
    folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let etc = folder.path().join("etc");
        sh(&format!(
            "mount -t tmpfs tmpfs /run; mkdir {0}; mount -t tmpfs tmpfs {0}; cp -a /etc/. {0}; mount --bind {0} /etc",
            etc.display()
        ));
        fs::write("/etc/fstab", FSTAB).expect("written");
        Self { folder }
    }

    fn host(&self) -> Host {
        self.host_with(Box::new(processes::System))
    }

    fn host_with(&self, programs: Box<dyn Processes>) -> Host {
        Host::new(
            "/",
            programs,
            Http::direct(),
            Box::new(block::System),
            Box::new(progress::Silent),
            Journal::at(self.folder.path().join("journal.jsonl")),
        )
    }

    /// A loop device over a sparse file.
    fn device(&self, name: &str, size: &str) -> Loop {
        let file = self.folder.path().join(name);
        sh(&format!("truncate -s {size} {}", file.display()));
        Loop::over(file)
    }

    fn inspect(&self, step: &dyn Step) -> Result<State, StepError> {
        wait_for(step.inspect(&self.host()))
    }

    fn apply(&self, step: &dyn Step) -> Result<(), StepError> {
        wait_for(step.apply(&self.host()))
    }

    fn done(&self, step: &dyn Step) -> Evidence {
        match self.inspect(step).expect("inspected") {
            State::Done(evidence) => evidence,
            other => panic!("not done: {other:?}"),
        }
    }

    fn todo(&self, step: &dyn Step) -> Vec<String> {
        match self.inspect(step).expect("inspected") {
            State::Todo(changes) => changes,
            other => panic!("nothing to do: {other:?}"),
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = nix::mount::umount2("/etc", nix::mount::MntFlags::MNT_DETACH);
        let _ = nix::mount::umount2(&self.folder.path().join("etc"), nix::mount::MntFlags::MNT_DETACH);
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// A loop device, detached when it is dropped; the kernel lets it go when its last mount goes.
struct Loop {
    file: PathBuf,
    path: PathBuf,
}

impl Loop {
    fn over(file: PathBuf) -> Self {
        let path = PathBuf::from(sh(&format!("losetup --find --show {}", file.display())));
        Self { file, path }
    }

    fn ext4(self) -> Self {
        sh(&format!("mkfs.ext4 -q {}", self.path.display()));
        self
    }

    fn xfs(self) -> Self {
        sh(&format!("mkfs.xfs -q {}", self.path.display()));
        self
    }

    fn uuid(&self) -> String {
        sh(&format!("blkid -p -s UUID -o value {}", self.path.display()))
    }

    fn settings(&self) -> Settings {
        settings(&self.path)
    }

    fn mount(&self) -> MountVolume {
        MountVolume::new(&self.settings())
    }

    fn enlarge(&self, size: &str) {
        sh(&format!("truncate -s {size} {}; losetup -c {}", self.file.display(), self.path.display()));
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        use std::os::unix::fs::FileExt;
        let device = fs::OpenOptions::new().write(true).open(&self.path).expect("opened");
        device.write_all_at(bytes, offset).expect("written");
        device.sync_all().expect("synced");
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let path = self.path.display();
        sh(&format!("while umount {path} 2>/dev/null; do :; done; losetup -d {path}"));
    }
}

fn settings(device: &Path) -> Settings {
    Settings {
        volume: VolumeSettings {
            identity: VolumeIdentity::Path(device.to_owned()),
            wait: Duration::ZERO,
            filesystem: FilesystemKind::Ext4,
            blank: BlankPolicy::Zeros,
            format_if_unrecognised: None,
        },
        mount: MountSettings { point: PathBuf::from(POINT), allow_duplicate_uuid: false },
        anaconda: AnacondaSettings {
            installer: InstallerChoice::Catalogue("latest".to_owned()),
            mirrors: Vec::new(),
            accept_license: true,
            prefix: PathBuf::from(POINT).join("anaconda3"),
            keep_installer: true,
            patience: Duration::from_secs(1),
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
            wheels: WheelSource::DefaultIndex,
            upgrade_pip: false,
            profile: PathBuf::from("/etc/profile.d/vivarium.sh"),
        },
    }
}

fn fstab() -> String {
    fs::read_to_string("/etc/fstab").expect("read")
}

/// The device mounted at the point, as the kernel numbers it; empty if none is.
fn mounted() -> String {
    sh(&format!("mountpoint -q {POINT} && mountpoint -d {POINT} || true"))
}

fn number(device: &Loop) -> String {
    sh(&format!("mountpoint -x {}", device.path.display()))
}

fn fails(result: Result<impl std::fmt::Debug, StepError>, failure: Failure, says: &str) -> StepError {
    let error = result.expect_err("a failure");
    assert_eq!(error.failure(), failure, "{}", error.chain());
    assert!(error.chain().contains(says), "{} does not say {says}", error.chain());
    assert!(!error.hint_text().is_empty(), "{} has no hint", error.chain());
    error
}

#[test]
fn a_volume_is_mounted_through_its_entry_and_stays_so() {
    in_own_namespace("a_volume_is_mounted_through_its_entry_and_stays_so", |ground| {
        let device = ground.device("disk", "64M").ext4();
        let step = device.mount();
        assert_eq!(ground.todo(&step).len(), 2);
        assert_eq!((fstab(), mounted()), (FSTAB.to_owned(), String::new()), "a look changes nothing");
        ground.apply(&step).expect("mounted");
        assert_eq!(mounted(), number(&device));
        let evidence = ground.done(&step);
        assert_eq!(evidence.facts["filesystem_uuid"], device.uuid());
        let text = fstab();
        assert!(text.starts_with(&format!("{FSTAB}\n# managed by vivarium: /dev/loop")), "{text}");
        ground.apply(&step).expect("again");
        assert_eq!((ground.done(&step), fstab()), (evidence, text));
        assert_eq!(sh("ls -A /etc | grep -c fstab.vivarium"), "1", "one backup, and nothing left over");
        assert_eq!(sh("cat /etc/fstab.vivarium.bak-*"), FSTAB);
    });
}

#[test]
fn xfs_is_mounted_too() {
    in_own_namespace("xfs_is_mounted_too", |ground| {
        let device = ground.device("disk", "320M").xfs();
        ground.apply(&device.mount()).expect("mounted");
        assert_eq!(mounted(), number(&device));
        assert_eq!(ground.done(&device.mount()).facts["filesystem_type"], "xfs");
        assert!(fstab().ends_with(" xfs defaults,nofail,x-systemd.device-timeout=30s 0 0"));
    });
}

#[test]
fn a_btrfs_that_is_kept_is_mounted_and_grown_though_the_kernel_numbers_it_otherwise() {
    in_own_namespace(
        "a_btrfs_that_is_kept_is_mounted_and_grown_though_the_kernel_numbers_it_otherwise",
        |ground| {
            let device = ground.device("disk", "1G");
            sh(&format!("mkfs.btrfs -q {}", device.path.display()));
            let step = outgrown(ground, &device);
            assert_eq!(ground.done(&device.mount()).facts["filesystem_type"], "btrfs");
            grows(ground, &step);
            assert!(fstab().ends_with(" btrfs defaults,nofail,x-systemd.device-timeout=30s 0 0"));
        },
    );
}

#[test]
fn before_there_is_a_volume_or_a_filesystem_the_plan_says_so() {
    in_own_namespace("before_there_is_a_volume_or_a_filesystem_the_plan_says_so", |ground| {
        let absent = MountVolume::new(&settings(Path::new("/dev/vivarium-none")));
        assert!(ground.todo(&absent)[0].ends_with("once it is attached"));
        let blank = ground.device("disk", "64M");
        assert!(ground.todo(&blank.mount())[0].ends_with("once it has a filesystem"));
        for step in [absent, blank.mount()] {
            let error = ground.apply(&step).expect_err("nothing to mount");
            assert_eq!(error.failure(), Failure::Precondition);
        }
        assert_eq!((fstab(), mounted()), (FSTAB.to_owned(), String::new()));
    });
}

#[test]
fn a_filesystem_with_features_of_a_newer_system_leaves_fstab_as_it_was() {
    in_own_namespace("a_filesystem_with_features_of_a_newer_system_leaves_fstab_as_it_was", |ground| {
        let device = ground.device("disk", "64M");
        sh(&format!("mkfs.ext4 -q -O ^metadata_csum {}", device.path.display()));
        device.write(1024 + 99, &[0x40]);
        let error = fails(ground.apply(&device.mount()), Failure::Device, "wrong fs type");
        assert!(error.hint_text().contains("newer system"));
        assert_eq!((fstab(), mounted()), (FSTAB.to_owned(), String::new()));
        assert_eq!(sh("ls -A /etc | grep fstab.vivarium | grep -vc bak || true"), "0");
    });
}

#[test]
fn a_damaged_filesystem_leaves_fstab_as_it_was() {
    in_own_namespace("a_damaged_filesystem_leaves_fstab_as_it_was", |ground| {
        let device = ground.device("disk", "64M").ext4();
        device.write(2048, &[0; 4096]);
        fails(ground.apply(&device.mount()), Failure::Device, "mount");
        assert_eq!((fstab(), mounted()), (FSTAB.to_owned(), String::new()));
    });
}

#[test]
fn an_fstab_that_was_not_there_is_not_there_after_a_failure() {
    in_own_namespace("an_fstab_that_was_not_there_is_not_there_after_a_failure", |ground| {
        let device = ground.device("disk", "64M").ext4();
        fs::remove_file("/etc/fstab").expect("removed");
        device.write(2048, &[0; 4096]);
        ground.apply(&device.mount()).expect_err("damaged");
        assert!(!Path::new("/etc/fstab").exists());
        sh(&format!("mkfs.ext4 -F -q {}", device.path.display()));
        ground.apply(&device.mount()).expect("mounted");
        assert_eq!(fstab().lines().count(), 2);
    });
}

#[test]
fn of_two_copies_only_the_one_that_is_meant_is_ever_left_mounted() {
    in_own_namespace("of_two_copies_only_the_one_that_is_meant_is_ever_left_mounted", |ground| {
        let first = ground.device("first", "64M").ext4();
        let copy = ground.folder.path().join("second");
        sh(&format!("cp --sparse=always {} {}", first.file.display(), copy.display()));
        let second = Loop::over(copy);
        let mut refused = 0;
        for device in [&first, &second] {
            match ground.apply(&device.mount()) {
                Ok(()) => {
                    assert_eq!(mounted(), number(device));
                    sh(&format!("umount {POINT}"));
                    fs::write("/etc/fstab", FSTAB).expect("written");
                }
                Err(error) => {
                    refused += 1;
                    assert!(error.chain().contains("is mounted on"), "{}", error.chain());
                    assert_eq!((fstab(), mounted()), (FSTAB.to_owned(), String::new()));
                }
            }
        }
        assert_eq!(refused, 1, "one UUID names one of the two, whichever");
    });
}

#[test]
fn a_copy_of_a_mounted_xfs_is_refused_unless_the_settings_allow_it() {
    in_own_namespace("a_copy_of_a_mounted_xfs_is_refused_unless_the_settings_allow_it", |ground| {
        let original = ground.device("original", "320M").xfs();
        let copy = ground.folder.path().join("copy");
        sh(&format!("cp --sparse=always {} {}", original.file.display(), copy.display()));
        let copy = Loop::over(copy);
        sh(&format!("mkdir /run/original; mount {} /run/original", original.path.display()));
        let error = fails(ground.inspect(&copy.mount()), Failure::Refused, "/run/original");
        assert!(error.hint_text().contains("mount.allow_duplicate_uuid"));
        let mut settings = copy.settings();
        settings.mount.allow_duplicate_uuid = true;
        let step = MountVolume::new(&settings);
        ground.apply(&step).expect("mounted");
        assert_eq!(mounted(), number(&copy));
        assert!(fstab().contains(",nouuid 0 0"));
        ground.done(&step);
    });
}

#[test]
fn drift_that_is_ours_to_mend_is_told_and_mended() {
    in_own_namespace("drift_that_is_ours_to_mend_is_told_and_mended", |ground| {
        let device = ground.device("disk", "64M").ext4();
        let step = device.mount();
        ground.apply(&step).expect("mounted");
        let right = fstab();

        fs::write("/etc/fstab", FSTAB).expect("written");
        let changes = ground.todo(&step);
        assert!(changes.len() == 1 && changes[0].starts_with("add to /etc/fstab: UUID="), "{changes:?}");
        ground.apply(&step).expect("mended");
        assert_eq!(fstab(), right);

        sh(&format!("umount {POINT}"));
        let changes = ground.todo(&step);
        assert!(changes.len() == 1 && changes[0].starts_with("mount /dev/loop"), "{changes:?}");
        ground.apply(&step).expect("mended");

        fs::write("/etc/fstab", right.replace(&device.uuid(), "11111111-2222-4333-8444-555555555555"))
            .expect("written");
        let changes = ground.todo(&step);
        assert!(changes.len() == 1 && changes[0].contains("line 4: UUID=11111111"), "{changes:?}");
        ground.apply(&step).expect("mended");
        assert_eq!(fstab(), right);
        ground.done(&step);
    });
}

#[test]
fn drift_that_a_person_made_is_refused_and_nothing_is_touched() {
    in_own_namespace("drift_that_a_person_made_is_refused_and_nothing_is_touched", |ground| {
        let device = ground.device("disk", "64M").ext4();
        let step = device.mount();
        let refused = |says: &str| {
            let before = (fstab(), sh("cat /proc/self/mountinfo | wc -l"));
            fails(ground.inspect(&step), Failure::Refused, says);
            fails(ground.apply(&step), Failure::Refused, says);
            assert_eq!((fstab(), sh("cat /proc/self/mountinfo | wc -l")), before);
        };
        let disk = device.path.display();

        sh(&format!("mkdir -p /run/data {POINT}; mount {disk} /run/data"));
        refused("it is mounted on /run/data already");
        sh("umount /run/data");

        sh(&format!("mount -t tmpfs scratch {POINT}"));
        refused("scratch (tmpfs) is mounted on /run/anaconda");
        sh(&format!("umount {POINT}"));

        sh(&format!("mount -o ro {disk} {POINT}"));
        refused("read-only");
        sh(&format!("umount {POINT}"));

        fs::write("/etc/fstab", format!("{FSTAB}\n/dev/sdf {POINT} ext4 defaults 0 2\n")).expect("written");
        refused("line 3: /dev/sdf /run/anaconda ext4 defaults 0 2");

        sh("rm /etc/fstab; touch /etc/fstab.real; ln -s fstab.real /etc/fstab");
        refused("symbolic link");
        sh("rm /etc/fstab; touch /etc/fstab; mount --bind /etc/fstab.real /etc/fstab");
        refused("something is mounted on /etc/fstab");
    });
}

#[test]
fn files_at_the_mount_point_are_not_hidden() {
    in_own_namespace("files_at_the_mount_point_are_not_hidden", |ground| {
        let device = ground.device("disk", "64M").ext4();
        sh(&format!("mkdir {POINT}; touch {POINT}/someone-s"));
        fails(ground.inspect(&device.mount()), Failure::Refused, "holds files");
        fails(ground.apply(&device.mount()), Failure::Refused, "holds files");
        assert_eq!((fstab(), mounted()), (FSTAB.to_owned(), String::new()));
    });
}

#[test]
fn what_a_killed_run_left_behind_is_cleared() {
    in_own_namespace("what_a_killed_run_left_behind_is_cleared", |ground| {
        let device = ground.device("disk", "64M").ext4();
        fs::write("/etc/.fstab.vivarium", "half a li").expect("written");
        sh(&format!("mkdir {POINT}"));
        ground.apply(&device.mount()).expect("mounted");
        ground.done(&device.mount());
        assert!(!Path::new("/etc/.fstab.vivarium").exists());
    });
}

/// The programs of this machine, up to the one at which the run is cut off: before it, or after it.
struct CutOff {
    left: std::cell::Cell<usize>,
    after: bool,
    cut: std::rc::Rc<tokio::sync::Notify>,
}

#[async_trait(?Send)]
impl Processes for CutOff {
    async fn run(&self, command: Command) -> Result<Output, ProcessError> {
        if self.left.get() > 0 {
            self.left.set(self.left.get() - 1);
            return processes::System.run(command).await;
        }
        if self.after {
            processes::System.run(command).await?;
        }
        self.cut.notify_one();
        std::future::pending().await
    }
}

/// Applies the step up to the cut. Whether it came to one.
fn is_cut_off(ground: &Ground, step: &MountVolume, left: usize, after: bool) -> bool {
    let cut = std::rc::Rc::new(tokio::sync::Notify::new());
    let programs = CutOff { left: left.into(), after, cut: cut.clone() };
    let host = ground.host_with(Box::new(programs));
    wait_for(async {
        tokio::select! {
            biased;
            () = cut.notified() => true,
            applied = step.apply(&host) => { applied.expect("mounted"); false }
        }
    })
}

#[test]
fn cut_off_before_or_after_any_program_the_next_run_comes_to_the_same_end() {
    in_own_namespace("cut_off_before_or_after_any_program_the_next_run_comes_to_the_same_end", |ground| {
        // With systemd there would be one more program; the one that stands in for it only says yes.
        sh("if S=$(command -v systemctl); then mkdir -p /run/systemd/system; mount --bind /bin/true $S; fi");
        let device = ground.device("disk", "64M").ext4();
        let step = device.mount();
        ground.apply(&step).expect("mounted");
        let right = fstab();
        let mut cuts = 0;
        for after in [false, true] {
            for left in 0.. {
                sh(&format!("umount {POINT}; rmdir {POINT}; rm /etc/fstab.vivarium.bak-*"));
                fs::write("/etc/fstab", FSTAB).expect("written");
                let cut = is_cut_off(ground, &step, left, after);
                ground.apply(&step).expect("mounted");
                ground.done(&step);
                assert_eq!((fstab(), mounted()), (right.clone(), number(&device)));
                assert_eq!(
                    sh("ls -A /etc | grep -c fstab.vivarium"),
                    "1",
                    "one backup, and nothing left over"
                );
                if !cut {
                    break;
                }
                cuts += 1;
            }
        }
        assert!(cuts >= 4, "{cuts}");
    });
}

/// A mounted filesystem whose device has grown, and the step that sees it.
fn outgrown(ground: &Ground, device: &Loop) -> GrowFilesystem {
    ground.apply(&device.mount()).expect("mounted");
    let step = GrowFilesystem::new(&device.settings());
    assert_eq!(ground.done(&step).summary, "filesystem fills the volume: 1 GiB");
    sh(&format!("echo kept > {POINT}/file"));
    device.enlarge("2G");
    let changes = ground.todo(&step);
    assert!(changes[0].starts_with("grow ") && changes[0].ends_with(" to 2 GiB"), "{changes:?}");
    step
}

fn grows(ground: &Ground, step: &GrowFilesystem) {
    ground.apply(step).expect("grown");
    assert_eq!(ground.done(step).summary, "filesystem fills the volume: 2 GiB");
    ground.apply(step).expect("again");
    assert_eq!(sh(&format!("cat {POINT}/file")), "kept");
}

/// The kernel grows a mounted ext4 only for who has this; a container's root may not.
fn has_cap_sys_resource() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("read");
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).expect("there");
    u64::from_str_radix(effective.trim(), 16).expect("hexadecimal") & 1 << 24 != 0
}

#[test]
fn ext4_grows_while_it_is_mounted_or_the_capability_it_lacks_is_named() {
    in_own_namespace("ext4_grows_while_it_is_mounted_or_the_capability_it_lacks_is_named", |ground| {
        let device = ground.device("disk", "1G").ext4();
        let step = outgrown(ground, &device);
        if has_cap_sys_resource() {
            return grows(ground, &step);
        }
        let error = fails(ground.apply(&step), Failure::Precondition, "Permission denied");
        assert!(error.hint_text().contains("CAP_SYS_RESOURCE"));
        assert_eq!(sh(&format!("cat {POINT}/file")), "kept");
    });
}

#[test]
fn xfs_grows_while_it_is_mounted() {
    in_own_namespace("xfs_grows_while_it_is_mounted", |ground| {
        let device = ground.device("disk", "1G").xfs();
        let step = outgrown(ground, &device);
        grows(ground, &step);
    });
}

#[test]
fn a_filesystem_larger_than_its_device_is_refused() {
    in_own_namespace("a_filesystem_larger_than_its_device_is_refused", |ground| {
        let device = ground.device("disk", "128M").ext4();
        ground.apply(&device.mount()).expect("mounted");
        device.enlarge("64M");
        let step = GrowFilesystem::new(&device.settings());
        fails(ground.inspect(&step), Failure::Refused, "ends behind the end of the device");
        fails(ground.apply(&step), Failure::Refused, "ends behind the end of the device");
    });
}

#[test]
fn nothing_is_grown_before_it_is_mounted() {
    in_own_namespace("nothing_is_grown_before_it_is_mounted", |ground| {
        let device = ground.device("disk", "64M").ext4();
        let step = GrowFilesystem::new(&device.settings());
        assert!(ground.todo(&step)[0].ends_with("once it is mounted"));
        fails(ground.apply(&step), Failure::Precondition, "it is not mounted");
    });
}
