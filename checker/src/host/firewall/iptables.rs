//! Rules as `iptables-save` prints them.

use super::{Action, Base, Deciding, Holds, Packet, Rule, Ruleset, lies_in, source_port};

/// The chains that the kernel calls for packets to this host, by table: hook and priority.
const CALLED: [(&str, &str, u8, i64); 6] = [
    ("raw", "PREROUTING", 0, -300),
    ("mangle", "PREROUTING", 0, -150),
    ("nat", "PREROUTING", 0, -100),
    ("mangle", "INPUT", 1, -150),
    ("filter", "INPUT", 1, 0),
    ("security", "INPUT", 1, 50),
];

/// Reads them for one packet.
pub(super) fn read(text: &str, packet: &Packet) -> Ruleset {
    let mut rules = Ruleset::default();
    let mut table = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('*') {
            name.clone_into(&mut table);
        } else if let Some(chain) = line.strip_prefix(':') {
            begin(&mut rules, &table, chain);
        } else if let Some(words) = line.strip_prefix("-A ") {
            let words = split(words);
            if let Some((chain, rest)) = words.split_first() {
                let rule = rule(rest, line, &table, packet);
                rules.chains.entry(format!("{table}/{chain}")).or_default().push(rule);
            }
        }
    }
    rules
}

fn begin(rules: &mut Ruleset, table: &str, chain: &str) {
    let mut words = chain.split_whitespace();
    let (name, policy) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    rules.chains.entry(format!("{table}/{name}")).or_default();
    let called = CALLED.iter().find(|row| row.0 == table && row.1 == name);
    if let Some((_, _, hook, priority)) = called {
        let deciding = Deciding {
            rule: format!("iptables table {table}, chain {name}: policy {policy}"),
            remove: Some(format!("iptables -t {table} -P {name} ACCEPT")),
        };
        let policy = if policy == "DROP" { Action::Drop } else { Action::Accept };
        let chain = format!("{table}/{name}");
        rules.bases.push(Base { chain, hook: *hook, priority: *priority, policy, deciding });
    }
}

fn rule(words: &[String], line: &str, table: &str, packet: &Packet) -> Rule {
    let (mut holds, mut action, mut negated, mut at) = (Holds::Yes, Action::Continue, false, 0);
    while let Some(option) = words.get(at) {
        let value = words.get(at + 1).map(String::as_str).unwrap_or_default();
        if option == "!" {
            (negated, at) = (true, at + 1);
            continue;
        }
        let has_value = !value.starts_with(['-', '!']);
        at += if has_value && option.starts_with('-') { 2 } else { 1 };
        match option.as_str() {
            "-j" => {
                action = target(value, table);
                // What follows belongs to the target.
                break;
            }
            "-g" => action = Action::Goto(value.to_owned()),
            // The second value of an option that has two.
            option if !option.starts_with('-') => continue,
            option => {
                let held = held(option, value, packet);
                holds = holds.and(if negated { held.not() } else { held });
            }
        }
        negated = false;
    }
    let deciding = Deciding {
        rule: format!("iptables table {table}: {line}"),
        remove: Some(format!("iptables -t {table} {}", line.replacen("-A", "-D", 1))),
    };
    Rule { holds, action, deciding }
}

fn target(word: &str, table: &str) -> Action {
    match word {
        "ACCEPT" => Action::Accept,
        "DROP" => Action::Drop,
        "REJECT" => Action::Reject,
        "RETURN" => Action::Return,
        "LOG" | "NFLOG" | "MARK" | "CONNMARK" | "CT" | "NOTRACK" | "TRACE" | "SET" | "TCPMSS" | "AUDIT" => {
            Action::Continue
        }
        "DNAT" | "REDIRECT" | "TPROXY" | "QUEUE" | "NFQUEUE" | "SYNPROXY" | "TARPIT" | "STEAL" => {
            Action::Unknown
        }
        "MASQUERADE" | "SNAT" if table == "nat" => Action::Accept,
        chain => Action::Jump(chain.to_owned()),
    }
}

