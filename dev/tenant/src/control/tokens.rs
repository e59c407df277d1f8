//! Controls keys and tokens.

use serde_json::{Value, json};

use super::{Control, Unknown};
use crate::jose;
use crate::keys::{Key, KeyError, KeyKind, SigningKey};
use crate::seed::Api;
use crate::state::Store;
use crate::token::grant::{self, ID_JAG_TYPE};
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
        let lazy = match which {
            SigningKey::Foreign => Some(&mut keys.foreign),
            SigningKey::Enterprise => Some(&mut keys.enterprise),
            _ => None,
        };
        if let Some(lazy @ None) = lazy {
            *lazy = Key::new(KeyKind::default()).ok();
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

    /// Issues an opaque token, about which introspection answers with these claims and
    /// `"active": true`.
    #[must_use]
    pub fn issue_opaque(&self, claims: &Value) -> String {
        let token = format!("opaque-token-{}", crate::random::token(16));
        let mut answer = claims.clone();
        crate::json::put(&mut answer, "active", json!(true));
        self.0.store().introspected.insert(token.clone(), answer);
        token
    }

    /// Ends an opaque token: introspection says that it is not active.
    pub fn end_opaque(&self, token: &str) {
        self.0.store().introspected.remove(token);
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
        self.sign(&self.claims_for(person, client_id, scopes)?)
    }

    /// Issues an access token as a sign-in to an organization, by id, does.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person or the client does not exist, if the person is not a
    /// member of the organization, or if there is no API.
    pub fn mint_for_member(
        &self,
        organization: &str,
        person: &str,
        client_id: &str,
        scopes: &[&str],
    ) -> Result<String, Unknown> {
        self.sign(&self.claims_in(Some(organization), person, client_id, scopes)?)
    }

    pub(super) fn sign(&self, claims: &Value) -> Result<String, Unknown> {
        let store = self.0.store();
        let api = first_api(&store)?;
        Ok(tokens::sign_access_token(&self.0.keys(), api, claims))
    }

    /// Issues an ID-JAG as the enterprise identity provider does when `client_id` asks for one, for
    /// the first API of the seed. `claims` are added, or replace those of the same name.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person does not exist, or if there is no API.
    pub fn mint_id_jag(
        &self,
        person: &str,
        client_id: &str,
        scopes: &[&str],
        claims: &Value,
    ) -> Result<String, Unknown> {
        let mut all = {
            let store = self.0.store();
            let person =
                store.directory.person(person).ok_or_else(|| Unknown::new("person", person))?;
            let now = crate::now();
            json!({
                "iss": store.settings().enterprise_issuer,
                "aud": self.0.issuer(),
                "sub": person.user_id,
                "email": person.email,
                "client_id": client_id,
                "resource": first_api(&store)?.identifier,
                "scope": scopes.join(" "),
                "jti": crate::random::token(16),
                "iat": now,
                "exp": now + 300,
            })
        };
        for (name, value) in claims.as_object().into_iter().flatten() {
            crate::json::put(&mut all, name, value.clone());
        }
        Ok(self.mint_with(SigningKey::Enterprise, &json!({ "typ": ID_JAG_TYPE }), &all))
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
        self.claims_in(None, person, client_id, scopes)
    }

    pub(super) fn claims_in(
        &self,
        organization: Option<&str>,
        person: &str,
        client_id: &str,
        scopes: &[&str],
    ) -> Result<Value, Unknown> {
        let store = self.0.store();
        let person =
            store.directory.person(person).ok_or_else(|| Unknown::new("person", person))?;
        if let Some(id) = organization {
            let member = store.directory.member_of(&person.user_id, id);
            member.map_err(|_| Unknown::new("member", &person.user_id))?;
        }
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
                scopes: &store.directory.grantable(
                    client,
                    person,
                    organization,
                    Some(api),
                    &requested,
                ),
                permissions: &store.directory.permissions_on(person, organization, &api.identifier),
                grant_type: grant::PASSWORD,
                extra: tokens::extra_claims(&store, person, organization),
            },
        ))
    }
}

fn first_api(store: &Store) -> Result<&Api, Unknown> {
    store.directory.apis.iter().find(|api| !api.is_system).ok_or_else(|| Unknown::new("API", ""))
}
