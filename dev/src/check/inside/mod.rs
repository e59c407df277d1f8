//! Checks the variables of a server against its tenant.
//!
//! Everything is read first, into [`Tenant`]. Each check is a function of that and the variables.

mod access;
mod api;
mod application;
mod connect;
mod connection;
mod events;
mod organizations;
mod server;
mod tenant;
mod user;

use super::outcome::{Outcome, Verdict};
use crate::{
    http::Http,
    management::{self, Management, Refusal, segment},
    setup::{Part, left_out},
    tools::{self, Tool},
    users,
    variables::Variables,
};
use http::Request;
use serde_json::Value;
use std::collections::BTreeMap;

/// Something of the tenant, or why it is not known.
type Known<T> = Result<T, Unread>;

/// Why something of the tenant is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Unread {
    /// There is no token that may read it.
    NoToken,
    /// It could not be read, and why.
    Failed(String),
}

/// What the server's own credentials get.
#[derive(Debug, Clone, PartialEq, Eq)]
enum OwnToken {
    /// A token of the Management API with these scopes.
    Scopes(Vec<String>),
    /// A refusal: its `error` and `error_description`.
    Refused(String, String),
}

/// A user.
#[derive(Debug, Clone)]
struct User {
    /// The user; `None` if the tenant has no such user. An error says why the email address does
    /// not tell which user is meant.
    profile: Result<Option<Value>, String>,
    /// The permissions.
    permissions: Known<Vec<Value>>,
    /// The connected accounts.
    accounts: Known<Vec<Value>>,
}

/// What is known of the tenant.
struct Tenant {
    discovery: Value,
    own_token: Known<OwnToken>,
    api: Known<Option<Value>>,
    /// The identifiers of all APIs, to find one that is nearly right.
    identifiers: Known<Vec<String>>,
    application: Known<Option<Value>>,
    connect_application: Known<Option<Value>>,
    grants: Known<Vec<Value>>,
    connections: Known<Vec<Value>>,
    /// The ids of the applications for which a connection is enabled, by the connection's name.
    enabled: BTreeMap<String, Known<Vec<String>>>,
    settings: Known<Value>,
    /// The URLs of the client ID metadata documents that were imported.
    documents: Known<Vec<String>>,
    organizations: Known<Vec<Value>>,
    log_streams: Known<Vec<Value>>,
    /// The code of the Actions that are bound to the sign-in.
    actions: Known<Vec<Value>>,
    mfa: Known<Vec<String>>,
    user: Option<(String, Known<User>)>,
    tools: Vec<Tool>,
}

/// Everything that a check may look at.
struct Facts<'a> {
    variables: &'a Variables,
    tenant: &'a Tenant,
}

/// Checks the tenant. `admin` may read all of it; without it only what the server itself may read
/// is looked at.
pub(crate) async fn check(
    http: &Http,
    variables: &Variables,
    admin: Option<&Management>,
    user: Option<&str>,
) -> Vec<Outcome> {
    if variables.get("auth0_client_id").is_none() {
        return alone(variables);
    }
    let discovery = match discovery(http, variables).await {
        Ok(discovery) => discovery,
        // Everything else would fail in the same way.
        Err(why) => {
            let mut all = Vec::new();
            server::check(variables, &mut all);
            all.push(Outcome::unknown(
                "tenant.domain",
                format!("{why}. Nothing of the tenant was checked. Is `auth0_domain` right?"),
            ));
            return all;
        }
    };
    let tenant = Tenant::read(http, variables, discovery, admin, user).await;
    let mut all = outcomes(&Facts { variables, tenant: &tenant });
    if admin.is_none() {
        all.push(Outcome::note(
            "tenant.token",
            "Applications, grants, connections, the tenant's settings, Actions and log streams are \
             not checked: that needs a Management token of yours. Log in with the Auth0 CLI and add \
             `--auth0-cli`, or pipe a token in with `--token-stdin`.",
        ));
    }
    all.extend(events::store(http, variables).await);
    if let Some(file) = &variables.file
        && left_out(file).contains(&Part::TokenVault)
    {
        all.iter_mut().for_each(without_vault);
    }
    all
}

/// What the Token Vault needs is not missing where the set-up was told to leave the vault out.
fn without_vault(outcome: &mut Outcome) {
    const IDS: [&str; 5] = [
        "application.connection",
        "connection.exists",
        "connection.keys",
        "connection.scopes",
        "connection.token_vault",
    ];
    if let Verdict::Found(finding) = &outcome.verdict
        && IDS.contains(&outcome.id)
    {
        outcome.verdict = Verdict::Note(format!(
            "{} The set-up was told to leave the Token Vault out. To have it: cargo run -- tenant \
             setup --{}",
            finding.what,
            Part::TokenVault.name()
        ));
    }
}

