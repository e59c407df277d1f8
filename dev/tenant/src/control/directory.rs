//! Changes people, APIs and clients.

use super::{Control, Unknown};
use crate::random;
use crate::seed::{
    Api, Client, ClientAuth, ConnectedAccount, Organization, Person, PublicKey, Scope, Seed,
};

/// People, APIs and clients. People are named by user id or email address, APIs by identifier.
impl Control {
    /// A copy of the whole directory, including the two system APIs.
    #[must_use]
    pub fn directory(&self) -> Seed {
        self.0.store().directory.clone()
    }

    /// Changes the directory. The closure must not use the tenant, which is locked while it runs.
    pub fn edit<R>(&self, change: impl FnOnce(&mut Seed) -> R) -> R {
        change(&mut self.0.store().directory)
    }

    /// Sets a person's permissions on an API. Roles with permissions on that API are removed from
    /// the person.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person does not exist.
    pub fn set_permissions(
        &self,
        person: &str,
        audience: &str,
        names: &[&str],
    ) -> Result<(), Unknown> {
        self.edit(|directory| {
            let giving: Vec<String> = directory
                .roles
                .iter()
                .filter(|role| role.permissions.contains_key(audience))
                .map(|role| role.name.clone())
                .collect();
            let person = find(directory, person)?;
            person.roles.retain(|role| !giving.contains(role));
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            person.permissions.insert(audience.to_owned(), names);
            Ok(())
        })
    }

    /// Adds a direct permission on an API.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person does not exist.
    pub fn grant_permission(
        &self,
        person: &str,
        audience: &str,
        name: &str,
    ) -> Result<(), Unknown> {
        self.edit(|directory| {
            let names =
                find(directory, person)?.permissions.entry(audience.to_owned()).or_default();
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
            Ok(())
        })
    }

    /// Removes a permission on an API, whether direct or through a role. The person keeps the other
    /// permissions.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person does not exist.
    pub fn revoke_permission(
        &self,
        person: &str,
        audience: &str,
        name: &str,
    ) -> Result<(), Unknown> {
        let left = self.edit(|directory| {
            let found = directory.person(person).ok_or_else(|| Unknown::new("person", person))?;
            Ok(directory.permissions_on(found, None, audience))
        })?;
        let left: Vec<&str> = left.iter().map(String::as_str).filter(|one| *one != name).collect();
        self.set_permissions(person, audience, &left)
    }

    /// Sets the roles of a person, by name.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person or a role does not exist.
    pub fn set_roles(&self, person: &str, roles: &[&str]) -> Result<(), Unknown> {
        self.edit(|directory| {
            for role in roles {
                if !directory.roles.iter().any(|known| known.name == *role) {
                    return Err(Unknown::new("role", role));
                }
            }
            find(directory, person)?.roles = roles.iter().map(|role| (*role).to_owned()).collect();
            Ok(())
        })
    }

    /// Blocks a person, or ends the block.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person does not exist.
    pub fn set_blocked(&self, person: &str, blocked: bool) -> Result<(), Unknown> {
        self.edit(|directory| {
            find(directory, person)?.blocked = blocked;
            Ok(())
        })
    }

    /// Makes a person a member of an organization, by id, with these roles there, by name.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person or the organization does not exist.
    pub fn set_member(
        &self,
        organization: &str,
        person: &str,
        roles: &[&str],
    ) -> Result<(), Unknown> {
        self.edit_member(organization, person, |organization, user_id| {
            if !organization.members.contains(&user_id) {
                organization.members.push(user_id.clone());
            }
            let roles = roles.iter().map(|role| (*role).to_owned()).collect();
            organization.roles.insert(user_id, roles);
        })
    }

    /// Removes a person from an organization, by id.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person or the organization does not exist.
    pub fn remove_member(&self, organization: &str, person: &str) -> Result<(), Unknown> {
        self.edit_member(organization, person, |organization, user_id| {
            organization.members.retain(|member| *member != user_id);
            organization.roles.remove(&user_id);
        })
    }

    fn edit_member(
        &self,
        id: &str,
        person: &str,
        change: impl FnOnce(&mut Organization, String),
    ) -> Result<(), Unknown> {
        self.edit(|directory| {
            let user_id = find(directory, person)?.user_id.clone();
            let organization = directory.organizations.iter_mut().find(|one| one.id == id);
            change(organization.ok_or_else(|| Unknown::new("organization", id))?, user_id);
            Ok(())
        })
    }

