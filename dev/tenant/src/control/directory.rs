//! People, APIs, clients and what binds them.

use super::{Control, Unknown};
use crate::random;
use crate::seed::{Api, Client, ClientAuth, ConnectedAccount, Person, PublicKey, Scope, Seed};

/// People, APIs and clients. People are named by user id or e-mail address, APIs by identifier.
impl Control {
    /// Everything that the tenant knows now, with its own two APIs.
    #[must_use]
    pub fn directory(&self) -> Seed {
        self.0.store().directory.clone()
    }

    /// Changes anything that the tenant knows. The closure must not use the tenant: it is locked meanwhile.
    pub fn edit<R>(&self, change: impl FnOnce(&mut Seed) -> R) -> R {
        change(&mut self.0.store().directory)
    }

    /// Gives a person exactly these permissions on an API, directly. Roles that give others on it are taken away.
    ///
    /// # Errors
    ///
    /// When there is no such person.
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

    /// Gives a person one more permission on an API, directly.
    ///
    /// # Errors
    ///
    /// When there is no such person.
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

    /// Takes one permission on an API away from a person, wherever it came from; the others stay.
    ///
    /// # Errors
    ///
    /// When there is no such person.
    pub fn revoke_permission(
        &self,
        person: &str,
        audience: &str,
        name: &str,
    ) -> Result<(), Unknown> {
        let left = self.edit(|directory| {
            let found = directory.person(person).ok_or_else(|| Unknown::new("person", person))?;
            Ok(directory.permissions_on(found, audience))
        })?;
        let left: Vec<&str> = left.iter().map(String::as_str).filter(|one| *one != name).collect();
        self.set_permissions(person, audience, &left)
    }

    /// Gives a person exactly these roles, by name.
    ///
    /// # Errors
    ///
    /// When there is no such person or role.
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

    /// Replaces the scopes that an API defines.
    ///
    /// # Errors
    ///
    /// When there is no such API.
    pub fn set_scopes(&self, audience: &str, scopes: &[&str]) -> Result<(), Unknown> {
        self.edit_api(audience, |api| {
            api.scopes = scopes
                .iter()
                .map(|value| Scope { value: (*value).to_owned(), description: String::new() })
                .collect();
        })
    }

    /// Changes an API, for example its dialect.
    ///
    /// # Errors
    ///
    /// When there is no such API.
    pub fn edit_api(&self, audience: &str, change: impl FnOnce(&mut Api)) -> Result<(), Unknown> {
        self.edit(|directory| {
            let api = directory.apis.iter_mut().find(|api| api.identifier == audience);
            change(api.ok_or_else(|| Unknown::new("API", audience))?);
            Ok(())
        })
    }

    /// Adds a client, or replaces the one with its id.
    pub fn put_client(&self, client: Client) {
        self.edit(|directory| {
            directory.clients.retain(|known| known.client_id != client.client_id);
            directory.clients.push(client);
        });
    }

    /// Lets a client prove who it is by these keys (`private_key_jwt`) and no longer by a secret.
    ///
    /// # Errors
    ///
    /// When there is no such client.
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

    /// Connects an account to a person, in place of one on the same connection.
    ///
    /// # Errors
    ///
    /// When there is no such person.
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

    /// Takes a person's accounts on a connection out of the vault.
    ///
    /// # Errors
    ///
    /// When there is no such person.
    pub fn disconnect_account(&self, person: &str, connection: &str) -> Result<(), Unknown> {
        self.edit(|directory| {
            find(directory, person)?
                .connected_accounts
                .retain(|account| account.connection != connection);
            Ok(())
        })
    }

    /// Lets the other provider withdraw the refresh tokens of a person's accounts: exchanges fail from now on, and
    /// tokens that were given out no longer work.
    ///
    /// # Errors
    ///
    /// When there is no such person.
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

    /// Makes the provider tokens that were given out worthless: of one person, or all. New exchanges work.
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

    /// Makes all refresh tokens worthless.
    pub fn revoke_refresh_tokens(&self) {
        self.0.store().refresh_tokens.clear();
    }

    /// Forgets who is signed in and what people agreed to.
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
