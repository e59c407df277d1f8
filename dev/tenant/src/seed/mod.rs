//! The initial data of a tenant, as written in `seed.toml`.

mod calendar;
mod clients;
mod people;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use calendar::zone;
pub use calendar::{Calendar, Event, EventStatus, Repeat, Response};
pub use clients::{
    Api, AppType, Client, ClientAuth, ClientGrant, MetadataDocument, PublicKey, Scope, SubjectType,
    TokenDialect, TokenExchange,
};
pub use people::{ConnectedAccount, Organization, OrganizationGroup, Person, Role};

/// The application through which an administrator gets tokens of the Management API.
const EXPLORER: &str = "local-api-explorer";

/// The built-in seed file.
const DEFAULT: &str = include_str!("../../seed.toml");

/// The initial data of a tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Settings of the whole tenant.
    pub tenant: Settings,
    /// The APIs (resource servers), without the two system APIs.
    #[serde(rename = "api", default)]
    pub apis: Vec<Api>,
    /// The applications.
    #[serde(rename = "client", default)]
    pub clients: Vec<Client>,
    /// The client ID metadata documents that can be imported.
    #[serde(rename = "metadata_document", default)]
    pub metadata_documents: Vec<MetadataDocument>,
    /// The client grants.
    #[serde(rename = "client_grant", default)]
    pub client_grants: Vec<ClientGrant>,
    /// The identity providers.
    #[serde(rename = "connection", default)]
    pub connections: Vec<Connection>,
    /// The custom token exchange profiles.
    #[serde(rename = "token_exchange_profile", default)]
    pub token_exchange_profiles: Vec<TokenExchangeProfile>,
    /// The organizations.
    #[serde(rename = "organization", default)]
    pub organizations: Vec<Organization>,
    /// The roles.
    #[serde(rename = "role", default)]
    pub roles: Vec<Role>,
    /// The people who can sign in.
    #[serde(rename = "person", default)]
    pub people: Vec<Person>,
    /// The calendars of the stand-in for Google.
    #[serde(rename = "calendar", default)]
    pub calendars: Vec<Calendar>,
    /// The Actions.
    #[serde(rename = "action", default)]
    pub actions: Vec<Action>,
    /// The log streams, as the Management API has them. The tenant sends nothing to them.
    #[serde(rename = "log_stream", default)]
    pub log_streams: Vec<Value>,
}

/// Settings of the whole tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name on the sign-in page.
    pub name: String,
    /// The password of every person.
    pub password: String,
    /// Whether Dynamic Client Registration is enabled.
    #[serde(default)]
    pub dynamic_client_registration: bool,
    /// Whether clients that register themselves may use every API, as they could on old tenants.
    /// The tenant only says so, and is strict.
    #[serde(default)]
    pub permissive_registration: bool,
    /// Whether each use replaces a refresh token.
    #[serde(default)]
    pub rotate_refresh_tokens: bool,
    /// Whether access tokens have the name of the organization, too.
    #[serde(default)]
    pub organization_names: bool,
    /// The issuer of the enterprise identity provider whose ID-JAGs are accepted.
    #[serde(default)]
    pub enterprise_issuer: Option<String>,
    /// The API for requests that name none.
    #[serde(default)]
    pub default_audience: Option<String>,
    /// Whether `resource` names the API if `audience` does not: `compatibility`, or `audience`.
    #[serde(default = "compatibility")]
    pub resource_parameter_profile: String,
    /// Whether authorization responses have `iss` (RFC 9207).
    #[serde(default = "yes")]
    pub response_issuer: bool,
    /// Whether the metadata says that clients may use a client ID metadata document. The tenant
    /// knows only those that an administrator imported.
    #[serde(default)]
    pub client_id_metadata_documents: bool,
    /// Whether the consent page shows the descriptions of scopes.
    #[serde(default = "yes")]
    pub scope_descriptions: bool,
    /// The policies of multi-factor authentication, as in `all-applications`.
    #[serde(default)]
    pub mfa_policies: Vec<String>,
}

