//! How fast the checker reads and judges: the lab's example, and a Region at its quotas. Prints a table; nothing here
//! fails for being slow.
//!
//! `cargo bench -p vivarium-checker --bench speed`; `tests/bench.py` holds a whole check against its slowest probe.

#![expect(clippy::disallowed_methods, reason = "each measurement is a process of its own, started from here")]

mod large;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use vivarium_checker::aws::folder;
use vivarium_checker::evaluate::{End, Flow, Verdict, evaluate};
use vivarium_checker::network::Network;

/// How long to count evaluations.
const WHILE: Duration = Duration::from_secs(3);

fn main() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["judge", folder, kind] => judge(Path::new(folder), kind),
        ["run", program, words @ ..] => run(program, words),
        _ => {
            let large = root.join("target/large-network");
            large::write(&large).expect("the large network is written");
            let example = root.join("tests/lab/vpc/example");
            table("typical: the lab's example", &example, "example", ["203.0.113.10", "i-0123456789abcdef0"]);
            let name = format!(
                "large: {} interfaces, {} groups of {}+{} rules",
                large::INTERFACES,
                large::GROUPS,
                large::RULES,
                large::RULES
            );
            table(&name, &large, "large", ["203.0.113.10", &large::instance_id(4)]);
        }
    }
}

/// Each measurement in a process of its own, so that none pays for another's memory.
fn table(name: &str, folder: &Path, kind: &str, [from, to]: [&str; 2]) {
    let bytes: u64 = fs::read_dir(folder)
        .expect("a folder")
        .map(|file| file.and_then(|file| file.metadata()).map_or(0, |about| about.len()))
        .sum();
    let own = env::current_exe().expect("this program has a path");
    let folder = folder.to_str().expect("a path in text");
    let told = |words: &[&str]| {
        let done = Command::new(&own).args(words).output().expect("it starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        print(&String::from_utf8_lossy(&done.stdout));
    };
    print(&format!("{name}, {} MB of JSON\n", bytes / 1_000_000));
    told(&["judge", folder, kind]);
    let check = env!("CARGO_BIN_EXE_vivarium-check");
    told(&["run", check, "path", "--from", from, "--to", to, "--port", "22", "--network", folder]);
}

/// Loads a network and asks about it for a while, on this one thread.
fn judge(folder: &Path, kind: &str) {
    let network = folder::read(folder).expect("it can be read").network;
    let loaded = busy();
    let memory = high_water();
    let flows = if kind == "large" { of_large() } else { of_example() };
    let (mut asked, mut reachable) = (0_u32, 0);
    let (began, before) = (Instant::now(), busy());
    while began.elapsed() < WHILE {
        for flow in &flows {
            reachable += u32::from(evaluate(flow, &network).verdict == Verdict::Reachable);
            asked += 1;
        }
    }
    let each = busy().saturating_sub(before) / asked;
    drop::<Network>(network);
    print(&format!(
        "  load, one core          {:.2} s, peak memory {} MB\n",
        loaded.as_secs_f64(),
        memory / 1024
    ));
    print(&format!(
        "  evaluations, one core   {:.0} a second ({:.0} us each; {} of {asked} reachable)\n",
        1.0 / each.as_secs_f64(),
        each.as_secs_f64() * 1e6,
        reachable
    ));
}

/// How long this process has had a core: what others do on the machine does not count.
fn busy() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the kernel counts");
    let of = |time: TimeVal| Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or(0));
    of(usage.user_time()) + of(usage.system_time())
}

/// The most that this process has held, in KiB. What `getrusage` tells counts the parent's too.
fn high_water() -> i64 {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it tells of memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// From outside to an instance, between two instances, and out.
fn of_large() -> Vec<Flow> {
    let flow = |from: &str, to: &str| Flow::tcp(End::parse(from), End::parse(to), 22);
    (0..200)
        .flat_map(|step| {
            let (one, other) = (step * 48, (step * 331 + 17) % large::INTERFACES);
            let (one, other) = (large::instance_id(one), large::instance_id(other));
            [flow("203.0.113.10", &one), flow(&one, &other), flow(&one, "203.0.113.10")]
        })
        .collect()
}

fn of_example() -> Vec<Flow> {
    let flow = |from: &str, to: &str, port| Flow::tcp(End::parse(from), End::parse(to), port);
    vec![
        flow("203.0.113.10", "i-0123456789abcdef0", 22),
        flow("i-0123456789abcdef0", "mydb", 5432),
        flow("i-0123456789abcdef0", "203.0.113.10", 443),
        flow("203.0.113.99", "i-0123456789abcdef0", 22),
    ]
}

/// The program itself, from its start to its end.
fn run(program: &str, words: &[&str]) {
    let began = Instant::now();
    let done = Command::new(program).args(words).stdout(Stdio::null()).status().expect("it starts");
    let took = began.elapsed();
    let memory = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel counts").max_rss();
    print(&format!(
        "  vivarium-check path     {:.2} s, peak memory {} MB (exit code {})\n",
        took.as_secs_f64(),
        memory / 1024,
        done.code().unwrap_or(-1)
    ));
}

/// A table is what this program is for.
#[expect(clippy::print_stdout, reason = "the table")]
fn print(text: &str) {
    print!("{text}");
}
