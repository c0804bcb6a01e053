//! The part of SSH that needs cryptography, spoken by russh: key exchange, ways in, and whether a key would do.

use std::io::{self, Cursor};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, AuthResult, Config, DisconnectReason, Handle, Handler, Session};
use russh::keys::agent::AgentIdentity;
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Disconnect, SendError, Signer, SshId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, join};
use tokio::time::timeout;

use super::identification::Identified;
use super::words::{During, Ended, HostKey, How, KeyAnswer, SshWords};

/// How this program introduces itself, so that an administrator who reads the log knows.
const OURS: &str = "SSH-2.0-vivarium_check";

/// A conversation after its key exchange.
pub(super) struct Conversation {
    handle: Handle<Listener>,
    heard: Arc<Mutex<SshWords>>,
    deadline: Duration,
}

/// Exchanges keys. What was heard until then is told in both cases.
pub(super) async fn begin(
    (read, write): (impl AsyncRead + Send + Unpin + 'static, impl AsyncWrite + Send + Unpin + 'static),
    identified: Identified,
    prefer: &[Algorithm],
    deadline: Duration,
) -> Result<Conversation, SshWords> {
    let heard = Arc::new(Mutex::new(SshWords::identified(&identified.line)));
    let stream = join(Cursor::new(identified.bytes).chain(read), write);
    let listener = Listener(Arc::clone(&heard));
    let config = Arc::new(config(prefer, deadline));
    let how = match timeout(deadline, client::connect_stream(config, stream, listener)).await {
        Ok(Ok(handle)) => return Ok(Conversation { handle, heard, deadline }),
        Ok(Err(error)) => how(&error),
        Err(_) => How::Silent,
    };
    let mut words = take(&heard);
    words.ended.get_or_insert(Ended { during: During::KeyExchange, how });
    Err(words)
}

fn config(prefer: &[Algorithm], deadline: Duration) -> Config {
    let mut config = Config { client_id: SshId::Standard(OURS.into()), ..Config::default() };
    config.inactivity_timeout = Some(deadline);
    let known = config.preferred.key.iter().filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { .. }));
    let (first, rest): (Vec<_>, Vec<_>) = known.cloned().partition(|algorithm| prefer.contains(algorithm));
    // RSA host keys cannot be verified without a crate that has an open advisory; hosts have others beside them.
    config.preferred.key = first.into_iter().chain(rest).collect::<Vec<_>>().into();
    config
}