fn held(option: &str, value: &str, packet: &Packet) -> Holds {
    match option {
        // A module says nothing yet; its options do.
        "-m" if ["tcp", "conntrack", "state", "multiport", "comment"].contains(&value) => Holds::Yes,
        "--comment" => Holds::Yes,
        "-p" => Holds::of(["tcp", "all", "6", "0"].contains(&value)),
        "-s" => lies_in(packet.source, value),
        "-d" => packet.destination.map_or(Holds::Unknown, |own| lies_in(own, value)),
        "-i" => device(value, packet),
        "--dport" | "--dports" | "--destination-ports" => {
            ports(value, |first, last| Holds::of((first..=last).contains(&u64::from(packet.port))))
        }
        "--sport" | "--sports" | "--source-ports" => ports(value, source_port),
        "--ctstate" | "--state" => Holds::of(value.split(',').any(|state| state == "NEW")),
        // This is how `--syn` is printed.
        "--tcp-flags" if value == "FIN,SYN,RST,ACK" => Holds::Yes,
        _ => Holds::Unknown,
    }
}

fn device(name: &str, packet: &Packet) -> Holds {
    match (&packet.device, name.strip_suffix('+')) {
        (Some(own), Some(begin)) => Holds::of(own.starts_with(begin)),
        (Some(own), None) => Holds::of(own == name),
        (None, _) if name == "lo" => Holds::of(packet.source.is_loopback()),
        (None, _) => Holds::Unknown,
    }
}

fn ports(list: &str, holds: impl Fn(u64, u64) -> Holds) -> Holds {
    let each = list.split(',').map(|part| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let bound = |word: &str, open: u64| if word.is_empty() { Ok(open) } else { word.parse() };
        match (bound(first, 0), bound(last, 65535)) {
            (Ok(first), Ok(last)) => holds(first, last),
            _ => Holds::Unknown,
        }
    });
    each.fold(Holds::No, |one, other| one.not().and(other.not()).not())
}

/// Words, of which some are quoted.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::super::{Decision, walk};
    use super::*;

    fn decided(rules: &str) -> Decision {
        let packet = Packet {
            source: [203, 0, 113, 10].into(),
            destination: Some([10, 0, 1, 10].into()),
            port: 22,
            device: Some("eth0".into()),
        };
        walk::walk(&read(rules, &packet))
    }

    fn filter(policy: &str, rules: &[&str]) -> Decision {
        decided(&format!("*filter\n:INPUT {policy} [0:0]\n:ssh - [0:0]\n{}\nCOMMIT\n", rules.join("\n")))
    }

    #[test]
    fn the_first_rule_that_holds_decides_and_then_the_policy() {
        let Decision::Drops(by) = filter("ACCEPT", &["-A INPUT -p tcp -m tcp --dport 22 -j DROP"]) else {
            panic!("it is dropped");
        };
        assert_eq!(
            by.remove.as_deref(),
            Some("iptables -t filter -D INPUT -p tcp -m tcp --dport 22 -j DROP")
        );
        let open = ["-A INPUT -s 203.0.113.0/24 -p tcp -m multiport --dports 22,80:90 -j ACCEPT"];
        assert_eq!(filter("DROP", &open), Decision::Passes);
        let established =
            ["-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A INPUT -i lo -j ACCEPT"];
        assert!(matches!(filter("DROP", &established), Decision::Drops(_)));
        assert!(matches!(
            filter("ACCEPT", &["-A INPUT ! -s 10.0.0.0/8 -j REJECT --reject-with icmp-port-unreachable"]),
            Decision::Rejects(_)
        ));
    }

    #[test]
    fn chains_are_called_and_returned_from() {
        let banned = ["-A INPUT -p tcp -j ssh", "-A ssh -s 203.0.113.10/32 -j REJECT", "-A ssh -j RETURN"];
        assert!(matches!(filter("ACCEPT", &banned), Decision::Rejects(_)));
        let other = ["-A INPUT -p tcp -j ssh", "-A ssh -s 203.0.113.11/32 -j REJECT", "-A ssh -j RETURN"];
        assert_eq!(filter("ACCEPT", &other), Decision::Passes);
    }

    #[test]
    fn what_hangs_on_a_match_that_nobody_can_decide_is_unknown_and_names_its_rule() {
        let rules = ["-A INPUT -p tcp -m recent --rcheck --seconds 60 --name ssh -j DROP"];
        let Decision::Unknown(rule) = filter("ACCEPT", &rules) else { panic!("it is unknown") };
        assert!(rule.contains("-m recent"), "{rule}");
        assert!(matches!(filter("DROP", &rules), Decision::Drops(_)), "either way it is lost");
    }

    #[test]
    fn a_comment_with_spaces_is_no_match() {
        let rules = ["-A INPUT -p tcp -m comment --comment \"no -j ACCEPT here\" -m tcp --dport 22 -j DROP"];
        assert!(matches!(filter("ACCEPT", &rules), Decision::Drops(_)));
    }
}
