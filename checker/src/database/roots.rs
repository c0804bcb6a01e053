//! Amazon's RDS root certificates, which no operating system trusts by itself. Their source is in `data/README.md`.

use std::fs;
use std::io;
use std::path::Path;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// All of them, for whoever needs a file: psycopg2 does.
pub const RDS_ROOTS_PEM: &str = include_str!("../../data/rds-roots.pem");

/// Whom to believe that a server is the one it says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roots<'a> {
    /// Amazon's, as embedded here.
    Rds,
    /// The certificates of this file.
    File(&'a Path),
}

/// The certificates as rustls wants them; the reason, where there are none to be had.
pub fn store(roots: Roots<'_>) -> Result<RootCertStore, String> {
    match roots {
        Roots::Rds => parse(RDS_ROOTS_PEM.as_bytes()),
        Roots::File(path) => read(path)
            .map_err(|error| error.to_string())
            .and_then(|pem| parse(&pem))
            .map_err(|why| format!("{}: {why}", path.display())),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

fn parse(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("not PEM: {error}"))?;
        store.add(certificate).map_err(|error| error.to_string())?;
    }
    if store.is_empty() { Err("no certificate in it".to_owned()) } else { Ok(store) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_root_is_one_that_rustls_can_use() {
        let count = RDS_ROOTS_PEM.matches("-----BEGIN CERTIFICATE-----").count();
        assert_eq!(store(Roots::Rds).expect("they parse").len(), count);
        assert_eq!(count, 89);
    }

    #[test]
    fn every_region_has_its_three_generations_of_keys() {
        let names: Vec<&str> =
            RDS_ROOTS_PEM.lines().filter_map(|line| line.strip_prefix("# Amazon RDS ")).collect();
        for kind in ["RSA2048", "RSA4096", "ECC384"] {
            let of_kind = names.iter().filter(|name| name.contains(&format!(" Root CA {kind} G1"))).count();
            assert_eq!(of_kind, names.len() / 3, "{kind}");
        }
    }

    #[test]
    fn the_soonest_to_expire_lasts_until_the_end_of_2037() {
        let until = RDS_ROOTS_PEM.lines().filter_map(|line| line.rsplit_once(", until "));
        let soonest = until.map(|(name, day)| (day, name)).min().expect("there are some");
        assert_eq!(soonest, ("2037-12-31", "# Starfield Services Root Certificate Authority - G2"));
    }

    #[test]
    fn a_file_without_a_certificate_is_named_with_the_reason() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let why = store(Roots::File(file.path())).expect_err("it is empty");
        assert_eq!(why, format!("{}: no certificate in it", file.path().display()));
        let missing = store(Roots::File(Path::new("/no/such.pem"))).expect_err("it is missing");
        assert!(missing.starts_with("/no/such.pem: No such file"), "{missing}");
    }
}
