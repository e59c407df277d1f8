//! What the operator decides about the tenant.

use std::borrow::Cow;

use doorward_core::{
    Secret,
    access::{Access, Requirement},
    issuer::Issuer,
    settings::{Reader, Variable, parse},
    variables,
};

use crate::{
    AssertionAlgorithm, ClientCredentials, PrivateKey,
    connect::ConnectSettings,
    permissions::{PermissionSettings, PermissionSource, ToolPolicy, UndefinedTools},
    revocation::RevocationSettings,
};

variables! {
    /// The id of the application of type *resource server* that stands for this server. [A server
    /// that only verifies tokens](issuers.md#without-a-tenant) has none
    AUTH0_CLIENT_ID = optional("auth0_client_id", "");
    /// The secret of that application, of at least 32 characters; required unless it has a private
    /// key. The server's own [keys](storage.md#keys) are derived from it, unless there is a
    /// `server_secret`
    AUTH0_CLIENT_SECRET = secret("auth0_client_secret");
    /// A secret of this server alone, of at least 32 characters, which nobody else has to know: its
    /// own [keys](storage.md#keys) are derived from it. Required without an application
    SERVER_SECRET = secret("server_secret");
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
    /// alone) or `token` (the token alone). Empty: `both`, and `token` without a tenant
    PERMISSION_SOURCE = optional("permission_source", "");
    /// Who may use [a tool, prompt or resource whose code does not
    /// say](permissions.md#public-and-private), while its permission is not defined: `public`
    /// (everybody who signed in) or `refuse` (nobody)
    UNDEFINED_TOOLS = optional("undefined_tools", "public");
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
    /// Whether [members of an organization](permissions.md#organizations) also have the roles of
    /// their groups: `true` or `false`. `false` needs the scope `read:organization_member_roles`
    /// instead of `read:organization_member_effective_roles`
    EFFECTIVE_ORGANIZATION_ROLES = optional("effective_organization_roles", "true");
    /// Whether the tenant is asked, before anything else, if the user is
    /// [blocked](permissions.md#blocked-users): `true` or `false`. `true` takes one more request
    /// for each user and `permission_cache_seconds`
    CHECK_BLOCKED = optional("check_blocked", "false");
    /// How long tokens of third parties and of other APIs are cached, in seconds: 0 to 3600, and
    /// never beyond their end. With `0` every call gets a new one from the tenant. An account that
    /// a user disconnects is used no longer than this
    EXCHANGE_CACHE_SECONDS = optional("exchange_cache_seconds", "60");
    /// The secret for [`POST /revoke`](permissions.md#revoking-at-once), of at least 32 characters.
    /// Empty: the endpoint does not exist, and whatever was cut off before gets in again
    REVOCATION_SECRET = secret("revocation_secret");
    /// The secret before that one, [while it is changed](secrets.md#the-revocation-secret) on
    /// several instances: it opens what they have stored, and nothing else
    REVOCATION_SECRET_PREVIOUS = secret("revocation_secret_previous");
    /// Whether a call is refused while it is unknown whether its [access was cut
    /// off](permissions.md#cutting-off-access), because the key-value store does not answer: `true`
    /// or `false`
    REVOCATION_FAIL_CLOSED = optional("revocation_fail_closed", "true");
    /// The tenant's own URL, `https://example.eu.auth0.com`. Set it if `auth0_domain` is a custom
    /// domain. Another URL [leaves cut-offs behind](storage.md#revocations)
    MANAGEMENT_URL = optional("management_url", "https://unused.invalid");
    /// The identifier of the Management API. Empty: `/api/v2/` below the tenant's own URL
    MANAGEMENT_AUDIENCE = optional("management_audience", "");
    /// The id of another application for the Management API. Empty: `auth0_client_id` is used
    MANAGEMENT_CLIENT_ID = optional("management_client_id", "");
    /// The secret of that other application
    MANAGEMENT_CLIENT_SECRET = secret("management_client_secret");
}

/// The error of a setting that needs the server's own application of the tenant, which is missing.
const NO_TENANT: &str =
    "is an application of the tenant: `auth0_domain` or `auth0_client_id` is not set";

/// What the operator decided about the tenant.
#[derive(Clone, Debug)]
pub struct TenantSettings {
    /// The application that stands for this server in the tenant; `None` if tokens alone decide,
    /// and nothing is asked of a tenant.
    pub client: Option<ClientCredentials>,
    /// What the server's own keys are derived from.
    pub server_secret: Secret,
    /// Where users connect their accounts.
    pub connect: ConnectSettings,
    /// Who may use which tool.
    pub permissions: PermissionSettings,
    /// The Management API.
    pub management: ManagementAccess,
    /// How long exchanged tokens are cached, in seconds; 0: not at all.
    pub exchange_cache_seconds: u64,
    /// How access and what is cached are revoked; `None`: not at all.
    pub revocation: Option<RevocationSettings>,
}

