//! What a name resolves to, asked as this host is set up to ask: its hosts file, its name servers.

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::{Hosts, Resolver, TokioResolver};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use super::clock::Watch;
use super::observation::{Asked, Observation};

/// What asking for a name came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameObservation {
    /// The name, or the address given in its place.
    pub name: String,
    /// What happened.
    pub outcome: NameOutcome,
    /// How long it took.
    pub elapsed: Duration,
}

/// What the name servers said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameOutcome {
    /// These addresses, version 4 first.
    Addresses(Vec<IpAddr>),
    /// There is no such name: NXDOMAIN.
    NoSuchName,
    /// The name exists, but has no address.
    NoAddress,
    /// A name server failed or refused, with its own word: SERVFAIL, REFUSED.
    ServerFailed(String),
    /// No name server answered in time.
    TimedOut,
    /// This host knows no name server.
    NoNameServer,
    /// No name can look like this.
    Malformed(String),
}

impl fmt::Display for NameOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses(addresses) => {
                let each: Vec<String> = addresses
                    .iter()
                    .map(|address| format!("{address} ({})", AddressClass::of(*address).as_str()))
                    .collect();
                f.write_str(&each.join(", "))
            }
            Self::NoSuchName => f.write_str("no such name (NXDOMAIN)"),
            Self::NoAddress => f.write_str("the name has no address"),
            Self::ServerFailed(word) => write!(f, "the name server failed ({word})"),
            Self::TimedOut => f.write_str("no name server answered"),
            Self::NoNameServer => f.write_str("this host knows no name server"),
            Self::Malformed(why) => write!(f, "not a name: {why}"),
        }
    }
}

/// Where an address can be reached from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressClass {
    /// From everywhere.
    Public,
    /// From its own network only: 10/8, 172.16/12, 192.168/16, `fc00::/7`.
    Private,
    /// From behind a provider's translation only: 100.64/10.
    Shared,
    /// From the same link only.
    LinkLocal,
    /// From the same host only.
    Loopback,
}

impl AddressClass {
    /// The class of an address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            address if address.is_loopback() => Self::Loopback,
            IpAddr::V4(v4) if v4.is_private() => Self::Private,
            IpAddr::V4(v4) if v4.is_link_local() => Self::LinkLocal,
            IpAddr::V4(v4) if v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64 => Self::Shared,
            IpAddr::V6(v6) if v6.is_unique_local() => Self::Private,
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Self::LinkLocal,
            _ => Self::Public,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::LinkLocal => "link-local",
            Self::Loopback => "loopback",
        }
    }
}

/// Asks for a name as this host would, and notes when.
pub async fn ask_for(name: &str, deadline: Duration) -> Observation {
    let watch = Watch::start();
    let outcome = resolve(name, deadline).await.outcome;
    observed(Asked::Name { name: name.to_owned() }, &watch, outcome)
}

/// Asks one name server for a name, whatever this host's files say: the VPC's, to compare with another's.
pub async fn ask_server(name: &str, server: IpAddr, deadline: Duration) -> Observation {
    let watch = Watch::start();
    let asked = async {
        let resolver = configured(format!("nameserver {server}\n").as_bytes(), b"", deadline)?;
        Ok(timeout(deadline, ask(&resolver, name)).await.unwrap_or(NameOutcome::TimedOut))
    };
    let outcome = asked.await.unwrap_or_else(|outcome: NameOutcome| outcome);
    observed(Asked::NameOf { name: name.to_owned(), server }, &watch, outcome)
}

fn observed(asked: Asked, watch: &Watch, outcome: NameOutcome) -> Observation {
    let (at, elapsed) = (watch.at(), watch.elapsed());
    Observation { asked, address: None, from: None, at, elapsed, outcome: outcome.into() }
}

/// Asks for a name as this host would.
pub async fn resolve(name: &str, deadline: Duration) -> NameObservation {
    let began = Instant::now();
    let outcome = match literal(name) {
        Some(address) => NameOutcome::Addresses(vec![address]),
        None => as_configured(name, deadline).await,
    };
    NameObservation { name: name.to_owned(), outcome, elapsed: began.elapsed() }
}

/// By `/etc/resolv.conf` and `/etc/hosts`, read anew each time.
async fn as_configured(name: &str, deadline: Duration) -> NameOutcome {
    let (servers, hosts) = match (read_or_empty("/etc/resolv.conf"), read_or_empty("/etc/hosts")) {
        (Ok(servers), Ok(hosts)) => (servers, hosts),
        (Err(error), _) | (_, Err(error)) => return unreadable(&error),
    };
    let resolver = match configured(&servers, &hosts, deadline) {
        Ok(resolver) => resolver,
        Err(outcome) => return outcome,
    };
    let outcome = timeout(deadline, ask(&resolver, name)).await.unwrap_or(NameOutcome::TimedOut);
    match outcome {
        NameOutcome::ServerFailed(_) | NameOutcome::TimedOut if !names_a_server(&servers) => {
            NameOutcome::NoNameServer
        }
        answered => answered,
    }
}

/// An address given in place of a name, with or without the brackets of a URL.
fn literal(name: &str) -> Option<IpAddr> {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    bare.parse().ok()
}

fn unreadable(error: &io::Error) -> NameOutcome {
    NameOutcome::ServerFailed(format!("the resolver's files cannot be read: {error}"))
}

fn read_or_empty(path: &str) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