fn take(heard: &Mutex<SshWords>) -> SshWords {
    heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Conversation {
    /// Asks for the ways in that the server offers this user, without trying any.
    pub(super) async fn methods(&mut self, user: &str) {
        match timeout(self.deadline, self.handle.authenticate_none(user)).await {
            Ok(Ok(AuthResult::Success)) => self.note(|words| words.methods = Some(vec!["none".to_owned()])),
            Ok(Ok(AuthResult::Failure { remaining_methods, .. })) => {
                let methods: Vec<String> = remaining_methods.iter().map(String::from).collect();
                // A connection that has ended answers with an empty list.
                if !methods.is_empty() {
                    self.note(|words| words.methods = Some(methods));
                }
            }
            Ok(Err(error)) => self.end(how(&error)),
            Err(_) => self.end(How::Silent),
        }
    }

    /// Asks which signature the server takes of an RSA key, and gives its hash. Servers tell it right after the key
    /// exchange or never; of one that never does, RFC 8332 has SHA-1 believed, as of one that tells no better.
    pub(super) async fn rsa_signature(&mut self) -> Option<HashAlg> {
        let told = timeout(self.deadline, self.handle.best_supported_rsa_hash()).await.ok()?.ok()?;
        if let Some(hash) = told {
            self.note(|words| words.rsa_signature = Some(Algorithm::Rsa { hash }.to_string()));
        }
        told.flatten()
    }

    /// Asks whether a signature of this key would be taken, and makes none.
    pub(super) async fn query(&mut self, user: &str, key: &PublicKey, rsa: Option<HashAlg>) {
        let hash = if key.algorithm().is_rsa() { rsa } else { None };
        let algorithm = if key.algorithm().is_rsa() { Algorithm::Rsa { hash } } else { key.algorithm() };
        let mut witness = Witness { asked: false };
        let asked = self.handle.authenticate_publickey_with(user, key.clone(), hash, &mut witness);
        let answer = timeout(self.deadline, asked).await;
        let closed = self.handle.is_closed();
        match answer {
            Err(_) => self.end(How::Silent),
            Ok(_) if closed && !witness.asked => self.end(How::Closed),
            Ok(_) => self.note(|words| {
                words.keys.push(KeyAnswer {
                    fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
                    algorithm: algorithm.to_string(),
                    taken: witness.asked,
                });
            }),
        }
    }

    /// Whether there is anyone to go on with.
    pub(super) fn over(&self) -> bool {
        self.handle.is_closed() || take(&self.heard).ended.is_some()
    }

    /// Says goodbye, and gives what was heard.
    pub(super) async fn finish(self) -> SshWords {
        let words = take(&self.heard);
        let goodbye = async {
            let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
            let _ = self.handle.await;
        };
        // Whether it is heard makes no difference to what was seen.
        let _ = timeout(Duration::from_millis(500).min(self.deadline), goodbye).await;
        words
    }

    fn note(&self, change: impl FnOnce(&mut SshWords)) {
        change(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn end(&self, how: How) {
        // The server's own goodbye, where there was one, came first.
        self.note(|words| {
            words.ended.get_or_insert(Ended { during: During::Authentication, how });
        });
    }
}

struct Listener(Arc<Mutex<SshWords>>);

impl Listener {
    fn note(&self, change: impl FnOnce(&mut SshWords)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Handler for Listener {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        if let PublicKeyOrCertificate::PublicKey { key, .. } = key {
            self.note(|words| words.host_key = host_key(key));
        }
        // Nothing secret is ever said to this server, so that any key will do.
        Ok(true)
    }

    async fn kex_done(
        &mut self,
        _secret: Option<&[u8]>,
        names: &russh::Names,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.note(|words| words.key_exchange = Some(names.kex.as_ref().to_owned()));
        Ok(())
    }

    async fn auth_banner(&mut self, banner: &str, _session: &mut Session) -> Result<(), Self::Error> {
        self.note(|words| words.banner = Some(banner.chars().take(1000).collect()));
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        let (how, error) = match reason {
            DisconnectReason::ReceivedDisconnect(said) => (How::Disconnected { words: said.message }, None),
            DisconnectReason::Error(error) => (how(&error), Some(error)),
        };
        self.note(|words| {
            let during =
                if words.key_exchange.is_some() { During::Authentication } else { During::KeyExchange };
            words.ended.get_or_insert(Ended { during, how });
        });
        error.map_or(Ok(()), Err)
    }
}

fn host_key(key: &PublicKey) -> Option<HostKey> {
    Some(HostKey {
        algorithm: key.algorithm().to_string(),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        public_key: PublicKey::new(key.key_data().clone(), "").to_openssh().ok()?.trim_end().to_owned(),
    })
}

/// What an error of russh says of the other side.
fn how(error: &russh::Error) -> How {
    match error {
        russh::Error::IO(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof => How::Closed,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => How::Reset,
            _ => How::Failed { why: error.to_string() },
        },
        russh::Error::HUP | russh::Error::Disconnect => How::Closed,
        russh::Error::InactivityTimeout | russh::Error::ConnectionTimeout => How::Silent,
        russh::Error::NoCommonAlgo { kind, theirs, .. } => {
            How::NoCommonAlgorithm { kind: kind_word(kind).to_owned(), theirs: theirs.clone() }
        }
        other => How::Failed { why: other.to_string() },
    }
}

fn kind_word(kind: &russh::AlgorithmKind) -> &'static str {
    match kind {
        russh::AlgorithmKind::Kex => "key exchange",
        russh::AlgorithmKind::Key => "host key",
        russh::AlgorithmKind::Cipher => "cipher",
        russh::AlgorithmKind::Compression => "compression",
        russh::AlgorithmKind::Mac => "mac",
    }
}

/// Sees that the server asks for a signature, and makes none: it has no private key to make one with.
struct Witness {
    asked: bool,
}

/// There is none, on purpose.
#[derive(Debug)]
struct NoSignature;

impl From<SendError> for NoSignature {
    fn from(_: SendError) -> Self {
        Self
    }
}

impl Signer for Witness {
    type Error = NoSignature;

    async fn auth_sign(
        &mut self,
        _key: &AgentIdentity,
        _hash: Option<HashAlg>,
        _to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        self.asked = true;
        Err(NoSignature)
    }
}
