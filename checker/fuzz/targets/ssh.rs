//! What an SSH server may say: its line, its key exchange and whatever follows; and the files that speak of servers
//! and keys. The first byte chooses.
#![no_main]

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use vivarium_checker::host::sshd;
use vivarium_checker::local::{key_file, known_hosts};
use vivarium_checker::probe::ssh;

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((1, rest)) => {
            let text = String::from_utf8_lossy(rest);
            let recorded = known_hosts::recorded(&text, "host.example", 2222);
            let _ = recorded.algorithms();
            let _ = recorded.verdict_on("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ");
            let _ = known_hosts::recorded(&text, "10.0.1.10", 22).algorithms();
        }
        Some((2, rest)) => {
            if let Ok(key) = key_file::understood(Path::new("/nowhere/key"), rest) {
                let _ = key.fingerprint();
            }
        }
        Some((3, rest)) => {
            let _ = sshd::host_keys(&String::from_utf8_lossy(rest));
        }
        _ => {
            let heard = ssh::heard(bytes.to_vec(), "ec2-user", Duration::from_secs(5));
            let outcome = runtime().block_on(heard);
            let _ = (outcome.to_string(), serde_json::to_string(&outcome));
        }
    }
});

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_current_thread().enable_time().build().expect("a runtime"))
}
