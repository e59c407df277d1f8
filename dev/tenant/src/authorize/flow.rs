//! The steps of an authorization request: sign-in, consent, code.

use axum::response::Response;

use super::{answer, pages};
use crate::random;
use crate::seed::{Api, Client, Person};
use crate::state::{App, Code, Granted, Pending, Store};

/// Lifetime of a pending request and its pages, in seconds.
const PENDING_SECONDS: i64 = 600;
/// Lifetime of an authorization code, in seconds.
const CODE_SECONDS: i64 = 60;

/// The pending request of a page, if it belongs to this browser and has not expired.
pub(super) fn pending(app: &App, id: &str, browser: &str) -> Option<Pending> {
    let mut store = app.store();
    let now = crate::now();
    store.pending.retain(|_, pending| pending.made_at + PENDING_SECONDS > now);
    store.pending.get(id).filter(|pending| pending.browser == browser).cloned()
}

/// Redirects to the next missing step, or back to the client with a code.
pub(super) fn proceed(
    app: &App,
    id: &str,
    pending: &Pending,
    user: Option<(String, i64)>,
) -> Response {
    let silent = pending.prompt.iter().any(|one| one == "none");
    let Some((user_id, since)) = user.filter(|(_, since)| !must_sign_in(pending, *since)) else {
        if silent {
            return refuse(app, id, pending, "login_required", "Login required");
        }
        return answer::local(&format!("/u/login?state={id}"));
    };
    let mut store = app.store();
    let Some(person) = store.directory.user(&user_id).cloned() else {
        drop(store);
        return answer::local(&format!("/u/login?state={id}"));
    };
    let Some(client) = store.directory.client(&pending.client_id).cloned() else {
        return pages::error("The application no longer exists.");
    };
    if person.blocked {
        drop(store);
        return refuse(app, id, pending, "unauthorized", "user is blocked");
    }
    let organization = match &pending.organization {
        None => None,
        Some(organization) => match store.directory.member_of(&user_id, organization) {
            Ok(known) if !store.directory.admits(&known, &client) => {
                drop(store);
                let text = "The organization does not allow third-party applications.";
                return refuse(app, id, pending, "access_denied", text);
            }
            Ok(known) => Some(known),
            Err(error) => {
                drop(store);
                return refuse(app, id, pending, "access_denied", &error.description);
            }
        },
    };
    let scopes = scopes(&store, &client, &person, organization.as_deref(), pending);
    if needs_consent(&store, &client, &person, pending, &scopes) {
        drop(store);
        if silent {
            return refuse(app, id, pending, "consent_required", "Consent required");
        }
        return answer::local(&format!("/u/consent?state={id}"));
    }
    let code = random::token(32);
    store.pending.remove(id);
    store.codes.insert(
        code.clone(),
        Code {
            granted: Granted {
                user_id,
                client_id: client.client_id,
                audience: pending.audience.clone(),
                scopes,
                organization,
                code: None,
                auth_time: since,
            },
            redirect_uri: pending.redirect_uri.clone(),
            code_challenge: pending.code_challenge.clone(),
            nonce: pending.nonce.clone(),
            expires_at: crate::now() + CODE_SECONDS,
            used: false,
        },
    );
    drop(store);
    back(app, pending, &[("code", &code)])
}

/// Redirects to the client with an error and ends the request.
pub(super) fn refuse(
    app: &App,
    id: &str,
    pending: &Pending,
    error: &str,
    description: &str,
) -> Response {
    app.store().pending.remove(id);
    back(app, pending, &[("error", error), ("error_description", description)])
}

/// The requested scopes that can be granted.
pub(super) fn scopes(
    store: &Store,
    client: &Client,
    person: &Person,
    organization: Option<&str>,
    pending: &Pending,
) -> Vec<String> {
    let api = api(store, pending);
    store.directory.grantable(client, person, organization, api, &pending.scopes)
}

/// The id of the organization that the person signs in to.
pub(super) fn organization(store: &Store, person: &Person, pending: &Pending) -> Option<String> {
    store.directory.member_of(&person.user_id, pending.organization.as_deref()?).ok()
}

/// The API of the request.
pub(super) fn api<'a>(store: &'a Store, pending: &Pending) -> Option<&'a Api> {
    store.directory.api(pending.audience.as_deref()?)
}

/// The entries of the store that record a consent.
pub(super) fn consent_entries(
    client: &Client,
    person: &Person,
    pending: &Pending,
    scopes: &[String],
) -> impl Iterator<Item = (String, String, String, String)> {
    let audience = pending.audience.clone().unwrap_or_default();
    // The empty scope records consent to the sign-in itself.
    let scopes: Vec<String> = scopes.iter().cloned().chain([String::new()]).collect();
    let (user, client) = (person.user_id.clone(), client.client_id.clone());
    scopes.into_iter().map(move |scope| (user.clone(), client.clone(), audience.clone(), scope))
}

fn must_sign_in(pending: &Pending, since: i64) -> bool {
    let asked = pending.prompt.iter().any(|one| one == "login" || one == "select_account");
    let too_old = pending.max_age.is_some_and(|age| crate::now() - since > age);
    !pending.signed_in && (asked || too_old)
}

fn needs_consent(
    store: &Store,
    client: &Client,
    person: &Person,
    pending: &Pending,
    scopes: &[String],
) -> bool {
    if pending.consented {
        return false;
    }
    let asked = pending.prompt.iter().any(|one| one == "consent");
    let unknown = || {
        consent_entries(client, person, pending, scopes)
            .any(|entry| !store.consents.contains(&entry))
    };
    asked || (!client.is_first_party && unknown())
}

fn back(app: &App, pending: &Pending, params: &[(&str, &str)]) -> Response {
    answer::redirect(
        &pending.redirect_uri,
        pending.response_mode,
        app.response_issuer().as_deref(),
        pending.state.as_deref(),
        params,
    )
}
