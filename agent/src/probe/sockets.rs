//! The door to `/proc`: who listens, whose socket it is, and what is half open.

use std::collections::HashMap;
use std::fs;

use vivarium_bootstrap::host::Host;
use vivarium_checker::host::Told;
use vivarium_checker::host::facts::Listener;
use vivarium_checker::host::sockets::{self, Socket};

use super::Wanted;

fn table(host: &Host) -> Result<Vec<Socket>, String> {
    let read =
        |name: &str| fs::read_to_string(host.path(name)).map_err(|error| format!("reading {name}: {error}"));
    let mut all = sockets::sockets(&read("/proc/net/tcp")?);
    // A kernel without version 6 has no such table.
    all.extend(sockets::sockets(&read("/proc/net/tcp6").unwrap_or_default()));
    Ok(all)
}

/// Everybody who listens.
pub(super) fn listeners(host: &Host) -> Told<Vec<Listener>> {
    let all = match table(host) {
        Ok(all) => all,
        Err(why) => return Told::Unknown(why),
    };
    let programs = programs(host);
    let listener = |one: Socket| Listener { address: one.local, program: programs.get(&one.inode).cloned() };
    Told::Known(all.into_iter().filter(|one| one.listens).map(listener).collect())
}

/// How many connections of the client are half open.
pub(super) fn half_open(host: &Host, wanted: &Wanted) -> Told<usize> {
    table(host).map(|all| sockets::half_open(&all, wanted.client, wanted.port)).into()
}

/// Who holds which socket. What is another user's is seen by root alone.
fn programs(host: &Host) -> HashMap<u64, String> {
    let mut programs = HashMap::new();
    for process in processes(host) {
        let handles = host.path(format!("/proc/{}/fd", process.number));
        for handle in fs::read_dir(handles).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(handle.path()) else { continue };
            let inode = target
                .to_str()
                .and_then(|word| word.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(inode) = inode {
                programs.insert(inode, process.name.clone());
            }
        }
    }
    programs
}

/// A process.
pub(super) struct Process {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) command_line: String,
}

/// Whether a process is of this host's network: one of a container's listens elsewhere.
pub(super) fn is_of_this_network(host: &Host, process: &Process) -> bool {
    let network = |of: &str| fs::read_link(host.path(format!("/proc/{of}/ns/net"))).ok();
    network(&process.number.to_string()) == network("self")
}

/// All of them.
pub(super) fn processes(host: &Host) -> Vec<Process> {
    let entries = fs::read_dir(host.path("/proc")).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter_map(|number| {
            let of = |name: &str| fs::read(host.path(format!("/proc/{number}/{name}")));
            let text =
                |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\0']).to_owned();
            Some(Process { number, name: text(of("comm").ok()?), command_line: text(of("cmdline").ok()?) })
        })
        .collect()
}
