//! TLS as the database proof wants it: whom to believe, how much, and what an error of rustls means.

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::ladder::TlsMode;
use super::roots::{self, Roots};
use super::verdict::DatabaseFailure;

/// A client that believes as much as it was told to.
pub(super) fn client(mode: TlsMode, roots: Roots<'_>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let store = match mode {
        TlsMode::VerifyFull | TlsMode::VerifyCa => Some(roots::store(roots)?),
        TlsMode::Require | TlsMode::Disable => None,
    };
    let verifier = verifier(mode, store, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn verifier(
    mode: TlsMode,
    store: Option<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let Some(store) = store else {
        return Ok(Arc::new(Lenient { authority: None, provider: provider.clone() }));
    };
    let whole = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
        .build()
        .map_err(|error| error.to_string())?;
    if mode == TlsMode::VerifyCa {
        return Ok(Arc::new(Lenient { authority: Some(whole), provider: provider.clone() }));
    }
    Ok(whole)
}

/// Lets the name be, and believes in the authority, where it has one to believe in; else in anyone who
/// holds the key of the certificate that is shown, which is what `require` asks for.
#[derive(Debug)]
struct Lenient {
    authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(error) if failure_of(&error) == DatabaseFailure::WrongHostName => {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What an error of the handshake means, and in which words.
pub(super) fn failure(error: &io::Error) -> (DatabaseFailure, String) {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(tls) => (failure_of(tls), tls.to_string()),
        None if closed(error) => (DatabaseFailure::ClosedEarly, "in the middle of the handshake".to_owned()),
        None => (DatabaseFailure::TlsFailed, error.to_string()),
    }
}

fn closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe)
}

fn failure_of(error: &Error) -> DatabaseFailure {
    match error {
        Error::InvalidCertificate(why) => failure_of_certificate(why),
        Error::InvalidMessage(_) => DatabaseFailure::NotPostgres,
        _ => DatabaseFailure::TlsFailed,
    }
}

fn failure_of_certificate(why: &CertificateError) -> DatabaseFailure {
    match why {
        CertificateError::UnknownIssuer => DatabaseFailure::UnknownAuthority,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            DatabaseFailure::WrongHostName
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            DatabaseFailure::CertificateExpired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            DatabaseFailure::CertificateNotYetValid
        }
        _ => DatabaseFailure::CertificateRefused,
    }
}
