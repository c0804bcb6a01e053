//! An authority, and certificates by it for a server.

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};

/// An authority that nobody knows but who is told of it.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate with its key, as PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// When a certificate is valid, in years.
#[derive(Clone, Copy)]
pub(crate) enum Validity {
    Now,
    Past,
    Future,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut wanted = CertificateParams::default();
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        wanted.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = wanted.self_signed(&key).expect("a certificate");
        Self { pem: certificate.pem(), issuer: Issuer::new(wanted, key) }
    }

    /// A certificate for a server of this name.
    pub(crate) fn identity(&self, name: &str, validity: Validity) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut wanted = CertificateParams::new([name.to_owned()]).expect("a name");
        wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        wanted.distinguished_name.push(rcgen::DnType::CommonName, name);
        let (from, until) = match validity {
            Validity::Now => (2020, 2090),
            Validity::Past => (2020, 2021),
            Validity::Future => (2080, 2090),
        };
        (wanted.not_before, wanted.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        let certificate = wanted.signed_by(&key, &self.issuer).expect("a certificate");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}
