//! What the operator decides about the tenant.

use std::borrow::Cow;

use doorward_core::{
    Secret,
    issuer::Issuer,
    settings::{Reader, Variable, parse},
    variables,
};

use crate::{
    AssertionAlgorithm, ClientCredentials, PrivateKey, connect,
    permissions::{self, PermissionSource, ToolPolicy},
};

variables! {
    /// The id of the application of type *resource server* that stands for this server
    AUTH0_CLIENT_ID = required("auth0_client_id");
    /// The secret of that application; required unless it has a private key
    AUTH0_CLIENT_SECRET = secret("auth0_client_secret");
    /// The private key of that application, instead of a secret: it then authenticates by Private
    /// Key JWT. PKCS#8 PEM, P-256 or RSA (2048 to 4096 bits, exponent 65537). Line breaks may be
    /// written as `\n`, for an environment file
    AUTH0_CLIENT_PRIVATE_KEY = secret("auth0_client_private_key");
    /// The key's id in the tenant: the `kid` of assertions. Empty: assertions have none
    AUTH0_CLIENT_PRIVATE_KEY_ID = optional("auth0_client_private_key_id", "");
    /// The algorithm that the key signs with: `RS256`, `PS256` or `ES256`. Empty: `RS256` for an
    /// RSA key, `ES256` for a P-256 key
    AUTH0_CLIENT_PRIVATE_KEY_ALGORITHM = optional("auth0_client_private_key_algorithm", "");
    /// The id of the first-party application through which users sign in to [connect an
    /// account](connect.md) on a page of this server. Empty: the page does not exist
    CONNECT_CLIENT_ID = optional("connect_client_id", "");
    /// The secret of that application
    CONNECT_CLIENT_SECRET = secret("connect_client_secret");
    /// The URL of your own page on which users connect an account. Tools name it if an account is
    /// missing and `connect_client_id` is empty
    CONNECT_URL = optional("connect_url", "");
    /// What [decides who may use a tool](permissions.md#who-decides): `both` (the user's live
    /// permissions in the tenant, and the scopes of the token), `management` (the permissions
    /// alone) or `token` (the token alone)
    PERMISSION_SOURCE = optional("permission_source", "both");
    /// How long the tenant's answers about permissions are cached, in seconds: 0 to 3600. With `0`
    /// every call asks the tenant
    PERMISSION_CACHE_SECONDS = optional("permission_cache_seconds", "10");
    /// Whether `tools/list` leaves out the tools that the caller may not use: `true` or `false`
    LIST_FILTERING = optional("list_filtering", "true");
    /// [A policy](permissions.md#policy) that hides tools from some callers, as JSON
    TOOL_POLICY = optional("tool_policy", "");
    /// Whether users' permissions are read from `effective-permissions`: `true` or `false`. `true`
    /// takes fewer requests, and needs the scope `read:user_effective_permissions` instead of
    /// `read:users`
    EFFECTIVE_PERMISSIONS = optional("effective_permissions", "false");
    /// The secret for [`POST /permissions/revoke`](permissions.md#revoking-at-once), of at least 32
    /// characters. Empty: the endpoint does not exist
    REVOCATION_SECRET = secret("revocation_secret");
    /// The tenant's own URL, `https://example.eu.auth0.com`. Set it if `auth0_domain` is a custom
    /// domain
    MANAGEMENT_URL = optional("management_url", "");
    /// The identifier of the Management API. Empty: `/api/v2/` below the tenant's own URL
    MANAGEMENT_AUDIENCE = optional("management_audience", "");
    /// The id of another application for the Management API. Empty: `auth0_client_id` is used
    MANAGEMENT_CLIENT_ID = optional("management_client_id", "");
    /// The secret of that other application
    MANAGEMENT_CLIENT_SECRET = secret("management_client_secret");
}

/// What the operator decided about the tenant.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The application that stands for this server in the tenant.
    pub client: ClientCredentials,
    /// Where users connect their accounts.
    pub connect: connect::Settings,
    /// Who may use which tool.
    pub permissions: permissions::Settings,
    /// The Management API.
    pub management: ManagementAccess,
}

/// How the Management API is reached.
#[derive(Clone, Debug)]
pub struct ManagementAccess {
    /// The tenant under its own name, which may differ from a custom domain.
    pub tenant: Issuer,
    /// The API's identifier, with its trailing slash.
    pub audience: String,
    /// The client that is authorized for it.
    pub client: ClientCredentials,
}

impl Settings {
    /// Reads the variables; `None` if one of them is invalid. `oauth` are the settings of the
    /// resource server, `None` if they are invalid.
    pub fn read(reader: &mut Reader, oauth: Option<&doorward_oauth::Settings>) -> Option<Self> {
        let client = server_client(reader);
        let connect_client = client_or_none(reader, &CONNECT_CLIENT_ID, &CONNECT_CLIENT_SECRET);
        let connect_url = reader.get(&CONNECT_URL, parse::page);
        let permissions = permission_settings(reader, oauth);
        let tenant = reader.get(&MANAGEMENT_URL, tenant_url);
        let audience = reader.get(&MANAGEMENT_AUDIENCE, |value| match parse::is_quotable(value) {
            true => parse::text(value),
            false => Err("has a character that an API identifier cannot have"),
        });
        let management = client_or_none(reader, &MANAGEMENT_CLIENT_ID, &MANAGEMENT_CLIENT_SECRET);
        let client = client?;
        let tenant = match tenant? {
            Some(tenant) => tenant,
            None => oauth?.tenant.issuer.clone(),
        };
        Some(Self {
            connect: connect::Settings { client: connect_client?, url: connect_url? },
            permissions: permissions?,
            management: ManagementAccess {
                audience: audience?.unwrap_or_else(|| tenant.url("api/v2/")),
                client: management?.unwrap_or_else(|| client.clone()),
                tenant,
            },
            client,
        })
    }

