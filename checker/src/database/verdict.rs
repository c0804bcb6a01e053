//! The named failures, what each means in one line, and what to look at.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A step of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The name has an address.
    Name,
    /// The port answers.
    Tcp,
    /// The connection is private, and the server is the one it says it is.
    Tls,
    /// The server lets this role into this database.
    Authentication,
    /// It answers `SELECT NOW()`.
    Question,
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Authentication => "authentication",
            Self::Question => "SELECT NOW()",
        })
    }
}

/// Why a database cannot be asked. Both the ladder's own client and psycopg2's are put into these words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is said in a full sentence by `verdict`")]
pub enum DatabaseFailure {
    MalformedHost,
    NoSuchName,
    NoAddress,
    NameServerFailed,
    NameTimedOut,
    NoNameServer,
    /// What libpq says of any name that it cannot resolve for good.
    NameNotResolved,
    Refused,
    TimedOut,
    Reset,
    NetworkUnreachable,
    HostUnreachable,
    Prohibited,
    NotPostgres,
    NoTls,
    Silent,
    ClosedEarly,
    RootsUnreadable,
    /// What libpq says of any certificate that it does not believe.
    NotVerified,
    UnknownAuthority,
    WrongHostName,
    CertificateExpired,
    CertificateNotYetValid,
    CertificateRefused,
    TlsFailed,
    TlsRequired,
    NoEntry,
    PasswordRefused,
    NoPassword,
    TokenRefused,
    NoSuchRole,
    MayNotLogIn,
    UnsupportedAuthentication,
    NoSuchDatabase,
    NotPermitted,
    SlotsFull,
    StartingUp,
    ShuttingDown,
    Terminated,
    Other,
}

