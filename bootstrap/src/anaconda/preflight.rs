//! What must hold before an installer is run. The installer checks little of this, warns of some, and
//! leaves a half-made prefix behind whenever it stops.

use std::path::Path;

use super::architecture::Architecture;
use super::catalogue;
use super::header::Header;
use super::wanted::Wanted;
use crate::host::Host;
use crate::host::processes::Command;
use crate::settings::{AnacondaSettings, Settings};
use crate::step::{Failure, StepError};

const MIB: u64 = 1 << 20;
/// Below this, unpacking is killed for want of memory.
pub const MEMORY_NEEDED: u64 = 384 * MIB;
/// Below this, it has been known to be.
pub const MEMORY_WISHED: u64 = 1536 * MIB;
/// A prefix is written into scripts' first lines and into programs in place of a longer name.
const LONGEST_PREFIX: usize = 200;
/// Unpacked Anacondas take five times their installer, where that says nothing itself.
pub const UNPACKED: u64 = 5;
/// Their unpacking stops for ever at times where there is one processor.
const HANG_ON_ONE_PROCESSOR: [&str; 3] = ["Anaconda3-2019.10-", "Miniconda3-4.7.12-", "Miniconda3-4.7.12.1-"];

/// What can be said before anything touches the host: settings, licence, processor, glibc.
pub async fn before_the_run(host: &Host, settings: &Settings) -> Result<(), StepError> {
    licence(host, &settings.anaconda)?;
    place(&settings.anaconda.prefix, &settings.mount.point)?;
    let wanted = Wanted::here(settings)?;
    processor(&wanted)?;
    processors(&wanted.file_name, std::thread::available_parallelism().map_or(1, usize::from))?;
    glibc(glibc_needed(&wanted.file_name), &host_libc(host).await)
}

/// What can be said once the installer is there and the volume is mounted.
pub async fn before_the_installer(
    host: &Host,
    settings: &Settings,
    header: &Header,
) -> Result<(), StepError> {
    if let Some(needed) = header.glibc {
        glibc(Some(needed), &host_libc(host).await)?;
    }
    let memory = std::fs::read_to_string(host.path("/proc/meminfo")).unwrap_or_default();
    enough_memory(available_memory(&memory))?;
    tools(host, header).await?;
    let parent = host.path(settings.anaconda.prefix.parent().unwrap_or(Path::new("/")));
    network_filesystem(&parent);
    Ok(())
}

/// Batch mode accepts Anaconda's terms in the user's name, so the user has to have said so.
pub fn licence(host: &Host, settings: &AnacondaSettings) -> Result<(), StepError> {
    if settings.accept_license || host.path(settings.prefix.join("bin/python")).exists() {
        return Ok(());
    }
    Err(StepError::new(Failure::Precondition, "installing Anaconda without its licence accepted")
        .because(
            "its installer, run unattended, accepts Anaconda's terms of service in your name, and they ask \
             organisations of 200 people or more for a paid licence",
        )
        .hint("read https://www.anaconda.com/legal and, if you agree, set anaconda.accept_license = true"))
}

fn place(prefix: &Path, mount: &Path) -> Result<(), StepError> {
    let Some(why) = misplaced(prefix, mount) else { return Ok(()) };
    let doing = format!("choosing {} as Anaconda's directory", prefix.display());
    Err(StepError::new(Failure::Precondition, doing)
        .because(why)
        .hint("set anaconda.prefix to a directory that is not there yet, such as /anaconda/anaconda3"))
}

/// The installers' own rules, and those of the shells of their first years.
fn misplaced(prefix: &Path, mount: &Path) -> Option<&'static str> {
    let text = prefix.to_str().unwrap_or("\u{0}");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+');
    if !prefix.is_absolute() {
        return Some("it is not an absolute path");
    }
    if !text.chars().all(plain) {
        return Some("only letters, digits and . _ - + / are safe in it: installers stumble over all else");
    }
    if text.len() > LONGEST_PREFIX {
        return Some("it is longer than 200 bytes, and scripts' first lines would not hold it");
    }
    if prefix.components().any(|part| part.as_os_str() == "..") {
        return Some("it goes through ..");
    }
    if prefix == mount || prefix.parent().is_none() {
        return Some("it is a mount point, and the installer insists on making its directory itself");
    }
    None
}

fn processor(wanted: &Wanted) -> Result<(), StepError> {
    let doing = || format!("preparing to install {}", wanted.file_name);
    let here = Architecture::of_this_machine()
        .map_err(|cause| StepError::new(Failure::Precondition, doing()).because(cause))?;
    match catalogue::architecture_of(&wanted.file_name) {
        Some(theirs) if theirs != here => Err(StepError::new(Failure::Precondition, doing())
            .because(format!("its name says {theirs}, and this machine is {here}"))
            .hint(format!("take the installer whose name ends in Linux-{here}.sh"))),
        _ => Ok(()),
    }
}