/// An identity provider whose tokens the Token Vault can hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The id, `con_…`.
    pub id: String,
    /// The name that requests use, for example `google-oauth2`.
    pub name: String,
    /// The kind of provider.
    pub strategy: String,
    /// The default scopes when a person connects an account.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether third-party clients may use it.
    #[serde(default = "yes")]
    pub is_domain_connection: bool,
    /// Whether people may sign in with it.
    #[serde(default = "yes")]
    pub authentication: bool,
    /// Whether people may connect accounts with it, for the Token Vault.
    #[serde(default = "yes")]
    pub connected_accounts: bool,
    /// The other options, as the Management API has them.
    #[serde(default)]
    pub options: serde_json::Map<String, Value>,
}

/// An Action. One that adds `name` or `email` to access tokens does so; other code is only kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The code.
    pub code: String,
    /// The trigger, as in `post-login`.
    pub trigger: String,
    /// Whether the code is deployed.
    #[serde(default)]
    pub deployed: bool,
    /// Whether it is bound to its trigger.
    #[serde(default)]
    pub bound: bool,
}

/// A custom token exchange profile, with what its Action would do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenExchangeProfile {
    /// The name.
    pub name: String,
    /// The URI that selects the profile.
    pub subject_token_type: String,
    /// How the Action validates the subject token.
    pub action: ProfileAction,
    /// The tokens for [`ProfileAction::KnownTokens`], each with its user id.
    #[serde(default)]
    pub known_tokens: std::collections::BTreeMap<String, String>,
}

/// How a custom token exchange validates its subject token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileAction {
    /// Requires a valid access token of this tenant and takes the user from its `sub`.
    TenantAccessToken,
    /// Requires a token from the profile's list.
    KnownTokens,
}

/// Why a seed is invalid.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It is not TOML, or a field is missing, unknown or has the wrong type.
    #[error("the seed cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// An entry refers to another that does not exist, or holds an invalid value.
    #[error("the seed is inconsistent: {0}")]
    Reference(String),
}

impl Seed {
    /// Reads the built-in seed for an API with the identifier `audience`.
    ///
    /// # Panics
    ///
    /// Never: a test of this crate reads the built-in seed.
    #[must_use]
    #[expect(clippy::unreachable, reason = "a test reads the built-in seed")]
    pub fn load_default(audience: &str) -> Self {
        match Self::parse(DEFAULT, audience) {
            Ok(seed) => seed,
            Err(error) => unreachable!("the built-in seed: {error}"),
        }
    }

    /// A tenant as it is after signing up: people who can sign in, and nothing set up. An
    /// administrator's application gets tokens of the Management API, as the API Explorer does.
    #[must_use]
    pub fn empty() -> Self {
        let mut seed = Self::load_default("http://127.0.0.1:3000/mcp");
        seed.tenant.dynamic_client_registration = false;
        seed.tenant.resource_parameter_profile = "audience".to_owned();
        seed.tenant.response_issuer = false;
        seed.tenant.scope_descriptions = false;
        seed.apis.clear();
        seed.clients.retain(|client| client.client_id == EXPLORER);
        seed.client_grants.retain(|grant| grant.client_id.as_deref() == Some(EXPLORER));
        seed.token_exchange_profiles.clear();
        seed.organizations.clear();
        seed.roles.clear();
        for person in &mut seed.people {
            person.roles.clear();
            person.permissions.clear();
            person.claims.clear();
            person.connected_accounts.clear();
            person.note.clear();
        }
        for connection in &mut seed.connections {
            connection.is_domain_connection = false;
            connection.connected_accounts = false;
            connection.scopes = vec!["email".to_owned(), "profile".to_owned()];
        }
        seed.connections.push(Connection {
            id: "con_local_database".to_owned(),
            name: "Username-Password-Authentication".to_owned(),
            strategy: "auth0".to_owned(),
            scopes: Vec::new(),
            is_domain_connection: false,
            authentication: true,
            connected_accounts: false,
            options: serde_json::Map::new(),
        });
        seed
    }

    /// Reads a seed. `{audience}` is replaced with `audience`, and `{server}` with the origin of
    /// that URL.
    ///
    /// # Errors
    ///
    /// Returns [`SeedError::Syntax`] if the text is not a seed, and [`SeedError::Reference`] if an
    /// entry names another that does not exist or a calendar is invalid.
    pub fn parse(toml: &str, audience: &str) -> Result<Self, SeedError> {
        let server = url::Url::parse(audience)
            .map(|url| url.origin().ascii_serialization())
            .unwrap_or_default();
        let text =
            toml.replace("{audience}", &escaped(audience)).replace("{server}", &escaped(&server));
        let seed: Self = toml::from_str(&text)?;
        seed.check()?;
        Ok(seed)
    }

