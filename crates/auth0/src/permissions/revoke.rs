//! Revokes cached permissions at once: `POST /permissions/revoke`, for Auth0's log streams and for
//! operators. The endpoint exists only if `revocation_secret` is set.
//!
//! A revocation is a time in the key-value store: one for each user, and one for everybody. It is
//! only ever overwritten, so of two revocations at once neither is lost. Every instance reads both
//! times before it uses a cached answer, and ignores answers that were asked for earlier.

mod events;

use bytes::Bytes;
use doorward_core::{
    Secret,
    audit::{Audit, Entry},
    host::KeyValueError,
    reasons,
    store::{Kind, Record, StoreKey},
    web::{Answer, BodyError, read_body},
};
use futures_util::future;
use http::{HeaderMap, Request, StatusCode, header};
use http_body::Body;
use serde_json::json;

use crate::Tenant;

/// The path of the endpoint.
pub const REVOKE_PATH: &str = "/permissions/revoke";

/// How long after a revocation every call asks the tenant, in milliseconds. Clocks differ, and the
/// tenant may report a change before all of its servers know it.
const SETTLING_MILLIS: u64 = 2000;

/// What is revoked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Revocation {
    /// Everybody's permissions, and what the API defines.
    everything: bool,
    subjects: Vec<String>,
}

/// Until when answers are revoked, in milliseconds since the Unix epoch. Only those that were asked
/// for later count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RevocationTimes {
    /// For everybody, and for the API.
    pub(super) of_everything: u64,
    /// For the user.
    pub(super) of_user: u64,
}

reasons! {
    /// Why a request to revoke was accepted or refused.
    pub enum RevokeReason {
        /// The permissions are revoked
        Revoked = "permissions_revoked" (Allowed),
        /// The request does not have the revocation secret
        SecretWrong = "revocation_refused",
    }
}

/// Serves one request.
pub async fn revoke<B>(
    tenant: &Tenant<'_>,
    secret: &Secret,
    audit: &Audit,
    request: Request<B>,
) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let host = tenant.host();
    let (parts, body) = request.into_parts();
    let write = |reason: RevokeReason| {
        let trace = tenant.outbound().trace;
        audit.write(host, &Entry { reason: &reason, who: None, tool: None, trace });
    };
    if !has_secret(&parts.headers, secret) {
        write(RevokeReason::SecretWrong);
        let description = "Send the revocation secret in the Authorization header.";
        return Answer::error(StatusCode::UNAUTHORIZED, "unauthorized", description)
            .with(header::WWW_AUTHENTICATE, "Bearer");
    }
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(error @ BodyError::TooLarge) => {
            let description = format!("{error}.");
            return Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &description);
        }
        Err(BodyError::Broken) => return not_understood(),
    };
    let Some(revocation) = Revocation::parse(&body) else {
        return not_understood();
    };
    if let Err(error) = revocation.write(tenant).await {
        host.log(&format!("key-value: permissions cannot be revoked: {error}"));
        let description = "The revocation could not be written down. Try again in a moment.";
        return Answer::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            description,
        )
        .with(header::RETRY_AFTER, "5");
    }
    write(RevokeReason::Revoked);
    let (everything, subjects) = (revocation.everything, revocation.subjects.len());
    Answer::json(StatusCode::OK, &json!({ "everything": everything, "subjects": subjects }))
}

/// Whether the header holds the secret, with or without `Bearer` before it: a log stream sends the
/// text that the operator entered, as it is.
fn has_secret(headers: &HeaderMap, secret: &Secret) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let sent = match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => token,
        _ => value,
    };
    secret.matches(sent)
}

fn not_understood() -> Answer {
    let description =
        "Send log events of Auth0, `{\"subject\": \"auth0|…\"}` or `{\"everything\": true}`.";
    Answer::error(StatusCode::BAD_REQUEST, "invalid_request", description)
}

impl Revocation {
    async fn write(&self, tenant: &Tenant<'_>) -> Result<(), KeyValueError> {
        let (store, now) = (tenant.store(), tenant.host().now_millis().to_string());
        if self.everything {
            return store.set(&key(tenant, ""), now.as_bytes()).await;
        }
        for subject in &self.subjects {
            store.set(&key(tenant, subject), now.as_bytes()).await?;
        }
        Ok(())
    }
}

impl RevocationTimes {
    /// Reads what holds for a user. If the store does not answer, a revocation may exist: then no
    /// cached answer counts.
    pub(super) async fn read(tenant: &Tenant<'_>, subject: &str) -> Self {
        let (everything, user) =
            future::join(revoked_until(tenant, ""), revoked_until(tenant, subject)).await;
        Self { of_everything: everything, of_user: user.max(everything) }
    }
}

async fn revoked_until(tenant: &Tenant<'_>, subject: &str) -> u64 {
    let (store, key) = (tenant.store(), key(tenant, subject));
    match store.read(&key).await {
        Ok(Record::Absent) => 0,
        Ok(Record::Opened(time)) => {
            let time = std::str::from_utf8(&time).ok().and_then(|time| time.parse::<u64>().ok());
            time.map_or(u64::MAX, |time| time.saturating_add(SETTLING_MILLIS))
        }
        // A revocation under another secret: the client's secret was changed. Its time is unknown,
        // so it becomes a revocation of now.
        Ok(Record::Unreadable) => {
            let now = tenant.host().now_millis().to_string();
            // If it is not written, the next request finds it unreadable again.
            let _ = store.set(&key, now.as_bytes()).await;
            u64::MAX
        }
        Err(_) => u64::MAX,
    }
}

/// The key of a user's revocation. The empty subject, which no user has, stands for everybody.
fn key(tenant: &Tenant<'_>, subject: &str) -> StoreKey {
    StoreKey::new(Kind::Revoked, &[tenant.settings.management.tenant.as_str(), subject])
}

#[cfg(test)]
mod tests;