/// The checks of a server without an application in a tenant, which only verifies tokens.
fn alone(variables: &Variables) -> Vec<Outcome> {
    let mut all = Vec::new();
    server::check(variables, &mut all);
    let why = match variables.lacks_credential {
        true => "The application has neither a secret nor a key",
        false => "`auth0_client_id` is not set",
    };
    all.push(Outcome::note(
        "tenant.none",
        format!("{why}: tokens decide about permissions, and nothing of a tenant is checked."),
    ));
    all
}

/// The metadata of the tenant, or why it cannot be read.
async fn discovery(http: &Http, variables: &Variables) -> Result<Value, String> {
    let origin = management::origin(variables.get("auth0_domain").unwrap_or_default());
    match http.get(&format!("{origin}/.well-known/openid-configuration")).await {
        Err(error) => Err(format!("{origin} does not answer: {error}")),
        Ok(response) => match response.json().filter(|_| response.status == 200) {
            Some(document) => Ok(document),
            None => Err(format!("{origin} has no metadata ({})", response.describe())),
        },
    }
}

/// Makes all checks.
fn outcomes(facts: &Facts<'_>) -> Vec<Outcome> {
    let mut all = Vec::new();
    server::check(facts.variables, &mut all);
    tenant::check(facts, &mut all);
    api::check(facts, &mut all);
    application::check(facts, &mut all);
    access::check(facts, &mut all);
    organizations::check(facts, &mut all);
    connection::check(facts, &mut all);
    connect::check(facts, &mut all);
    events::check(facts, &mut all);
    user::check(facts, &mut all);
    all
}

impl Facts<'_> {
    /// Returns what is known, or adds why it is not.
    fn known<'a, T>(
        &self,
        id: &'static str,
        known: &'a Known<T>,
        all: &mut Vec<Outcome>,
    ) -> Option<&'a T> {
        match known {
            Ok(value) => Some(value),
            // One note at the end names all of these.
            Err(Unread::NoToken) => None,
            Err(Unread::Failed(why)) => {
                all.push(Outcome::unknown(id, format!("It cannot be read: {why}.")));
                None
            }
        }
    }
}

impl Tenant {
    async fn read(
        http: &Http,
        variables: &Variables,
        discovery: Value,
        admin: Option<&Management>,
        user: Option<&str>,
    ) -> Self {
        let (own_token, own) = own_token(http, variables).await;
        // What the server itself may read is read as the server, unless there is more.
        let reader = admin.or(own.as_ref());
        let audience = variables.audience();
        let api = find(reader, &format!("resource-servers/{}", segment(audience))).await;
        let identifiers = list(admin, "resource-servers", "resource_servers").await;
        let identifiers = identifiers.map(|apis| texts(&apis, "identifier"));
        let application = client(admin, variables.get("auth0_client_id")).await;
        let connect_application = client(admin, variables.get("connect_client_id")).await;
        let grants = list(admin, "client-grants", "client_grants").await;
        let connections = list(admin, "connections", "connections").await;
        let mut enabled = BTreeMap::new();
        if let (Some(admin), Ok(connections)) = (admin, &connections) {
            for connection in connections {
                let id = connection["id"].as_str().unwrap_or_default();
                let name = connection["name"].as_str().unwrap_or_default().to_owned();
                let clients = format!("connections/{}/clients", segment(id));
                let clients = admin.get(&clients).await.map_err(unread);
                let clients = clients.map(|page| {
                    let rows = page["clients"].as_array().cloned().unwrap_or_default();
                    texts(&rows, "client_id")
                });
                enabled.insert(name, clients);
            }
        }
        let settings = get(admin, "tenants/settings").await;
        let documents = match &settings {
            // Only then they count, and a tenant may have many clients.
            Ok(settings) if settings["client_id_metadata_document_supported"] == true => {
                let clients = list(admin, "clients", "clients").await;
                clients.map(|clients| texts(&clients, "external_client_id"))
            }
            _ => Err(Unread::NoToken),
        };
        let organizations = list(admin, "organizations", "organizations").await;
        let log_streams = get(admin, "log-streams").await;
        let log_streams = log_streams.map(|rows| rows.as_array().cloned().unwrap_or_default());
        let mfa = get(admin, "guardian/policies").await;
        let mfa = mfa.map(|rows| {
            let rows = rows.as_array().cloned().unwrap_or_default();
            rows.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        });
        let actions = actions(admin).await;
        let user = match user {
            Some(name) => Some((name.to_owned(), read_user(reader, name).await)),
            None => None,
        };
        Self {
            discovery,
            own_token,
            api,
            identifiers,
            application,
            connect_application,
            grants,
            connections,
            enabled,
            settings,
            documents,
            organizations,
            log_streams,
            actions,
            mfa,
            user,
            tools: [
                tools::of_this_build(),
                tools::of_upstreams(variables.get("upstreams").unwrap_or_default()),
            ]
            .concat(),
        }
    }
}

