//! The metadata and the keys of the authorization server.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::json::put;
use crate::state::App;
use crate::token::grant;

/// The same value as Auth0: fresh for 15 seconds, usable for a day while the tenant is down.
const CACHE: &str = "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400";

/// Serves OpenID Connect Discovery and RFC 8414 metadata: the same document at both paths.
pub(crate) async fn metadata(State(app): State<App>) -> impl IntoResponse {
    let origin = &app.origin;
    let mut document = json!({
        "issuer": app.issuer(),
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/oauth/token"),
        "userinfo_endpoint": format!("{origin}/userinfo"),
        "jwks_uri": format!("{origin}/.well-known/jwks.json"),
        "revocation_endpoint": format!("{origin}/oauth/revoke"),
        "scopes_supported": ["openid", "profile", "offline_access", "name", "nickname", "email", "email_verified"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment"],
        "grant_types_supported": [
            grant::CODE, grant::REFRESH, grant::CLIENT_CREDENTIALS, grant::PASSWORD, grant::EXCHANGE, grant::VAULT,
            grant::JWT_BEARER,
        ],
        "authorization_grant_profiles_supported": [grant::ID_JAG_PROFILE],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
        "dpop_signing_alg_values_supported": ["ES256", "RS256", "PS256"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": [
            "aud", "auth_time", "email", "email_verified", "exp", "iat", "iss", "name", "nickname", "sub",
        ],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    let store = app.store();
    let settings = store.settings();
    if settings.response_issuer {
        put(&mut document, "authorization_response_iss_parameter_supported", json!(true));
    }
    if settings.client_id_metadata_documents {
        put(&mut document, "client_id_metadata_document_supported", json!(true));
    }
    if settings.dynamic_client_registration {
        put(&mut document, "registration_endpoint", json!(format!("{origin}/oidc/register")));
    }
    drop(store);
    ([(header::CACHE_CONTROL, CACHE)], Json(document))
}

/// Serves the JSON Web Key Set.
pub(crate) async fn jwks(State(app): State<App>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, CACHE)], Json(app.keys().jwks()))
}

/// Serves the home page.
pub(crate) async fn home(State(app): State<App>) -> Response {
    crate::authorize::pages::home(app.store().settings())
}
