//! What the operator decides about this resource and its issuers.

use std::rc::Rc;

use doorward_core::{
    issuer::Issuer,
    origin::Origin,
    scope::Scope,
    settings::{Reader, parse},
    variables,
};

use crate::{SignatureAlgorithm, TrustedIssuer, issuers, trusted_issuer::tenant};

/// The path of the MCP endpoint.
pub const MCP_PATH: &str = "/mcp";

/// The path of the protected resource metadata of `/mcp` (RFC 9728, section 3.1).
pub const RESOURCE_METADATA_PATH: &str = "/.well-known/oauth-protected-resource/mcp";

variables! {
    /// The tenant's domain, as in `example.eu.auth0.com`
    AUTH0_DOMAIN = required("auth0_domain");
    /// The identifier of the API in the tenant. It must be the URL that clients connect to, byte
    /// for byte: `https://mcp.example.com/mcp`. Several may be given, separated by spaces: a token
    /// for any of them is accepted, and clients are told the first
    AUTH0_AUDIENCE = required("auth0_audience");
    /// The origin at which clients reach the server: `https://mcp.example.com`, without a path
    PUBLIC_URL = required("public_url");
    /// The scopes that clients are told to ask for, separated by spaces
    SCOPES_SUPPORTED = optional("scopes_supported", "");
    /// The algorithms that access tokens may be signed with: `RS256`, `PS256`, `RS512`, `ES256`,
    /// separated by spaces
    TOKEN_ALGORITHMS = optional("token_algorithms", "RS256");
    /// How far an issuer's clock may be from this server's, in seconds: 0 to 300
    TOKEN_LEEWAY_SECONDS = optional("token_leeway_seconds", "60");
    /// Whether access tokens must be bound to a key of the client
    /// ([DPoP](https://www.rfc-editor.org/rfc/rfc9449)): `optional` accepts bearer tokens, and
    /// bound tokens with a proof; `required` accepts bound tokens only
    DPOP = optional("dpop", "optional");
    /// How far the time of a DPoP proof may be from this server's clock, in seconds: 1 to 300
    DPOP_PROOF_SECONDS = optional("dpop_proof_seconds", "60");
    /// The organizations of the tenant whose members may use the server, by id (`org_…`) or name,
    /// separated by spaces. Empty: tokens need no organization
    ALLOWED_ORGANIZATIONS = optional("allowed_organizations", "");
    /// The URL of a page for developers of clients. The protected resource metadata names it
    RESOURCE_DOCUMENTATION = optional("resource_documentation", "");
    /// Other issuers than the tenant whose tokens are accepted: [a JSON array](issuers.md)
    ISSUERS = optional("issuers", "");
}

/// What the operator decided.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This server, as clients know it.
    pub resource: Resource,
    /// The tenant as an issuer of tokens.
    pub tenant: Rc<TrustedIssuer>,
    /// Other issuers whose tokens get in.
    pub further_issuers: Vec<Rc<TrustedIssuer>>,
    /// How far an issuer's clock may be from this server's, in seconds.
    pub leeway: u64,
    /// Whether tokens must be bound to a key.
    pub dpop: DpopPolicy,
    /// How far a DPoP proof may be from now, in either direction, in seconds.
    pub dpop_proof_seconds: u64,
}

/// The protected resource (RFC 9728): this server, as clients know it.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Where clients reach this server.
    pub public_url: Origin,
    /// The URL of the MCP endpoint.
    pub mcp_url: String,
    /// The URL of the protected resource metadata.
    pub metadata_url: String,
    /// The identifier of the API in the tenant, byte for byte: `resource` in the metadata. Its
    /// permissions are the ones that count.
    pub audience: String,
    /// The scopes that clients are told to ask for.
    pub scopes_supported: Vec<Scope>,
    /// A page for people who develop clients.
    pub documentation: Option<String>,
}

