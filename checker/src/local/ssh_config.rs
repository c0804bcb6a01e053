//! `ssh_config`, as far as it says where a host alias leads: the first value of a setting counts, blocks apply by pattern.

mod words;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use self::words::{Line, lines};
use super::Mistake;
use super::wildcard::{list_matches, matches};

/// As deep as OpenSSH follows `Include`.
const DEEPEST: usize = 16;

/// Who asks for which host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The host as it was typed.
    pub host: String,
    /// The user, if one was typed.
    pub user: Option<String>,
    /// Who is logged in on this machine.
    pub local_user: String,
    /// Their home folder.
    pub home: PathBuf,
}

/// What the configuration says of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshSettings {
    /// `HostName`: what to connect to, if not what was typed.
    pub host_name: Option<String>,
    /// `User`.
    pub user: Option<String>,
    /// `Port`.
    pub port: Option<u16>,
    /// `IdentityFile`, in order, with `~` and tokens replaced.
    pub identity_files: Vec<PathBuf>,
    /// `ProxyJump`, as it stands; `none` is left out.
    pub proxy_jump: Option<String>,
    /// `ProxyCommand`, which cannot be followed.
    pub proxy_command: Option<String>,
    /// `HostKeyAlias`: the name to look for in `known_hosts`.
    pub host_key_alias: Option<String>,
    /// `UserKnownHostsFile`.
    pub known_hosts: Vec<PathBuf>,
    /// What could not be decided without running something: `Match exec …`.
    pub undecided: Vec<String>,
    proxy_decided: bool,
}

/// Reads these files in order, the user's before the system's. A file that is not there says nothing.
pub fn read(files: &[PathBuf], question: &Question) -> Result<SshSettings, Mistake> {
    // What was typed comes first, and the first value counts.
    let settings = SshSettings { user: question.user.clone(), ..SshSettings::default() };
    let mut reader = Reader { question, settings };
    for file in files {
        reader.file(file, true, 0)?;
    }
    let mut settings = reader.settings;
    let host = settings.host_name.clone().unwrap_or_else(|| question.host.clone());
    let user = settings.user.clone().unwrap_or_else(|| question.local_user.clone());
    if settings.known_hosts.is_empty() {
        settings.known_hosts = vec![question.home.join(".ssh/known_hosts")];
    }
    for file in settings.identity_files.iter_mut().chain(&mut settings.known_hosts) {
        *file = expanded(&file.to_string_lossy(), question, &host, &user, settings.port);
    }
    Ok(settings)
}

/// Where the files lie: the user's, then the system's.
pub fn usual_files(home: &Path) -> Vec<PathBuf> {
    vec![home.join(".ssh/config"), PathBuf::from("/etc/ssh/ssh_config")]
}

