//! Who begins like that: the first bytes of protocols that answer on the wrong port.

use super::observation::Words;

/// As much of a greeting as a person wants to read.
const SHOWN: usize = 48;

/// The first bytes, and who says them, where they are well known.
pub(super) fn unfamiliar(bytes: &[u8]) -> Words {
    Words::Unfamiliar { beginning: beginning(bytes), who: who(bytes).map(str::to_owned) }
}

fn beginning(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes).trim_ascii_end();
    line[..line.len().min(SHOWN)].escape_ascii().to_string()
}

/// Whose first bytes these are.
pub(super) fn who(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'S', b'S', b'H', b'-', ..] => Some("an SSH server"),
        [b'H', b'T', b'T', b'P', b'/', ..] => Some("a web server"),
        [0x15 | 0x16, 3, ..] => Some("a TLS server"),
        [_, 0, 0, 0, 10 | 255, ..] => Some("a MySQL server"),
        [b'2', b'2', b'0', b' ' | b'-', ..] => Some("a mail or file server"),
        _ if bytes.starts_with(b"Exceeded MaxStartups") => {
            Some("an SSH server with too many logins under way")
        }
        _ if bytes.starts_with(b"Not allowed at this time") => {
            Some("an SSH server that penalises this address")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_shown_in_one_printable_line() {
        let wanted = |beginning: &str, who: Option<&str>| Words::Unfamiliar {
            beginning: beginning.to_owned(),
            who: who.map(str::to_owned),
        };
        let web = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
        assert_eq!(unfamiliar(web), wanted("HTTP/1.1 400 Bad Request", Some("a web server")));
        assert_eq!(unfamiliar(b"\x1b[31mhello\0"), wanted("\\x1b[31mhello\\x00", None));
        assert_eq!(unfamiliar(b""), wanted("", None));
        assert_eq!(unfamiliar(&[b'x'; 4000]), wanted(&"x".repeat(48), None));
    }
}
