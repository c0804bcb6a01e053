//! A name server of a few lines: answers by the first word of the name.

use std::net::UdpSocket;

/// Serves in a thread that lives as long as the test's process; its socket is the test's network's.
pub(crate) fn serve() {
    let socket = UdpSocket::bind("127.0.0.1:53").expect("port 53 of a network of our own");
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let _ = socket.send_to(&reply(&query[..length]), from);
        }
    });
}

/// `servfail.…` fails, `nowhere.…` does not exist, `empty.…` has no address, all others are this host.
fn reply(query: &[u8]) -> Vec<u8> {
    let question_ends = 12 + query[12..].iter().position(|byte| *byte == 0).expect("a name") + 5;
    let version_4 = query[question_ends - 4..question_ends - 2] == [0, 1];
    let (code, answers) = match &query[13..] {
        [b's', b'e', b'r', b'v', b'f', ..] => (2, 0),
        [b'n', b'o', b'w', b'h', ..] => (3, 0),
        [b'e', b'm', b'p', b't', ..] => (0, 0),
        _ => (0, u8::from(version_4)),
    };
    let mut reply = vec![query[0], query[1], 0x85, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0];
    reply.extend_from_slice(&query[12..question_ends]);
    if answers == 1 {
        reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    reply
}