    /// Rejects a policy that names an unknown tool: it would take that tool away from nobody.
    pub fn reject_unknown_tools(&self, reader: &mut Reader, is_known: impl Fn(&str) -> bool) {
        if !self.permissions.policy.tools().all(is_known) {
            reader.reject(&TOOL_POLICY, "names a tool that this server does not have");
        }
    }
}

fn permission_settings(
    reader: &mut Reader,
    oauth: Option<&doorward_oauth::Settings>,
) -> Option<permissions::Settings> {
    let source = reader.get(&PERMISSION_SOURCE, |value| match value {
        "both" => Ok(PermissionSource::Both),
        "management" => Ok(PermissionSource::Management),
        "token" => Ok(PermissionSource::Token),
        _ => Err("is neither `management`, `token` nor `both`"),
    });
    let cache_seconds = reader.get(&PERMISSION_CACHE_SECONDS, parse::seconds(0, 3600));
    let list_filtering = reader.get(&LIST_FILTERING, parse::flag);
    let policy = reader.get(&TOOL_POLICY, |value| {
        let policy: ToolPolicy = value.parse()?;
        let is_known = |name: &str| {
            oauth.is_none_or(|oauth| oauth.issuers().any(|it| it.issuer.as_str() == name))
        };
        if policy.issuers().all(is_known) {
            Ok(policy)
        } else {
            Err("names an issuer that is neither the tenant nor among `issuers`")
        }
    });
    let effective_permissions = reader.get(&EFFECTIVE_PERMISSIONS, parse::flag);
    let revocation_secret = reader.get(&REVOCATION_SECRET, parse::long_secret);
    Some(permissions::Settings {
        source: source?,
        cache_seconds: cache_seconds?,
        list_filtering: list_filtering?,
        policy: policy?,
        effective_permissions: effective_permissions?,
        revocation_secret: revocation_secret?,
    })
}

/// The server's client has a secret or a private key. With both it would be unclear which counts.
fn server_client(reader: &mut Reader) -> Option<ClientCredentials> {
    let id = reader.get(&AUTH0_CLIENT_ID, parse::not_empty);
    let secret = reader.text(&AUTH0_CLIENT_SECRET);
    let pem = reader.text(&AUTH0_CLIENT_PRIVATE_KEY);
    let key_id = reader.get(&AUTH0_CLIENT_PRIVATE_KEY_ID, parse::text);
    let algorithm = reader.get(&AUTH0_CLIENT_PRIVATE_KEY_ALGORITHM, |value| {
        let algorithm = Some(value).filter(|value| !value.is_empty());
        algorithm
            .map(str::parse::<AssertionAlgorithm>)
            .transpose()
            .map_err(|error| error.to_string())
    });
    let (secret, pem, key_id, algorithm) = (secret?, pem?, key_id?, algorithm?);
    match (secret.is_empty(), pem.is_empty()) {
        (true, true) => reader.reject(
            &AUTH0_CLIENT_SECRET,
            "is not set, and `auth0_client_private_key` is not either; one of them has to be",
        ),
        (false, false) => reader.reject(
            &AUTH0_CLIENT_PRIVATE_KEY,
            "is set beside `auth0_client_secret`; only one of them can be",
        ),
        (false, true) => {
            return Some(ClientCredentials { id: id?, secret: Secret::from(secret), key: None });
        }
        (true, false) => match PrivateKey::from_pem(&pem, algorithm, key_id) {
            Ok(key) => {
                let secret = Secret::from(pem);
                return Some(ClientCredentials { id: id?, secret, key: Some(key) });
            }
            Err(error) => reader.reject(&AUTH0_CLIENT_PRIVATE_KEY, error.to_string()),
        },
    }
    None
}

/// A client with an id and a secret, or neither.
fn client_or_none(
    reader: &mut Reader,
    id: &Variable,
    secret: &Variable,
) -> Option<Option<ClientCredentials>> {
    let (client_id, client_secret) = (reader.text(id)?, reader.text(secret)?);
    let (variable, problem) = match (client_id.is_empty(), client_secret.is_empty()) {
        (true, true) => return Some(None),
        (false, false) => {
            let secret = Secret::from(client_secret);
            return Some(Some(ClientCredentials { id: client_id, secret, key: None }));
        }
        (true, false) => (id, "is empty, though its secret is not"),
        (false, true) => (secret, "is empty, though its application is not"),
    };
    reader.reject(variable, problem);
    None
}

fn tenant_url(value: &str) -> Result<Option<Issuer>, Cow<'static, str>> {
    if value.is_empty() {
        return Ok(None);
    }
    let origin = parse::secure_origin(value)?;
    let tenant = origin.url("/").parse();
    let problem = "is not the URL of a tenant, as in `https://example.eu.auth0.com`";
    tenant.map(Some).map_err(|_| problem.into())
}

#[cfg(test)]
mod tests;
