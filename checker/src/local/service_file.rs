//! libpq's service files: settings under a name, `[mydb]` and `host=…` below it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::Mistake;

/// Reads the settings of a service from a file. None, if the file or the service is not there.
pub(super) fn read(path: &Path, service: &str) -> Result<Option<BTreeMap<String, String>>, Mistake> {
    let doing = || format!("reading {}", path.display());
    match fs::read(path) {
        Ok(bytes) => settings(&String::from_utf8_lossy(&bytes), service).map_err(|(number, why)| {
            Mistake::new(
                format!("{}, line {number}", doing()),
                why,
                "write keyword=value, without spaces around it",
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Mistake::new(doing(), error.to_string(), "check its owner and mode")),
    }
}

/// The settings below `[service]`, up to the next name. The first value of a keyword counts.
fn settings(text: &str, service: &str) -> Result<Option<BTreeMap<String, String>>, (usize, String)> {
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut inside = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            // libpq stops at the name behind the service it looked for.
            if inside {
                return Ok(found);
            }
            inside = name.strip_suffix(']') == Some(service);
            if inside {
                found = Some(BTreeMap::new());
            }
        } else if let Some(settings) = found.as_mut().filter(|_| inside) {
            let (keyword, value) = line.split_once('=').ok_or((number, "there is no =".to_owned()))?;
            settings.entry(keyword.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_service_is_read() {
        let text = "# mine\n[a]\nhost=1\n\n[b]\nhost=2\nport=5433\nhost=3\n[c]\nnonsense\n";
        let found = settings(text, "b").expect("readable").expect("there");
        let told: Vec<_> = found.iter().map(|(keyword, value)| (keyword.as_str(), value.as_str())).collect();
        assert_eq!(told, [("host", "2"), ("port", "5433")]);
        assert_eq!(settings(text, "d").expect("readable"), None);
        assert_eq!(settings(text, "c").expect_err("nonsense"), (10, "there is no =".to_owned()));
    }
}
