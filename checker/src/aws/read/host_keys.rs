//! The host keys that cloud-init prints on an instance's console, where nobody in between can change them.

/// The beginning and the end of the block.
const BEGINS: &str = "BEGIN SSH HOST KEY FINGERPRINTS";
const ENDS: &str = "END SSH HOST KEY FINGERPRINTS";

/// A host key as the console shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConsoleKey {
    /// `SHA256:…`, or `MD5:…` of old images.
    pub(super) fingerprint: String,
    /// `ED25519`.
    pub(super) kind: String,
}

/// The keys of the last such block: an instance prints one at its first start, and again when its keys are made anew.
pub(super) fn host_keys(console: &str) -> Vec<ConsoleKey> {
    let Some(begins) = console.rfind(BEGINS) else { return Vec::new() };
    let block = console[begins..].lines().skip(1);
    block.take_while(|line| !line.contains(ENDS)).filter_map(key).collect()
}

/// `<14>Nov 23 15:00:00 cloud-init: 256 SHA256:… root@ip-10-0-1-10 (ED25519)`
fn key(line: &str) -> Option<ConsoleKey> {
    let mut words = line.split_whitespace();
    let fingerprint = words.find(|word| word.starts_with("SHA256:") || word.starts_with("MD5:"))?;
    let kind = words.last()?.strip_prefix('(')?.strip_suffix(')')?;
    Some(ConsoleKey { fingerprint: fingerprint.to_owned(), kind: kind.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = "[   12.3] cloud-init[1]: Generating public/private ed25519 key pair.\r\n\
        <14>Nov 23 15:00:00 cloud-init: #############\r\n\
        <14>Nov 23 15:00:00 cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----\r\n\
        <14>Nov 23 15:00:00 cloud-init: 256 SHA256:old root@ip-10-0-1-10 (ECDSA)\r\n\
        <14>Nov 23 15:00:00 cloud-init: -----END SSH HOST KEY FINGERPRINTS-----\r\n\
        -----BEGIN SSH HOST KEY FINGERPRINTS-----\r\n\
        256 SHA256:abc root@ip-10-0-1-10 (ECDSA)\r\n\
        256 SHA256:def no comment (ED25519)\r\n\
        -----END SSH HOST KEY FINGERPRINTS-----\r\n\
        256 SHA256:later root@x (RSA)\r\n";

    #[test]
    fn the_last_block_is_read_and_nothing_behind_it() {
        let keys = host_keys(CONSOLE);
        let told: Vec<_> = keys.iter().map(|key| (key.kind.as_str(), key.fingerprint.as_str())).collect();
        assert_eq!(told, [("ECDSA", "SHA256:abc"), ("ED25519", "SHA256:def")]);
    }

    #[test]
    fn a_console_without_the_block_says_nothing() {
        assert_eq!(host_keys("Linux version 6.1\n"), []);
        assert_eq!(host_keys("BEGIN SSH HOST KEY FINGERPRINTS"), []);
    }
}
