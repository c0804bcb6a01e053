//! `hosts.allow` and `hosts.deny`, for an sshd that heeds them: the first file that has a line for the client
//! decides. Pure.

use std::net::IpAddr;

use super::facts::Wrapped;
use super::told::Told;

/// What the two files say of a client.
pub fn decide(allow: &str, deny: &str, client: IpAddr) -> Told<Wrapped> {
    match held(allow, client) {
        Some(Ok(_)) => return Told::Known(Wrapped::LetIn),
        Some(Err(line)) => return undecided("/etc/hosts.allow", &line),
        None => {}
    }
    match held(deny, client) {
        Some(Ok((number, line))) => {
            Told::Known(Wrapped::TurnedAway { line: format!("/etc/hosts.deny line {number}: {line}") })
        }
        Some(Err(line)) => undecided("/etc/hosts.deny", &line),
        None => Told::Known(Wrapped::LetIn),
    }
}

fn undecided(file: &str, line: &str) -> Told<Wrapped> {
    Told::Unknown(format!("it hangs on a name or a pattern in {file}: {line}"))
}

/// The first line for sshd and this client, or one that cannot be decided.
fn held(text: &str, client: IpAddr) -> Option<Result<(usize, String), String>> {
    for (number, line) in (1..).zip(text.lines()) {
        let plain = line.split('#').next().unwrap_or_default().trim();
        let Some((daemons, rest)) = plain.split_once(':') else { continue };
        if !words(daemons).any(|daemon| daemon == "ALL" || daemon == "sshd") {
            continue;
        }
        match listed(rest, client) {
            Some(true) => return Some(Ok((number, plain.to_owned()))),
            Some(false) => {}
            None => return Some(Err(plain.to_owned())),
        }
    }
    None
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', ' ', '\t']).filter(|word| !word.is_empty())
}

/// Whether the clients of a line are this one. Colons in an address of version 6 stand in brackets.
fn listed(rest: &str, client: IpAddr) -> Option<bool> {
    let clients = if rest.contains('[') { rest } else { rest.split(':').next().unwrap_or_default() };
    if words(clients).any(|word| word == "EXCEPT") {
        return None;
    }
    let mut unknown = false;
    for word in words(clients) {
        match is_it(word, client) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(false) }
}

fn is_it(word: &str, client: IpAddr) -> Option<bool> {
    let word = word.trim_matches(['[', ']']);
    if word == "ALL" {
        return Some(true);
    }
    if word.ends_with('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Some(client.to_string().starts_with(word));
    }
    if let Ok(address) = word.parse::<IpAddr>() {
        return Some(address == client);
    }
    let (base, mask) = word.split_once('/')?;
    let base = base.trim_matches(['[', ']']);
    let net = match mask.parse::<u8>() {
        Ok(length) => ipnet::IpNet::new(base.parse().ok()?, length).ok()?,
        Err(_) => ipnet::IpNet::with_netmask(base.parse().ok()?, mask.parse().ok()?).ok()?,
    };
    Some(net.contains(&client))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(allow: &str, deny: &str) -> Told<Wrapped> {
        decide(allow, deny, [203, 0, 113, 10].into())
    }

    #[test]
    fn who_is_allowed_is_not_looked_for_among_the_denied() {
        assert_eq!(said("sshd: 203.0.113.\n", "ALL: ALL\n"), Told::Known(Wrapped::LetIn));
        assert_eq!(said("", ""), Told::Known(Wrapped::LetIn));
        assert_eq!(said("vsftpd: ALL", "sshd: 203.0.114.0/24"), Told::Known(Wrapped::LetIn));
    }

    #[test]
    fn a_line_that_denies_is_named_with_its_number() {
        for line in [
            "ALL: ALL",
            "sshd, ftpd: 203.0.113.10",
            "sshd: 203.0.113.0/255.255.255.0",
            "sshd : 203.0.113. : deny",
        ] {
            let Told::Known(Wrapped::TurnedAway { line: told }) = said("", &format!("# remark\n{line}\n"))
            else {
                panic!("{line} denies");
            };
            assert_eq!(told, format!("/etc/hosts.deny line 2: {line}"));
        }
    }

    #[test]
    fn a_name_is_not_looked_up_and_the_answer_is_unknown() {
        assert!(said("", "sshd: .example.net\n").why().is_some_and(|why| why.contains(".example.net")));
        assert!(said("sshd: ALL EXCEPT .example.net", "").why().is_some());
    }
}
