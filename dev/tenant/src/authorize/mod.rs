//! The authorization endpoint, with its sign-in and consent pages.
//!
//! [`request`] validates a request, which is then stored as pending. [`flow`] redirects the browser
//! to each missing step and finally back to the client with a code.
//!
//! Scripts can sign in, too: follow the redirects of `/authorize` with a cookie jar, post `state`,
//! `username` and `password` to `/u/login`, then post `state` and `action=allow` to `/u/consent`.

mod answer;
mod browser;
mod flow;
mod handlers;
mod page;
pub(crate) mod pages;
mod redirect_uri;
mod request;

use axum::Router;
use axum::routing::get;

use crate::state::App;

pub(crate) use page::{escape, page};
pub(crate) use redirect_uri::{form_target, is_registered, is_registrable};

/// The routes of the authorization endpoint and its pages.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/authorize", get(handlers::authorize).post(handlers::authorize_form))
        .route("/authorize/resume", get(handlers::resume))
        .route("/u/login", get(handlers::login_page).post(handlers::login))
        .route("/u/consent", get(handlers::consent_page).post(handlers::consent))
        .route("/u/style.css", get(page::style))
}
