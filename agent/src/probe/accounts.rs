//! The accounts that somebody may want to log in to, down to their files of keys. Of those the modes, the owners and
//! the number of keys are taken; no key and no password leaves this file.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Span;
use jiff::civil::date;
use vivarium_bootstrap::host::processes::Command;
use vivarium_bootstrap::host::{Host, clock};
use vivarium_checker::host::Told;
use vivarium_checker::host::accounts::{self, Passwd, USUAL};
use vivarium_checker::host::facts::{Account, Entry, KeyFile, PathFact, Policy};
use vivarium_checker::host::sshd as words;

use super::{PATIENCE, Wanted, files, sshd};

/// Where the configuration does not say.
const USUAL_FILE: &str = ".ssh/authorized_keys";
/// A path with more directories in it is nobody's home.
const DEEPEST: usize = 12;
const DAY: i64 = 24 * 3600;

/// Whom somebody named, or the first of those that images come with.
pub(super) fn asked_for(host: &Host, wanted: &Wanted) -> Vec<String> {
    if !wanted.users.is_empty() {
        return wanted.users.clone();
    }
    let known = files::text(host, "/etc/passwd").unwrap_or_default();
    USUAL
        .iter()
        .filter(|user| accounts::passwd(&known, user).is_some())
        .take(1)
        .map(|user| (*user).to_owned())
        .collect()
}

/// Looks at each of them.
pub(super) async fn look(
    host: &Host,
    users: &[String],
    wanted: &Wanted,
    sshd: &sshd::Seen,
) -> Told<Vec<Account>> {
    let client = wanted.client.map_or_else(|| "192.0.2.1".to_owned(), |client| client.to_string());
    let mut all = Vec::new();
    for user in users {
        let Ok(passwd) = entry(host, user).await else {
            return Told::Unknown("the files of accounts cannot be read".to_owned());
        };
        let policy = match &passwd {
            Some(_) => sshd.policy(host, user, &client).await,
            None => Told::Unknown("there is no such user".to_owned()),
        };
        let key_files = passwd.as_ref().map(|passwd| key_files(host, user, passwd, policy.known()));
        all.push(Account {
            entry: passwd.map(|passwd| described(host, user, &passwd)),
            user: user.clone(),
            policy,
            key_files: key_files.unwrap_or_default(),
        });
    }
    Told::Known(all)
}

/// `getent` knows accounts that are in no file of this host.
async fn entry(host: &Host, user: &str) -> Result<Option<Passwd>, String> {
    let asked = Command::new("getent").args(["passwd", "--", user]).deadline(PATIENCE);
    match host.processes.run(asked).await {
        Ok(output) if output.success() => Ok(accounts::passwd(&output.text(), user)),
        _ => Ok(accounts::passwd(&files::text(host, "/etc/passwd")?, user)),
    }
}

fn described(host: &Host, user: &str, passwd: &Passwd) -> Entry {
    let groups = accounts::groups(&files::text(host, "/etc/group").unwrap_or_default(), user, passwd.gid);
    let shadow =
        fs::read_to_string(host.path("/etc/shadow")).map_err(|error| format!("reading /etc/shadow: {error}"));
    let shadow: Told<_> = shadow.map(|text| accounts::shadow(&text, user)).into();
    Entry {
        uid: passwd.uid,
        home: files::at(host, &passwd.home),
        shell: files::at(host, &passwd.shell),
        groups,
        locked: shadow.clone().map(|shadow| shadow.is_some_and(|shadow| shadow.locked)),
        expired_on: shadow.map(|shadow| expired(shadow?.expires?, clock::now().as_second() / DAY)),
    }
}

/// The day on which an account ended, where it has.
fn expired(day: i64, today: i64) -> Option<String> {
    let ended = date(1970, 1, 1).checked_add(Span::new().try_days(day).ok()?).ok()?;
    (today >= day).then(|| ended.to_string())
}

fn key_files(host: &Host, user: &str, passwd: &Passwd, policy: Option<&Policy>) -> Vec<KeyFile> {
    let usual = vec![USUAL_FILE.to_owned()];
    let patterns = policy.map(|policy| &policy.authorized_keys_file).filter(|files| !files.is_empty());
    let patterns = patterns.unwrap_or(&usual).iter().filter(|pattern| *pattern != "none");
    patterns
        .map(|pattern| {
            key_file(host, &words::key_file(pattern, user, passwd.uid, &passwd.home), &passwd.home)
        })
        .collect()
}

fn key_file(host: &Host, path: &str, home: &str) -> KeyFile {
    // sshd looks at where a link leads, and so do we.
    let real = |path: &str| fs::canonicalize(host.path(path)).unwrap_or_else(|_| PathBuf::from(path));
    let (file, home) = (real(path), real(home));
    let above = above(&file, &home);
    let components: Vec<PathFact> =
        above.iter().map(|one| files::at(host, &one.display().to_string())).collect();
    let keys = match fs::read(host.path(&file)) {
        Ok(bytes) => Told::Known(words::keys(&String::from_utf8_lossy(&bytes))),
        Err(error) => Told::Unknown(error.to_string()),
    };
    KeyFile { components, keys }
}

/// The file and the directories above it: up to the home directory, or all of them where it lies elsewhere.
fn above(file: &Path, home: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for one in file.ancestors().take(DEEPEST) {
        all.push(one.to_owned());
        if one == home {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sshd_stops_at_the_home_directory_and_else_goes_up_to_the_root() {
        let of = |file: &str| {
            let all = above(Path::new(file), Path::new("/home/ada"));
            all.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("/home/ada/.ssh/keys"), "/home/ada/.ssh/keys /home/ada/.ssh /home/ada");
        assert_eq!(of("/etc/keys/ada"), "/etc/keys/ada /etc/keys /etc /");
    }

    #[test]
    fn an_account_ends_on_its_day() {
        assert_eq!(expired(1, 1), Some("1970-01-02".to_owned()));
        assert_eq!(expired(20_000, 19_999), None);
        assert_eq!(expired(i64::MAX, i64::MAX), None, "no day of any calendar");
    }
}
