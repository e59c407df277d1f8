//! Keys and tokens.

use serde_json::{Value, json};

use super::{Control, Unknown};
use crate::jose;
use crate::keys::{Key, KeyError, KeyKind, SigningKey};
use crate::seed::Api;
use crate::state::Store;
use crate::token::grant;
use crate::tokens::{self, AccessToken};

/// Keys and tokens.
impl Control {
    /// The next key signs from now on, and one of the default kind is announced after it. Without `keep_previous`
    /// tokens of the old key are worthless at once.
    ///
    /// # Errors
    ///
    /// When no key can be made.
    pub fn rotate_keys(&self, keep_previous: bool) -> Result<(), KeyError> {
        let following = Key::new(KeyKind::default())?;
        self.0.keys().rotate(following, keep_previous);
        Ok(())
    }

    /// A key of this kind signs from now on; the old one is kept as the previous one.
    ///
    /// # Errors
    ///
    /// When no key can be made.
    pub fn sign_with(&self, kind: KeyKind) -> Result<(), KeyError> {
        let key = Key::new(kind)?;
        let mut keys = self.0.keys();
        let old = std::mem::replace(&mut keys.current, key);
        keys.previous = Some(old);
        Ok(())
    }

    /// Takes the previous key out of the key set.
    pub fn remove_previous_key(&self) {
        self.0.keys().previous = None;
    }

    /// Should the keys of the key set say for which algorithm they are?
    pub fn set_alg_in_jwks(&self, present: bool) {
        self.0.keys().alg_in_jwks = present;
    }

    /// The key set, as it is published.
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.0.keys().jwks()
    }

    /// Sets the lifetime in seconds of the access tokens of all APIs, also a negative one; none restores the APIs' own.
    pub fn set_token_lifetime(&self, seconds: Option<i64>) {
        self.0.store().access_token_lifetime = seconds;
    }

    /// Sets the lifetime in seconds of the other provider's tokens.
    pub fn set_provider_token_lifetime(&self, seconds: i64) {
        self.0.store().provider_token_lifetime = seconds;
    }

    /// Signs any header and claims. A header without `alg` or `kid` gets that of the key; `null` leaves it out.
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

    /// An access token as the password grant gives it, for the first API of the seed.
    ///
    /// # Errors
    ///
    /// When there is no such person or client, or no API.
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

    /// The claims of that token, to change and then sign with [`Control::mint_with`].
    ///
    /// # Errors
    ///
    /// When there is no such person or client, or no API.
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
