//! `POST /permissions/revoke`: for Auth0's log streams, and for operators. It is there if there is a secret for it.

use ::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use http_body::Body;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Revoked;
use crate::{
    audit::{Audit, Reason},
    config::{Config, Secret},
    host::Host,
    http::{Answer, BodyFault, read_body},
};

/// Serves one request.
pub(crate) async fn revoke<B>(
    host: &dyn Host,
    config: &Config,
    secret: &Secret,
    audit: &Audit,
    request: Request<B>,
) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let (parts, body) = request.into_parts();
    if !knows(&parts.headers, secret) {
        audit.decided(host, Reason::RevocationRefused);
        let description = "Send the revocation secret in the Authorization header.";
        return Answer::error(StatusCode::UNAUTHORIZED, "unauthorized", description)
            .with(header::WWW_AUTHENTICATE, "Bearer");
    }
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(BodyFault::TooLarge) => {
            let description = "The body is larger than 1 MiB.";
            return Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "too_large", description);
        }
        Err(BodyFault::Broken) => return not_understood(),
    };
    let Some(revoked) = Revoked::parse(&body) else {
        return not_understood();
    };
    if let Err(failure) = revoked.write_down(host, config).await {
        host.log(&format!("key-value: permissions cannot be revoked: {}", failure.0));
        let description = "The revocation could not be written down. Try again in a moment.";
        return Answer::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            description,
        )
        .with(header::RETRY_AFTER, "5");
    }
    audit.decided(host, Reason::PermissionsRevoked);
    let (everything, subjects) = (revoked.everything, revoked.subjects.len());
    Answer::json(StatusCode::OK, &json!({ "everything": everything, "subjects": subjects }))
}

/// Whether the header holds the secret, by itself or as a bearer token: a log stream sends what is typed in as its
/// token. How long the comparison takes says nothing about the secret.
fn knows(headers: &HeaderMap, secret: &Secret) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let value = value.as_bytes();
    let sent = match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => token,
        _ => value,
    };
    let (sent, known) = (Sha256::digest(sent), Sha256::digest(secret.expose()));
    sent.iter().zip(known).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn not_understood() -> Answer {
    let description =
        "Send log events of Auth0, `{\"subject\": \"auth0|…\"}` or `{\"everything\": true}`.";
    Answer::error(StatusCode::BAD_REQUEST, "invalid_request", description)
}
