//! Reads a saved folder: the files' bytes, whatever they are called and however they are arranged. What is in
//! them is `read`'s.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::read::Documents;
use crate::network::Network;

/// Folders in folders deeper than this are not looked into: a link that leads back up ends here.
const DEEPEST: usize = 16;

/// What a folder came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// What it tells of the network.
    pub network: Network,
    /// What was passed over, and why.
    pub notes: Vec<String>,
}

/// Why a folder cannot be read.
#[derive(Debug)]
pub struct FolderError {
    doing: String,
    cause: Cause,
    hint: &'static str,
}

#[derive(Debug)]
enum Cause {
    Io(io::Error),
    Json(serde_json::Error),
    Said(&'static str),
}

impl FolderError {
    fn new(doing: &str, path: &Path, cause: Cause, hint: &'static str) -> Self {
        Self { doing: format!("{doing} {}", path.display()), cause, hint }
    }

    fn io(path: &Path, cause: io::Error) -> Self {
        Self::new("reading", path, Cause::Io(cause), "give a folder of describe-* answers that you may read")
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &str {
        self.hint
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Io(cause) => write!(f, "{}: {cause}", self.doing),
            Cause::Json(cause) => write!(f, "{}: {cause}", self.doing),
            Cause::Said(cause) => write!(f, "{}: {cause}", self.doing),
        }
    }
}

impl std::error::Error for FolderError {}

/// Reads every file of a folder and of those in it. One file can be given too.
pub fn read(folder: &Path) -> Result<Folder, FolderError> {
    let mut files = Vec::new();
    gather(folder, 0, &mut files)?;
    files.sort();
    let mut documents = Documents::new();
    for file in &files {
        let name = file.strip_prefix(folder).ok().filter(|rest| !rest.as_os_str().is_empty()).unwrap_or(file);
        read_file(file, &name.display().to_string(), &mut documents)?;
    }
    if documents.is_empty() {
        let cause = Cause::Said("no file in it is an answer of AWS that speaks of a network");
        return Err(FolderError::new("reading", folder, cause, HOW_TO_SAVE));
    }
    let (network, notes) = documents.finish();
    Ok(Folder { network, notes })
}

/// The answers themselves, each with its file's name: who keeps a network for later keeps these.
pub fn answers(folder: &Path) -> Result<Vec<(String, Value)>, FolderError> {
    let mut files = Vec::new();
    gather(folder, 0, &mut files)?;
    files.sort();
    let mut answers = Vec::new();
    for file in &files {
        let bytes = fs::read(file).map_err(|cause| FolderError::io(file, cause))?;
        let name = file.strip_prefix(folder).unwrap_or(file).display().to_string();
        let text = text(bytes).unwrap_or_default();
        let documents = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        answers.extend(documents.map_while(Result::ok).map(|answer| (name.clone(), answer)));
    }
    Ok(answers)
}

const HOW_TO_SAVE: &str = "save some: `aws ec2 describe-instances > DIR/instances.json`, and the same for network-interfaces, security-groups, network-acls, route-tables, subnets, vpcs and internet-gateways";

fn gather(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), FolderError> {
    let about = fs::metadata(path).map_err(|cause| FolderError::io(path, cause))?;
    if about.is_file() {
        files.push(path.to_owned());
    } else if about.is_dir() && depth < DEEPEST {
        let rows = fs::read_dir(path).map_err(|cause| FolderError::io(path, cause))?;
        for row in rows {
            let row = row.map_err(|cause| FolderError::io(path, cause))?;
            // A link to nowhere among the files is nobody's answer.
            if !row.file_name().to_string_lossy().starts_with('.') && fs::metadata(row.path()).is_ok() {
                gather(&row.path(), depth + 1, files)?;
            }
        }
    }
    Ok(())
}

fn read_file(path: &Path, name: &str, documents: &mut Documents) -> Result<(), FolderError> {
    let bytes = fs::read(path).map_err(|cause| FolderError::io(path, cause))?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let text = match text(bytes) {
        Some(text) if is_json || text.trim_start().starts_with(['{', '[']) => text,
        None if is_json => {
            return Err(FolderError::new("reading", path, Cause::Said("it is not text"), DAMAGED));
        }
        Some(_) | None => {
            documents.note(format!("{name}: passed over, as it is not JSON"));
            return Ok(());
        }
    };
    if text.trim().is_empty() {
        documents.note(format!("{name}: passed over, as it is empty: the command that wrote it has failed"));
        return Ok(());
    }
    let read = documents.add_text(name, &text);
    read.map_err(|cause| FolderError::new("reading", path, Cause::Json(cause), DAMAGED))
}

const DAMAGED: &str =
    "the file is cut off or damaged: save it anew with `aws … --output json`, or take it out";

/// The bytes as text. `PowerShell` writes UTF-16 when told to redirect into a file.
fn text(bytes: Vec<u8>) -> Option<String> {
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes).ok(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok()
}
