//! A proxy that opens tunnels, or refuses them, and remembers where to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub struct Proxy {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Answers each `CONNECT` with this status line; tunnels where it says 200.
    pub async fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on the loopback is free");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(tunnel(socket, status, Arc::clone(&remembered)));
            }
        });
        Self { address, asked, task }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics while it writes").clone()
    }
}

#[expect(clippy::disallowed_methods, reason = "a proxy opens the connections it is asked for")]
async fn tunnel(mut socket: TcpStream, status: &str, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let first = head.lines().next().unwrap_or_default().to_owned();
    asked.lock().expect("no test panics while it writes").push(first.clone());
    let _ = socket.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await;
    let Some(target) = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) else { return };
    if status.starts_with("200") {
        let Ok(mut there) = TcpStream::connect(target).await else { return };
        let _ = copy_bidirectional(&mut socket, &mut there).await;
    }
}
