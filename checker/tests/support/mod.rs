//! What the tests of the ladder stand on: a network of their own, a real PostgreSQL, certificates, name servers.

pub(crate) mod bench;
pub(crate) mod certificates;
pub(crate) mod listeners;
pub(crate) mod names;
pub(crate) mod network;
pub(crate) mod server;

use std::ffi::OsStr;
use std::process::Command;

/// Runs a program that must succeed.
#[expect(clippy::disallowed_methods, reason = "tests run programs here only")]
pub(crate) fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
