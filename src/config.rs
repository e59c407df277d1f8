//! Variables become a [`Config`], or a list of all that is wrong with them.
//!
//! Public URL, issuer and audience come from here and never from a request.

mod access;
mod client;
mod issuers;
mod parse;
mod reader;
mod trusted_issuer;

use std::{borrow::Cow, fmt, rc::Rc};

pub use self::access::ManagementAccess;
pub(crate) use self::parse::is_loopback;
use self::reader::Reader;
pub use self::trusted_issuer::{ClaimNames, Issuer, TrustedIssuer};
use crate::{
    audit::SubjectForm,
    auth0::{PrivateKey, Rules},
    host::Variables,
    http::MCP_PATH,
};

/// Everything that is read.
const VARIABLES: &[&str] = &[
    "auth0_domain",
    "auth0_audience",
    "auth0_client_id",
    "auth0_client_secret",
    "auth0_client_private_key",
    "auth0_client_private_key_id",
    "auth0_client_private_key_algorithm",
    "public_url",
    "scopes_supported",
    "google_api_url",
    "token_algorithms",
    "token_leeway_seconds",
    "dpop",
    "dpop_proof_seconds",
    "allowed_organizations",
    "allowed_origins",
    "allowed_hosts",
    "resource_documentation",
    "audit_subject",
    "connect_client_id",
    "connect_client_secret",
    "connect_url",
    "issuers",
    "permission_source",
    "permission_cache_seconds",
    "list_filtering",
    "tool_policy",
    "effective_permissions",
    "revocation_secret",
    "management_url",
    "management_audience",
    "management_client_id",
    "management_client_secret",
];

/// What the operator decided, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The tenant's origin with its trailing slash. It is also the `iss` of its tokens.
    pub issuer: Issuer,
    /// The identifier of the API in the tenant, byte for byte. It is the `resource` of the metadata, and its permissions
    /// are the ones that count.
    pub audience: String,
    /// The tenant as an issuer of tokens.
    pub tenant: Rc<TrustedIssuer>,
    /// Others whose tokens get in too.
    pub further_issuers: Vec<Rc<TrustedIssuer>>,
    /// The application that stands for this server in the tenant.
    pub client: ClientCredentials,
    /// Where clients reach this server: an origin without a trailing slash.
    pub public_url: String,
    /// The scopes that clients are told to ask for.
    pub scopes_supported: Vec<String>,
    /// The origin of Google's APIs, without a trailing slash.
    pub google_api_url: String,
    /// How far the issuer's clock may be from ours, in seconds.
    pub token_leeway_seconds: u64,
    /// Whether tokens have to be bound to a key.
    pub dpop: DpopPolicy,
    /// How far a DPoP proof may be from now, in either direction, in seconds.
    pub dpop_proof_seconds: u64,
    /// The origins whose pages may use the MCP endpoint, beside our own and those on loopback. `*` is any.
    pub allowed_origins: Vec<String>,
    /// The host names that the MCP endpoint is reached by, beside the public one and loopback. `*` is any.
    pub allowed_hosts: Vec<String>,
    /// A page for people who develop clients.
    pub resource_documentation: Option<String>,
    /// How the audit log names subjects.
    pub audit_subject: SubjectForm,
    /// The first-party application whose sign-in the connect page uses. Without one there is no such page.
    pub connect_client: Option<ClientCredentials>,
    /// The operator's own page on which users connect accounts.
    pub connect_url: Option<String>,
    /// Who may use which tool.
    pub rules: Rules,
    /// The Management API.
    pub management: ManagementAccess,
}

/// Which tokens get in, as far as keys go that they may be bound to (RFC 9449).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopPolicy {
    /// Bound tokens with their proof, and bearer tokens.
    Optional,
    /// Bound tokens with their proof alone.
    Required,
}

/// How this server authenticates at the tenant.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// `client_id`.
    pub id: String,
    /// What only this server has: `client_secret`, or else the text of the private key. Keys of this server's own are
    /// derived from it.
    pub secret: Secret,
    /// The private key, when the client authenticates with one and not with a secret.
    pub key: Option<PrivateKey>,
}

