//! The files of accounts, line by line. Pure; of a password no more is kept than whether it locks the account.

/// What `/etc/passwd` says of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a field of passwd(5)")]
pub struct Passwd {
    pub uid: u32,
    pub gid: u32,
    pub home: String,
    pub shell: String,
}

/// What `/etc/shadow` says of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shadow {
    /// Whether the password begins with `!`.
    pub locked: bool,
    /// The day after which it is not let in, counted from the first of January 1970.
    pub expires: Option<i64>,
}

/// Whom the images that people start come with.
pub const USUAL: [&str; 9] =
    ["ec2-user", "ubuntu", "admin", "debian", "fedora", "centos", "rocky", "almalinux", "bitnami"];

/// The entry of a user.
pub fn passwd(text: &str, user: &str) -> Option<Passwd> {
    let fields = line(text, user)?;
    let [_, _, uid, gid, _, home, shell] = fields.as_slice() else { return None };
    let shell = if shell.is_empty() { "/bin/sh" } else { shell };
    Some(Passwd {
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: (*home).to_owned(),
        shell: shell.to_owned(),
    })
}

/// The groups of a user: its own, and those that list it.
pub fn groups(text: &str, user: &str, gid: u32) -> Vec<String> {
    let is_in = |fields: &Vec<&str>| {
        let own = fields.get(2).and_then(|number| number.parse().ok()) == Some(gid);
        own || fields.get(3).is_some_and(|members| members.split(',').any(|member| member == user))
    };
    let lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.filter(is_in).map(|fields| fields[0].to_owned()).collect()
}

/// The shadow of a user.
pub fn shadow(text: &str, user: &str) -> Option<Shadow> {
    let fields = line(text, user)?;
    let expires = fields.get(7).and_then(|day| day.parse().ok());
    Some(Shadow { locked: fields.get(1)?.starts_with('!'), expires })
}

fn line<'t>(text: &'t str, user: &str) -> Option<Vec<&'t str>> {
    text.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == user)
}

/// Whether a name matches one of sshd's patterns: `*` and `?`, and `!` before one that must not match. Of
/// `USER@HOST` the user alone is looked at, and the client's address where it is known.
pub fn matches(patterns: &[String], name: &str, client: Option<&str>) -> Option<bool> {
    let mut found = false;
    for pattern in patterns {
        let (negated, pattern) =
            pattern.strip_prefix('!').map_or((false, pattern.as_str()), |rest| (true, rest));
        let (user, host) = pattern.split_once('@').map_or((pattern, None), |(user, host)| (user, Some(host)));
        if !is_like(user, name) {
            continue;
        }
        let from_there = match (host, client) {
            (None, _) => true,
            // A name would have to be looked up, and a block be compared: neither is done here.
            (Some(host), Some(client)) if host.parse::<std::net::IpAddr>().is_ok() || host == "*" => {
                is_like(host, client)
            }
            (Some(_), _) => return None,
        };
        if from_there && negated {
            return Some(false);
        }
        found |= from_there;
    }
    Some(found)
}

fn is_like(pattern: &str, name: &str) -> bool {
    crate::local::wildcard::matches(pattern, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nec2-user:x:1000:1001::/home/ec2-user:/bin/bash\nodd:x:7\n\
        plain:x:9:9::/:\n";
    const GROUP: &str = "root:x:0:\nwheel:x:10:ec2-user,ada\nec2-user:x:1001:\nada:x:1002:ada\n";

    #[test]
    fn a_user_is_found_with_its_groups_and_a_broken_line_is_none() {
        let user = passwd(PASSWD, "ec2-user").expect("it is there");
        assert_eq!((user.uid, user.home.as_str()), (1000, "/home/ec2-user"));
        assert_eq!(groups(GROUP, "ec2-user", user.gid), ["wheel", "ec2-user"]);
        assert_eq!(passwd(PASSWD, "odd"), None);
        assert_eq!(passwd(PASSWD, "nobody"), None);
        assert_eq!(passwd(PASSWD, "plain").map(|one| one.shell), Some("/bin/sh".to_owned()));
    }

    #[test]
    fn a_lock_is_told_from_no_password_and_the_password_is_not_kept() {
        let text = "a:!$6$salt$hash:1::::::\nb:*:1:0:99999:7:::\nc:$6$x:1:0:99999:7::18000:\n";
        assert_eq!(shadow(text, "a"), Some(Shadow { locked: true, expires: None }));
        assert_eq!(shadow(text, "b"), Some(Shadow { locked: false, expires: None }));
        assert_eq!(shadow(text, "c"), Some(Shadow { locked: false, expires: Some(18000) }));
        assert!(!format!("{:?}", shadow(text, "a")).contains("hash"));
    }

    #[test]
    fn patterns_are_sshds() {
        let of = |patterns: &[&str], name: &str| {
            let patterns: Vec<String> = patterns.iter().map(|one| (*one).to_owned()).collect();
            matches(&patterns, name, Some("203.0.113.10"))
        };
        assert_eq!(of(&["ec2-*"], "ec2-user"), Some(true));
        assert_eq!(of(&["ada", "bob"], "ec2-user"), Some(false));
        assert_eq!(of(&["!ec2-user", "*"], "ec2-user"), Some(false));
        assert_eq!(of(&["ec2-user@203.0.113.10"], "ec2-user"), Some(true));
        assert_eq!(of(&["ec2-user@203.0.113.11"], "ec2-user"), Some(false));
        assert_eq!(of(&["ec2-user@10.0.0.0/8"], "ec2-user"), None, "not decided here");
    }
}