fn configured(servers: &[u8], hosts: &[u8], deadline: Duration) -> Result<TokioResolver, NameOutcome> {
    let known = |error: NetError| NameOutcome::ServerFailed(error.to_string());
    let (config, mut options) = settings(servers);
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Always;
    // Every server is asked again before the whole deadline is over.
    options.timeout = options.timeout.min(deadline / 2).max(Duration::from_millis(200));
    let mut resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(options)
        .build()
        .map_err(known)?;
    let mut table = Hosts::default();
    table.read_hosts_conf(hosts).map_err(|error| unreadable(&error))?;
    resolver.set_hosts(Arc::new(table));
    Ok(resolver)
}

fn names_a_server(servers: &[u8]) -> bool {
    String::from_utf8_lossy(servers).lines().any(|line| line.trim_start().starts_with("nameserver"))
}

/// What the resolver's file says. Like the C library, it passes over what it does not understand, and asks the name
/// server on this host where none is named.
fn settings(file: &[u8]) -> (ResolverConfig, ResolverOpts) {
    let (file, _) = resolv_conf::Config::parse_with_errors(file);
    let mut servers: Vec<_> =
        file.nameservers.iter().map(|address| NameServerConfig::udp_and_tcp(address.into())).collect();
    if servers.is_empty() {
        servers.push(NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into()));
    }
    let domain = file.get_system_domain().and_then(|domain| Name::from_str_relaxed(&domain).ok());
    let search = file.get_last_search_or_domain().filter_map(|domain| Name::from_str_relaxed(domain).ok());
    let config = ResolverConfig::from_parts(domain, search.collect(), servers);
    let mut options = ResolverOpts::default();
    options.ndots = usize::try_from(file.ndots).unwrap_or(1);
    options.timeout = Duration::from_secs(file.timeout.into());
    options.attempts = usize::try_from(file.attempts).unwrap_or(2);
    options.edns0 = file.edns0;
    (config, options)
}

async fn ask(resolver: &TokioResolver, name: &str) -> NameOutcome {
    match resolver.lookup_ip(name).await {
        Ok(found) => found_addresses(found.iter().collect()),
        Err(error) => understood(&error),
    }
}

fn found_addresses(mut addresses: Vec<IpAddr>) -> NameOutcome {
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses.dedup();
    if addresses.is_empty() { NameOutcome::NoAddress } else { NameOutcome::Addresses(addresses) }
}

/// Of a name server: this machine has no way to it.
pub(crate) const NO_WAY_THERE: &str = "it cannot be reached";

/// What the resolver's error says.
fn understood(error: &NetError) -> NameOutcome {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code, .. })) => answered(*response_code),
        NetError::Dns(DnsError::ResponseCode(code)) => answered(*code),
        NetError::Timeout => NameOutcome::TimedOut,
        NetError::Io(io) if io.kind() == io::ErrorKind::TimedOut => NameOutcome::TimedOut,
        NetError::NoConnections | NetError::Io(_) => NameOutcome::ServerFailed(NO_WAY_THERE.to_owned()),
        NetError::Proto(why) => NameOutcome::Malformed(why.to_string()),
        other => NameOutcome::ServerFailed(other.to_string()),
    }
}

fn answered(code: ResponseCode) -> NameOutcome {
    match code {
        ResponseCode::NXDomain => NameOutcome::NoSuchName,
        ResponseCode::NoError => NameOutcome::NoAddress,
        ResponseCode::ServFail => NameOutcome::ServerFailed("SERVFAIL".to_owned()),
        ResponseCode::Refused => NameOutcome::ServerFailed("REFUSED".to_owned()),
        other => NameOutcome::ServerFailed(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn an_address_in_place_of_a_name_is_passed_on() {
        for (name, address) in [("10.0.2.20", "10.0.2.20"), ("::1", "::1"), ("[fd00::1]", "fd00::1")] {
            let wanted = NameOutcome::Addresses(vec![address.parse().expect("an address")]);
            assert_eq!(resolve(name, SECOND).await.outcome, wanted, "{name}");
        }
    }

    #[tokio::test]
    async fn the_hosts_file_answers_without_any_server() {
        let hosts = b"10.0.2.20 mydb.internal mydb # the database\nfd00::20 mydb\n";
        let resolver = configured(b"nameserver 127.0.0.1\n", hosts, SECOND).expect("a resolver");
        let both = ["10.0.2.20", "fd00::20"].map(|text| text.parse().expect("an address"));
        assert_eq!(ask(&resolver, "MyDB").await, NameOutcome::Addresses(both.to_vec()));
    }

    #[tokio::test]
    async fn a_name_that_no_name_can_look_like_is_said_so() {
        let resolver = configured(b"nameserver 127.0.0.1\n", b"", SECOND).expect("a resolver");
        let outcome = ask(&resolver, &"a".repeat(300)).await;
        assert!(matches!(outcome, NameOutcome::Malformed(_)), "{outcome:?}");
    }

    #[test]
    fn each_address_has_its_class() {
        let table = [
            ("10.1.2.3", AddressClass::Private),
            ("172.31.0.1", AddressClass::Private),
            ("172.32.0.1", AddressClass::Public),
            ("::ffff:192.168.1.1", AddressClass::Private),
            ("100.64.0.1", AddressClass::Shared),
            ("100.128.0.1", AddressClass::Public),
            ("169.254.169.254", AddressClass::LinkLocal),
            ("fd00::1", AddressClass::Private),
            ("fe80::1", AddressClass::LinkLocal),
            ("127.0.0.2", AddressClass::Loopback),
            ("3.5.140.2", AddressClass::Public),
        ];
        for (address, wanted) in table {
            assert_eq!(AddressClass::of(address.parse().expect("an address")), wanted, "{address}");
        }
    }
}
