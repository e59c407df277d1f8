//! Controls keys and tokens.

use serde_json::{Value, json};

use super::{Control, Unknown};
use crate::jose;
use crate::keys::{Key, KeyError, KeyKind, SigningKey};
use crate::seed::Api;
use crate::state::Store;
use crate::token::grant;
use crate::tokens::{self, AccessToken};

/// Controls keys and tokens.
impl Control {
    /// Makes the next key the current one and publishes a new next key of the default kind. Without
    /// `keep_previous`, tokens of the old key become invalid immediately.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError`] if the key cannot be generated.
    pub fn rotate_keys(&self, keep_previous: bool) -> Result<(), KeyError> {
        let following = Key::new(KeyKind::default())?;
        self.0.keys().rotate(following, keep_previous);
        Ok(())
    }

    /// Signs with a new key of this kind from now on. The old key becomes the previous one.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError`] if the key cannot be generated.
    pub fn sign_with(&self, kind: KeyKind) -> Result<(), KeyError> {
        let key = Key::new(kind)?;
        let mut keys = self.0.keys();
        let old = std::mem::replace(&mut keys.current, key);
        keys.previous = Some(old);
        Ok(())
    }

    /// Removes the previous key from the key set.
    pub fn remove_previous_key(&self) {
        self.0.keys().previous = None;
    }

    /// Sets whether the keys of the key set have an `alg`.
    pub fn set_alg_in_jwks(&self, present: bool) {
        self.0.keys().alg_in_jwks = present;
    }

    /// The published key set.
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.0.keys().jwks()
    }

    /// Sets the access token lifetime of all APIs, in seconds. A negative value issues expired
    /// tokens; `None` restores each API's own lifetime.
    pub fn set_token_lifetime(&self, seconds: Option<i64>) {
        self.0.store().access_token_lifetime = seconds;
    }

    /// Sets the lifetime of the external provider's access tokens, in seconds.
    pub fn set_provider_token_lifetime(&self, seconds: i64) {
        self.0.store().provider_token_lifetime = seconds;
    }

    /// Signs any header and claims. `alg` and `kid` default to those of the key; `null` leaves one
    /// out.
    #[must_use]
    pub fn mint_with(&self, which: SigningKey, header: &Value, claims: &Value) -> String {
        let mut keys = self.0.keys();
        if which == SigningKey::Foreign && keys.foreign.is_none() {
            keys.foreign = Key::new(KeyKind::default()).ok();
        }
        let key = keys.get(which);
        let mut header = header.clone();
        if let Value::Object(fields) = &mut header {
            fields.entry("alg").or_insert_with(|| json!(format!("{:?}", key.alg())));
            fields.entry("kid").or_insert_with(|| json!(key.kid));
            fields.retain(|_, value| !value.is_null());
        }
        jose::sign(key, &header, claims)
    }

    /// Issues an access token like the password grant does, for the first API of the seed.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person or the client does not exist, or if there is no API.
    pub fn mint_for(
        &self,
        person: &str,
        client_id: &str,
        scopes: &[&str],
    ) -> Result<String, Unknown> {
        let claims = self.claims_for(person, client_id, scopes)?;
        let store = self.0.store();
        let api = first_api(&store)?;
        Ok(tokens::sign_access_token(&self.0.keys(), api, &claims))
    }

    /// The claims of the token that [`Control::mint_for`] would issue. A test can change them and
    /// sign them with [`Control::mint_with`].
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person or the client does not exist, or if there is no API.
    pub fn claims_for(
        &self,
        person: &str,
        client_id: &str,
        scopes: &[&str],
    ) -> Result<Value, Unknown> {
        let store = self.0.store();
        let person =
            store.directory.person(person).ok_or_else(|| Unknown::new("person", person))?;
        let client =
            store.directory.client(client_id).ok_or_else(|| Unknown::new("client", client_id))?;
        let api = first_api(&store)?;
        let requested: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Ok(self.0.claims(
            &store,
            &AccessToken {
                api,
                subject: &person.user_id,
                client_id,
                scopes: &store.directory.grantable(client, person, Some(api), &requested),
                permissions: &store.directory.permissions_on(person, &api.identifier),
                grant_type: grant::PASSWORD,
                extra: tokens::extra_claims(&store, person, None),
            },
        ))
    }
}

fn first_api(store: &Store) -> Result<&Api, Unknown> {
    store.directory.apis.iter().find(|api| !api.is_system).ok_or_else(|| Unknown::new("API", ""))
}
