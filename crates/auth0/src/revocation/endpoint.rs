//! `POST /revoke`, for Auth0's log streams and for operators. The endpoint exists only if
//! `revocation_secret` is set.

use std::collections::BTreeMap;

use bytes::Bytes;
use doorward_core::{
    Secret,
    audit::{Audit, AuditEvent, Revoked},
    host::{PortFuture, all},
    reasons,
    store::StoreKey,
    web::{Answer, BodyError, read_body},
};
use http::{HeaderMap, Request, StatusCode, header};
use http_body::Body;
use serde_json::json;

use super::{
    RevocationSettings,
    cut_off::{CutOff, Rules, Target},
    events::{MAX_BODY_BYTES, Revocation},
    record::{
        Change, Changes, MAX_CONCURRENT_WRITES, MAX_PROPERTIES, Place, WriteError,
        latest_issue_time, write,
    },
    reseal::reseal,
};
use crate::Tenant;

/// The path of the endpoint.
pub const REVOKE_PATH: &str = "/revoke";

/// Its path from when only permissions could be revoked.
pub const REVOKE_PERMISSIONS_PATH: &str = "/permissions/revoke";

/// How many of the entries that are not understood an answer names.
const MAX_NAMED: usize = 10;

reasons! {
    /// Why a request to revoke was accepted or refused.
    pub enum RevokeReason {
        /// Access is cut off
        CutOff = "access_cut_off" (Allowed),
        /// The permissions are revoked
        Revoked = "permissions_revoked" (Allowed),
        /// The records are sealed under the current revocation secret
        Resealed = "revocations_resealed" (Allowed),
        /// The request does not have the revocation secret
        SecretWrong = "revocation_refused",
    }
}

/// Serves one request.
pub async fn revoke<B>(
    tenant: &Tenant<'_>,
    settings: &RevocationSettings,
    audit: &Audit,
    request: Request<B>,
) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let host = tenant.host();
    let (parts, body) = request.into_parts();
    let log = |reason: RevokeReason, revoked: Option<Revoked<'_>>| {
        let trace = tenant.outbound().trace;
        let event =
            AuditEvent { reason: &reason, who: None, item: None, trace, call: None, revoked };
        audit.write(host, &event);
    };
    if !has_secret(&parts.headers, &settings.secret) {
        log(RevokeReason::SecretWrong, None);
        let description = "Send the revocation secret in the Authorization header.";
        return Answer::error(StatusCode::UNAUTHORIZED, "unauthorized", description)
            .with(header::WWW_AUTHENTICATE, "Bearer");
    }
    let body = match read_body(host, body, MAX_BODY_BYTES).await {
        Ok(body) => body,
        Err(BodyError::Broken) => return not_understood("The body ended too early."),
        Err(error) => {
            let code = if error == BodyError::TimedOut { "timed_out" } else { "too_large" };
            return Answer::error(error.status(), code, &format!("{error}."));
        }
    };
    if body.trim_ascii().is_empty() {
        return not_understood("The body is empty.");
    }
    let mut issuers = tenant.resource_server.settings.issuers();
    let any_organization = issuers.any(|issuer| !issuer.is_tenant);
    let rules = Rules { latest: latest_issue_time(tenant), any_organization };
    let revocation = Revocation::parse(&body, rules);
    let problem = problem(&revocation);
    if let (Some(problem), true) = (&problem, revocation.is_empty()) {
        return not_understood(problem);
    }
    if revocation.unknown_users > 0 {
        host.log(
            "revocation: an event about a grant, a session or a refresh token does not say whose it \
             was; nothing is cut off",
        );
    }
    let has_to_reseal = revocation.reseal;
    let everything = revocation.everything || revocation.roles;
    let (subjects, cut_offs) = (revocation.subjects.len(), revocation.cut_offs.len());
    let mut written = write_down(tenant, settings, &revocation).await;
    let issuer = tenant.resource_server.settings.main_issuer.issuer.as_str();
    let is_written = |subject: &str| !written.failed.contains(&Place::new(tenant, subject).key);
    if everything && is_written("") {
        log(RevokeReason::Revoked, Some(Revoked::default()));
    }
    for subject in revocation.subjects.iter().filter(|subject| is_written(subject)) {
        let subject = Some((issuer, subject.as_str()));
        log(RevokeReason::Revoked, Some(Revoked { subject, ..Revoked::default() }));
    }
    let has_room = |CutOff { target, .. }: &CutOff| match target {
        Target::Everybody | Target::User(_) => true,
        Target::All(_) | Target::OfUser(..) => {
            !written.full.contains(&Place::new(tenant, target.subject()).key)
        }
    };
    let cut_offs_done = revocation.cut_offs.iter().filter(|it| is_written(it.target.subject()));
    for cut_off in cut_offs_done.filter(|it| has_room(it)) {
        cut_off.with_audit(issuer, |revoked| log(RevokeReason::CutOff, Some(revoked)));
    }
    if has_to_reseal {
        match reseal(tenant, settings).await {
            Ok(()) => log(RevokeReason::Resealed, None),
            Err(error) => written.worst = Some(error),
        }
    }
    if let Some(error) = written.worst {
        host.log(&format!("key-value: a revocation cannot be written: {error}"));
        return match error {
            WriteError::Store(_) => Answer::unavailable(
                "The revocation could not be written down. Try again in a moment.",
            ),
            WriteError::Full => {
                let description = format!(
                    "More than {MAX_PROPERTIES} clients, organizations and tokens are cut off. Cut off \
                     `everything`, or wait until 31 days have passed."
                );
                Answer::error(StatusCode::INSUFFICIENT_STORAGE, "too_many_cut_offs", &description)
            }
        };
    }
    if let Some(problem) = problem {
        return not_understood(&format!("{problem} All other entries were carried out."));
    }
    let mut done = json!({ "everything": everything, "subjects": subjects, "cut_off": cut_offs });
    if has_to_reseal && let Some(done) = done.as_object_mut() {
        done.insert("reseal".to_owned(), true.into());
    }
    Answer::json(StatusCode::OK, &done)
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

