//! A server that sends the bytes it is told to, so that any lie is possible, and counts them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// One thing to do on a connection.
pub enum Act {
    /// Bytes of the head.
    Head(String),
    /// Bytes of the body: they are counted.
    Body(Vec<u8>),
    /// A pause.
    Wait(Duration),
    /// Nothing more, and the connection stays.
    Hang,
    /// The connection is reset.
    Reset,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which one, from 0.
    pub number: usize,
    /// Its path.
    pub path: String,
    /// The first byte asked for, if a part was.
    pub from: Option<usize>,
    /// Its head, in small letters.
    pub head: String,
    /// How many bytes of the body were sent.
    pub sent: usize,
    /// When it came.
    pub at: Instant,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(start.as_str()))
    }
}

type Script = dyn Fn(&Seen) -> Vec<Act> + Send + Sync;

/// A server on the loopback; it ends when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn plain(script: impl Fn(&Seen) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::start(None, script).await
    }

    pub async fn start(
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Seen) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on the loopback is free");
        let address = listener.local_addr().expect("it is bound");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let task = tokio::spawn(accept(listener, tls, script, Arc::clone(&seen)));
        Self { address, scheme, seen, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics while it writes").clone()
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { return };
        let (tls, script, seen) = (tls.clone(), Arc::clone(&script), Arc::clone(&seen));
        tokio::spawn(async move {
            match tls {
                None => converse(Connection::Plain(socket), &*script, &seen).await,
                Some(tls) => {
                    // A client that does not trust us ends here, and that is what is tested.
                    let Ok(stream) = tls.accept(socket).await else { return };
                    converse(Connection::Tls(Box::new(stream)), &*script, &seen).await;
                }
            }
        });
    }
}

enum Connection {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Connection {
    fn stream(&mut self) -> &mut dyn Stream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream,
        }
    }

    fn reset(&mut self) {
        let socket = match self {
            Self::Plain(stream) => &*stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        socket.set_zero_linger().expect("the socket is open");
    }
}

/// Plays the script of one request; each has a connection of its own.
async fn converse(mut connection: Connection, script: &Script, seen: &Mutex<Vec<Seen>>) {
    let Some(head) = read_head(connection.stream()).await else { return };
    let (number, acts) = {
        let mut seen = seen.lock().expect("no test panics while it writes");
        let request = read_request(seen.len(), &head);
        seen.push(request.clone());
        (request.number, script(&request))
    };
    for act in acts {
        let stream = connection.stream();
        let sent = match act {
            Act::Head(text) => stream.write_all(text.as_bytes()).await.map(|()| 0),
            Act::Body(bytes) => send_counted(stream, &bytes, number, seen).await,
            Act::Wait(time) => {
                tokio::time::sleep(time).await;
                Ok(0)
            }
            Act::Hang => std::future::pending().await,
            Act::Reset => return connection.reset(),
        };
        if sent.is_err() {
            return;
        }
    }
    let _ = connection.stream().shutdown().await;
}

async fn send_counted(
    stream: &mut dyn Stream,
    bytes: &[u8],
    number: usize,
    seen: &Mutex<Vec<Seen>>,
) -> std::io::Result<usize> {
    for piece in bytes.chunks(16 * 1024) {
        stream.write_all(piece).await?;
        stream.flush().await?;
        seen.lock().expect("no test panics while it writes")[number].sent += piece.len();
    }
    Ok(bytes.len())
}

async fn read_head(stream: &mut dyn Stream) -> Option<String> {
    let mut head = Vec::new();
    // 22 begins a TLS handshake: whoever speaks that to a plain server will not send an empty line.
    while !head.ends_with(b"\r\n\r\n") && head != [22] {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

fn read_request(number: usize, head: &str) -> Seen {
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let head = head.to_ascii_lowercase();
    let from =
        head.lines().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok());
    Seen { number, path, from, head, sent: 0, at: Instant::now() }
}

/// A head and a body, with these headers and no others but that the connection is closed.
pub fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<Act> {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status}\r\n{}connection: close\r\n\r\n", lines.concat());
    vec![Act::Head(head), Act::Body(body.to_vec())]
}

/// A status without a body.
pub fn status(line: &str, headers: &[(&str, &str)]) -> Vec<Act> {
    let headers: Vec<_> = headers.iter().copied().chain([("content-length", "0")]).collect();
    answer(line, &headers, b"")
}

/// What an honest server says: the part asked for if the tag still fits, else the whole.
pub fn honest(file: &[u8], tag: &str, seen: &Seen) -> Vec<Act> {
    let fits = seen.header("if-range").is_none_or(|asked| asked == tag);
    match seen.from.filter(|_| fits) {
        Some(from) if from >= file.len() => {
            status("416 Range Not Satisfiable", &[("content-range", &format!("bytes */{}", file.len()))])
        }
        Some(from) => part(file, from, tag),
        None => whole(file, tag),
    }
}

/// The whole file.
pub fn whole(file: &[u8], tag: &str) -> Vec<Act> {
    answer("200 OK", &[("content-length", &file.len().to_string()), ("etag", tag)], file)
}

/// The file from this byte on.
pub fn part(file: &[u8], from: usize, tag: &str) -> Vec<Act> {
    let range = format!("bytes {from}-{}/{}", file.len() - 1, file.len());
    let length = (file.len() - from).to_string();
    let headers = [("content-length", length.as_str()), ("content-range", &range), ("etag", tag)];
    answer("206 Partial Content", &headers, &file[from..])
}

/// The head of the whole file and its first bytes, then something else.
pub fn broken(file: &[u8], tag: &str, after: usize, then: Act) -> Vec<Act> {
    let mut acts = whole(file, tag);
    acts[1] = Act::Body(file[..after].to_vec());
    acts.push(then);
    acts
}