    /// Replaces the scopes of an API.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the API does not exist.
    pub fn set_scopes(&self, audience: &str, scopes: &[&str]) -> Result<(), Unknown> {
        self.edit_api(audience, |api| {
            api.scopes = scopes
                .iter()
                .map(|value| Scope { value: (*value).to_owned(), description: String::new() })
                .collect();
        })
    }

    /// Changes an API, for example its token dialect.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the API does not exist.
    pub fn edit_api(&self, audience: &str, change: impl FnOnce(&mut Api)) -> Result<(), Unknown> {
        self.edit(|directory| {
            let api = directory.apis.iter_mut().find(|api| api.identifier == audience);
            change(api.ok_or_else(|| Unknown::new("API", audience))?);
            Ok(())
        })
    }

    /// Adds a client, or replaces the one with the same id.
    pub fn put_client(&self, client: Client) {
        self.edit(|directory| {
            directory.clients.retain(|known| known.client_id != client.client_id);
            directory.clients.push(client);
        });
    }

    /// Makes a client authenticate with `private_key_jwt` and these keys, and removes its secret.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the client does not exist.
    pub fn use_private_key_jwt(
        &self,
        client_id: &str,
        keys: Vec<PublicKey>,
    ) -> Result<(), Unknown> {
        self.edit(|directory| {
            let client = directory.clients.iter_mut().find(|client| client.client_id == client_id);
            let client = client.ok_or_else(|| Unknown::new("client", client_id))?;
            client.token_endpoint_auth_method = ClientAuth::PrivateKeyJwt;
            client.client_secret = None;
            client.public_keys = keys;
            Ok(())
        })
    }

    /// Connects an account to a person. It replaces the person's accounts on the same connection.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person does not exist.
    pub fn connect_account(
        &self,
        person: &str,
        connection: &str,
        scopes: &[&str],
    ) -> Result<(), Unknown> {
        self.edit(|directory| {
            let person = find(directory, person)?;
            person.connected_accounts.retain(|account| account.connection != connection);
            person.connected_accounts.push(ConnectedAccount {
                id: format!("cac_{}", random::hex(11)),
                connection: connection.to_owned(),
                scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
                email: None,
                revoked: false,
                created_at: jiff::Timestamp::now().to_string(),
            });
            Ok(())
        })
    }

    /// Removes a person's accounts on a connection from the Token Vault.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person does not exist.
    pub fn disconnect_account(&self, person: &str, connection: &str) -> Result<(), Unknown> {
        self.edit(|directory| {
            find(directory, person)?
                .connected_accounts
                .retain(|account| account.connection != connection);
            Ok(())
        })
    }

    /// Revokes the refresh tokens of a person's accounts at the external provider. Token Vault
    /// exchanges fail from now on, and access tokens that were already issued become invalid.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person does not exist.
    pub fn withdraw_account(&self, person: &str, connection: &str) -> Result<(), Unknown> {
        let user_id = self.edit(|directory| {
            let person = find(directory, person)?;
            for account in
                person.connected_accounts.iter_mut().filter(|one| one.connection == connection)
            {
                account.revoked = true;
            }
            Ok(person.user_id.clone())
        })?;
        self.0
            .store()
            .provider_tokens
            .retain(|_, token| token.user_id != user_id || token.connection != connection);
        Ok(())
    }

    /// Revokes the issued access tokens of the external provider, of one person or all. New Token
    /// Vault exchanges still succeed.
    pub fn revoke_provider_tokens(&self, person: Option<&str>) {
        let mut store = self.0.store();
        let user_id = person.map(|name| {
            store
                .directory
                .person(name)
                .map_or_else(|| name.to_owned(), |person| person.user_id.clone())
        });
        store
            .provider_tokens
            .retain(|_, token| user_id.as_ref().is_some_and(|id| token.user_id != *id));
    }

    /// Revokes all refresh tokens.
    pub fn revoke_refresh_tokens(&self) {
        self.0.store().refresh_tokens.clear();
    }

    /// Ends all sign-in sessions and forgets all consents.
    pub fn forget_sessions(&self) {
        let mut store = self.0.store();
        store.sessions.clear();
        store.consents.clear();
    }
}

fn find<'a>(directory: &'a mut Seed, id_or_email: &str) -> Result<&'a mut Person, Unknown> {
    directory
        .people
        .iter_mut()
        .find(|person| person.user_id == id_or_email || person.email == id_or_email)
        .ok_or_else(|| Unknown::new("person", id_or_email))
}
