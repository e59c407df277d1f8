//! What clients read to find out where to sign in: protected resource metadata (RFC 9728), and the
//! authorization server's own metadata (RFC 8414), passed through.

use doorward_core::{scope::Scope, web::Answer};
use http::{StatusCode, header};
use serde_json::json;

use crate::{DpopPolicy, PROOF_ALGORITHMS, ResourceServer, Settings, SignatureAlgorithm};

/// The path of the authorization server's metadata.
pub const AUTHORIZATION_SERVER_METADATA_PATH: &str = "/.well-known/oauth-authorization-server";

/// The metadata is public and rarely changes.
const CACHE_CONTROL: &str = "public, max-age=300";

impl Settings {
    /// The protected resource metadata. `resource` is the configured audience byte for byte:
    /// clients compare it with the URL that they connected to, and send it as the `resource`
    /// parameter.
    #[must_use]
    pub fn protected_resource_metadata(&self, name: &str) -> Answer {
        let resource = &self.resource;
        let issuers: Vec<_> = self.issuers().map(|it| it.issuer.as_str()).collect();
        let mut metadata = json!({
            "resource": resource.audience,
            "authorization_servers": issuers,
            "jwks_uri": self.tenant.issuer.url(".well-known/jwks.json"),
            "scopes_supported": names(&resource.scopes_supported),
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": proof_algorithms(),
            "dpop_bound_access_tokens_required": self.dpop == DpopPolicy::Required,
            "resource_name": name,
        });
        if let (Some(page), Some(members)) = (&resource.documentation, metadata.as_object_mut()) {
            members.insert("resource_documentation".to_owned(), json!(page));
        }
        Answer::json(StatusCode::OK, &metadata).with(header::CACHE_CONTROL, CACHE_CONTROL)
    }
}

impl ResourceServer<'_> {
    /// The tenant's metadata, passed through; Auth0's defaults while the tenant is unreachable.
    pub async fn authorization_server_metadata(&self) -> Answer {
        let Settings { tenant, resource, .. } = self.settings;
        let issuers = &self.memory.issuers;
        if let Ok(documents) = issuers.documents(self.outbound, &self.store, tenant, None).await {
            return Answer::json(StatusCode::OK, documents.metadata())
                .with(header::CACHE_CONTROL, CACHE_CONTROL);
        }
        let issuer = &tenant.issuer;
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
                "scopes_supported": names(&resource.scopes_supported),
            }),
        )
    }
}

fn names(scopes: &[Scope]) -> Vec<&str> {
    scopes.iter().map(Scope::as_str).collect()
}

/// What DPoP proofs may be signed with, by name.
pub(crate) fn proof_algorithms() -> [&'static str; 3] {
    PROOF_ALGORITHMS.map(SignatureAlgorithm::as_str)
}

#[cfg(test)]
mod tests;
