//! The part of the Management API that Doorward and its tools use.

mod bearer;
mod error;
mod page;
mod resource_servers;
mod users;

use axum::Router;
use axum::routing::get;

use crate::state::App;

pub(crate) use error::{Error, error_body};

/// The routes under `/api/v2`.
pub(crate) fn routes() -> Router<App> {
    let api = Router::new()
        .route("/resource-servers/{id}", get(resource_servers::read))
        .route("/users/{id}", get(users::read).patch(users::update))
        .route("/users/{id}/permissions", get(users::permissions))
        .route("/users/{id}/roles", get(users::roles))
        .route("/users/{id}/effective-permissions", get(users::effective_permissions))
        .route("/users/{id}/connected-accounts", get(users::connected_accounts))
        .fallback(|| async { Error::NotFound { code: None, message: "Not Found" } })
        .method_not_allowed_fallback(|| async {
            Error::NotFound { code: None, message: "Not Found" }
        });
    Router::new().nest("/api/v2", api)
}
