//! What the operator decides about this resource and its issuers.

use std::rc::Rc;

use doorward_core::{
    Secret,
    issuer::Issuer,
    origin::Origin,
    scope::Scope,
    settings::{Reader, parse},
    variables,
};

use http::{HeaderMap, HeaderName, header::HOST};
use url::Url;

use crate::{
    Limit, SignatureAlgorithm, TrustedIssuer,
    issuers::{self, Defaults},
    trusted_issuer::tenant,
};

/// What the path of a resource follows in the URL of its metadata (RFC 9728, section 3.1).
pub const RESOURCE_METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

variables! {
    /// The tenant's domain, as in `example.eu.auth0.com`. It may be missing [if `issuers` names
    /// another issuer](issuers.md#without-a-tenant)
    AUTH0_DOMAIN = optional("auth0_domain", "unused.invalid");
    /// The identifier of the API in the tenant. It must be the URL that clients connect to, byte
    /// for byte: `https://mcp.example.com/mcp`. Several may be given, separated by spaces: a token
    /// for any of them is accepted, and clients are told the first
    AUTH0_AUDIENCE = required("auth0_audience");
    /// The URL at which clients reach the server: `https://mcp.example.com`. It may have a path,
    /// for a proxy that serves other things too: `https://tools.example.com/doorward`
    PUBLIC_URL = required("public_url");
    /// The path of the MCP endpoint, below `public_url`
    MCP_PATH = optional("mcp_path", "/mcp");
    /// The scopes that clients are told to ask for, separated by spaces
    SCOPES_SUPPORTED = optional("scopes_supported", "");
    /// Whether legacy clients are told to ask for a [refresh token](tenant.md#refresh-tokens) too:
    /// `true` or `false`
    OFFER_OFFLINE_ACCESS = optional("offer_offline_access", "false");
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
    /// Whether DPoP proofs must have a nonce that this server gave out in the last 5 minutes:
    /// `required`, or `optional`, which checks the nonce of a proof that has one.
    /// [SECURITY.md](../SECURITY.md#replayed-proofs) says what for
    DPOP_NONCE = optional("dpop_nonce", "optional");
    /// The organizations of the tenant whose members may use the server, by id (`org_…`) or name
    /// in any letter case, separated by spaces. Empty: tokens need no organization
    ALLOWED_ORGANIZATIONS = optional("allowed_organizations", "");
    /// The URL of a page for developers of clients. The protected resource metadata names it
    RESOURCE_DOCUMENTATION = optional("resource_documentation", "");
    /// The URL of a page that says what clients may do with the data of this server. The protected
    /// resource metadata names it
    RESOURCE_POLICY_URI = optional("resource_policy_uri", "");
    /// The URL of this server's terms of service. The protected resource metadata names it
    RESOURCE_TOS_URI = optional("resource_tos_uri", "");
    /// Other issuers than the tenant whose tokens are accepted: [a JSON array](issuers.md). Without
    /// a tenant, clients are told the first one first
    ISSUERS = optional("issuers", "");
    /// The secret of this server at the issuer that has
    /// [`introspection`](issuers.md#opaque-tokens)
    INTROSPECTION_CLIENT_SECRET = secret("introspection_client_secret");
    /// For development only: the origin of a local tenant, `http://127.0.0.1:4000`, which may then
    /// be reached over plain HTTP. Only a server whose `public_url` is on loopback may have one
    LOCAL_TENANT_URL = optional("local_tenant_url", "https://unused.invalid");
}

/// What is wrong with `auth0_domain` if nothing names an issuer.
const NO_ISSUER: &str = "is not set, and `issuers` names no other issuer";