fn processors(file_name: &str, count: usize) -> Result<(), StepError> {
    if count > 1 || !HANG_ON_ONE_PROCESSOR.iter().any(|name| file_name.starts_with(name)) {
        return Ok(());
    }
    Err(StepError::new(Failure::Precondition, format!("preparing to install {file_name}"))
        .because("this version hangs for ever while unpacking on a machine with one processor")
        .hint("set anaconda.version to another, or take an instance with two processors"))
}

/// The C library of the host, as `getconf` and `ldd` tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Libc {
    Glibc(u32, u32),
    Musl,
    Unknown,
}

async fn host_libc(host: &Host) -> Libc {
    let script = "getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>&1";
    match host.processes.run(Command::new("sh").args(["-c", script])).await {
        Ok(output) => read_libc(&output.text()),
        Err(_) => Libc::Unknown,
    }
}

/// `glibc 2.36`, or the first line of `ldd --version`: `ldd (GNU libc) 2.34`, `musl libc (x86_64)`.
fn read_libc(text: &str) -> Libc {
    if text.contains("musl") {
        return Libc::Musl;
    }
    let first = text.lines().next().unwrap_or_default();
    let version = first.rsplit(' ').next().and_then(|word| word.split_once('.'));
    match version.map(|(major, minor)| (major.parse(), minor.parse())) {
        Some((Ok(major), Ok(minor))) => Libc::Glibc(major, minor),
        _ => Libc::Unknown,
    }
}

/// What the newest installers are known to ask for; the others' headers say it, if they ask at all.
fn glibc_needed(file_name: &str) -> Option<(u32, u32)> {
    let version = file_name.split_once('-')?.1.split_once("-Linux-")?.0;
    let release = version.rsplit('_').next()?;
    let (year, rest) = release.split_once('.')?;
    let month: u32 = rest.split(['.', '-']).next()?.parse().ok()?;
    let year: u32 = year.trim_start_matches("20").parse().ok()?;
    ((25, 9) <= (year, month) && year < 100).then_some((2, 28))
}

fn glibc(needed: Option<(u32, u32)>, libc: &Libc) -> Result<(), StepError> {
    let why = match (needed, libc) {
        (_, Libc::Musl) => "this host's C library is musl, and Anaconda's programs need glibc".to_owned(),
        (Some((major, minor)), Libc::Glibc(has_major, has_minor))
            if (*has_major, *has_minor) < (major, minor) =>
        {
            format!("this host has glibc {has_major}.{has_minor}, and the installer needs {major}.{minor}")
        }
        _ => return Ok(()),
    };
    Err(StepError::new(Failure::Precondition, "checking this host's C library").because(why).hint(
        "choose an older installer (before 2025.09 for glibc 2.17 to 2.27), or an image such as Amazon Linux 2023",
    ))
}

