//! The launcher: `packaging/userdata/launcher.sh.in` with what this launch needs written in.

use vivarium_bootstrap::anaconda::architecture::Architecture;
use vivarium_bootstrap::settings::Sha256;

use super::{Refusal, Settings, Wanted, secrecy};
use crate::config::DEFAULT_PATH;

const TEMPLATE: &str = include_str!("../../../packaging/userdata/launcher.sh.in");
const ARCHITECTURE: &str = "{architecture}";
/// The line that ends the settings. TOML cannot hold it: it is neither a key nor a table.
const END: &str = "=settings=";

/// The script, with the settings in it.
pub(super) fn script(wanted: &Wanted) -> Result<String, Refusal> {
    Ok(TEMPLATE
        .replace("@SUMS@", &sums(&wanted.sums)?)
        .replace("@URLS@", &urls(&wanted.urls)?)
        .replace("@SETTINGS@", &settings(&wanted.settings)))
}

fn sums(sums: &[(Architecture, Sha256)]) -> Result<String, Refusal> {
    if sums.is_empty() {
        let hint = "give --sums SHA256SUMS, or --sha256 x86_64=HEX";
        return Err(Refusal::new("nothing says what SHA-256 the agent must have", hint));
    }
    let lines = sums.iter().map(|(architecture, sum)| format!("{architecture}) h={sum} ;;"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

fn urls(urls: &[String]) -> Result<String, Refusal> {
    if urls.is_empty() {
        let hint =
            "give --url https://…/vivarium-agent-{architecture}; s3://… is fetched with the instance's role";
        return Err(Refusal::new("nothing says where the agent can be fetched", hint));
    }
    let words: Result<Vec<String>, Refusal> = urls.iter().map(|url| word(url)).collect();
    Ok(words?.join(" "))
}

/// A URL as one word of the shell.
fn word(url: &str) -> Result<String, Refusal> {
    secrecy::url("--url", url)?;
    let fetched = ["https://", "http://", "s3://"].iter().any(|scheme| url.starts_with(scheme));
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"'\"\\`$".contains(&byte));
    if !fetched || !plain {
        let hint = "give an https:// or s3:// URL without quotes, spaces or $";
        return Err(Refusal::new(format!("--url {url} is none that the launcher can fetch"), hint));
    }
    Ok(format!("\"{}\"", url.replace(ARCHITECTURE, "$m")))
}

fn settings(settings: &Settings) -> String {
    match settings {
        Settings::From(source) => format!("$a settings --from {source} || exit"),
        Settings::Here(text) => {
            let (folder, _) = DEFAULT_PATH.rsplit_once('/').unwrap_or_default();
            let file = DEFAULT_PATH;
            format!(
                "mkdir -p {folder}\ncat >{file}.part <<'{END}' && sync {file}.part && mv {file}.part {file} || \
                 die \"no {file}; hint: see that the root disk is writable and not full\"\n{text}{END}"
            )
        }
    }
}