struct Reader<'a> {
    question: &'a Question,
    settings: SshSettings,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, outer: bool, depth: usize) -> Result<(), Mistake> {
        let doing = || format!("reading {}", path.display());
        if depth > DEEPEST {
            let why = format!("files include each other more than {DEEPEST} deep");
            return Err(Mistake::new(doing(), why, "look for an Include that leads back to its own file"));
        }
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Mistake::new(doing(), error.to_string(), "check its owner and mode")),
        };
        let mut active = outer;
        for line in lines(&text) {
            let at = |number| format!("{}, line {number}", doing());
            let line = line.map_err(|(number, why)| Mistake::new(at(number), why, ""))?;
            match line.keyword.as_str() {
                "host" => active = outer && list_matches(line.words(), &self.question.host),
                "match" => active = self.criteria(&line) && outer,
                _ if !active => {}
                "include" => self.include(&line, path, depth)?,
                _ => self.setting(&line).map_err(|(why, hint)| Mistake::new(at(line.number), why, hint))?,
            }
        }
        Ok(())
    }

    fn include(&mut self, line: &Line, from: &Path, depth: usize) -> Result<(), Mistake> {
        for pattern in line.words() {
            let home = &self.question.home;
            let beside =
                if from.starts_with("/etc/ssh") { PathBuf::from("/etc/ssh") } else { home.join(".ssh") };
            let pattern = match pattern.strip_prefix("~/") {
                Some(rest) => home.join(rest),
                None => beside.join(pattern),
            };
            for file in found(&pattern) {
                self.file(&file, true, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Whether all criteria of a `Match` line hold. One that cannot be decided does not.
    fn criteria(&mut self, line: &Line) -> bool {
        let mut words = line.words();
        let mut all = true;
        while let Some(criterion) = words.next() {
            let negated = criterion.starts_with('!');
            let holds = match criterion.trim_start_matches('!').to_lowercase().as_str() {
                "all" => true,
                // They ask for a second reading, after names have been made canonical.
                "canonical" | "final" => false,
                kind @ ("host" | "originalhost") => {
                    let patterns = words.next().unwrap_or_default().to_lowercase();
                    list_matches(patterns.split(','), &self.subject(kind).to_lowercase())
                }
                kind @ ("user" | "localuser") => {
                    list_matches(words.next().unwrap_or_default().split(','), &self.subject(kind))
                }
                kind => {
                    let argument = words.next().unwrap_or_default();
                    self.settings.undecided.push(format!("Match {kind} {argument}"));
                    return false;
                }
            };
            all &= holds != negated;
        }
        all
    }

    fn subject(&self, kind: &str) -> String {
        let (question, settings) = (self.question, &self.settings);
        match kind {
            "host" => settings.host_name.as_ref().unwrap_or(&question.host),
            "originalhost" => &question.host,
            "user" => settings.user.as_ref().unwrap_or(&question.local_user),
            _ => &question.local_user,
        }
        .clone()
    }

    fn setting(&mut self, line: &Line) -> Result<(), (String, String)> {
        let Some(value) = line.words().next() else { return Ok(()) };
        let settings = &mut self.settings;
        match line.keyword.as_str() {
            "hostname" => {
                first(&mut settings.host_name, value.replace("%h", &self.question.host).replace("%%", "%"));
            }
            "user" => first(&mut settings.user, value.to_owned()),
            "port" => first(&mut settings.port, port(value)?),
            "identityfile" if value != "none" => settings.identity_files.push(PathBuf::from(value)),
            "hostkeyalias" => first(&mut settings.host_key_alias, value.to_owned()),
            "userknownhostsfile" if settings.known_hosts.is_empty() => {
                settings.known_hosts = line.words().map(PathBuf::from).collect();
            }
            // Whichever of the two comes first shuts out the other; "none" counts, too.
            "proxyjump" if !settings.proxy_decided => {
                settings.proxy_decided = true;
                settings.proxy_jump = Some(value.to_owned()).filter(|value| value != "none");
            }
            "proxycommand" if !settings.proxy_decided => {
                settings.proxy_decided = true;
                settings.proxy_command = Some(line.rest.clone()).filter(|value| value != "none");
            }
            _ => {}
        }
        Ok(())
    }
}

fn first<T>(setting: &mut Option<T>, value: T) {
    setting.get_or_insert(value);
}

fn port(value: &str) -> Result<u16, (String, String)> {
    match value.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => {
            Err((format!("{value:?} is not a port"), "write a number from 1 to 65535 after Port".to_owned()))
        }
    }
}

/// `~` and the tokens that a path may have.
fn expanded(text: &str, question: &Question, host: &str, user: &str, port: Option<u16>) -> PathBuf {
    let home = question.home.to_string_lossy();
    let text = match text.strip_prefix("~/") {
        Some(rest) => format!("{home}/{rest}"),
        None => text.to_owned(),
    };
    let mut path = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, if letter == '%' { letters.next() } else { None }) {
            ('%', Some('d')) => path.push_str(&home),
            ('%', Some('h')) => path.push_str(host),
            ('%', Some('n')) => path.push_str(&question.host),
            ('%', Some('r')) => path.push_str(user),
            ('%', Some('u')) => path.push_str(&question.local_user),
            ('%', Some('p')) => path.push_str(&port.unwrap_or(22).to_string()),
            ('%', Some('%')) => path.push('%'),
            ('%', Some(other)) => path.extend(['%', other]),
            (letter, _) => path.push(letter),
        }
    }
    PathBuf::from(path)
}

/// The files that a pattern names, in the order of their names.
fn found(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str().to_string_lossy();
        found = if part.contains(['*', '?']) {
            found.iter().flat_map(|folder| inside(folder, &part)).collect()
        } else {
            found.iter().map(|folder| folder.join(part.as_ref())).collect()
        };
    }
    found
}

fn inside(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let hidden = pattern.starts_with('.');
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            matches(pattern, &name) && (hidden || !name.starts_with('.'))
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}