/// What the operator decided.
#[derive(Clone, Debug)]
pub struct ResourceServerSettings {
    /// This server, as clients know it.
    pub resource: ProtectedResource,
    /// The tenant as an issuer of tokens; without one, the first of `issuers`. It is what clients
    /// are told first.
    pub main_issuer: Rc<TrustedIssuer>,
    /// Other issuers whose tokens get in.
    pub further_issuers: Vec<Rc<TrustedIssuer>>,
    /// How far an issuer's clock may be from this server's, in seconds.
    pub leeway: u64,
    /// Whether tokens must be bound to a key.
    pub dpop: DpopPolicy,
    /// How far a DPoP proof may be from now, in either direction, in seconds.
    pub dpop_proof_seconds: u64,
    /// Whether DPoP proofs must have a nonce of this server.
    pub dpop_nonce: NoncePolicy,
    /// How many invalid tokens and proofs of a sender are checked; `None` for any number.
    pub failures: Option<Limit>,
    /// The header in which the proxy in front says the client's address; `None` for the address of
    /// the connection.
    pub address_header: Option<HeaderName>,
}

/// The protected resource (RFC 9728): this server, as clients know it.
#[derive(Clone, Debug)]
pub struct ProtectedResource {
    /// The origin at which clients reach this server.
    pub public_url: Origin,
    /// The path that all paths follow for clients: `/doorward`, or nothing. A proxy may keep it.
    pub prefix: String,
    /// The path of the MCP endpoint, without a slash at its end.
    pub mcp_path: String,
    /// The URL of the MCP endpoint.
    pub mcp_url: String,
    /// The URL of the protected resource metadata.
    pub metadata_url: String,
    /// The identifier of the API in the tenant, byte for byte: `resource` in the metadata. Its
    /// permissions are the ones that count.
    pub audience: String,
    /// Other names of a server on loopback.
    pub aliases: Vec<Alias>,
    /// The scopes that clients are told to ask for.
    pub scopes_supported: Vec<Scope>,
    /// Whether legacy clients are told to ask for `offline_access`.
    pub offers_offline_access: bool,
    /// A page for people who develop clients.
    pub documentation: Option<String>,
    /// A page that says what clients may do with the data of this server.
    pub policy_uri: Option<String>,
    /// The terms of service.
    pub tos_uri: Option<String>,
}

/// Another name of a server on loopback: people type `localhost` and `127.0.0.1`.
#[derive(Clone, Debug)]
pub struct Alias {
    /// Host and port.
    authority: String,
    /// The audience with this name.
    audience: String,
    /// The URL of the metadata with this name.
    metadata_url: String,
}

/// Whether access tokens must be bound to a key (RFC 9449).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopPolicy {
    /// Bound tokens with their proof, and bearer tokens.
    Optional,
    /// Bound tokens with their proof only.
    Required,
}

/// Whether DPoP proofs must have a nonce of this server (RFC 9449, section 9). A nonce that is
/// there is checked in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoncePolicy {
    /// Proofs with and without one are accepted.
    Optional,
    /// Proofs with one only.
    Required,
}

