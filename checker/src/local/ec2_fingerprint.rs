//! What EC2 calls the fingerprint of a key pair: of RSA the SHA-1 of the private key where EC2 made it, the MD5 of the
//! public key where it was imported; of ED25519 what OpenSSH prints. Of the private half nothing but the digest is kept.

use md5::Md5;
use pkcs1::der::Document;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{HashAlg, PublicKey};
use sha1::{Digest, Sha1};

/// `AlgorithmIdentifier` of RSA: its object identifier, and no parameters.
const RSA: [u8; 15] = [0x30, 13, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The forms in which EC2 may know the key of a file.
pub(super) fn of(text: &str, public: Option<&PublicKey>) -> Vec<String> {
    let made_by_ec2 = Document::from_pem(text)
        .ok()
        .filter(|(label, _)| *label == "RSA PRIVATE KEY")
        .map(|(_, key)| digits(&Sha1::digest(private_key_info(key.as_bytes()))));
    let imported = public.and_then(subject_public_key_info).map(|key| digits(&Md5::digest(key)));
    let openssh = public.map(|key| key.fingerprint(HashAlg::Sha256).to_string());
    [made_by_ec2, imported, openssh].into_iter().flatten().collect()
}

/// Whether EC2's words are one of these forms: it may pad base64, and leaves out how it was made.
pub fn is_one_of(ec2: &str, forms: &[String]) -> bool {
    let bare = |text: &str| text.trim_start_matches("SHA256:").trim_end_matches('=').to_owned();
    forms.iter().any(|form| bare(form) == bare(ec2))
}

fn digits(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn private_key_info(key: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[der(INTEGER, &[0]), RSA.to_vec(), der(OCTET_STRING, key)].concat())
}

fn subject_public_key_info(key: &PublicKey) -> Option<Vec<u8>> {
    let KeyData::Rsa(rsa) = key.key_data() else { return None };
    let numbers = [rsa.n().as_bytes(), rsa.e().as_bytes()].map(|number| der(INTEGER, number)).concat();
    let bits = [vec![0], der(SEQUENCE, &numbers)].concat();
    Some(der(SEQUENCE, &[RSA.to_vec(), der(BIT_STRING, &bits)].concat()))
}

/// A value of DER: its tag, its length, itself.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut written = vec![tag];
    match significant.as_slice() {
        [] => written.push(0),
        [short @ 0..=127] => written.push(*short),
        long => {
            written.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            written.extend(long);
        }
    }
    written.extend(value);
    written
}
