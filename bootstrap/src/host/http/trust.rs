//! Whom to trust: the system's roots and the user's; Mozilla's, compiled in, where a host has none.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::error::HttpError;

/// A TLS configuration that verifies, always.
pub(super) fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, HttpError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::setup("choosing TLS versions", &error))?;
    Ok(builder.with_root_certificates(roots(ca_file)?).with_no_client_auth())
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, HttpError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(system.certs);
    if added == 0 {
        tracing::warn!("this host has no root certificates: using Mozilla's, as of when this was built");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    Ok(roots)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), HttpError> {
    let doing = format!("reading the certificates in {}", path.display());
    let wrong = |error: &dyn std::error::Error| HttpError::setup(&doing, error);
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.len() == before {
        return Err(wrong(&std::io::Error::other("there is no PEM certificate in it")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("roots.pem");
        std::fs::write(&path, "not a certificate\n").expect("written");
        let error = tls(Some(&path)).expect_err("there is none");
        assert!(error.to_string().contains("roots.pem: there is no PEM certificate"), "{error}");
        let error = tls(Some(&folder.path().join("absent.pem"))).expect_err("there is none");
        assert!(error.to_string().contains("absent.pem"), "{error}");
    }
}
