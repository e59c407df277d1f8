//! Issuers whose tokens get in, and what their tokens look like.

use doorward_core::issuer::Issuer;
use serde_json::{Map, Value};

use crate::SignatureAlgorithm;

/// An issuer whose tokens get in, and what they look like.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustedIssuer {
    /// `iss`.
    pub issuer: Issuer,
    /// Whether this is the tenant itself, under any of its domains: its subjects are users of the
    /// tenant.
    pub is_tenant: bool,
    /// The audience of a token must be one of these, byte for byte.
    pub audiences: Vec<String>,
    /// What tokens may be signed with.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// What the issuer calls the claims.
    pub claims: ClaimNames,
    /// Claims that every token has, with these values.
    pub required: Map<String, Value>,
    /// The organizations whose members may use this server, by id or name; empty: any.
    pub organizations: Vec<String>,
    /// Where the keys are, for an issuer without a discovery document.
    pub jwks_uri: Option<String>,
}

/// What an issuer calls the claims that RFC 9068 and Auth0 name. A name that begins with `/` is a
/// JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// The audience of tokens that have no `aud`.
    pub audience: Option<String>,
    /// The client; by default `client_id`, then `azp`.
    pub client_id: Option<String>,
    /// The scopes; by default `scope`.
    pub scope: String,
    /// The permissions; by default `permissions`.
    pub permissions: String,
    /// The organization's id; by default `org_id`, with the name in `org_name`.
    pub organization: Option<String>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            audience: None,
            client_id: None,
            scope: "scope".to_owned(),
            permissions: "permissions".to_owned(),
            organization: None,
        }
    }
}

/// The tenant under its main domain.
pub(crate) fn tenant(
    issuer: Issuer,
    audiences: Vec<String>,
    algorithms: Vec<SignatureAlgorithm>,
    organizations: Vec<String>,
) -> TrustedIssuer {
    TrustedIssuer {
        issuer,
        is_tenant: true,
        audiences,
        algorithms,
        claims: ClaimNames::default(),
        required: Map::new(),
        organizations,
        jwks_uri: None,
    }
}