impl ResourceServerSettings {
    /// Reads the variables; `None` if one of them is invalid.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let issuer = reader.get(&AUTH0_DOMAIN, domain);
        let audiences = reader.get(&AUTH0_AUDIENCE, audiences);
        let public_url = reader.get(&PUBLIC_URL, parse::secure_url);
        let mcp_path = reader.get(&MCP_PATH, free_path);
        let offers_offline_access = reader.get(&OFFER_OFFLINE_ACCESS, parse::flag);
        let scopes_supported = reader.get(&SCOPES_SUPPORTED, own_scopes);
        let algorithms = reader.get(&TOKEN_ALGORITHMS, algorithms);
        let leeway = reader.get(&TOKEN_LEEWAY_SECONDS, parse::seconds(0, 300));
        let dpop = reader.get(&DPOP, |value| match value {
            "optional" => Ok(DpopPolicy::Optional),
            "required" => Ok(DpopPolicy::Required),
            _ => Err("is neither `optional` nor `required`"),
        });
        let dpop_proof_seconds = reader.get(&DPOP_PROOF_SECONDS, parse::seconds(1, 300));
        let dpop_nonce = reader.get(&DPOP_NONCE, |value| match value {
            "optional" => Ok(NoncePolicy::Optional),
            "required" => Ok(NoncePolicy::Required),
            _ => Err("is neither `optional` nor `required`"),
        });
        let organizations = reader.get(&ALLOWED_ORGANIZATIONS, parse::words);
        let documentation = reader.get(&RESOURCE_DOCUMENTATION, parse::page);
        let policy_uri = reader.get(&RESOURCE_POLICY_URI, parse::page);
        let tos_uri = reader.get(&RESOURCE_TOS_URI, parse::page);
        let issuers_text = reader.text(&ISSUERS);
        let secret = reader.text(&INTROSPECTION_CLIENT_SECRET).map(Secret::from);
        let local_tenant = reader.get(&LOCAL_TENANT_URL, parse::local_origin);
        if matches!((&issuer, issuers_text.as_deref()), (Some(None), Some(""))) {
            reader.reject(&AUTH0_DOMAIN, NO_ISSUER);
        }
        // The entries of `issuers` default to these settings. If they are invalid, there is nothing
        // to compare the entries with, and that is noted already.
        let (domain, issuers_text) = (issuer?, issuers_text?);
        let defaults = Defaults {
            audiences: audiences?,
            algorithms: algorithms?,
            organizations: organizations?,
            introspection_secret: secret?,
        };
        let further_issuers = issuers::parse(&issuers_text, domain.as_ref(), &defaults)
            .map_err(|problems| {
                problems.into_iter().for_each(|problem| reader.reject(&ISSUERS, problem));
            })
            .ok();
        let ((public_url, prefix), mut further_issuers) = (public_url?, further_issuers?);
        check_introspection_secret(reader, &further_issuers, &defaults.introspection_secret);
        if !public_url.is_loopback() {
            let is_local = |issuer: &Rc<TrustedIssuer>| issuer.is_local();
            for (variable, is_local) in [
                (&AUTH0_DOMAIN, domain.as_ref().is_some_and(Issuer::is_loopback)),
                (&ISSUERS, further_issuers.iter().any(is_local)),
                (&LOCAL_TENANT_URL, local_tenant?.is_some()),
            ] {
                if is_local {
                    reader.reject(variable, parse::LOCAL_ONLY);
                }
            }
        }
        let mcp_path = mcp_path?;
        let endpoint = format!("{prefix}{mcp_path}");
        let mcp_url = public_url.url(if endpoint.is_empty() { "/" } else { &endpoint });
        let aliases = match public_url.is_loopback() {
            true => defaults.audiences.iter().filter_map(|it| Alias::new(it)).collect(),
            false => Vec::new(),
        };
        let audience = defaults.audiences.first()?.clone();
        let main_issuer = match domain {
            Some(issuer) => {
                let Defaults { audiences, algorithms, organizations, .. } = defaults;
                Rc::new(tenant(issuer, audiences, algorithms, organizations))
            }
            None if further_issuers.is_empty() => {
                // `[]`; an empty variable is noted already.
                if !issuers_text.is_empty() {
                    reader.reject(&AUTH0_DOMAIN, NO_ISSUER);
                }
                return None;
            }
            None => further_issuers.remove(0),
        };
        // A client that is strict looks for the metadata of the audience where that belongs.
        let of_audience = metadata_url(&audience).filter(|(origin, _)| *origin == public_url);
        let metadata_url_of_mcp = || public_url.url(&format!("{RESOURCE_METADATA_PATH}{endpoint}"));
        Some(Self {
            resource: ProtectedResource {
                metadata_url: of_audience.map_or_else(metadata_url_of_mcp, |(_, url)| url),
                aliases,
                public_url,
                prefix,
                mcp_path,
                mcp_url,
                audience,
                scopes_supported: scopes_supported?,
                offers_offline_access: offers_offline_access?,
                documentation: documentation?,
                policy_uri: policy_uri?,
                tos_uri: tos_uri?,
            },
            main_issuer,
            further_issuers,
            leeway: leeway?,
            dpop: dpop?,
            dpop_proof_seconds: dpop_proof_seconds?,
            dpop_nonce: dpop_nonce?,
            failures: None,
            address_header: None,
        })
    }

    /// Whether there is a tenant.
    #[must_use]
    pub fn has_tenant(&self) -> bool {
        self.main_issuer.is_tenant
    }

    /// Every issuer whose tokens get in, the tenant first.
    pub fn issuers(&self) -> impl Iterator<Item = &Rc<TrustedIssuer>> {
        std::iter::once(&self.main_issuer).chain(&self.further_issuers)
    }
}

