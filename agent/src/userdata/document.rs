//! How a script is wrapped for cloud-init, and how much EC2 takes.

use std::io::Write;

use flate2::{Compression, GzBuilder};

use super::Refusal;

/// What EC2 takes, in bytes before base64.
pub const LIMIT: usize = 16_384;

const BOUNDARY: &str = "==vivarium==";

/// How UserData is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    /// At each boot, and not only at the first of an instance. Only a part of a message can say so.
    pub each_boot: bool,
    /// As a MIME message, to be put together with parts of others.
    pub mime: bool,
    /// Compressed; cloud-init opens it.
    pub gzip: bool,
}

/// The script as it is given to EC2.
pub(super) fn wrap(script: &str, form: Form) -> Result<Vec<u8>, Refusal> {
    let text = if form.mime || form.each_boot { message(script, form.each_boot) } else { script.to_owned() };
    let bytes = if form.gzip { gzip(text.as_bytes()) } else { text.into_bytes() };
    if bytes.len() <= LIMIT {
        return Ok(bytes);
    }
    let problem = format!("it has {} bytes, and EC2 takes {LIMIT}", bytes.len());
    let hint = if form.gzip {
        "move the settings out: put them into a parameter and give --settings-from ssm:/NAME, or into S3"
    } else {
        "compress it with --gzip, or move the settings out: --settings-from ssm:/NAME or s3://BUCKET/KEY"
    };
    Err(Refusal::new(problem, hint))
}

fn message(script: &str, each_boot: bool) -> String {
    let kind = if each_boot { "text/x-shellscript-per-boot" } else { "text/x-shellscript" };
    format!(
        "Content-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\nMIME-Version: 1.0\n\n\
         --{BOUNDARY}\nContent-Type: {kind}; charset=\"utf-8\"\nMIME-Version: 1.0\n\
         Content-Disposition: attachment; filename=\"vivarium.sh\"\n\n{script}\n--{BOUNDARY}--\n"
    )
}

/// The same bytes for the same script: no time and no name stand in it.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    writer.write_all(bytes).and_then(|()| writer.finish()).expect("writing to memory does not fail")
}