/// What is wrong with the first wrong entries; `None` without any.
fn problem(revocation: &Revocation) -> Option<String> {
    let named = revocation.wrong.iter().take(MAX_NAMED).map(|entry| format!("{entry}."));
    let mut problems: Vec<String> = named.collect();
    match revocation.wrong.len().checked_sub(MAX_NAMED) {
        None | Some(0) => {}
        Some(others) => problems.push(format!("{others} more entries are wrong.")),
    }
    (!problems.is_empty()).then(|| problems.join(" "))
}

fn not_understood(problem: &str) -> Answer {
    let description = format!(
        "{problem} Send log events of Auth0, `{{\"subject\": \"auth0|…\"}}`, `{{\"everything\": true}}` or \
         `{{\"cut_off\": {{\"subject\": \"auth0|…\"}}}}`."
    );
    Answer::error(StatusCode::BAD_REQUEST, "invalid_request", &description)
}

/// How a revocation was written.
struct Written {
    /// The records that could not be written.
    failed: Vec<StoreKey>,
    /// The records that have no room for another client, organization or token.
    full: Vec<StoreKey>,
    /// The failure that matters most; `None` if everything was written.
    worst: Option<WriteError>,
}

/// Writes a revocation to the store, each record once, however many users it is about. A record
/// that cannot be written does not keep the others from being written.
async fn write_down(
    tenant: &Tenant<'_>,
    settings: &RevocationSettings,
    revocation: &Revocation,
) -> Written {
    let mut changes: Vec<(StoreKey, Changes)> = Vec::new();
    for (subject, change) in self::changes(revocation, latest_issue_time(tenant)) {
        let Place { key, name } = Place::new(tenant, &subject);
        match changes.iter_mut().find(|(other, _)| *other == key) {
            Some((_, changes)) => changes.push((name, change)),
            None => changes.push((key, vec![(name, change)])),
        }
    }
    let mut written = Written { failed: Vec::new(), full: Vec::new(), worst: None };
    for some in changes.chunks(MAX_CONCURRENT_WRITES) {
        let writes = some.iter().map(|(key, changes)| -> PortFuture<'_, _> {
            Box::pin(write(tenant, settings, key, changes))
        });
        for (outcome, (key, _)) in all(writes).await.into_iter().zip(some) {
            match outcome {
                Ok(()) => {}
                Err(WriteError::Store(_)) => written.failed.push(key.clone()),
                Err(WriteError::Full) => written.full.push(key.clone()),
            }
            match (outcome, &written.worst) {
                // Trying again later can fix this one.
                (Err(error @ WriteError::Store(_)), _) | (Err(error), None) => {
                    written.worst = Some(error);
                }
                _ => {}
            }
        }
    }
    written
}

/// The changes by subject; the empty subject stands for everybody.
fn changes(revocation: &Revocation, latest: u64) -> BTreeMap<String, Change> {
    let mut changes: BTreeMap<String, Change> = BTreeMap::new();
    for subject in &revocation.subjects {
        changes.entry(subject.clone()).or_default().all = true;
    }
    if revocation.everything || revocation.roles {
        let change = changes.entry(String::new()).or_default();
        (change.all, change.roles) = (revocation.everything, revocation.roles);
    }
    for CutOff { target, issued_before } in &revocation.cut_offs {
        let moment = issued_before.unwrap_or(latest);
        let (property, is_cached) = match target {
            Target::Everybody | Target::User(_) => (None, true),
            Target::OfUser(_, property) => (Some(property), true),
            // A token that is issued later finds nothing that was cached for this one.
            Target::All(property) => (Some(property), false),
        };
        let change = changes.entry(target.subject().to_owned()).or_default();
        change.all |= is_cached;
        match property {
            None => change.issued_before = change.issued_before.max(moment),
            Some(property) => {
                let last = change.properties.entry(property.name()).or_default();
                *last = (*last).max(moment);
            }
        }
    }
    changes
}