/// A value that never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Everything that is wrong with the variables, one entry for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFaults(Vec<ConfigFault>);

/// One variable that cannot be used. Its value is not part of this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong, and what would be right.
    pub problem: Cow<'static, str>,
}

impl Config {
    /// Reads and checks all variables.
    ///
    /// # Errors
    ///
    /// Every variable that is missing, empty or malformed, at once.
    pub async fn load(variables: &(impl Variables + ?Sized)) -> Result<Self, ConfigFaults> {
        let mut reader = Reader::read(variables, VARIABLES).await;
        let issuer = reader.required("auth0_domain", parse::issuer);
        let audiences = reader.required("auth0_audience", parse::audiences);
        let client = client::read(&mut reader);
        let public_url = reader.required("public_url", parse::origin);
        let scopes_supported = reader.optional("scopes_supported", "", parse::scopes);
        let google = "https://www.googleapis.com";
        let google_api_url = reader.optional("google_api_url", google, parse::origin);
        let token_algorithms = reader.optional("token_algorithms", "RS256", parse::algorithms);
        let token_leeway = reader.optional("token_leeway_seconds", "60", parse::leeway);
        let dpop = reader.optional("dpop", "optional", parse::dpop);
        let dpop_proof_seconds = reader.optional("dpop_proof_seconds", "60", parse::proof_seconds);
        let allowed_organizations = reader.optional("allowed_organizations", "", parse::names);
        let allowed_origins = reader.optional("allowed_origins", "", parse::origins);
        let allowed_hosts = reader.optional("allowed_hosts", "", parse::names);
        let resource_documentation = reader.optional("resource_documentation", "", parse::page);
        let audit_subject = reader.optional("audit_subject", "plain", parse::subject_form);
        let connect_client = reader.client("connect_client_id", "connect_client_secret");
        let connect_url = reader.optional("connect_url", "", parse::page);
        let tenant = || {
            let (audiences, organizations) = (audiences?, allowed_organizations?);
            Some(TrustedIssuer::tenant(issuer?, audiences, token_algorithms?, organizations))
        };
        // Without a tenant there is nothing to measure them by, and its faults are named already.
        let tenant = tenant();
        let further_issuers = tenant.as_ref().and_then(|tenant| reader.issuers(tenant));
        let rules = access::rules(&mut reader);
        let management = access::management(&mut reader);
        let config = || {
            let tenant = tenant?;
            let client = client?;
            Some(Self {
                management: management?.or_of(&tenant.issuer, &client),
                rules: rules?,
                issuer: tenant.issuer.clone(),
                audience: tenant.audiences.first()?.clone(),
                tenant: Rc::new(tenant),
                further_issuers: further_issuers?,
                client,
                public_url: public_url?,
                scopes_supported: scopes_supported?,
                google_api_url: google_api_url?,
                token_leeway_seconds: token_leeway?,
                dpop: dpop?,
                dpop_proof_seconds: dpop_proof_seconds?,
                allowed_origins: allowed_origins?,
                allowed_hosts: allowed_hosts?,
                resource_documentation: resource_documentation?,
                audit_subject: audit_subject?,
                connect_client: connect_client?,
                connect_url: connect_url?,
            })
        };
        config().ok_or(ConfigFaults(reader.faults))
    }

    /// The URL of the MCP endpoint, as clients reach it.
    #[must_use]
    pub fn mcp_url(&self) -> String {
        format!("{}{MCP_PATH}", self.public_url)
    }

    /// Everybody whose tokens get in, the tenant first.
    pub fn issuers(&self) -> impl Iterator<Item = &Rc<TrustedIssuer>> {
        std::iter::once(&self.tenant).chain(&self.further_issuers)
    }
}

impl Secret {
    /// The value itself, for the one request that has to carry it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl ConfigFaults {
    /// One fault.
    pub(crate) fn of(variable: &'static str, problem: &'static str) -> Self {
        Self(vec![ConfigFault { variable, problem: problem.into() }])
    }

    /// The faults, in the order of the variables.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigFault> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the variable `{}` {}", self.variable, self.problem)
    }
}

#[cfg(test)]
mod tests;