/// How the Management API is reached.
#[derive(Clone, Debug)]
pub struct ManagementAccess {
    /// The tenant under its own name, which may differ from a custom domain.
    pub tenant: Issuer,
    /// The API's identifier, with its trailing slash.
    pub audience: String,
    /// The client that is authorized for it; `None` without a tenant.
    pub client: Option<ClientCredentials>,
}

impl ManagementAccess {
    /// The id of the client; empty without a tenant.
    pub(crate) fn client_id(&self) -> &str {
        self.client.as_ref().map_or("", |client| &client.id)
    }
}

impl TenantSettings {
    /// Reads the variables; `None` if one of them is invalid. `oauth` are the settings of the
    /// resource server, `None` if they are invalid.
    pub fn read(
        reader: &mut Reader,
        oauth: Option<&doorward_oauth::ResourceServerSettings>,
    ) -> Option<Self> {
        let client = server_client(reader);
        let connect_client = client_or_none(reader, &CONNECT_CLIENT_ID, &CONNECT_CLIENT_SECRET);
        let connect_url = reader.get(&CONNECT_URL, parse::page);
        let exchange_cache_seconds = reader.get(&EXCHANGE_CACHE_SECONDS, parse::seconds(0, 3600));
        let revocation_secret = reader.get(&REVOCATION_SECRET, parse::long_secret);
        let previous_secret = reader.get(&REVOCATION_SECRET_PREVIOUS, parse::long_secret);
        let fail_closed = reader.get(&REVOCATION_FAIL_CLOSED, parse::flag);
        let is_public = oauth.is_some_and(|it| !it.resource.public_url.is_loopback());
        let tenant = reader.get(&MANAGEMENT_URL, |value| match tenant_url(value)? {
            Some(tenant) if is_public && tenant.is_loopback() => Err(Cow::from(parse::LOCAL_ONLY)),
            tenant => Ok(tenant),
        });
        let audience = reader.get(&MANAGEMENT_AUDIENCE, |value| match parse::is_quotable(value) {
            true => parse::text(value),
            false => Err("has a character that an API identifier cannot have"),
        });
        let management = client_or_none(reader, &MANAGEMENT_CLIENT_ID, &MANAGEMENT_CLIENT_SECRET);
        let server_secret = reader.get(&SERVER_SECRET, parse::long_secret);
        let has_tenant = oauth.is_none_or(|oauth| oauth.has_tenant());
        // What is wrong with a client is noted already.
        let is_asked = has_tenant && client.as_ref().is_none_or(Option::is_some);
        let permissions = permission_settings(reader, oauth, has_tenant, is_asked);
        let (client, server_secret) = (client?, server_secret?);
        if client.is_none() && server_secret.is_none() {
            reader.reject(
                &SERVER_SECRET,
                "is not set, and neither are `auth0_client_id` and `auth0_client_secret`",
            );
        }
        let connect = connect_client.as_ref().and_then(Option::as_ref);
        let managing = management.as_ref().and_then(Option::as_ref);
        if let Some(oauth) = oauth {
            let clients = [
                (&AUTH0_CLIENT_ID, client.as_ref()),
                (&CONNECT_CLIENT_ID, connect),
                (&MANAGEMENT_CLIENT_ID, managing),
            ];
            check_clients(reader, oauth, clients, is_asked);
        }
        let tenant = match tenant? {
            Some(tenant) => tenant,
            None => oauth?.main_issuer.issuer.clone(),
        };
        let of_client = || client.as_ref().map(|client| client.secret.clone());
        Some(Self {
            server_secret: server_secret.or_else(of_client)?,
            connect: ConnectSettings { client: connect_client?, url: connect_url? },
            permissions: permissions?,
            exchange_cache_seconds: exchange_cache_seconds?,
            revocation: revocation(reader, revocation_secret?, previous_secret?, fail_closed?),
            management: ManagementAccess {
                audience: audience?.unwrap_or_else(|| tenant.url("api/v2/")),
                client: management?.or_else(|| client.clone()),
                tenant,
            },
            client,
        })
    }

    /// A line for the log of a server that can ask nothing of a tenant.
    #[must_use]
    pub fn note(&self) -> Option<&'static str> {
        self.client.is_none().then_some(
            "note: `auth0_domain` or `auth0_client_id` is not set: tokens decide who may use what, \
             and Token Vault, exchanges, the Management API, the page for connecting accounts and \
             the tenant's log streams are off",
        )
    }

    /// Sets what the server offers whose code does not say who may use it.
    pub fn set_undeclared<'a>(&mut self, requirements: impl Iterator<Item = Requirement<'a>>) {
        let undeclared = requirements.filter(|it| it.access == Access::Undeclared);
        self.permissions.undeclared = undeclared.map(|it| it.item.permission()).collect();
    }

    /// Rejects a policy that names an unknown tool, because it would hide no tool from anybody.
    pub fn reject_unknown_tools(&self, reader: &mut Reader, is_known: impl Fn(&str) -> bool) {
        if !self.permissions.policy.tools().all(is_known) {
            reader.reject(&TOOL_POLICY, "names a tool that this server does not have");
        }
    }
}

