//! Memory, and what the kernel said when it ran out.

use std::fs;

use vivarium_bootstrap::anaconda::preflight::available_memory;
use vivarium_bootstrap::host::Host;
use vivarium_bootstrap::host::processes::Command;
use vivarium_checker::host::Told;
use vivarium_checker::host::facts::Memory;

use super::PATIENCE;

/// Memory that is free, and what is known of who was killed.
pub(super) fn of(host: &Host, killed: Told<Option<String>>) -> Memory {
    let read = fs::read_to_string(host.path("/proc/meminfo"));
    Memory { available: read.map(|text| available_memory(&text)).into(), killed }
}

/// The kernel's last word on an sshd that it killed.
pub(super) async fn killed(host: &Host) -> Told<Option<String>> {
    let mut why = String::new();
    let journal = ["-k", "-o", "cat", "--no-pager", "-n", "3000"];
    for command in [Command::new("dmesg"), Command::new("journalctl").args(journal)] {
        let name = command.program.display().to_string();
        match host.processes.run(command.deadline(PATIENCE)).await {
            Ok(output) if output.success() => return Told::Known(line(&output.text())),
            Ok(output) => why = format!("{name}: {}", output.last_words()),
            Err(error) => why = error.to_string(),
        }
    }
    Told::Unknown(why)
}

fn line(text: &str) -> Option<String> {
    let said =
        |line: &&str| line.contains("Killed process") && (line.contains("(sshd)") || line.contains("(sshd-"));
    text.lines().rev().find(said).map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_sshd_that_was_killed_is_told_of() {
        let text = "[1.0] Out of memory: Killed process 7 (python)\n[2.0] Out of memory: Killed process 812 (sshd) \
            total-vm:1kB\n[3.0] Killed process 9 (java)\n";
        assert_eq!(
            line(text).as_deref(),
            Some("[2.0] Out of memory: Killed process 812 (sshd) total-vm:1kB")
        );
        assert_eq!(line("[1.0] Killed process 7 (python)"), None);
    }
}
