//! Lookups in the directory: people, permissions and grants.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::json::put;
use crate::oauth::Error;
use crate::random;
use crate::seed::{
    Api, AppType, Client, ClientGrant, Organization, Person, Role, Scope, Seed, SubjectType,
    TokenDialect,
};

/// Scopes of OpenID Connect, which are independent of any API.
pub(crate) const OIDC_SCOPES: [&str; 7] =
    ["openid", "profile", "email", "name", "nickname", "address", "phone"];

/// A permission of a person, with its sources.
#[derive(Debug, Clone)]
pub(crate) struct Permission {
    pub(crate) audience: String,
    pub(crate) api_name: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) direct: bool,
    /// Ids and names of the roles that give it.
    pub(crate) roles: Vec<(String, String)>,
}

/// Adds the two system APIs of every tenant, and the ids and times that the seed leaves out.
pub(crate) fn fill_in_defaults(seed: &mut Seed, origin: &str) {
    let now = jiff::Timestamp::now().to_string();
    for account in seed.people.iter_mut().flat_map(|person| &mut person.connected_accounts) {
        if account.id.is_empty() {
            account.id = format!("cac_{}", random::hex(11));
        }
        if account.created_at.is_empty() {
            account.created_at.clone_from(&now);
        }
    }
    for grant in seed.client_grants.iter_mut().filter(|grant| grant.id.is_empty()) {
        grant.id = format!("cgr_{}", random::token(12));
    }
    seed.apis.push(system_api(
        "Auth0 Management API",
        format!("{origin}/api/v2/"),
        crate::management::SCOPES,
    ));
    seed.apis.push(system_api(
        "Auth0 My Account API",
        format!("{origin}/me/"),
        &[
            "create:me:connected_accounts",
            "read:me:connected_accounts",
            "delete:me:connected_accounts",
        ],
    ));
}

fn system_api(name: &str, identifier: String, scopes: &[&str]) -> Api {
    Api {
        id: random::hex(12),
        identifier,
        aliases: Vec::new(),
        name: name.to_owned(),
        token_dialect: TokenDialect::AccessToken,
        enforce_policies: false,
        allow_offline_access: false,
        token_lifetime: 86_400,
        signing_alg: "RS256".to_owned(),
        scopes: scopes
            .iter()
            .map(|value| Scope { value: (*value).to_owned(), description: String::new() })
            .collect(),
        user_access: "require_client_grant".to_owned(),
        is_system: true,
    }
}

impl Seed {
    /// The API with this identifier or object id.
    pub(crate) fn api(&self, identifier_or_id: &str) -> Option<&Api> {
        self.apis
            .iter()
            .find(|api| api.identifier == identifier_or_id || api.id == identifier_or_id)
    }

    /// The API whose alias this is.
    pub(crate) fn api_of_alias(&self, alias: &str) -> Option<&Api> {
        self.apis.iter().find(|api| api.aliases.iter().any(|known| known == alias))
    }