/// Rejects clients that nothing is asked with, and those whose id is an audience of access tokens.
fn check_clients(
    reader: &mut Reader,
    oauth: &doorward_oauth::ResourceServerSettings,
    clients: [(&Variable, Option<&ClientCredentials>); 3],
    is_asked: bool,
) {
    for (variable, client) in clients {
        if client.is_some() && !is_asked {
            reader.reject(variable, NO_TENANT);
        }
        let mut audiences = oauth.issuers().flat_map(|issuer| &issuer.audiences);
        if client.is_some_and(|client| audiences.any(|audience| *audience == client.id)) {
            let problem = "is an audience of access tokens as well, so ID tokens for that \
                           application would look like them";
            reader.reject(variable, problem);
        }
    }
}

fn permission_settings(
    reader: &mut Reader,
    oauth: Option<&doorward_oauth::ResourceServerSettings>,
    has_tenant: bool,
    is_asked: bool,
) -> Option<PermissionSettings> {
    let source = reader.get(&PERMISSION_SOURCE, |value| match value {
        "token" => Ok(PermissionSource::Token),
        "" if !has_tenant => Ok(PermissionSource::Token),
        "" | "both" | "management" if !is_asked => Err(
            "has to be `token`: `auth0_domain` or `auth0_client_id` is not set, so nobody can be \
             asked",
        ),
        "" | "both" => Ok(PermissionSource::Both),
        "management" => Ok(PermissionSource::Management),
        _ => Err("is neither `management`, `token` nor `both`"),
    });
    let undefined = reader.get(&UNDEFINED_TOOLS, |value| match value {
        "public" => Ok(UndefinedTools::Public),
        "refuse" => Ok(UndefinedTools::Refuse),
        _ => Err("is neither `public` nor `refuse`"),
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
    let effective_organization_roles = reader.get(&EFFECTIVE_ORGANIZATION_ROLES, parse::flag);
    let check_blocked = reader.get(&CHECK_BLOCKED, |value| match parse::flag(value) {
        Ok(true) if !is_asked => Err("needs a tenant that can be asked"),
        flag => flag,
    });
    Some(PermissionSettings {
        source: source?,
        cache_seconds: cache_seconds?,
        list_filtering: list_filtering?,
        policy: policy?,
        undefined: undefined?,
        undeclared: Vec::new(),
        effective_permissions: effective_permissions?,
        effective_organization_roles: effective_organization_roles?,
        check_blocked: check_blocked?,
    })
}

fn revocation(
    reader: &mut Reader,
    secret: Option<Secret>,
    previous: Option<Secret>,
    fail_closed: bool,
) -> Option<RevocationSettings> {
    let problem = match (&secret, &previous) {
        (None, Some(_)) => Some("is set, but `revocation_secret` is not"),
        (Some(secret), Some(previous)) if secret == previous => {
            Some("is the same as `revocation_secret`")
        }
        _ => None,
    };
    if let Some(problem) = problem {
        reader.reject(&REVOCATION_SECRET_PREVIOUS, problem);
    }
    Some(RevocationSettings::new(secret?, previous.as_ref(), fail_closed))
}

/// The client of the server: with a secret or a private key, but not both; or none.
fn server_client(reader: &mut Reader) -> Option<Option<ClientCredentials>> {
    let id = reader.text(&AUTH0_CLIENT_ID);
    let secret = reader.get(&AUTH0_CLIENT_SECRET, parse::client_secret);
    let pem = reader.text(&AUTH0_CLIENT_PRIVATE_KEY);
    let key_id = reader.get(&AUTH0_CLIENT_PRIVATE_KEY_ID, parse::text);
    let algorithm = reader.get(&AUTH0_CLIENT_PRIVATE_KEY_ALGORITHM, |value| {
        let algorithm = Some(value).filter(|value| !value.is_empty());
        algorithm
            .map(str::parse::<AssertionAlgorithm>)
            .transpose()
            .map_err(|error| error.to_string())
    });
    let (id, secret, pem) = (id?, secret?, pem?);
    let (key_id, algorithm) = (key_id?, algorithm?);
    match (secret.is_empty(), pem.is_empty()) {
        (true, true) if id.is_empty() => return Some(None),
        _ if id.is_empty() => reader.reject(&AUTH0_CLIENT_ID, "is not set"),
        (true, true) => reader.reject(
            &AUTH0_CLIENT_SECRET,
            "is not set, and `auth0_client_private_key` is not either; one of them has to be",
        ),
        (false, false) => reader.reject(
            &AUTH0_CLIENT_PRIVATE_KEY,
            "is set beside `auth0_client_secret`; only one of them can be",
        ),
        (false, true) => {
            return Some(Some(ClientCredentials { id, secret: Secret::from(secret), key: None }));
        }
        (true, false) => match PrivateKey::from_pem(&pem, algorithm, key_id) {
            Ok(key) => {
                let secret = Secret::from(pem);
                return Some(Some(ClientCredentials { id, secret, key: Some(key) }));
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
    let (client_id, client_secret) = (reader.text(id), reader.get(secret, parse::client_secret));
    let (client_id, client_secret) = (client_id?, client_secret?);
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
