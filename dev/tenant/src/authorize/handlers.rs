//! Handlers of the authorization endpoint and its pages.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::browser::Browser;
use super::request::Refusal;
use super::{answer, flow, pages, request};
use crate::oauth::Params;
use crate::random;
use crate::state::{App, Pending};

const PAGE_EXPIRED: &str = "This page has expired, or it was opened in another browser. Go back to the application and start again.";

/// `GET /authorize`.
pub(super) async fn authorize(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    begin(&app, &headers, uri.query().unwrap_or_default().as_bytes())
}

/// `POST /authorize`, with the same parameters in a form.
pub(super) async fn authorize_form(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    begin(&app, &headers, &body)
}

/// `GET /authorize/resume`: continues after a page.
pub(super) async fn resume(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let browser = Browser::from_headers(&headers);
    match find(&app, &browser, uri.query()) {
        Some((id, pending)) => flow::proceed(&app, &id, &pending, browser.user(&app)),
        None => pages::error(PAGE_EXPIRED),
    }
}

/// `GET /u/login`.
pub(super) async fn login_page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let browser = Browser::from_headers(&headers);
    match find(&app, &browser, uri.query()) {
        Some((id, pending)) => pages::login(&app.store(), &id, &pending, StatusCode::OK, None),
        None => pages::error(PAGE_EXPIRED),
    }
}

/// `POST /u/login`.
pub(super) async fn login(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let mut browser = Browser::from_headers(&headers);
    let form = Params::urlencoded(&body).unwrap_or_default();
    let id = form.get("state").unwrap_or_default();
    let Some(pending) = flow::pending(&app, id, &browser.id) else {
        return pages::error(PAGE_EXPIRED);
    };
    let name = form.get("username").unwrap_or_default();
    let password = form.get("password").unwrap_or_default();
    let user_id =
        app.store().directory.sign_in(name, password).map(|person| person.user_id.clone());
    let Some(user_id) = user_id else {
        let again = Pending { login_hint: Some(name.to_owned()), ..pending };
        return pages::login(
            &app.store(),
            id,
            &again,
            StatusCode::BAD_REQUEST,
            Some("Wrong email or password."),
        );
    };
    browser.sign_in(&app, user_id);
    if let Some(pending) = app.store().pending.get_mut(id) {
        pending.signed_in = true;
        // An organization of the request itself stays.
        if pending.organization.is_none() {
            pending.organization = form.owned("organization");
        }
    }
    browser.with_cookie(answer::local(&format!("/authorize/resume?state={id}")))
}

/// `GET /u/consent`.
pub(super) async fn consent_page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let browser = Browser::from_headers(&headers);
    let Some((id, pending)) = find(&app, &browser, uri.query()) else {
        return pages::error(PAGE_EXPIRED);
    };
    let Some((user_id, _)) = browser.user(&app) else {
        return answer::local(&format!("/u/login?state={id}"));
    };
    let store = app.store();
    match (store.directory.user(&user_id), store.directory.client(&pending.client_id)) {
        (Some(person), Some(client)) => pages::consent(&store, &id, &pending, client, person),
        _ => pages::error(PAGE_EXPIRED),
    }
}

/// `POST /u/consent`.
pub(super) async fn consent(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let browser = Browser::from_headers(&headers);
    let form = Params::urlencoded(&body).unwrap_or_default();
    let id = form.get("state").unwrap_or_default();
    let (Some(pending), Some((user_id, _))) =
        (flow::pending(&app, id, &browser.id), browser.user(&app))
    else {
        return pages::error(PAGE_EXPIRED);
    };
    if form.get("action") != Some("allow") {
        return flow::refuse(
            &app,
            id,
            &pending,
            "access_denied",
            "User did not authorize the request",
        );
    }
    let mut store = app.store();
    let (Some(person), Some(client)) = (
        store.directory.user(&user_id).cloned(),
        store.directory.client(&pending.client_id).cloned(),
    ) else {
        return pages::error(PAGE_EXPIRED);
    };
    let organization = flow::organization(&store, &person, &pending);
    let scopes = flow::scopes(&store, &client, &person, organization.as_deref(), &pending);
    let entries: Vec<_> = flow::consent_entries(&client, &person, &pending, &scopes).collect();
    store.consents.extend(entries);
    if let Some(pending) = store.pending.get_mut(id) {
        pending.consented = true;
    }
    answer::local(&format!("/authorize/resume?state={id}"))
}

fn begin(app: &App, headers: &HeaderMap, query: &[u8]) -> Response {
    let browser = Browser::from_headers(headers);
    let checked = request::check(&app.store(), query, &browser.id);
    let response = match checked {
        Ok(pending) => {
            let id = random::token(24);
            app.store().pending.insert(id.clone(), pending.clone());
            flow::proceed(app, &id, &pending, browser.user(app))
        }
        Err(Refusal::Page(text)) => pages::error(&text),
        Err(Refusal::Redirect { error, description, redirect_uri, state, mode }) => {
            answer::redirect(
                &redirect_uri,
                mode,
                app.response_issuer().as_deref(),
                state.as_deref(),
                &[("error", error), ("error_description", &description)],
            )
        }
    };
    browser.with_cookie(response)
}

/// The pending request that the query's `state` names.
fn find(app: &App, browser: &Browser, query: Option<&str>) -> Option<(String, Pending)> {
    let params = Params::urlencoded(query?.as_bytes()).ok()?;
    let id = params.owned("state")?;
    let pending = flow::pending(app, &id, &browser.id)?;
    Some((id, pending))
}
