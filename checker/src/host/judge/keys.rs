//! The keys that may log in, and who else may write them: what sshd calls `StrictModes`.

use super::super::facts::{Account, Entry, KeyFile, PathFact, Policy};
use super::super::problem::{Kind, Problem};

pub(super) fn no_home(user: &str, entry: &Entry) -> Option<Problem> {
    let path = &entry.home.path;
    entry.home.is.is_none().then(|| {
        Problem::new(Kind::NoHome, user, format!("the home directory of {user} is not there"))
            .shown_by(format!("{path} is not there"))
            .hint(format!("where it is a volume of its own, mount it (`findmnt --fstab`, `mount -a`); else `mkhomedir_helper {user}`"))
    })
}

pub(super) fn off(user: &str, policy: &Policy) -> Option<Problem> {
    let nowhere = policy.authorized_keys_file.iter().all(|file| file == "none")
        && !policy.authorized_keys_file.is_empty();
    let shown = match (policy.pubkey_authentication, nowhere) {
        (false, _) => "sshd -T: pubkeyauthentication no",
        (true, true) => "sshd -T: authorizedkeysfile none",
        (true, false) => return None,
    };
    Some(
        Problem::new(Kind::KeysOff, user, format!("sshd takes no public keys from {user}"))
            .shown_by(shown)
            .hint("set it back in /etc/ssh/sshd_config, try `sshd -t`, then `systemctl reload ssh || systemctl reload sshd`"),
    )
}

/// Nothing where at least one of its files lets a key in.
pub(super) fn problems(account: &Account, entry: &Entry) -> Vec<Problem> {
    let strict = account.policy.known().is_none_or(|policy| policy.strict_modes);
    let found: Vec<Problem> =
        account.key_files.iter().filter_map(|file| of_file(&account.user, entry.uid, file, strict)).collect();
    if found.len() < account.key_files.len() {
        return Vec::new();
    }
    // Of several files one that is there and open says more than one that never was.
    found.into_iter().min_by_key(|problem| problem.kind == Kind::NoKeyFile).into_iter().collect()
}

fn of_file(user: &str, uid: u32, file: &KeyFile, strict: bool) -> Option<Problem> {
    let (keys, _) = file.components.split_first()?;
    if keys.is.is_none() {
        let home = file.components.iter().all(|one| one.is.is_none());
        return (!home || file.components.len() == 1).then(|| missing(user, &keys.path));
    }
    let open: Vec<&PathFact> = file.components.iter().filter(|one| strict && is_open(one, uid)).collect();
    if let Some(first) = open.first() {
        return Some(too_open(user, uid, first, &open));
    }
    (file.keys.known() == Some(&0)).then(|| {
        Problem::new(Kind::NoKeys, user, format!("{} holds no key", keys.path))
            .shown_by(format!("no line of {} is a key", keys.path))
            .hint(format!("write the public key into it: `echo 'ssh-ed25519 …' >> {}`", keys.path))
    })
}

/// As sshd has it: others may not write, and it is the user's or root's.
fn is_open(one: &PathFact, uid: u32) -> bool {
    one.is.is_some_and(|inode| inode.mode & 0o022 != 0 || inode.owner != 0 && inode.owner != uid)
}

fn missing(user: &str, path: &str) -> Problem {
    let directory = path.rsplit_once('/').map_or(path, |(directory, _)| directory);
    Problem::new(Kind::NoKeyFile, user, format!("{user} has no file of keys: no key is let in"))
        .shown_by(format!("{path} is not there"))
        .hint(format!(
            "`install -d -m 700 -o {user} {directory}`, `echo 'ssh-ed25519 …' > {path}`, `chown {user} {path}`, \
             `chmod 600 {path}`"
        ))
}

fn too_open(user: &str, uid: u32, first: &PathFact, open: &[&PathFact]) -> Problem {
    let verdict = format!("sshd ignores the keys of {user}: others may write {}", first.path);
    let problem = open.iter().fold(Problem::new(Kind::OpenKeyFile, user, verdict), |problem, one| {
        let Some(inode) = one.is else { return problem };
        let whose = if inode.owner == uid || inode.owner == 0 {
            String::new()
        } else {
            format!(" and is user {}'s", inode.owner)
        };
        problem.shown_by(format!("{} has mode {:o}{whose}", one.path, inode.mode))
    });
    let commands: Vec<String> = open.iter().filter_map(|one| mend(user, uid, one)).collect();
    problem.hint(commands.join(", "))
}

fn mend(user: &str, uid: u32, one: &PathFact) -> Option<String> {
    let inode = one.is?;
    let own = inode.owner == 0 || inode.owner == uid;
    let owner = if own { String::new() } else { format!("`chown {user} {}`", one.path) };
    let mode = if inode.mode & 0o022 == 0 { String::new() } else { format!("`chmod go-w {}`", one.path) };
    let both = [owner, mode].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
    (!both.is_empty()).then_some(both)
}