impl ProtectedResource {
    /// The URL of a path of this server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.public_url, self.prefix)
    }

    /// The path of a request below the prefix, whether or not a proxy has kept that.
    #[must_use]
    pub fn local_path<'p>(&self, path: &'p str) -> &'p str {
        match path.strip_prefix(self.prefix.as_str()) {
            Some("") if !path.is_empty() => "/",
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        }
    }

    /// Whether the metadata is served at [`RESOURCE_METADATA_PATH`] followed by this path: that of
    /// the endpoint, with or without the prefix, or of an audience.
    #[must_use]
    pub fn has_metadata_at(&self, path: &str) -> bool {
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_of = |url: &str| {
            let suffix = url.split_once(RESOURCE_METADATA_PATH).map(|(_, suffix)| suffix);
            suffix.is_some_and(|suffix| suffix.strip_suffix('/').unwrap_or(suffix) == path)
        };
        path.is_empty()
            || path == self.mcp_path
            || path.strip_prefix(self.prefix.as_str()) == Some(&self.mcp_path)
            || is_of(&self.metadata_url)
            || self.aliases.iter().any(|alias| is_of(&alias.metadata_url))
    }

    /// `resource` and the URL of its metadata, for the name that a request to a server on loopback
    /// used if there is an audience with it.
    pub(crate) fn named(&self, headers: &HeaderMap) -> (&str, &str) {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let alias = self.aliases.iter().find(|alias| Some(alias.authority.as_str()) == host);
        match alias {
            Some(alias) => (&alias.audience, &alias.metadata_url),
            None => (&self.audience, &self.metadata_url),
        }
    }
}

impl Alias {
    fn new(audience: &str) -> Option<Self> {
        let (origin, metadata_url) = metadata_url(audience).filter(|(it, _)| it.is_loopback())?;
        let (_, authority) = origin.as_str().split_once("://")?;
        Some(Self { authority: authority.to_owned(), audience: audience.to_owned(), metadata_url })
    }
}

/// The origin of a resource, and the URL of its metadata (RFC 9728, section 3.1); `None` if its
/// identifier is no such URL.
fn metadata_url(resource: &str) -> Option<(Origin, String)> {
    let url = Url::parse(resource).ok()?;
    let origin: Origin = url.origin().ascii_serialization().parse().ok()?;
    let path = if url.path() == "/" { "" } else { url.path() };
    let metadata_url = origin.url(&format!("{RESOURCE_METADATA_PATH}{path}"));
    Some((origin, metadata_url))
}

/// Audiences, separated by spaces. They stand in quoted strings and in JSON.
/// Rejects a secret that is missing for introspection, or that nothing is introspected with.
fn check_introspection_secret(reader: &mut Reader, issuers: &[Rc<TrustedIssuer>], secret: &Secret) {
    let is_introspected = issuers.iter().any(|it| it.introspection.is_some());
    if is_introspected == secret.expose().is_empty() {
        let problem = match is_introspected {
            true => "is empty, though an entry of `issuers` has `introspection`",
            false => "is set, though no entry of `issuers` has `introspection`",
        };
        reader.reject(&INTROSPECTION_CLIENT_SECRET, problem);
    }
}

/// The issuer at a domain; `None` without a domain.
fn domain(value: &str) -> Result<Option<Issuer>, &'static str> {
    let issuer = (!value.is_empty()).then(|| Issuer::from_domain(value)).transpose();
    issuer
        .map_err(|_| "is not a host name like `example.eu.auth0.com`, without scheme, path or `*`")
}

/// A path that no other endpoint has.
fn free_path(value: &str) -> Result<String, &'static str> {
    match parse::path_of(value) {
        Ok(path) if ["/connect", "/health", "/ready", "/revoke"].contains(&path.as_str()) => {
            Err("is the path of something else")
        }
        path => path,
    }
}

/// Scopes of this server, and none of the authorization server.
fn own_scopes(value: &str) -> Result<Vec<Scope>, &'static str> {
    let scopes = parse::scopes(value)?;
    match scopes.iter().any(|scope| scope == "offline_access") {
        true => Err("holds `offline_access`, which is not a scope of this server: set \
                     `offer_offline_access`"),
        false => Ok(scopes),
    }
}

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
