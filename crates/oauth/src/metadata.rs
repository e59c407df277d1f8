//! What clients read to find out where to sign in: protected resource metadata (RFC 9728), and the
//! authorization server's own metadata (RFC 8414), passed through.

use doorward_core::{scope::Scope, web::Answer};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    DpopPolicy, IssuerQuery, PROOF_ALGORITHMS, ResourceServer, ResourceServerSettings,
    SignatureAlgorithm,
};

/// The path of the authorization server's metadata.
pub const AUTHORIZATION_SERVER_METADATA_PATH: &str = "/.well-known/oauth-authorization-server";

/// The metadata is public and rarely changes.
const CACHE_CONTROL: &str = "public, max-age=300";

impl ResourceServerSettings {
    /// The protected resource metadata. `resource` is the configured audience byte for byte:
    /// clients compare it with the URL that they connected to, and send it as the `resource`
    /// parameter.
    #[must_use]
    pub fn protected_resource_metadata(&self, name: &str, headers: &HeaderMap) -> Answer {
        let resource = &self.resource;
        let (identifier, _) = resource.named(headers);
        let issuers: Vec<_> = self.issuers().map(|it| it.issuer.as_str()).collect();
        let mut metadata = json!({
            "resource": identifier,
            "authorization_servers": issuers,
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": proof_algorithms(),
            "dpop_bound_access_tokens_required": self.dpop == DpopPolicy::Required,
            "resource_name": name,
        });
        for (name, page) in [
            ("resource_documentation", &resource.documentation),
            ("resource_policy_uri", &resource.policy_uri),
            ("resource_tos_uri", &resource.tos_uri),
        ] {
            if let Some(page) = page {
                put(&mut metadata, name, json!(page));
            }
        }
        add_scopes(&mut metadata, &self.spelled_scopes());
        Answer::json(StatusCode::OK, &metadata).with(header::CACHE_CONTROL, CACHE_CONTROL)
    }

    /// The scopes that clients are told to ask for, as the main issuer spells them.
    pub(crate) fn spelled_scopes(&self) -> Vec<Scope> {
        let scopes = self.resource.scopes_supported.iter();
        scopes.map(|scope| self.main_issuer.scopes.spell(scope)).collect()
    }
}

impl ResourceServer<'_> {
    /// Whether the main issuer's signing keys are known, or can be fetched now. After a failure
    /// this answers for a while without another attempt.
    pub async fn has_keys(&self) -> bool {
        let (issuer, query) = (&self.settings.main_issuer, IssuerQuery::Documents);
        self.memory.issuers.get(self.outbound, &self.store, issuer, query).await.is_ok()
    }

    /// The main issuer's metadata, passed through. While a tenant is unreachable, these are Auth0's
    /// defaults.
    pub async fn authorization_server_metadata(&self) -> Answer {
        let main = &self.settings.main_issuer;
        let issuers = &self.memory.issuers;
        let query = IssuerQuery::Documents;
        if let Ok(answer) = issuers.get(self.outbound, &self.store, main, query).await
            && let Some(metadata) = answer.metadata()
        {
            return Answer::json(StatusCode::OK, metadata)
                .with(header::CACHE_CONTROL, CACHE_CONTROL);
        }
        if !main.is_tenant {
            return Answer::unavailable("The authorization server does not answer.");
        }
        let issuer = &main.issuer;
        let mut metadata = json!({
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
        });
        add_scopes(&mut metadata, &self.settings.resource.scopes_supported);
        Answer::json(StatusCode::OK, &metadata)
    }
}

/// A list without elements is left out (RFC 8414, section 3.2; RFC 9728, section 3.2).
fn add_scopes(metadata: &mut Value, scopes: &[Scope]) {
    if !scopes.is_empty() {
        let names = scopes.iter().map(Scope::as_str).collect();
        put(metadata, "scopes_supported", names);
    }
}

fn put(metadata: &mut Value, name: &str, value: Value) {
    if let Some(members) = metadata.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// What DPoP proofs may be signed with, by name.
pub(crate) fn proof_algorithms() -> [&'static str; 3] {
    PROOF_ALGORITHMS.map(SignatureAlgorithm::as_str)
}

#[cfg(test)]
mod tests;
