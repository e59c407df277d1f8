//! The routes of the tenant.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::state::App;
use crate::{
    authorize, control, cors, discovery, google, intake, management, my_account, register, token,
    userinfo,
};

/// Builds the router with all endpoints and middleware.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(discovery::home))
        .route("/.well-known/openid-configuration", get(discovery::metadata))
        .route("/.well-known/oauth-authorization-server", get(discovery::metadata))
        .route("/.well-known/jwks.json", get(discovery::jwks))
        .route("/oauth/token", post(token::token))
        .route("/oauth/revoke", post(token::revoke))
        .route("/oauth/introspect", post(token::introspect))
        .route("/oidc/register", post(register::register))
        .route("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .merge(authorize::routes())
        .merge(management::routes())
        .merge(my_account::routes())
        .merge(google::routes())
        .layer(from_fn_with_state(app.clone(), intake::intake))
        .layer(from_fn(cors::cors))
        .merge(control::routes())
        .with_state(app)
}
