//! What `sshd -T` and `sshd -t` say. Pure.

use super::facts::Policy;

/// Where the configuration names no key, sshd looks for these.
pub const HOST_KEYS: [&str; 3] =
    ["/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ecdsa_key", "/etc/ssh/ssh_host_ed25519_key"];

/// The configuration in force for one user, as `sshd -T -C …` prints it.
pub fn policy(text: &str) -> Policy {
    let mut policy = Policy { strict_modes: true, pubkey_authentication: true, ..Policy::default() };
    for (keyword, value) in lines(text) {
        let values = || value.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        match keyword {
            "allowusers" => policy.allow_users.extend(values()),
            "denyusers" => policy.deny_users.extend(values()),
            "allowgroups" => policy.allow_groups.extend(values()),
            "denygroups" => policy.deny_groups.extend(values()),
            "authorizedkeysfile" => policy.authorized_keys_file = values(),
            "pubkeyauthentication" => policy.pubkey_authentication = value == "yes",
            "permitrootlogin" => value.clone_into(&mut policy.permit_root_login),
            "strictmodes" => policy.strict_modes = value == "yes",
            "usepam" => policy.use_pam = value == "yes",
            "forcecommand" if value != "none" => policy.force_command = Some(value.to_owned()),
            _ => {}
        }
    }
    policy
}

/// The keys of the host that the configuration names.
pub fn host_keys(text: &str) -> Vec<String> {
    lines(text).filter(|(keyword, _)| *keyword == "hostkey").map(|(_, path)| path.to_owned()).collect()
}

fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().map(|line| line.trim().split_once(' ').unwrap_or((line, "")))
}

/// A file of keys with sshd's own words in it replaced: `%h`, `%u`, `%U`, `%%`; relative ones lie at home.
pub fn key_file(pattern: &str, user: &str, uid: u32, home: &str) -> String {
    let mut path = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '%') {
            (_, true) => match letters.next() {
                Some('h') => path.push_str(home),
                Some('u') => path.push_str(user),
                Some('U') => path.push_str(&uid.to_string()),
                Some(other) => path.push(other),
                None => {}
            },
            (other, false) => path.push(other),
        }
    }
    if path.starts_with('/') { path } else { format!("{}/{path}", home.trim_end_matches('/')) }
}

/// How many keys a file holds: lines that are neither empty nor a remark.
pub fn keys(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

/// The file of its configuration, as a running sshd was told: `sshd: /usr/sbin/sshd -D -f FILE [listener] …`.
pub fn told_file(command_line: &str) -> Option<String> {
    let words: Vec<&str> = command_line.split(['\0', ' ']).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|word| *word == "-f")?;
    words.get(at + 1).map(|word| (*word).to_owned())
}

/// Whether a process is the sshd that takes connections: those that serve one say whom they serve.
pub fn takes_connections(name: &str, command_line: &str) -> bool {
    name == "sshd" && (command_line.contains("[listener]") || !command_line.starts_with("sshd: "))
}

/// The path that its words are about: `Missing privilege separation directory: /run/sshd`.
pub fn directory(words: &str) -> Option<&str> {
    let path = words.split_whitespace().find(|word| word.starts_with('/'))?;
    Some(path.trim_end_matches(['.', ':', ',']))
}

/// The keys that a file of configuration names.
pub fn configured_host_keys(text: &str) -> Vec<String> {
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words
        .filter_map(|words| match words.as_slice() {
            [keyword, path] if keyword.eq_ignore_ascii_case("hostkey") => Some((*path).to_owned()),
            _ => None,
        })
        .collect()
}

/// Why `sshd -t` fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    /// The directory that it locks itself into is not there.
    NoDirectory,
    /// Or is not root's alone.
    OpenDirectory,
    /// The user is not there that it becomes.
    NoUser,
    /// There is no key that it may use.
    NoHostKeys,
    /// The configuration itself.
    Configuration,
}

/// What its words mean.
pub fn fails(words: &str) -> Fails {
    let has = |part: &str| words.to_ascii_lowercase().contains(part);
    if has("missing privilege separation directory") {
        Fails::NoDirectory
    } else if has("must be owned by root and not group or world-writable") {
        Fails::OpenDirectory
    } else if has("privilege separation user") {
        Fails::NoUser
    } else if has("no hostkeys available") {
        Fails::NoHostKeys
    } else {
        Fails::Configuration
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_in_force_is_read_and_the_rest_is_passed_over() {
        let policy = policy(
            "port 22\nusepam yes\npubkeyauthentication yes\nstrictmodes no\nauthorizedkeysfile .ssh/authorized_keys \
             /etc/ssh/keys/%u\nallowusers ada\nallowusers bob@10.0.0.1\ndenygroups guests\nforcecommand none\n\
             permitrootlogin without-password\n",
        );
        assert_eq!(policy.allow_users, ["ada", "bob@10.0.0.1"]);
        assert_eq!(policy.authorized_keys_file, [".ssh/authorized_keys", "/etc/ssh/keys/%u"]);
        assert_eq!((policy.strict_modes, policy.use_pam, policy.force_command), (false, true, None));
        assert_eq!(policy.permit_root_login, "without-password");
    }

    #[test]
    fn files_of_keys_are_found_as_sshd_finds_them() {
        let of = |pattern| key_file(pattern, "ada", 1000, "/home/ada");
        assert_eq!(of(".ssh/authorized_keys"), "/home/ada/.ssh/authorized_keys");
        assert_eq!(of("/etc/keys/%u-%U"), "/etc/keys/ada-1000");
        assert_eq!(of("%h/keys%%"), "/home/ada/keys%");
        assert_eq!(keys("# mine\n\nssh-ed25519 AAAA ada\nssh-rsa BBBB\n"), 2);
    }

    #[test]
    fn the_words_of_a_failed_test_are_told_apart() {
        let table = [
            ("Missing privilege separation directory: /run/sshd", Fails::NoDirectory),
            ("/run/sshd must be owned by root and not group or world-writable.", Fails::OpenDirectory),
            ("Privilege separation user sshd does not exist", Fails::NoUser),
            ("sshd: no hostkeys available -- exiting.", Fails::NoHostKeys),
            ("/etc/ssh/sshd_config: line 3: Bad configuration option: Prot", Fails::Configuration),
        ];
        for (words, wanted) in table {
            assert_eq!(fails(words), wanted, "{words}");
        }
    }

    #[test]
    fn the_one_that_takes_connections_is_told_from_those_that_serve_one() {
        assert!(takes_connections("sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"));
        assert!(takes_connections("sshd", "/usr/sbin/sshd -D"));
        assert!(!takes_connections("sshd", "sshd: ec2-user [priv]"));
        assert!(!takes_connections("sshd-session", "sshd-session: ec2-user@pts/0"));
        assert_eq!(directory("Missing privilege separation directory: /run/sshd"), Some("/run/sshd"));
        assert_eq!(configured_host_keys("#HostKey /a\nhostkey /b\nPort 22\n"), ["/b"]);
    }

    #[test]
    fn a_running_sshd_says_which_file_it_was_told() {
        assert_eq!(
            told_file("sshd: /usr/sbin/sshd -D -f /etc/x [listener] 0 of 10-100 startups"),
            Some("/etc/x".into())
        );
        assert_eq!(told_file("/usr/sbin/sshd\0-f\0/etc/y\0"), Some("/etc/y".into()));
        assert_eq!(told_file("sshd: /usr/sbin/sshd -D [listener]"), None);
    }
}