    /// The person with this user id.
    pub(crate) fn user(&self, user_id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.user_id == user_id)
    }

    pub(crate) fn user_mut(&mut self, user_id: &str) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.user_id == user_id)
    }

    /// Checks an email address and a password, and returns the person.
    pub(crate) fn sign_in(&self, email: &str, password: &str) -> Option<&Person> {
        self.people
            .iter()
            .find(|person| person.email.eq_ignore_ascii_case(email.trim()))
            .filter(|_| password == self.tenant.password)
    }

    /// The client grant that allows `client` to request scopes of `audience`. Third-party clients
    /// without their own grant get the default one.
    pub(crate) fn grant(
        &self,
        client: &Client,
        audience: &str,
        subject: SubjectType,
    ) -> Option<&ClientGrant> {
        self.client_grants.iter().find(|grant| {
            grant.audience == audience
                && grant.subject_type == subject
                && match &grant.client_id {
                    Some(id) => *id == client.client_id,
                    None => {
                        !client.is_first_party
                            && grant.default_for.as_deref() == Some("third_party_clients")
                    }
                }
        })
    }

    /// Finds an Organization by id or name and returns its id. It is an error if the user is not a
    /// member.
    pub(crate) fn member_of(&self, user_id: &str, id_or_name: &str) -> Result<String, Error> {
        self.organizations
            .iter()
            .find(|one| one.id == id_or_name || one.name.eq_ignore_ascii_case(id_or_name))
            .filter(|one| one.members.iter().any(|member| member == user_id))
            .map(|one| one.id.clone())
            .ok_or_else(|| {
                Error::access_denied(&format!(
                    "user {user_id} is not part of the {id_or_name} organization"
                ))
            })
    }

    /// The organization with this id.
    pub(crate) fn organization(&self, id: &str) -> Option<&Organization> {
        self.organizations.iter().find(|one| one.id == id)
    }

    /// Whether a client may sign members of an organization in.
    pub(crate) fn admits(&self, organization: &str, client: &Client) -> bool {
        client.is_first_party
            || self.organization(organization).is_some_and(|one| one.third_party_clients)
    }

    /// The roles that a member has in an organization; with `effective` also those of the member's
    /// groups. Who is no member has none.
    pub(crate) fn member_roles(
        &self,
        organization: &Organization,
        user_id: &str,
        effective: bool,
    ) -> Vec<&Role> {
        let is_in = |members: &[String]| members.iter().any(|member| member == user_id);
        if !is_in(&organization.members) {
            return Vec::new();
        }
        let of_groups =
            organization.groups.iter().filter(|group| effective && is_in(&group.members));
        let names: Vec<&String> = organization
            .roles
            .get(user_id)
            .into_iter()
            .chain(of_groups.map(|group| &group.roles))
            .flatten()
            .collect();
        self.roles.iter().filter(|role| names.contains(&&role.name)).collect()
    }

    /// All permissions of a person on all APIs, in a fixed order: direct ones and those of roles.
    /// In an organization, by id, only the roles there count.
    pub(crate) fn permissions(
        &self,
        person: &Person,
        organization: Option<&str>,
    ) -> Vec<Permission> {
        let mut all: BTreeMap<(String, String), Permission> = BTreeMap::new();
        let direct = person.permissions.iter().filter(|_| organization.is_none());
        let direct = direct.map(|entry| (None, entry));
        let roles: Vec<&Role> = match organization {
            None => self.roles.iter().filter(|role| person.roles.contains(&role.name)).collect(),
            Some(id) => self.organization(id).map_or_else(Vec::new, |organization| {
                self.member_roles(organization, &person.user_id, true)
            }),
        };
        let roles = roles
            .into_iter()
            .flat_map(|role| role.permissions.iter().map(move |entry| (Some(role), entry)));
        for (role, (audience, names)) in direct.chain(roles) {
            let api = self.api(audience);
            for name in names {
                let permission =
                    all.entry((audience.clone(), name.clone())).or_insert_with(|| Permission {
                        audience: audience.clone(),
                        api_name: api.map_or_else(String::new, |api| api.name.clone()),
                        name: name.clone(),
                        description: description(api, name),
                        direct: false,
                        roles: Vec::new(),
                    });
                match role {
                    Some(role) => permission.roles.push((role.id.clone(), role.name.clone())),
                    None => permission.direct = true,
                }
            }
        }
        all.into_values().collect()
    }

    /// The names of a person's permissions on one API, perhaps in an organization.
    pub(crate) fn permissions_on(
        &self,
        person: &Person,
        organization: Option<&str>,
        audience: &str,
    ) -> Vec<String> {
        self.permissions(person, organization)
            .into_iter()
            .filter(|permission| permission.audience == audience)
            .map(|permission| permission.name)
            .collect()
    }

    /// The scopes of a client grant.
    pub(crate) fn granted_scopes(&self, grant: &ClientGrant) -> Vec<String> {
        match self.api(&grant.audience) {
            Some(api) if grant.allow_all_scopes => {
                api.scopes.iter().map(|scope| scope.value.clone()).collect()
            }
            _ => grant.scopes.clone(),
        }
    }

    /// The requested scopes that the person can grant to the client.
    pub(crate) fn grantable(
        &self,
        client: &Client,
        person: &Person,
        organization: Option<&str>,
        api: Option<&Api>,
        requested: &[String],
    ) -> Vec<String> {
        let permissions = api
            .filter(|api| api.enforce_policies)
            .map(|api| self.permissions_on(person, organization, &api.identifier));
        let ceiling = api.filter(|api| api.is_system || !client.is_first_party).map(|api| {
            self.grant(client, &api.identifier, SubjectType::User)
                .map(|grant| self.granted_scopes(grant))
                .unwrap_or_default()
        });
        let mut granted: Vec<String> = Vec::new();
        for scope in requested {
            let allowed = if OIDC_SCOPES.contains(&scope.as_str()) {
                client.is_first_party
            } else if scope == "offline_access" {
                api.is_none_or(|api| api.allow_offline_access)
                    && client.grant_types.iter().any(|one| one == crate::token::grant::REFRESH)
            } else {
                api.is_some_and(|api| api.scopes.iter().any(|known| known.value == *scope))
                    && permissions.as_ref().is_none_or(|names| names.contains(scope))
                    && ceiling.as_ref().is_none_or(|scopes| scopes.contains(scope))
            };
            if allowed && !granted.contains(scope) {
                granted.push(scope.clone());
            }
        }
        granted
    }
}

impl Client {
    /// Whether the client may use this grant type.
    pub(crate) fn allows(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|one| one == grant_type)
    }

    /// The API that the client belongs to, if it is a "Custom API Client".
    pub(crate) fn own_api(&self) -> Option<&str> {
        self.resource_server_identifier
            .as_deref()
            .filter(|_| self.app_type == AppType::ResourceServer && self.is_first_party)
    }
}

impl Permission {
    /// The entry in `users/{id}/permissions`.
    pub(crate) fn row(&self) -> Value {
        let direct = self
            .direct
            .then(|| json!({"source_id": "", "source_name": "", "source_type": "DIRECT"}));
        let roles = self
            .roles
            .iter()
            .map(|(id, name)| json!({"source_id": id, "source_name": name, "source_type": "ROLE"}));
        json!({
            "resource_server_identifier": self.audience,
            "permission_name": self.name,
            "resource_server_name": self.api_name,
            "description": self.description,
            "sources": direct.into_iter().chain(roles).collect::<Vec<_>>(),
        })
    }

    /// The entry in `users/{id}/effective-permissions`.
    pub(crate) fn effective_row(&self) -> Value {
        let mut sources = Vec::new();
        if self.direct {
            sources.push("direct");
        }
        if !self.roles.is_empty() {
            sources.push("roles");
        }
        let mut row = self.row();
        put(&mut row, "sources", json!(sources));
        row
    }
}

fn description(api: Option<&Api>, name: &str) -> String {
    api.and_then(|api| api.scopes.iter().find(|scope| scope.value == name))
        .map_or_else(String::new, |scope| scope.description.clone())
}
