//! Variables become a [`Config`], or a list of all that is wrong with them.
//!
//! Public URL, issuer and audience come from here and never from a request.

mod parse;
mod reader;

use std::fmt;

use url::Url;

pub(crate) use self::parse::is_loopback;
use self::{parse::is_bare, reader::Reader};
use crate::{audit::SubjectForm, host::Variables, oauth::SignatureAlgorithm};

/// Everything that is read.
const VARIABLES: &[&str] = &[
    "auth0_domain",
    "auth0_audience",
    "auth0_client_id",
    "auth0_client_secret",
    "public_url",
    "scopes_supported",
    "google_api_url",
    "token_algorithms",
    "token_leeway_seconds",
    "allowed_organizations",
    "allowed_origins",
    "allowed_hosts",
    "resource_documentation",
    "audit_subject",
    "connect_url",
];

/// What the operator decided, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The tenant's origin with its trailing slash. It is also the `iss` of its tokens.
    pub issuer: Issuer,
    /// The identifier of the API in the tenant, byte for byte. It is the `resource` of the metadata, and its permissions
    /// are the ones that count.
    pub audience: String,
    /// What the `aud` of a token for this server names: the one above, and others for the time of a move.
    pub audiences: Vec<String>,
    /// The application that stands for this server in the tenant.
    pub client: ClientCredentials,
    /// Where clients reach this server: an origin without a trailing slash.
    pub public_url: String,
    /// The scopes that clients are told to ask for.
    pub scopes_supported: Vec<String>,
    /// The origin of Google's APIs, without a trailing slash.
    pub google_api_url: String,
    /// What tokens may be signed with.
    pub token_algorithms: Vec<SignatureAlgorithm>,
    /// How far the issuer's clock may be from ours, in seconds.
    pub token_leeway_seconds: u64,
    /// The organizations whose members may use this server, by id or name; empty when it does not matter.
    pub allowed_organizations: Vec<String>,
    /// The origins whose pages may use the MCP endpoint, beside our own and those on loopback. `*` is any.
    pub allowed_origins: Vec<String>,
    /// The host names that the MCP endpoint is reached by, beside the public one and loopback. `*` is any.
    pub allowed_hosts: Vec<String>,
    /// A page for people who develop clients.
    pub resource_documentation: Option<String>,
    /// How the audit log names subjects.
    pub audit_subject: SubjectForm,
    /// The operator's own page on which users connect accounts.
    pub connect_url: Option<String>,
}

/// An authorization server, by the URL that its tokens carry as `iss`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

/// How this server authenticates at the tenant.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: Secret,
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
    pub problem: &'static str,
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
        let client_id = reader.required("auth0_client_id", parse::not_empty);
        let client_secret = reader.required("auth0_client_secret", parse::not_empty);
        let public_url = reader.required("public_url", parse::origin);
        let scopes_supported = reader.required("scopes_supported", parse::scopes);
        let google_api_url = reader.required("google_api_url", parse::origin);
        let token_algorithms = reader.optional("token_algorithms", "RS256", parse::algorithms);
        let token_leeway = reader.optional("token_leeway_seconds", "60", parse::leeway);
        let allowed_organizations = reader.optional("allowed_organizations", "", parse::names);
        let allowed_origins = reader.optional("allowed_origins", "", parse::origins);
        let allowed_hosts = reader.optional("allowed_hosts", "", parse::names);
        let resource_documentation = reader.optional("resource_documentation", "", parse::page);
        let audit_subject = reader.optional("audit_subject", "plain", parse::subject_form);
        let connect_url = reader.optional("connect_url", "", parse::page);
        let config = || {
            let audiences = audiences?;
            Some(Self {
                issuer: issuer?,
                audience: audiences.first()?.clone(),
                audiences,
                client: ClientCredentials { id: client_id?, secret: client_secret?.into() },
                public_url: public_url?,
                scopes_supported: scopes_supported?,
                google_api_url: google_api_url?,
                token_algorithms: token_algorithms?,
                token_leeway_seconds: token_leeway?,
                allowed_organizations: allowed_organizations?,
                allowed_origins: allowed_origins?,
                allowed_hosts: allowed_hosts?,
                resource_documentation: resource_documentation?,
                audit_subject: audit_subject?,
                connect_url: connect_url?,
            })
        };
        config().ok_or(ConfigFaults(reader.faults))
    }
}

impl Issuer {
    /// The tenant at `domain`, a host name with an optional port. Plain HTTP is for loopback alone.
    fn from_domain(domain: String) -> Result<Self, &'static str> {
        const PROBLEM: &str =
            "is not a host name like `example.eu.auth0.com`, without scheme, path or `*`";
        let url = Url::parse(&format!("https://{domain}/")).map_err(|_| PROBLEM)?;
        let scheme = if is_loopback(&url) { "http" } else { "https" };
        let issuer = format!("{scheme}://{domain}/");
        match Url::parse(&issuer) {
            Ok(url) if is_bare(&url) && url.as_str() == issuer && !domain.contains('*') => {
                Ok(Self(issuer))
            }
            _ => Err(PROBLEM),
        }
    }

    /// The URL with its trailing slash, as in `iss`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of `path` (which has no leading slash) on this server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0)
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
