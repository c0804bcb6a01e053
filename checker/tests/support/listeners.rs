//! Things that listen on a port and are not PostgreSQL.

use std::io::{Read, Write};
use std::net::TcpListener;

/// Accepts, says the first words, and the last ones when it has heard more than it understands. Gives the port.
pub(crate) fn greets(first: &'static [u8], last: &'static [u8]) -> u16 {
    serve(move |stream| {
        let _ = stream.write_all(first);
        let mut heard = [0; 256];
        if stream.read_exact(&mut heard).is_ok() {
            let _ = stream.write_all(last);
        }
    })
}

/// Accepts and closes.
pub(crate) fn hangs_up() -> u16 {
    serve(|_| {})
}

/// Lets the kernel accept, and never says a word. The listener must be kept.
pub(crate) fn is_silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}

fn serve(talk: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> u16 {
    let (listener, port) = is_silent();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            talk(&mut stream);
        }
    });
    port
}
