//! The installer that the settings ask for: its name, its proof, where it is fetched from, where it lies.

use std::path::PathBuf;

use super::architecture::Architecture;
use super::catalogue;
use crate::settings::{InstallerChoice, Settings, Sha256};
use crate::step::{Failure, StepError};

/// What the download must bring and the installation may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its file name, always ending in `.sh`: the script refuses to run under any other.
    pub file_name: String,
    /// What its bytes must hash to.
    pub sha256: Sha256,
    /// Its exact size, where it is known beforehand.
    pub size: Option<u64>,
    /// The Python it must bring, as `3.6`, where it is known beforehand.
    pub python: Option<String>,
    /// Where it can be fetched from, in the order to be tried.
    pub urls: Vec<String>,
}

impl Wanted {
    /// Reads what is wanted out of the settings.
    pub fn by(settings: &Settings, architecture: Architecture) -> Result<Self, StepError> {
        match &settings.anaconda.installer {
            InstallerChoice::Catalogue(name) => {
                from_catalogue(name, &settings.anaconda.mirrors, architecture)
            }
            InstallerChoice::Own { urls, sha256 } => own(urls, sha256),
        }
    }

    /// The same, for the processor of this machine.
    pub fn here(settings: &Settings) -> Result<Self, StepError> {
        let architecture = Architecture::of_this_machine().map_err(|cause| {
            StepError::new(Failure::Precondition, "choosing an installer for this machine").because(cause)
        })?;
        Self::by(settings, architecture)
    }

    /// Where the installer lies once it has been fetched and verified, as a path of the host.
    pub fn place(&self, settings: &Settings) -> PathBuf {
        workplace(settings).join("downloads").join(&self.file_name)
    }
}

/// The agent's own directory on the volume: downloads and temporary files, never a user's.
pub fn workplace(settings: &Settings) -> PathBuf {
    settings.mount.point.join(".vivarium")
}

fn from_catalogue(name: &str, mirrors: &[String], architecture: Architecture) -> Result<Wanted, StepError> {
    let entry = catalogue::look_up(name, architecture).map_err(|miss| {
        let doing = format!("looking up the installer {name:?}");
        StepError::new(Failure::Precondition, doing).because(miss).hint(
            "set anaconda.version to a name of the catalogue, or bring your own: anaconda.url and anaconda.sha256",
        )
    })?;
    let vendor = [entry.base_url().to_owned()];
    let bases = if mirrors.is_empty() { &vendor[..] } else { mirrors };
    Ok(Wanted {
        file_name: entry.file_name.to_owned(),
        urls: bases
            .iter()
            .map(|base| format!("{}/{}", base.trim_end_matches('/'), entry.file_name))
            .collect(),
        sha256: entry.sha256,
        size: entry.size,
        python: entry.python.map(str::to_owned),
    })
}

fn own(urls: &[String], sha256: &Sha256) -> Result<Wanted, StepError> {
    let doing = "reading anaconda.url";
    let file_name = urls.iter().find_map(|url| name_in(url)).ok_or_else(|| {
        StepError::new(Failure::Precondition, doing)
            .because("no URL ends in a file name")
            .hint("give the whole URL of the installer, such as https://HOST/Anaconda3-5.0.1-Linux-x86_64.sh")
    })?;
    if let Some(note) = catalogue::known_wrong(&file_name, sha256) {
        return Err(StepError::new(Failure::Precondition, "checking anaconda.sha256")
            .because(format!("{sha256} is known to be wrong for {file_name}: {note}"))
            .hint("leave anaconda.url out and name the installer: its right SHA-256 is in the catalogue"));
    }
    let known = catalogue::with_hash(sha256);
    Ok(Wanted {
        file_name,
        sha256: sha256.clone(),
        size: known.as_ref().and_then(|entry| entry.size),
        python: known.and_then(|entry| entry.python).map(str::to_owned),
        urls: urls.to_vec(),
    })
}

/// The last part of a URL's path as a file name that is safe to write and that the script accepts.
fn name_in(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let last = path.rsplit_once('/')?.1;
    let mut name: String = last
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+') { c } else { '_' })
        .collect();
    if name.trim_matches(['.', '_']).is_empty() {
        return None;
    }
    if std::path::Path::new(&name).extension().is_none_or(|extension| extension != "sh") {
        name.push_str(".sh");
    }
    Some(name.trim_start_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_stand_in_for_the_vendor() {
        let mirrors = ["https://one.example/archive/".to_owned(), "file:///srv".to_owned()];
        let wanted = from_catalogue("5.0.1", &mirrors, Architecture::X86_64).expect("it is there");
        assert_eq!(
            wanted.urls,
            [
                "https://one.example/archive/Anaconda3-5.0.1-Linux-x86_64.sh",
                "file:///srv/Anaconda3-5.0.1-Linux-x86_64.sh"
            ]
        );
    }

    #[test]
    fn a_name_is_safe_to_write_and_ends_as_the_script_wants_it() {
        assert_eq!(
            name_in("https://a.example/b/My Installer.sh?token=x").as_deref(),
            Some("My_Installer.sh")
        );
        assert_eq!(name_in("file:///srv/lab/installer"), Some("installer.sh".to_owned()));
        assert_eq!(name_in("https://a.example/b/"), None);
        assert_eq!(name_in("https://a.example/.."), None);
    }

    #[test]
    fn a_hash_of_the_catalogue_says_which_python_to_expect_whatever_the_file_is_called() {
        let sha256 = catalogue::look_up("5.0.1", Architecture::X86_64).expect("it is there").sha256;
        let wanted = own(&["file:///srv/anaconda.sh".to_owned()], &sha256).expect("it is fine");
        assert_eq!((wanted.python.as_deref(), wanted.size), (Some("3.6"), Some(550_796_553)));
    }

    #[test]
    fn a_hash_known_to_be_wrong_is_refused_with_its_story() {
        let wrong =
            "66c822dfe76636b4cc2ae5604816e0e723aa01620f50087f06410ecf5bfdf38c".parse().expect("a hash");
        let error = own(&["https://a.example/Miniconda3-4.7.12.1-Linux-x86_64.sh".to_owned()], &wrong);
        assert!(error.expect_err("it is wrong").chain().contains("4.3.30"));
    }
}
