//! Variables become a [`Config`], or a list of all that is wrong with them.
//!
//! Public URL, issuer and audience come from here and never from a request.

use std::fmt;

use url::Url;

use crate::host::{VariableFailure, Variables};

/// What the operator decided, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The tenant's origin with its trailing slash. It is also the `iss` of its tokens.
    pub issuer: Issuer,
    /// The identifier of the API in the tenant: the `aud` of every token for this server, byte for byte.
    pub audience: String,
    /// The application that stands for this server in the tenant.
    pub client: ClientCredentials,
    /// Where clients reach this server: an origin without a trailing slash.
    pub public_url: String,
    /// The scopes that clients are told to ask for.
    pub scopes_supported: Vec<String>,
    /// The origin of Google's APIs, without a trailing slash.
    pub google_api_url: String,
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
        let mut reader = Reader { variables, faults: Vec::new() };
        let issuer = reader.parsed("auth0_domain", Issuer::from_domain).await;
        let audience = reader.parsed("auth0_audience", audience).await;
        let client_id = reader.parsed("auth0_client_id", not_empty).await;
        let client_secret = reader.parsed("auth0_client_secret", not_empty).await;
        let public_url = reader.parsed("public_url", origin).await;
        let scopes_supported = reader.parsed("scopes_supported", scopes).await;
        let google_api_url = reader.parsed("google_api_url", origin).await;
        match (
            issuer,
            audience,
            client_id,
            client_secret,
            public_url,
            scopes_supported,
            google_api_url,
        ) {
            (
                Some(issuer),
                Some(audience),
                Some(client_id),
                Some(client_secret),
                Some(public_url),
                Some(scopes_supported),
                Some(google_api_url),
            ) => Ok(Self {
                issuer,
                audience,
                client: ClientCredentials { id: client_id, secret: Secret(client_secret) },
                public_url,
                scopes_supported,
                google_api_url,
            }),
            _ => Err(ConfigFaults(reader.faults)),
        }
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

/// Reads variables and remembers what was wrong with them.
struct Reader<'a, V: ?Sized> {
    variables: &'a V,
    faults: Vec<ConfigFault>,
}

impl<V: Variables + ?Sized> Reader<'_, V> {
    async fn parsed<T>(
        &mut self,
        variable: &'static str,
        parse: fn(String) -> Result<T, &'static str>,
    ) -> Option<T> {
        let value = match self.variables.variable(variable).await {
            Ok(value) => parse(value.trim().to_owned()),
            Err(VariableFailure::Undefined) => Err("is not set"),
            Err(VariableFailure::Provider) => Err("could not be read from its provider"),
        };
        value.map_err(|problem| self.faults.push(ConfigFault { variable, problem })).ok()
    }
}

fn not_empty(value: String) -> Result<String, &'static str> {
    if value.is_empty() { Err("is empty") } else { Ok(value) }
}

/// The audience stands in quoted strings and in JSON, so it holds visible ASCII only.
fn audience(value: String) -> Result<String, &'static str> {
    let value = not_empty(value)?;
    if value.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\') {
        Ok(value)
    } else {
        Err("has a character that an API identifier cannot have")
    }
}

/// Scopes (RFC 6749, section 3.3), separated by spaces.
fn scopes(value: String) -> Result<Vec<String>, &'static str> {
    let scopes: Vec<String> = value.split_ascii_whitespace().map(str::to_owned).collect();
    let legal = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    if scopes.iter().any(|scope| scope == "offline_access") {
        return Err("holds `offline_access`, which is not a scope of this server");
    }
    if scopes.iter().all(|scope| scope.bytes().all(legal)) {
        Ok(scopes)
    } else {
        Err("holds a scope with a character that no scope can have")
    }
}

fn origin(value: String) -> Result<String, &'static str> {
    const PROBLEM: &str = "is not an origin like `https://mcp.example.com`, without a path";
    let value = not_empty(value)?;
    let value = value.strip_suffix('/').unwrap_or(&value);
    let url = Url::parse(value).map_err(|_| PROBLEM)?;
    if !is_bare(&url) || url.as_str().strip_suffix('/') != Some(value) {
        return Err(PROBLEM);
    }
    match url.scheme() {
        "https" => Ok(value.to_owned()),
        "http" if is_loopback(&url) => Ok(value.to_owned()),
        "http" => Err("is plain HTTP, which is for loopback addresses only"),
        _ => Err(PROBLEM),
    }
}

/// Whether a URL is an origin and nothing more.
fn is_bare(url: &Url) -> bool {
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    is_anonymous && url.path() == "/" && url.query().is_none() && url.fragment().is_none()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