    /// The person with this user id or email address.
    #[must_use]
    pub fn person(&self, id_or_email: &str) -> Option<&Person> {
        self.people
            .iter()
            .find(|person| person.user_id == id_or_email || person.email == id_or_email)
    }

    /// The application with this id.
    #[must_use]
    pub fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.client_id == client_id)
    }

    /// Replaces `{origin}` with the tenant's origin, which is known only once the tenant listens.
    pub(crate) fn with_origin(self, origin: &str) -> Result<Self, SeedError> {
        let unreadable = |error: serde_json::Error| SeedError::Reference(error.to_string());
        let mut value = serde_json::to_value(&self).map_err(unreadable)?;
        replace(&mut value, origin);
        serde_json::from_value(value).map_err(unreadable)
    }

    fn check(&self) -> Result<(), SeedError> {
        let wrong = |what: String| Err(SeedError::Reference(what));
        for person in &self.people {
            for role in &person.roles {
                if !self.roles.iter().any(|known| &known.name == role) {
                    return wrong(format!("{} has the unknown role `{role}`", person.email));
                }
            }
            for account in &person.connected_accounts {
                if !self.connections.iter().any(|c| c.name == account.connection) {
                    return wrong(format!(
                        "{} is connected to the unknown connection `{}`",
                        person.email, account.connection
                    ));
                }
            }
        }
        for organization in &self.organizations {
            let of_groups = organization.groups.iter().flat_map(|group| &group.roles);
            for role in organization.roles.values().flatten().chain(of_groups) {
                if !self.roles.iter().any(|known| &known.name == role) {
                    return wrong(format!("{} has the unknown role `{role}`", organization.name));
                }
            }
        }
        for grant in &self.client_grants {
            if let Some(id) = &grant.client_id
                && self.client(id).is_none()
            {
                return wrong(format!("a client grant names the unknown client `{id}`"));
            }
        }
        for calendar in &self.calendars {
            calendar.check().map_err(SeedError::Reference)?;
        }
        Ok(())
    }
}

fn yes() -> bool {
    true
}

fn compatibility() -> String {
    "compatibility".to_owned()
}

/// Escapes text for a basic string of TOML.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}

/// Replaces `{origin}` in every string and key.
fn replace(value: &mut Value, origin: &str) {
    match value {
        Value::String(text) => *text = text.replace("{origin}", origin),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, origin)),
        Value::Object(fields) => {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(key, mut field)| {
                    replace(&mut field, origin);
                    (key.replace("{origin}", origin), field)
                })
                .collect();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_seed_can_be_read_and_names_the_api() {
        let seed = Seed::load_default("http://127.0.0.1:3000/mcp");
        assert_eq!(seed.apis[0].identifier, "http://127.0.0.1:3000/mcp");
        assert_eq!(
            seed.client("doorward-connect").unwrap().redirect_uris,
            ["http://127.0.0.1:3000/connect/callback"]
        );
        assert!(seed.person("owner@example.com").is_some());
    }

    #[test]
    fn the_origin_is_filled_in_everywhere() {
        let seed = Seed::load_default("a").with_origin("http://127.0.0.1:4000").unwrap();
        assert!(!serde_json::to_string(&seed).unwrap().contains("{origin}"));
    }

    #[test]
    fn an_unknown_field_and_an_unknown_role_are_refused() {
        let unknown = Seed::parse("[tenant]\nname = 'a'\npassword = 'b'\ncolor = 1", "a");
        assert!(matches!(unknown, Err(SeedError::Syntax(_))));
        let role = "[tenant]\nname = 'a'\npassword = 'b'\n[[person]]\nuser_id = 'a'\nname = 'a'\nemail = 'e'\nroles = ['x']";
        let error = Seed::parse(role, "a").unwrap_err();
        assert!(error.to_string().contains("unknown role `x`"), "{error}");
    }

    #[test]
    fn an_audience_with_a_quote_does_not_break_out_of_its_string() {
        let seed = Seed::load_default("a\"b\\c\n");
        assert_eq!(seed.apis[0].identifier, "a\"b\\c\n");
    }
}
