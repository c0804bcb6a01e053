//! Where the program runs: the environment's words, and the folders that follow from them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::local::libpq;

/// The environment, as `main` reads it.
#[derive(Clone, Default)]
pub struct Surroundings {
    environment: BTreeMap<String, String>,
}

/// The variables that hold a secret.
const SECRETS: [&str; 3] = ["PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

impl Surroundings {
    /// Of these variables.
    pub fn new(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { environment: environment.into_iter().collect() }
    }

    /// All variables.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// The same as libpq's reader wants it.
    pub fn for_libpq<'a>(&'a self, home: &'a Path, local_user: &'a str) -> libpq::Surroundings<'a> {
        libpq::Surroundings { environment: &self.environment, home, local_user }
    }

    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The secrets among them: they are in nothing that is kept.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        SECRETS.into_iter().filter_map(|name| self.variable(name))
    }

    /// The home folder; without one nothing is found in it.
    pub fn home(&self) -> PathBuf {
        self.variable("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from)
    }

    /// A path whose `~` is the home folder.
    pub fn at_home(&self, path: &Path) -> PathBuf {
        path.strip_prefix("~").map_or_else(|_| path.to_owned(), |rest| self.home().join(rest))
    }

    /// Who is logged in on this machine.
    pub fn user(&self) -> String {
        self.variable("USER").or(self.variable("LOGNAME")).unwrap_or("root").to_owned()
    }

    /// Where settings lie.
    pub fn settings(&self) -> PathBuf {
        self.folder("XDG_CONFIG_HOME", ".config")
    }

    /// Where is kept what was found.
    pub fn state(&self) -> PathBuf {
        self.folder("XDG_STATE_HOME", ".local/state")
    }

    fn folder(&self, variable: &str, usual: &str) -> PathBuf {
        let named = self.variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        named.unwrap_or_else(|| self.home().join(usual)).join("vivarium")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_where_xdg_says_and_else_in_the_home_folder() {
        let of = |pairs: &[(&str, &str)]| {
            Surroundings::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
        };
        let at_home = of(&[("HOME", "/home/ada"), ("XDG_CONFIG_HOME", "relative")]);
        assert_eq!(at_home.settings(), Path::new("/home/ada/.config/vivarium"));
        assert_eq!(at_home.state(), Path::new("/home/ada/.local/state/vivarium"));
        assert_eq!(at_home.at_home(Path::new("~/.ssh/key")), Path::new("/home/ada/.ssh/key"));
        assert_eq!(of(&[("XDG_STATE_HOME", "/var/x")]).state(), Path::new("/var/x/vivarium"));
    }
}
