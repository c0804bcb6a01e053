//! AWS for the tests: moto behind the lab's gate, and a server that says what it was told to say.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::Value;
use vivarium_checker::aws::live::{Client, ClientSettings, Endpoints, Patience};

/// Bound by the policy that the test has set.
pub(crate) const BOUND: &str = "ASIALABLABLABLABLAB1";
const SECRET: &str = "planted-secret";

/// The status of an answer that says that it is the year 2000.
pub(crate) const LONG_AGO: u16 = 400;

/// A client with these credentials that does not wait long.
pub(crate) fn client(endpoint: &str, key: &str) -> Client {
    Client::new(settings(endpoint, key)).expect("a client")
}

/// The same before it is one.
pub(crate) fn settings(endpoint: &str, key: &str) -> ClientSettings {
    let credentials = Credentials::new(key, SECRET, Some("session".to_owned()), None, "test");
    let (first, longest) = (Duration::from_millis(1), Duration::from_millis(5));
    ClientSettings {
        region: "eu-central-1".to_owned(),
        endpoints: Endpoints::all(endpoint),
        ca_bundle: None,
        credentials: SharedCredentialsProvider::new(credentials),
        // A gate that refuses every third question may hit the same one six times running.
        patience: Patience { attempts: 20, repeats: 40, first, longest },
    }
}

/// Runs to its end on a runtime like the checker's.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// moto, stopped by its id whatever happens.
pub(crate) struct Account {
    process: Child,
    pub(crate) endpoint: String,
}

impl Account {
    pub(crate) fn start() -> Self {
        let gate = root().join("tests/lab/aws.py");
        let mut command = python(&gate);
        command.args(["--listen", "127.0.0.1:0", "--policy", "everything"]).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the lab's python runs: tests/lab/setup.sh test");
        let out = process.stdout.take().expect("piped");
        let mut account = Self { process, endpoint: String::new() };
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ").expect("it says where it listens");
        account.endpoint = format!("http://{address}");
        account
    }

    /// A VPC with everything, and what botocore reads of it.
    pub(crate) fn world(&self) -> World {
        let mut command = python(&root().join("checker/tests/live/world.py"));
        let output = command.arg(&self.endpoint).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        World(serde_json::from_slice(&output.stdout).expect("JSON"))
    }

    /// Builds one thing more, which has no place in the network of the others, and says its id.
    pub(crate) fn build(&self, what: &str) -> String {
        let mut command = python(&root().join("checker/tests/live/more.py"));
        let output = command.args([&self.endpoint, what]).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// Sets the gate.
    pub(crate) fn set(&self, name: &str, value: &Value) {
        let body = value.to_string();
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = connect(address);
        let head =
            format!("PUT /_lab/{name} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        assert!(reply.contains(" 200 "), "{reply}");
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What was built, by name.
pub(crate) struct World(pub(crate) Value);

impl World {
    pub(crate) fn id(&self, name: &str) -> String {
        self.0["ids"][name].as_str().expect("it was built").to_owned()
    }
}

/// For each action, an answer with every field, and what botocore makes of it.
pub(crate) fn every_field(actions: &[&str]) -> Vec<Value> {
    let mut command = python(&root().join("checker/tests/live/every_field.py"));
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut stdin = process.stdin.take().expect("piped");
    stdin.write_all(serde_json::json!(actions).to_string().as_bytes()).expect("written");
    drop(stdin);
    let output = process.wait_with_output().expect("it ends");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests run programs here only, by an interpreter that may be named"
)]
fn python(script: &Path) -> Command {
    let named = std::env::var_os("VIVARIUM_LAB_PYTHON").map(PathBuf::from);
    let mut command = Command::new(named.unwrap_or_else(|| root().join(".lab/venv/bin/python")));
    command.arg(script);
    command
}

#[expect(clippy::disallowed_methods, reason = "the gate is on loopback")]
fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).expect("the gate listens")
}

/// A server that gives these answers, one a request, and keeps what it was asked.
pub(crate) struct Told {
    pub(crate) endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Told {
    pub(crate) fn to_say(answers: impl IntoIterator<Item = (u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
        let mut answers: VecDeque<_> = answers.into_iter().collect();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(mut stream), Some((status, body))) = (stream, answers.pop_front()) else { return };
                kept.lock().expect("nobody panicked").push(request(&mut stream));
                let date = if status == LONG_AGO { "Date: Sat, 01 Jan 2000 00:00:00 GMT\r\n" } else { "" };
                let head = format!(
                    "HTTP/1.1 {status} S\r\n{date}Content-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { endpoint, requests }
    }

    /// The requests so far, heads and bodies.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("nobody panicked").clone()
    }
}

fn request(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let before = text.len();
        reader.read_line(&mut text).expect("a line");
        let line = text[before..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    text + &String::from_utf8_lossy(&body)
}
