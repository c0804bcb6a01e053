//! What the server itself says when it refuses: its code where the client passes it on, its words where not.

use super::verdict::DatabaseFailure;

/// The failure that a server's `FATAL` names.
pub(super) fn refused(code: Option<&str>, message: &str) -> DatabaseFailure {
    match code {
        Some("28P01") => DatabaseFailure::PasswordRefused,
        Some("3D000") => DatabaseFailure::NoSuchDatabase,
        Some("42501") => DatabaseFailure::NotPermitted,
        Some("53300") => DatabaseFailure::SlotsFull,
        Some("57P01" | "57P02") => DatabaseFailure::Terminated,
        _ => said(message),
    }
}

/// By its words, which are English unless the server's `lc_messages` says otherwise.
fn said(message: &str) -> DatabaseFailure {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match () {
        () if has(&["PAM authentication failed", "IAM authentication failed"]) => {
            DatabaseFailure::TokenRefused
        }
        () if has(&["password authentication failed", "empty password"]) => DatabaseFailure::PasswordRefused,
        () if has(&["no encryption", "SSL off"]) => DatabaseFailure::TlsRequired,
        () if has(&["no pg_hba.conf entry", "pg_hba.conf rejects connection"]) => DatabaseFailure::NoEntry,
        () if has(&["is not permitted to log in"]) => DatabaseFailure::MayNotLogIn,
        () if has(&["too many clients", "connection slots are reserved", "too many connections for"]) => {
            DatabaseFailure::SlotsFull
        }
        () if has(&["is shutting down"]) => DatabaseFailure::ShuttingDown,
        () if has(&[
            "is starting up",
            "not accepting connections",
            "not yet accepting",
            "in recovery mode",
        ]) =>
        {
            DatabaseFailure::StartingUp
        }
        () if has(&["terminating connection"]) => DatabaseFailure::Terminated,
        () if has(&["permission denied for database"]) => DatabaseFailure::NotPermitted,
        () if missing(message, "role") => DatabaseFailure::NoSuchRole,
        () if missing(message, "database") => DatabaseFailure::NoSuchDatabase,
        () if has(&["unsupported frontend protocol"]) => DatabaseFailure::NotPostgres,
        () => DatabaseFailure::Other,
    }
}

/// `role "x" does not exist`.
fn missing(message: &str, kind: &str) -> bool {
    message.contains(&format!("{kind} \"")) && message.contains("does not exist")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_decides_whatever_the_language_of_the_words() {
        for (code, wanted) in [
            ("28P01", DatabaseFailure::PasswordRefused),
            ("3D000", DatabaseFailure::NoSuchDatabase),
            ("53300", DatabaseFailure::SlotsFull),
            ("57P01", DatabaseFailure::Terminated),
            ("42501", DatabaseFailure::NotPermitted),
        ] {
            assert_eq!(refused(Some(code), "Passwort-Authentifizierung …"), wanted, "{code}");
        }
    }

    #[test]
    fn codes_that_mean_several_things_are_told_apart_by_their_words() {
        let table = [
            (
                "28000",
                r#"no pg_hba.conf entry for host "10.0.1.10", user "a", database "b", no encryption"#,
                DatabaseFailure::TlsRequired,
            ),
            (
                "28000",
                r#"no pg_hba.conf entry for host "10.0.1.10", user "a", database "b", SSL off"#,
                DatabaseFailure::TlsRequired,
            ),
            (
                "28000",
                r#"no pg_hba.conf entry for host "10.0.1.10", user "a", database "b", SSL encryption"#,
                DatabaseFailure::NoEntry,
            ),
            ("28000", r#"PAM authentication failed for user "a""#, DatabaseFailure::TokenRefused),
            ("28000", r#"role "a" does not exist"#, DatabaseFailure::NoSuchRole),
            ("28000", r#"role "a" is not permitted to log in"#, DatabaseFailure::MayNotLogIn),
            ("57P03", "the database system is starting up", DatabaseFailure::StartingUp),
            ("57P03", "the database system is not yet accepting connections", DatabaseFailure::StartingUp),
            ("57P03", "the database system is in recovery mode", DatabaseFailure::StartingUp),
            ("57P03", "the database system is shutting down", DatabaseFailure::ShuttingDown),
            ("XX000", "something new", DatabaseFailure::Other),
        ];
        for (code, message, wanted) in table {
            assert_eq!(refused(Some(code), message), wanted, "{message}");
        }
    }
}
