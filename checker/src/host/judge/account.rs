//! The account that somebody wants to log in to.

use super::super::accounts::matches;
use super::super::facts::{Account, Entry, Facts, Policy};
use super::super::problem::{Kind, Problem};
use super::keys;

/// Shells that say no and end.
const REFUSE: [&str; 4] = ["nologin", "false", "true", "sync"];

pub(super) fn problems(facts: &Facts) -> Vec<Problem> {
    let closed = facts.no_login.known().into_iter().flatten().map(|(path, words)| {
        let words =
            if words.is_empty() { "without a word".to_owned() } else { format!("which says: {words}") };
        Problem::new(Kind::NoLogin, "", format!("{path} keeps everybody out but root"))
            .shown_by(format!("{path} is there, {words}"))
            .hint(format!("once what it was made for is over (a shutdown, an update): `rm {path}`"))
    });
    let of_accounts = facts.accounts.known().into_iter().flatten().flat_map(|account| of(facts, account));
    closed.chain(of_accounts).collect()
}

fn of(facts: &Facts, account: &Account) -> Vec<Problem> {
    let user = &account.user;
    let Some(entry) = &account.entry else {
        return vec![
            Problem::new(Kind::NoSuchUser, user, format!("there is no user {user} on the instance"))
                .shown_by(format!("/etc/passwd has no {user}"))
                .hint(
                    "log in as the one that the image has: ec2-user (Amazon Linux), ubuntu, admin (Debian), rocky, \
                     fedora; `ssh -l USER`",
                ),
        ];
    };
    let policy = account.policy.known();
    let own = [
        policy.and_then(|policy| not_allowed(facts, user, entry, policy)),
        policy.and_then(|policy| locked(user, entry, policy)),
        expired(user, entry),
        shell(user, entry),
        keys::no_home(user, entry),
        policy.and_then(|policy| keys::off(user, policy)),
    ];
    own.into_iter().flatten().chain(keys::problems(account, entry)).collect()
}

/// Deny goes before allow, users before groups. What hangs on a name of a host is left open.
fn not_allowed(facts: &Facts, user: &str, entry: &Entry, policy: &Policy) -> Option<Problem> {
    let client = facts.question.client.map(|client| client.to_string());
    let user_in = |patterns: &[String]| matches(patterns, user, client.as_deref());
    let group_in =
        |patterns: &[String]| entry.groups.iter().any(|group| matches(patterns, group, None) == Some(true));
    let line = |keyword: &str, values: &[String]| format!("sshd -T: {keyword} {}", values.join(" "));
    let (shown, mend) = if entry.uid == 0 && policy.permit_root_login == "no" {
        ("sshd -T: permitrootlogin no".to_owned(), "log in as another user and use sudo")
    } else if !policy.deny_users.is_empty() && user_in(&policy.deny_users) == Some(true) {
        (line("denyusers", &policy.deny_users), "take the user out of DenyUsers")
    } else if !policy.allow_users.is_empty() && user_in(&policy.allow_users) == Some(false) {
        (line("allowusers", &policy.allow_users), "add the user to AllowUsers")
    } else if group_in(&policy.deny_groups) {
        (
            line("denygroups", &policy.deny_groups),
            "take the group out of DenyGroups, or the user out of the group",
        )
    } else if !policy.allow_groups.is_empty() && !group_in(&policy.allow_groups) {
        (line("allowgroups", &policy.allow_groups), "add the user to one of the groups of AllowGroups")
    } else {
        return None;
    };
    Some(
        Problem::new(Kind::UserNotAllowed, user, format!("sshd's configuration keeps {user} out"))
            .shown_by(shown)
            .hint(format!(
                "{mend} (/etc/ssh/sshd_config and sshd_config.d), try `sshd -t`, then \
                 `systemctl reload ssh || systemctl reload sshd`"
            )),
    )
}

/// sshd itself heeds the lock only where it does not leave accounts to PAM.
fn locked(user: &str, entry: &Entry, policy: &Policy) -> Option<Problem> {
    (entry.locked.known() == Some(&true) && !policy.use_pam).then(|| {
        Problem::new(
            Kind::AccountLocked,
            user,
            format!("the account {user} is locked, and sshd heeds that without PAM"),
        )
        .shown_by(format!("the password of {user} in /etc/shadow begins with !, and UsePAM is no"))
        .hint(format!(
            "`usermod -p '*' {user}` takes the lock off and leaves it without a password; or set UsePAM yes"
        ))
    })
}

fn expired(user: &str, entry: &Entry) -> Option<Problem> {
    let day = entry.expired_on.known()?.as_ref()?;
    Some(
        Problem::new(Kind::AccountExpired, user, format!("the account {user} expired on {day}"))
            .shown_by(format!("/etc/shadow: {user} expires on {day}"))
            .hint(format!("`chage -E -1 {user}`")),
    )
}

fn shell(user: &str, entry: &Entry) -> Option<Problem> {
    let path = &entry.shell.path;
    let name = path.rsplit('/').next().unwrap_or_default();
    if REFUSE.contains(&name) {
        return Some(
            Problem::new(
                Kind::ShellRefuses,
                user,
                format!("the shell of {user} is {path}: it ends every login at once"),
            )
            .shown_by(format!("/etc/passwd: {user} has {path}"))
            .hint(format!("`usermod -s /bin/bash {user}`")),
        );
    }
    let usable = entry.shell.is.is_some_and(|inode| !inode.directory && inode.mode & 0o111 != 0);
    (!usable).then(|| {
        Problem::new(Kind::NoShell, user, format!("the shell of {user} is {path}, and that is no program"))
            .shown_by(match entry.shell.is {
                Some(inode) => format!("{path} has mode {:o}", inode.mode),
                None => format!("{path} is not there"),
            })
            .hint(format!("`usermod -s /bin/bash {user}`"))
    })
}