impl DatabaseFailure {
    /// What it means, as a sentence without its full stop.
    pub fn verdict(self) -> &'static str {
        self.words().0
    }

    /// What to look at.
    pub fn hint(self) -> &'static str {
        self.words().1
    }

    /// Whether two clients mean the same by these: libpq has one word where the ladder has several.
    pub fn agrees_with(self, other: Self) -> bool {
        self == other || self.coarse() == other || self == other.coarse()
    }

    /// libpq's one word for it: everything that takes too long is a time-out, every name server that
    /// does not answer a temporary failure, and of a certificate it often says only that it failed.
    fn coarse(self) -> Self {
        match self {
            Self::Silent => Self::TimedOut,
            Self::NoSuchName | Self::NoAddress => Self::NameNotResolved,
            Self::NameServerFailed | Self::NoNameServer => Self::NameTimedOut,
            Self::UnknownAuthority
            | Self::CertificateExpired
            | Self::CertificateNotYetValid
            | Self::CertificateRefused => Self::NotVerified,
            same => same,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one table, a line or two for each failure")]
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::MalformedHost => (
                "the host is not a name",
                "give database.host without a scheme, a port or a slash: mydb.abc123.eu-west-1.rds.amazonaws.com",
            ),
            Self::NoSuchName => (
                "there is no such name",
                "compare database.host with the endpoint in `aws rds describe-db-instances`; a stopped, deleted or still creating instance has none, and names of other Regions differ by one word",
            ),
            Self::NoAddress => (
                "the name has no address",
                "an instance that is being created has a name before it has an address: wait until its status is available",
            ),
            Self::NameServerFailed => (
                "the name server failed",
                "ask again; if it stays so, look at the VPC's DHCP options and at /etc/resolv.conf: RDS names need the VPC's own resolver",
            ),
            Self::NameTimedOut => (
                "no name server answered",
                "look at enableDnsSupport of the VPC, at /etc/resolv.conf, and at whether security groups and network ACLs let port 53 out",
            ),
            Self::NoNameServer => (
                "this host knows no name server",
                "/etc/resolv.conf names none: look at the VPC's DHCP options",
            ),
            Self::NameNotResolved => (
                "the name cannot be resolved",
                "compare database.host with the endpoint in `aws rds describe-db-instances`, and look at /etc/resolv.conf",
            ),
            Self::Refused => (
                "the port refuses connections",
                "a host answers there, but no server listens on this port: compare database.port with the endpoint's, and look whether the instance is stopped or restarting; a security group never refuses, it only drops",
            ),
            Self::TimedOut => (
                "no answer from the address",
                "packets are dropped: look at the database's security group (does it allow this instance on this port?), at this instance's outbound rules, then at network ACLs (both directions, return ports too) and routes",
            ),
            Self::Reset => (
                "the connection was reset while it was being made",
                "something between here and the database cuts connections: a firewall, a proxy, or a server that is restarting",
            ),
            Self::NetworkUnreachable => (
                "this host has no route to the address",
                "look at the host's own routes (`ip route get ADDRESS`): an address of IP version 6 needs a route of its own",
            ),
            Self::HostUnreachable => (
                "a router or firewall says that there is no way to the host",
                "look at the route tables on the way and at a firewall on the database's host; a security group never answers so, it only drops",
            ),
            Self::Prohibited => (
                "this host's own rules forbid the connection",
                "look at this host's firewall and routes (`ip route get ADDRESS`, `nft list ruleset`)",
            ),
            Self::NotPostgres => (
                "what answers is not PostgreSQL",
                "compare database.host and database.port with the endpoint in `aws rds describe-db-instances`",
            ),
            Self::NoTls => (
                "the server does not speak TLS",
                "RDS always does: this is another server, a pooler or a tunnel; a password is not sent in plain text from here, so let it speak TLS (ssl = on)",
            ),
            Self::Silent => (
                "the server accepted the connection and then said nothing",
                "it is overloaded, restarting, or not a database: look at CPU, credits and events of the instance; large packets that get lost (MTU, VPN) look so too",
            ),
            Self::ClosedEarly => (
                "the server closed the connection without an answer",
                "it is restarting, or it is not PostgreSQL, or a proxy or tunnel in between cannot reach it: look at the instance's events",
            ),
            Self::RootsUnreadable => (
                "the certificates to trust cannot be read",
                "database.sslrootcert must name a PEM file with at least one certificate",
            ),
            Self::NotVerified => (
                "the server's certificate could not be verified",
                "look at this host's clock, and at whom database.sslrootcert or Amazon's roots vouch for",
            ),
            Self::UnknownAuthority => (
                "the server's certificate is signed by an authority that is not trusted here",
                "trusted are Amazon's RDS roots, or those of database.sslrootcert where it is set: for a server that is not RDS, or in GovCloud, China or a new Region, give its bundle there",
            ),
            Self::WrongHostName => (
                "the server's certificate is for another name",
                "connect by the endpoint's own name, not by an alias, an address or a tunnel's localhost",
            ),
            Self::CertificateExpired => (
                "the server's certificate has expired",
                "look at this host's clock first; then at the instance's CertificateDetails.ValidTill, and rotate its certificate",
            ),
            Self::CertificateNotYetValid => (
                "the server's certificate is not valid yet",
                "look at this host's clock: it is probably behind",
            ),
            Self::CertificateRefused => (
                "the server's certificate cannot be accepted",
                "RDS's own are; for another server, give it a certificate for servers (version 3, subjectAltName) by an authority",
            ),
            Self::TlsFailed => (
                "client and server did not agree on TLS",
                "TLS 1.2 or 1.3 is needed: look at ssl_min_protocol_version and ssl_max_protocol_version in the parameter group, and at proxies in between",
            ),
            Self::TlsRequired => (
                "the server refuses connections without TLS",
                "rds.force_ssl is 1, the default from PostgreSQL 15 on: leave database.sslmode at verify-full",
            ),
            Self::NoEntry => (
                "the server's pg_hba.conf has no line for this client, role and database",
                "on RDS this comes of rds.force_ssl without TLS, or of IAM authentication without the role rds_iam; elsewhere add a hostssl line",
            ),
            Self::PasswordRefused => (
                "the server refused the password or the role",
                "it answers the same to a wrong password, a role that does not exist and one that was granted rds_iam: compare database.user and the secret's current version (rotated? a newline at its end?)",
            ),
            Self::NoPassword => (
                "the server asks for a password and none was given",
                "name the secret in database.secret; one that is named is empty",
            ),
            Self::TokenRefused => (
                "the server refused the IAM token",
                "a token lasts 15 minutes and is for one host, port, user and Region: look at rds-db:connect in the role's policy, at IAM authentication of the instance, at the grant of rds_iam, and at this host's clock",
            ),
            Self::NoSuchRole => {
                ("the role does not exist", "compare database.user with `\\du` of the database")
            }
            Self::MayNotLogIn => {
                ("the role may not log in", "ALTER ROLE … LOGIN, or use another role in database.user")
            }
            Self::UnsupportedAuthentication => (
                "client and server have no way of authentication in common",
                "psycopg2 with libpq 10 or later speaks SCRAM-SHA-256; GSS and certificates are not spoken here",
            ),
            Self::NoSuchDatabase => (
                "the database does not exist on this server",
                "database.name is the database's, not the instance's: an instance made without DBName has only `postgres`",
            ),
            Self::NotPermitted => {
                ("the role may not use this database", "GRANT CONNECT ON DATABASE … TO the role")
            }
            Self::SlotsFull => (
                "the server's connection slots are all in use",
                "look at DatabaseConnections against the parameter max_connections and at who holds them (pg_stat_activity); limits of the role or the database count too",
            ),
            Self::StartingUp => (
                "the server is starting up or recovering",
                "wait, and look at the instance's events: reboot, failover, restore",
            ),
            Self::ShuttingDown => {
                ("the server is shutting down", "look at the instance's events: reboot, failover, stop")
            }
            Self::Terminated => (
                "the server ended the connection",
                "an administrator, a restart or a crash of another session ended it: look at the instance's events, and try again",
            ),
            Self::Other => ("the server refused", "its own words are above; its log has more"),
        }
    }
}

impl fmt::Display for DatabaseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verdict())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarse_word_agrees_with_each_of_its_finer_ones_but_these_not_with_each_other() {
        use DatabaseFailure::{CertificateExpired, NotVerified, UnknownAuthority};
        assert!(CertificateExpired.agrees_with(NotVerified) && NotVerified.agrees_with(UnknownAuthority));
        assert!(!CertificateExpired.agrees_with(UnknownAuthority));
    }
}
