//! The same verdicts from what psycopg2 says: the text of libpq 10 to 17, which carries no codes.

use super::server;
use super::verdict::DatabaseFailure;

/// Phrases of libpq's own and of its OpenSSL, in the order they are looked for: the first that occurs
/// decides. What the server says comes behind `FATAL:` and is looked at before these.
const PHRASES: &[(&str, DatabaseFailure)] = &[
    ("root certificate file", DatabaseFailure::RootsUnreadable),
    ("could not read root certificate", DatabaseFailure::RootsUnreadable),
    ("could not load root certificate", DatabaseFailure::RootsUnreadable),
    ("does not match host name", DatabaseFailure::WrongHostName),
    ("certificate has expired", DatabaseFailure::CertificateExpired),
    ("certificate is not yet valid", DatabaseFailure::CertificateNotYetValid),
    // OpenSSL's three ways to say that it does not know who signed; rustls knows only one.
    ("unable to get local issuer certificate", DatabaseFailure::UnknownAuthority),
    ("unable to get issuer certificate", DatabaseFailure::UnknownAuthority),
    ("self signed certificate", DatabaseFailure::UnknownAuthority),
    ("self-signed certificate", DatabaseFailure::UnknownAuthority),
    ("unable to verify the first certificate", DatabaseFailure::UnknownAuthority),
    // libpq mostly leaves OpenSSL's reason out.
    ("certificate verify failed", DatabaseFailure::NotVerified),
    ("server does not support SSL", DatabaseFailure::NoTls),
    ("received invalid response to SSL negotiation", DatabaseFailure::NotPostgres),
    ("received unencrypted data after SSL response", DatabaseFailure::NotPostgres),
    ("wrong version number", DatabaseFailure::NotPostgres),
    ("packet length too long", DatabaseFailure::NotPostgres),
    ("expected authentication request from server", DatabaseFailure::NotPostgres),
    ("unsupported protocol", DatabaseFailure::TlsFailed),
    ("alert protocol version", DatabaseFailure::TlsFailed),
    ("handshake failure", DatabaseFailure::TlsFailed),
    ("no password supplied", DatabaseFailure::NoPassword),
    ("requires libpq version", DatabaseFailure::UnsupportedAuthentication),
    ("not supported", DatabaseFailure::UnsupportedAuthentication),
    // glibc's words for getaddrinfo's codes.
    ("Temporary failure in name resolution", DatabaseFailure::NameTimedOut),
    ("No address associated with hostname", DatabaseFailure::NoAddress),
    ("Name or service not known", DatabaseFailure::NoSuchName),
    ("Non-recoverable failure in name resolution", DatabaseFailure::NameServerFailed),
    ("could not translate host name", DatabaseFailure::NameNotResolved),
    ("Connection refused", DatabaseFailure::Refused),
    ("timeout expired", DatabaseFailure::TimedOut),
    ("Connection timed out", DatabaseFailure::TimedOut),
    ("Network is unreachable", DatabaseFailure::NetworkUnreachable),
    ("No route to host", DatabaseFailure::HostUnreachable),
    ("Permission denied", DatabaseFailure::Prohibited),
    ("server closed the connection unexpectedly", DatabaseFailure::ClosedEarly),
    ("Connection reset by peer", DatabaseFailure::ClosedEarly),
    ("EOF detected", DatabaseFailure::ClosedEarly),
    ("unexpected eof while reading", DatabaseFailure::ClosedEarly),
];

/// The failure that psycopg2's exception names. `code` is its `pgcode`, which is empty for whatever goes
/// wrong before a session exists.
pub fn failure(code: Option<&str>, message: &str) -> DatabaseFailure {
    if let Some(code) = code {
        return server::refused(Some(code), message);
    }
    // With several addresses there are several lines; the one that came nearest to an answer says most.
    if let Some((_, said)) = message.rsplit_once("FATAL:") {
        return server::refused(None, said.trim());
    }
    let found = PHRASES.iter().find(|(phrase, _)| message.contains(phrase));
    found.map_or_else(|| server::refused(None, message), |(_, failure)| *failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libpq_10_to_17_say_is_put_into_one_set_of_words() {
        use DatabaseFailure as F;
        let table = [
            // 10 to 13
            (
                "could not connect to server: Connection refused\n\tIs the server running on host \"db\" (10.0.2.20) and accepting\n\tTCP/IP connections on port 5432?\n",
                F::Refused,
            ),
            (
                "could not translate host name \"nowhere\" to address: Name or service not known\n",
                F::NoSuchName,
            ),
            ("FATAL:  password authentication failed for user \"dbadmin\"\n", F::PasswordRefused),
            ("timeout expired\n", F::TimedOut),
            ("SSL error: certificate verify failed\n", F::NotVerified),
            ("server certificate for \"db\" does not match host name \"10.0.2.20\"\n", F::WrongHostName),
            ("SCRAM authentication requires libpq version 10 or above\n", F::UnsupportedAuthentication),
            ("server does not support SSL, but SSL was required\n", F::NoTls),
            // 14 to 17
            (
                "connection to server at \"db\" (10.0.2.20), port 5432 failed: FATAL:  database \"app\" does not exist\n",
                F::NoSuchDatabase,
            ),
            (
                "connection to server at \"db\" (10.0.2.20), port 5432 failed: SSL error: certificate has expired\n",
                F::CertificateExpired,
            ),
            (
                "connection to server at \"db\" (10.0.2.20), port 5432 failed: root certificate file \"/x.pem\" does not exist\nEither provide the file, use the system's trusted roots with sslrootcert=system, or change sslmode to disable server certificate verification.\n",
                F::RootsUnreadable,
            ),
            (
                "connection to server at \"db\" (10.0.2.20), port 5432 failed: FATAL:  no pg_hba.conf entry for host \"10.0.1.10\", user \"a\", database \"b\", no encryption\n",
                F::TlsRequired,
            ),
            (
                "connection to server at \"db\" (10.0.2.20), port 5432 failed: FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute\n",
                F::SlotsFull,
            ),
            (
                "connection to server at \"db\" (10.0.2.20), port 5432 failed: FATAL:  too many connections for role \"app\"\n",
                F::SlotsFull,
            ),
            (
                "connection to server at \"db\" (10.0.2.20), port 5432 failed: FATAL:  PAM authentication failed for user \"iam\"\n",
                F::TokenRefused,
            ),
            (
                "connection to server at \"db\" (10.0.2.20), port 5432 failed: fe_sendauth: no password supplied\n",
                F::NoPassword,
            ),
            (
                "connection to server at \"db\" (10.0.2.20), port 5432 failed: server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\n",
                F::ClosedEarly,
            ),
            (
                "connection to server at \"fd00::1\", port 5432 failed: Network is unreachable\n\tIs the server running on that host and accepting TCP/IP connections?\n",
                F::NetworkUnreachable,
            ),
            ("something new\n", F::Other),
        ];
        for (message, wanted) in table {
            assert_eq!(failure(None, message), wanted, "{message}");
        }
    }

    #[test]
    fn a_code_of_the_server_decides_where_there_is_one() {
        let message = "Verbindung wird auf Anweisung des Verwalters beendet";
        assert_eq!(failure(Some("57P01"), message), DatabaseFailure::Terminated);
    }
}
