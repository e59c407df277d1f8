//! What clients read to find out where to sign in: protected resource metadata (RFC 9728) and the authorization
//! server's own metadata (RFC 8414), passed through.

use ::http::{StatusCode, header};
use serde_json::json;

use super::{IssuerMemory, PROOF_ALGORITHMS, SignatureAlgorithm};
use crate::{
    config::{Config, DpopPolicy},
    host::Host,
    http::Answer,
};

/// The path-suffixed form of RFC 9728, section 3.1.
const RESOURCE_METADATA_PATH: &str = "/.well-known/oauth-protected-resource/mcp";

/// Public documents that rarely change.
const CACHE_CONTROL: &str = "public, max-age=300";

/// The protected resource metadata. `resource` is the configured audience byte for byte: clients compare it with the
/// URL they connected to and send it on as the `resource` parameter.
#[must_use]
pub fn protected_resource_metadata(config: &Config, name: &str) -> Answer {
    let mut metadata = json!({
        "resource": config.audience,
        "authorization_servers":
            config.issuers().map(|it| it.issuer.as_str()).collect::<Vec<_>>(),
        "jwks_uri": config.issuer.url(".well-known/jwks.json"),
        "scopes_supported": config.scopes_supported,
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": proof_algorithms(),
        "dpop_bound_access_tokens_required": config.dpop == DpopPolicy::Required,
        "resource_name": name,
    });
    if let (Some(page), Some(members)) = (&config.resource_documentation, metadata.as_object_mut())
    {
        members.insert("resource_documentation".to_owned(), json!(page));
    }
    Answer::json(StatusCode::OK, &metadata).with(header::CACHE_CONTROL, CACHE_CONTROL)
}

/// The authorization server's metadata, as it is; while it cannot be had, what an Auth0 tenant's always says.
pub async fn authorization_server_metadata(
    host: &dyn Host,
    memory: &IssuerMemory,
    config: &Config,
) -> Answer {
    match memory.documents(host, &config.tenant).await {
        Ok(documents) => Answer::json(StatusCode::OK, documents.metadata())
            .with(header::CACHE_CONTROL, CACHE_CONTROL),
        Err(_) => {
            let issuer = &config.issuer;
            Answer::json(
                StatusCode::OK,
                &json!({
                    "issuer": issuer.as_str(),
                    "authorization_endpoint": issuer.url("authorize"),
                    "token_endpoint": issuer.url("oauth/token"),
                    "registration_endpoint": issuer.url("oidc/register"),
                    "revocation_endpoint": issuer.url("oauth/revoke"),
                    "userinfo_endpoint": issuer.url("userinfo"),
                    "jwks_uri": issuer.url(".well-known/jwks.json"),
                    "response_types_supported": ["code"],
                    "response_modes_supported": ["query", "form_post"],
                    "grant_types_supported": ["authorization_code", "refresh_token"],
                    "code_challenge_methods_supported": ["S256"],
                    "token_endpoint_auth_methods_supported":
                        ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
                    "scopes_supported": config.scopes_supported,
                }),
            )
        }
    }
}

/// What DPoP proofs may be signed with, by name.
pub(super) fn proof_algorithms() -> [&'static str; 3] {
    PROOF_ALGORITHMS.map(SignatureAlgorithm::as_str)
}

/// The absolute URL of the protected resource metadata.
pub(super) fn resource_metadata_url(config: &Config) -> String {
    format!("{}{RESOURCE_METADATA_PATH}", config.public_url)
}

#[cfg(test)]
mod tests;
