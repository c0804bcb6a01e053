//! A second opinion on a hash: the list that the vendor keeps beside its installers, where it can be
//! reached. It can only speak against a file; what speaks for it is the catalogue or the settings.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use crate::host::http::{Http, shown};
use crate::settings::Sha256;
use crate::step::{Failure, StepError};

const LIST: &str = ".files.json";
const DEADLINE: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 8 * 1024 * 1024;

#[derive(Debug, Deserialize)]
struct Listed {
    sha256: Option<String>,
}

/// What a list says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Opinion {
    Agrees,
    Differs(String),
    Silent,
}

/// Asks the lists beside these URLs, and refuses if one of them names another hash for the file.
pub(super) async fn ask(http: &Http, urls: &[String], name: &str, sha256: &Sha256) -> Result<(), StepError> {
    for list in lists(urls) {
        let opinion = match timeout(DEADLINE, get(http, &list)).await {
            Ok(Ok(bytes)) => read(&bytes, name, sha256),
            Ok(Err(why)) => Err(why),
            Err(_) => Err(format!("no answer for {} s", DEADLINE.as_secs())),
        };
        match opinion {
            Ok(Opinion::Differs(listed)) => return Err(differs(&list, name, sha256, &listed)),
            Ok(opinion) => {
                tracing::info!(list = shown(&list), name, ?opinion, "a second opinion on the hash");
            }
            Err(why) => tracing::info!(list = shown(&list), why, "no second opinion on the hash"),
        }
    }
    Ok(())
}

/// The list in each folder that is on the web, each once.
fn lists(urls: &[String]) -> Vec<String> {
    let mut lists: Vec<String> = Vec::new();
    for url in urls {
        let parsed = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let Some(mut list) = parsed.and_then(|url| url.join(LIST).ok()) else { continue };
        list.set_query(None);
        if !lists.contains(&list.to_string()) {
            lists.push(list.into());
        }
    }
    lists
}

async fn get(http: &Http, url: &str) -> Result<Vec<u8>, String> {
    let mut answer = http.get(url, &[]).await.map_err(|error| error.detail().to_owned())?;
    if answer.status() != 200 {
        return Err(format!("the server answered {}", answer.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| error.detail().to_owned())? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            return Err("it is no list: it is too long".to_owned());
        }
    }
    Ok(bytes)
}

fn read(list: &[u8], name: &str, sha256: &Sha256) -> Result<Opinion, String> {
    let files: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(list).map_err(|error| format!("it cannot be read: {error}"))?;
    let listed =
        files.get(name).and_then(|entry| Listed::deserialize(entry).ok()?.sha256?.parse::<Sha256>().ok());
    Ok(match listed {
        None => Opinion::Silent,
        Some(listed) if listed == *sha256 => Opinion::Agrees,
        Some(listed) => Opinion::Differs(listed.to_string()),
    })
}

fn differs(list: &str, name: &str, wanted: &Sha256, listed: &str) -> StepError {
    let why = format!(
        "the catalogue or the settings say SHA-256 {wanted}, but {} says {listed}; nothing was downloaded",
        shown(list)
    );
    StepError::new(Failure::Download, format!("comparing what is known of {name}")).because(why).hint(
        "find out which is right before going on; download.second_opinion = false goes by the first alone",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(digit: char) -> Sha256 {
        digit.to_string().repeat(64).parse().expect("a hash")
    }

    #[test]
    fn a_list_agrees_differs_or_is_silent() {
        let list = format!(r#"{{"a.sh": {{"sha256": "{}", "size": 1}}, "b.sh": {{"md5": "x"}}}}"#, hash('a'));
        let opinion = |name, digit| read(list.as_bytes(), name, &hash(digit));
        assert_eq!(opinion("a.sh", 'a'), Ok(Opinion::Agrees));
        assert_eq!(opinion("a.sh", 'b'), Ok(Opinion::Differs(hash('a').to_string())));
        assert_eq!(opinion("b.sh", 'b'), Ok(Opinion::Silent));
        assert_eq!(opinion("c.sh", 'b'), Ok(Opinion::Silent));
        assert!(read(b"<html>", "a.sh", &hash('a')).is_err());
    }

    #[test]
    fn each_folder_on_the_web_is_asked_once_and_without_signatures() {
        let urls = ["https://a/x/1.sh?sig=planted", "https://a/x/2.sh", "file:///srv/1.sh", "nonsense"];
        assert_eq!(lists(&urls.map(ToOwned::to_owned)), ["https://a/x/.files.json"]);
    }
}