/// Which tokens get in, as far as the keys matter that they may be bound to (RFC 9449).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopPolicy {
    /// Bound tokens with their proof, and bearer tokens.
    Optional,
    /// Bound tokens with their proof only.
    Required,
}

impl Settings {
    /// Reads the variables; `None` if one of them is invalid.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let issuer = reader.get(&AUTH0_DOMAIN, |value| {
            Issuer::from_domain(value).map_err(
                |_| "is not a host name like `example.eu.auth0.com`, without scheme, path or `*`",
            )
        });
        let audiences = reader.get(&AUTH0_AUDIENCE, audiences);
        let public_url = reader.get(&PUBLIC_URL, parse::secure_origin);
        let scopes_supported = reader.get(&SCOPES_SUPPORTED, |value| {
            let scopes = parse::scopes(value)?;
            match scopes.iter().any(|scope| scope == "offline_access") {
                true => Err("holds `offline_access`, which is not a scope of this server"),
                false => Ok(scopes),
            }
        });
        let algorithms = reader.get(&TOKEN_ALGORITHMS, algorithms);
        let leeway = reader.get(&TOKEN_LEEWAY_SECONDS, parse::seconds(0, 300));
        let dpop = reader.get(&DPOP, |value| match value {
            "optional" => Ok(DpopPolicy::Optional),
            "required" => Ok(DpopPolicy::Required),
            _ => Err("is neither `optional` nor `required`"),
        });
        let dpop_proof_seconds = reader.get(&DPOP_PROOF_SECONDS, parse::seconds(1, 300));
        let organizations = reader.get(&ALLOWED_ORGANIZATIONS, parse::words);
        let documentation = reader.get(&RESOURCE_DOCUMENTATION, parse::page);
        let issuers_text = reader.text(&ISSUERS);
        let tenant = || Some(tenant(issuer?, audiences?, algorithms?, organizations?));
        // The entries of `issuers` default to the tenant's settings. Without a valid tenant there
        // is nothing to compare them with, and its errors are noted already.
        let tenant = tenant()?;
        let further_issuers = issuers::parse(&issuers_text?, &tenant)
            .map_err(|problems| {
                problems.into_iter().for_each(|problem| reader.reject(&ISSUERS, problem));
            })
            .ok();
        let public_url = public_url?;
        Some(Self {
            resource: Resource {
                mcp_url: public_url.url(MCP_PATH),
                metadata_url: public_url.url(RESOURCE_METADATA_PATH),
                public_url,
                audience: tenant.audiences.first()?.clone(),
                scopes_supported: scopes_supported?,
                documentation: documentation?,
            },
            tenant: Rc::new(tenant),
            further_issuers: further_issuers?,
            leeway: leeway?,
            dpop: dpop?,
            dpop_proof_seconds: dpop_proof_seconds?,
        })
    }

    /// Every issuer whose tokens get in, the tenant first.
    pub fn issuers(&self) -> impl Iterator<Item = &Rc<TrustedIssuer>> {
        std::iter::once(&self.tenant).chain(&self.further_issuers)
    }
}

/// Audiences, separated by spaces. They stand in quoted strings and in JSON.
fn audiences(value: &str) -> Result<Vec<String>, &'static str> {
    let audiences = parse::words(value)?;
    match audiences.iter().all(|audience| parse::is_quotable(audience)) {
        _ if audiences.is_empty() => Err("is empty"),
        true => Ok(audiences),
        false => Err("has a character that an API identifier cannot have"),
    }
}

/// Names of signature algorithms, separated by spaces.
fn algorithms(value: &str) -> Result<Vec<SignatureAlgorithm>, &'static str> {
    let algorithms: Result<Vec<_>, _> = value.split_ascii_whitespace().map(str::parse).collect();
    algorithms
        .ok()
        .filter(|algorithms| !algorithms.is_empty())
        .ok_or("is not a list of algorithms out of RS256, PS256, RS512 and ES256")
}

#[cfg(test)]
mod tests;