/// `MemAvailable` and what swap has free, in bytes; 0 where the kernel says neither.
pub fn available_memory(meminfo: &str) -> u64 {
    let kibibytes = |name: &str| -> u64 {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    (kibibytes("MemAvailable:") + kibibytes("SwapFree:")) * 1024
}

fn enough_memory(bytes: u64) -> Result<(), StepError> {
    let mebibytes = bytes / MIB;
    if bytes == 0 || bytes >= MEMORY_WISHED {
        return Ok(());
    }
    if bytes >= MEMORY_NEEDED {
        tracing::warn!(mebibytes, "little memory: the installer may be killed for want of it");
        return Ok(());
    }
    Err(StepError::new(Failure::Precondition, "checking this host's memory")
        .because(format!(
            "{mebibytes} MiB of memory and swap are free, and unpacking needs {} MiB",
            MEMORY_NEEDED / MIB
        ))
        .hint("add swap (fallocate -l 2G /swapfile; mkswap; swapon) or take a larger instance"))
}

async fn tools(host: &Host, header: &Header) -> Result<(), StepError> {
    let mut script = "for tool in bash md5sum sed".to_owned();
    if header.generation == super::header::Generation::Packages {
        script += " tar bzip2";
    }
    script += "; do command -v $tool >/dev/null || echo $tool; done";
    let doing = "looking for the tools that the installer calls";
    let output = host.processes.run(Command::new("sh").args(["-c", &script])).await;
    let output = output.map_err(|error| StepError::new(Failure::Precondition, doing).because(error))?;
    let missing = output.text().replace('\n', ", ");
    if missing.is_empty() {
        return Ok(());
    }
    Err(StepError::new(Failure::Precondition, doing)
        .because(format!("this host lacks {missing}"))
        .hint(format!("install them: apt-get install {0}, or dnf install {0}", missing.replace(',', ""))))
}

/// A hundred thousand small files take minutes to hours over a network.
fn network_filesystem(directory: &Path) {
    use nix::sys::statfs::{NFS_SUPER_MAGIC, statfs};
    if statfs(directory).is_ok_and(|stat| stat.filesystem_type() == NFS_SUPER_MAGIC) {
        tracing::warn!(directory = %directory.display(), "this is NFS or EFS: expect an hour rather than minutes");
    }
}

/// How much an installation takes: what the installer says, or what its like are known to take.
pub fn space_needed(header: &Header) -> u64 {
    header.installed.unwrap_or(header.size * UNPACKED) + 50 * MIB
}

/// Whether so much and so many files fit into what is free.
pub fn enough_space(needed: u64, free: u64, inodes: Option<u64>) -> Result<(), StepError> {
    // A gigabyte of packages unpacks to some 50 000 files.
    let files = needed / (24 * 1024);
    let why = if free < needed {
        format!("{} MiB are needed, and {} MiB are free", needed.div_ceil(MIB), free / MIB)
    } else if inodes.is_some_and(|inodes| inodes < files) {
        format!("about {files} files are to be made, and only {} inodes are free", inodes.unwrap_or(0))
    } else {
        return Ok(());
    };
    Err(StepError::new(Failure::Precondition, "checking the space on the volume")
        .because(why)
        .hint("grow the volume (aws ec2 modify-volume) and run again: its filesystem grows by itself"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_installers_stumble_over_is_refused() {
        let mount = Path::new("/anaconda");
        assert_eq!(misplaced(Path::new("/anaconda/anaconda3"), mount), None);
        let long = format!("/anaconda/{}", "a".repeat(200));
        for prefix in
            ["anaconda3", "/ana conda/3", "/ana$HOME", "/anaconda", "/", "/a/../b", "/añaconda", &long]
        {
            assert!(misplaced(Path::new(prefix), mount).is_some(), "{prefix}");
        }
    }

    #[test]
    fn the_c_library_is_read_from_what_hosts_say() {
        assert_eq!(read_libc("glibc 2.36"), Libc::Glibc(2, 36));
        assert_eq!(read_libc("ldd (GNU libc) 2.26\nCopyright"), Libc::Glibc(2, 26));
        assert_eq!(read_libc("musl libc (x86_64)\nVersion 1.2.4"), Libc::Musl);
        assert_eq!(read_libc("sh: ldd: not found"), Libc::Unknown);
    }

    #[test]
    fn amazon_linux_2_is_too_old_for_the_newest_and_good_for_the_others() {
        let amazon_linux_2 = Libc::Glibc(2, 26);
        for (file, fits) in [
            ("Anaconda3-2025.12-2-Linux-x86_64.sh", false),
            ("Miniconda3-py313_25.9.1-3-Linux-x86_64.sh", false),
            ("Miniconda3-py314_26.5.3-1-Linux-x86_64.sh", false),
            ("Anaconda3-2023.09-0-Linux-x86_64.sh", true),
            ("Anaconda3-5.0.1-Linux-x86_64.sh", true),
            ("Miniconda3-py310_22.11.1-1-Linux-x86_64.sh", true),
            ("own.sh", true),
        ] {
            assert_eq!(glibc(glibc_needed(file), &amazon_linux_2).is_ok(), fits, "{file}");
        }
        assert!(glibc(None, &Libc::Musl).is_err());
        assert!(glibc(Some((2, 28)), &Libc::Unknown).is_ok());
    }

    #[test]
    fn versions_that_hang_on_one_processor_are_refused_there_only() {
        let file = "Anaconda3-2019.10-Linux-x86_64.sh";
        assert!(processors(file, 1).is_err() && processors(file, 2).is_ok());
        assert!(processors("Anaconda3-2020.02-Linux-x86_64.sh", 1).is_ok());
    }

    #[test]
    fn too_little_memory_is_refused_and_an_unknown_amount_is_not() {
        assert_eq!(
            available_memory("MemTotal: 9 kB\nMemAvailable:   2048 kB\nSwapFree:  1024 kB\n"),
            3 * MIB
        );
        assert!(enough_memory(200 * MIB).is_err());
        assert!(enough_memory(800 * MIB).is_ok() && enough_memory(0).is_ok());
    }

    #[test]
    fn space_and_inodes_both_count() {
        assert!(enough_space(100 * MIB, 100 * MIB, Some(10_000)).is_ok());
        assert!(enough_space(100 * MIB, 100 * MIB - 1, Some(10_000)).is_err());
        assert!(enough_space(1000 * MIB, 2000 * MIB, Some(10_000)).is_err());
        assert!(enough_space(1000 * MIB, 2000 * MIB, None).is_ok());
    }
}
