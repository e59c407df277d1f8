//! The part of the My Account API that Connected Accounts use to add accounts to the Token Vault.

mod accounts;
mod bearer;
mod connect;
mod error;
mod pages;

use axum::Router;
use axum::routing::{delete, get, post};

use crate::state::App;

pub(crate) use error::Error;

/// The routes under `/me/v1`, and the provider's consent page.
pub(crate) fn routes() -> Router<App> {
    let accounts = Router::new()
        .route("/connect", post(connect::connect))
        .route("/complete", post(connect::complete))
        .route("/accounts", get(accounts::list))
        .route("/accounts/{id}", delete(accounts::remove))
        .route("/connections", get(accounts::connections));
    Router::new()
        .nest("/me/v1/connected-accounts", accounts)
        .route("/u/connect", get(pages::show).post(pages::choose))
}
