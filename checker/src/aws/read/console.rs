//! What an instance's console tells: its host keys, where nobody in between can change them, and what went wrong.
//! All else on it is nobody's business: the same lines that are read are those that are kept.

use super::host_keys::host_keys;
use crate::network::{ConsoleOutput, ConsoleTrouble, ConsoleTroubleKind, InstanceId};

/// What a line says where it says that something went wrong. The first row that fits counts.
const TELLING: [(&str, ConsoleTroubleKind); 14] = [
    ("Kernel panic - not syncing", ConsoleTroubleKind::KernelPanic),
    ("end Kernel panic", ConsoleTroubleKind::KernelPanic),
    ("VFS: Unable to mount root fs", ConsoleTroubleKind::KernelPanic),
    ("You are in emergency mode", ConsoleTroubleKind::EmergencyMode),
    ("Welcome to emergency mode", ConsoleTroubleKind::EmergencyMode),
    ("Started Emergency Shell", ConsoleTroubleKind::EmergencyMode),
    ("Entering emergency mode", ConsoleTroubleKind::EmergencyMode),
    ("Give root password for maintenance", ConsoleTroubleKind::EmergencyMode),
    ("Dependency failed for /", ConsoleTroubleKind::MountFailed),
    ("Timed out waiting for device", ConsoleTroubleKind::MountFailed),
    ("No space left on device", ConsoleTroubleKind::NoSpaceLeft),
    ("Out of memory: Kill", ConsoleTroubleKind::OutOfMemory),
    ("oom-kill:", ConsoleTroubleKind::OutOfMemory),
    ("Memory cgroup out of memory: Kill", ConsoleTroubleKind::OutOfMemory),
];

/// Longer lines are cut: they are shown.
const LONGEST: usize = 200;

/// What the console of an instance tells.
pub(super) fn read(id: InstanceId, output: &str) -> ConsoleOutput {
    let mut troubles: Vec<ConsoleTrouble> = Vec::new();
    for (kind, line) in output.lines().filter_map(trouble) {
        troubles.retain(|known| known.kind != kind);
        troubles.push(ConsoleTrouble { kind, line });
    }
    troubles.sort_by_key(|trouble| trouble.kind);
    let host_keys = host_keys(output).into_iter().map(|key| key.fingerprint).collect();
    ConsoleOutput { id, host_keys, troubles }
}

fn trouble(line: &str) -> Option<(ConsoleTroubleKind, String)> {
    let (_, kind) = TELLING.iter().find(|(words, _)| line.contains(words))?;
    let plain: String = without_colours(line).chars().take(LONGEST).collect();
    Some((*kind, plain.trim().to_owned()))
}

/// systemd paints its lines.
fn without_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => while letters.next().is_some_and(|letter| !letter.is_ascii_alphabetic()) {},
            letter if letter.is_control() => {}
            letter => plain.push(letter),
        }
    }
    plain
}

/// The lines that are read, so that a kept console says the same and no more.
pub fn telling_lines(output: &str) -> String {
    let keys = host_keys(output);
    let mut kept: Vec<String> = Vec::new();
    if !keys.is_empty() {
        kept.push("-----BEGIN SSH HOST KEY FINGERPRINTS-----".into());
        kept.extend(keys.iter().map(|key| format!("{} ({})", key.fingerprint, key.kind)));
        kept.push("-----END SSH HOST KEY FINGERPRINTS-----".into());
    }
    kept.extend(output.lines().filter_map(trouble).map(|(_, line)| line));
    kept.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = "[    0.0] Linux version 6.1\r\n\
        256 SHA256:nothing (ED25519)\r\n\
        <14>-----BEGIN SSH HOST KEY FINGERPRINTS-----\r\n<14>256 SHA256:abc root@ip-10-0-1-10 (ED25519)\r\n\
        <14>-----END SSH HOST KEY FINGERPRINTS-----\r\n\
        [\u{1b}[1;33mDEPEND\u{1b}[0m] Dependency failed for /data.\r\n\
        cloud-init: password is hunter2\r\n\
        [  900.1] Out of memory: Killed process 411 (postgres)\r\n\
        [  901.1] Out of memory: Killed process 512 (sshd)\r\n";

    fn told(output: &str) -> Vec<(ConsoleTroubleKind, String)> {
        read("i-1".into(), output).troubles.into_iter().map(|trouble| (trouble.kind, trouble.line)).collect()
    }

    #[test]
    fn each_kind_of_trouble_is_told_once_by_its_last_line_and_without_colours() {
        let wanted = [
            (ConsoleTroubleKind::MountFailed, "[DEPEND] Dependency failed for /data.".to_owned()),
            (
                ConsoleTroubleKind::OutOfMemory,
                "[  901.1] Out of memory: Killed process 512 (sshd)".to_owned(),
            ),
        ];
        assert_eq!(told(CONSOLE), wanted);
        assert_eq!(told("all is well\n"), []);
    }

    #[test]
    fn what_is_kept_of_a_console_says_the_same_and_no_more() {
        let kept = telling_lines(CONSOLE);
        assert_eq!(read("i-1".into(), &kept), read("i-1".into(), CONSOLE));
        assert_eq!(telling_lines(&kept), kept);
        assert!(!kept.contains("hunter2") && !kept.contains("root@"), "{kept}");
        assert_eq!(telling_lines("all is well\n"), "");
    }
}