/// Gets a token with the server's own credentials, as the server does.
async fn own_token(http: &Http, variables: &Variables) -> (Known<OwnToken>, Option<Management>) {
    let origin = variables.tenant_origin();
    let (id, secret) =
        match (variables.get("management_client_id"), variables.get("management_client_secret")) {
            (Some(id), secret) => (id, secret),
            _ => (
                variables.get("auth0_client_id").unwrap_or_default(),
                variables.get("auth0_client_secret"),
            ),
        };
    let Some(secret) = secret else {
        // With a private key the server signs an assertion, which this program cannot.
        return (Err(Unread::NoToken), None);
    };
    let audience = variables.management_audience();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", id)
        .append_pair("client_secret", secret)
        .append_pair("audience", &audience)
        .finish();
    let request = Request::post(format!("{origin}/oauth/token"))
        .header("content-type", "application/x-www-form-urlencoded");
    let response = match http.send(request, form).await {
        Ok(response) => response,
        Err(error) => {
            let text = format!("{origin} does not answer: {error}");
            return (Err(Unread::Failed(text)), None);
        }
    };
    let json = response.json().unwrap_or_default();
    match json["access_token"].as_str() {
        Some(token) if response.status == 200 => {
            let scopes = json["scope"].as_str().unwrap_or_default();
            let scopes = scopes.split_ascii_whitespace().map(str::to_owned).collect();
            let management = Management::with_token(http.clone(), &origin, token.to_owned());
            (Ok(OwnToken::Scopes(scopes)), Some(management))
        }
        _ if matches!(response.status, 400..=404) => {
            let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
            (Ok(OwnToken::Refused(text("error"), text("error_description"))), None)
        }
        _ => (Err(Unread::Failed(response.describe())), None),
    }
}

async fn read_user(reader: Option<&Management>, name: &str) -> Known<User> {
    let reader = reader.ok_or(Unread::NoToken)?;
    // An email address has no `|`, a user id has one.
    let profile = if name.contains('|') {
        Ok(reader.find(&format!("users/{}", segment(name))).await.map_err(unread)?)
    } else {
        let path = format!("users-by-email?email={}", segment(name));
        let rows = reader.get(&path).await.map_err(unread)?;
        users::by_email(name, &rows).map(|user| user.cloned())
    };
    let id = profile.as_ref().ok().and_then(Option::as_ref);
    let id = id.and_then(|user| user["user_id"].as_str()).unwrap_or_default();
    if id.is_empty() {
        let none = || Ok(Vec::new());
        return Ok(User { profile, permissions: none(), accounts: none() });
    }
    let path = format!("users/{}", segment(id));
    let permissions =
        reader.list(&format!("{path}/permissions"), "permissions").await.map_err(unread);
    let accounts = reader.get(&format!("{path}/connected-accounts")).await.map_err(unread);
    let accounts =
        accounts.map(|page| page["connected_accounts"].as_array().cloned().unwrap_or_default());
    Ok(User { profile, permissions, accounts })
}

/// The Actions that are bound to the sign-in, with their code.
async fn actions(admin: Option<&Management>) -> Known<Vec<Value>> {
    let bound = list(admin, "actions/triggers/post-login/bindings", "bindings").await?;
    let mut all = list(admin, "actions/actions?triggerId=post-login", "actions").await?;
    all.retain(|action| bound.iter().any(|binding| binding["action"]["id"] == action["id"]));
    Ok(all)
}

async fn client(admin: Option<&Management>, id: Option<&str>) -> Known<Option<Value>> {
    match id {
        None => Ok(None),
        Some(id) => {
            let fields = "fields=client_secret,signing_keys,encryption_key&include_fields=false";
            find(admin, &format!("clients/{}?{fields}", segment(id))).await
        }
    }
}

async fn get(reader: Option<&Management>, path: &str) -> Known<Value> {
    reader.ok_or(Unread::NoToken)?.get(path).await.map_err(unread)
}

async fn find(reader: Option<&Management>, path: &str) -> Known<Option<Value>> {
    reader.ok_or(Unread::NoToken)?.find(path).await.map_err(unread)
}

async fn list(reader: Option<&Management>, path: &str, name: &str) -> Known<Vec<Value>> {
    reader.ok_or(Unread::NoToken)?.list(path, name).await.map_err(unread)
}

fn unread(refusal: Refusal) -> Unread {
    Unread::Failed(refusal.to_string())
}

/// One member of each object.
fn texts(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter().filter_map(|row| row[name].as_str()).map(str::to_owned).collect()
}

/// Whether a JSON array has this string.
fn has(list: &Value, member: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|one| one == member))
}

/// The set-up, which fixes most findings.
fn setup(otherwise: &str) -> String {
    format!("cargo run -- tenant setup\nOr: {otherwise}")
}

#[cfg(test)]
pub(crate) mod tests;
