//! The lab's Python services, each a process of its own, ended with the test that started it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A service of the lab that listens on a port of its own choice.
pub(crate) struct Service {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) endpoint: String,
}

impl Service {
    /// Starts `tests/lab/NAME` and waits until it says where it listens.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child = spawn(name, arguments);
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line from the service");
        let address = line.trim().strip_prefix("listening on ").expect("it says where it listens").to_owned();
        Self { child, endpoint: format!("http://{address}") }
    }

    /// Tells the service what to be, on its control path.
    pub(crate) async fn control(&self, method: reqwest::Method, path: &str, body: &Value) -> String {
        let url = format!("{}/_lab/{path}", self.endpoint);
        let answer = client().request(method, url).body(body.to_string()).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.expect("text")
    }

    /// `control` by PUT.
    pub(crate) async fn set(&self, path: &str, body: Value) {
        self.control(reqwest::Method::PUT, path, &body).await;
    }

    /// What the service has to tell.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let text = self.control(reqwest::Method::GET, path, &Value::Null).await;
        serde_json::from_str(&text).expect("JSON")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the tests' door to the lab's control paths")]
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

#[expect(clippy::disallowed_methods, reason = "this is the tests' door to the lab's programs")]
fn spawn(name: &str, arguments: &[&str]) -> Child {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned();
    let python = std::env::var_os("VIVARIUM_LAB_PYTHON")
        .map_or_else(|| root.join(".lab/venv/bin/python"), PathBuf::from);
    Command::new(&python)
        .arg(root.join("tests/lab").join(name))
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; tests/lab/setup.sh makes it", python.display()))
}
