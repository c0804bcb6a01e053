//! Signs a question as AWS wants it: version 4, with whoever's credentials they are.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningError, SigningSettings, sign};
use aws_sigv4::sign::v4;

/// What is signed.
pub(super) struct Question<'a> {
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) url: &'a str,
    pub(super) content_type: &'a str,
    /// Headers besides, in small letters: AWS wants its own signed.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a str,
}

/// The headers that sign it.
pub(super) fn headers(
    question: &Question<'_>,
    credentials: Credentials,
    now: SystemTime,
) -> Result<Vec<(String, String)>, SigningError> {
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(question.region)
        .name(question.service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .expect("everything that it needs is given")
        .into();
    let body = SignableBody::Bytes(question.body.as_bytes());
    let typed = [("content-type", question.content_type)];
    let headers = typed.into_iter().chain(question.headers.iter().copied());
    let request = SignableRequest::new("POST", question.url, headers, body)?;
    let (instructions, _signature) = sign(request, &parameters)?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}
