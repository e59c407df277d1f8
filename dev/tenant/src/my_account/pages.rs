//! The consent page of the external provider, on which a person allows the tenant to access their
//! account.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::authorize::{escape, form_target, page, pages};
use crate::oauth::Params;
use crate::random;
use crate::state::{App, Connect, Store};

const PAGE_EXPIRED: &str = "This page has expired. Go back to the application and start again.";

/// `GET /u/connect`.
pub(super) async fn show(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::urlencoded(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let store = app.store();
    match find_flow(&store, &params) {
        Some((_, connect)) => render(&store, connect),
        None => pages::error(PAGE_EXPIRED),
    }
}

/// `POST /u/connect`.
pub(super) async fn choose(State(app): State<App>, body: Bytes) -> Response {
    let form = Params::urlencoded(&body).unwrap_or_default();
    let mut store = app.store();
    let Some((session, mut connect)) =
        find_flow(&store, &form).map(|(id, one)| (id.to_owned(), one.clone()))
    else {
        return pages::error(PAGE_EXPIRED);
    };
    if form.get("action") != Some("allow") {
        store.connects.remove(&session);
        let params = [
            ("error", "access_denied"),
            ("error_description", "User did not authorize the request"),
        ];
        return back(&connect, &params);
    }
    let code = random::token(32);
    connect.connect_code = Some(code.clone());
    let response = back(&connect, &[("connect_code", &code)]);
    store.connects.insert(session, connect);
    response
}

fn find_flow<'a>(store: &'a Store, params: &Params) -> Option<(&'a str, &'a Connect)> {
    let ticket = params.get("ticket")?;
    store
        .connects
        .iter()
        // A ticket can be used once.
        .find(|(_, one)| {
            one.ticket == ticket && one.connect_code.is_none() && one.expires_at > crate::now()
        })
        .map(|(id, one)| (id.as_str(), one))
}

fn render(store: &Store, connect: &Connect) -> Response {
    let email = store.directory.user(&connect.user_id).map_or("", |person| &person.email);
    let scopes: String = connect
        .scopes
        .iter()
        .map(|scope| format!("<li><code>{}</code></li>\n", escape(scope)))
        .collect();
    let main = format!(
        "<p class=\"tenant\">Stand-in for {connection}</p>\n<h1>Connect your account</h1>\n\
         <p>{tenant} asks for access to the account <strong>{email}</strong>, also while you are away:</p>\n\
         <ul class=\"scopes\">\n{scopes}</ul>\n\
         <form method=\"post\" action=\"/u/connect\" class=\"choice\">\n\
         <input type=\"hidden\" name=\"ticket\" value=\"{ticket}\">\n\
         <button class=\"primary\" name=\"action\" value=\"allow\">Connect</button>\n\
         <button name=\"action\" value=\"deny\">Cancel</button>\n</form>",
        connection = escape(&connect.connection),
        tenant = escape(&store.settings().name),
        email = escape(email),
        ticket = escape(&connect.ticket),
    );
    page(StatusCode::OK, "Connect your account", &main, &form_target(&connect.redirect_uri))
}

fn back(connect: &Connect, params: &[(&str, &str)]) -> Response {
    let Ok(mut url) = Url::parse(&connect.redirect_uri) else {
        return pages::error(PAGE_EXPIRED);
    };
    url.query_pairs_mut()
        .extend_pairs(params)
        .extend_pairs(connect.state.as_deref().map(|state| ("state", state)));
    (StatusCode::SEE_OTHER, [(header::LOCATION, url.to_string())]).into_response()
}
