//! The keys of one tenant: the current, the next and the previous one.

use serde_json::{Value, json};

use super::{Key, KeyError, KeyKind, SigningKey};

/// The tenant's keys.
pub(crate) struct KeyRing {
    pub(crate) current: Key,
    pub(crate) next: Key,
    pub(crate) previous: Option<Key>,
    /// Generated on first use.
    pub(crate) foreign: Option<Key>,
    /// That of the enterprise identity provider. Generated on first use.
    pub(crate) enterprise: Option<Key>,
    pub(crate) alg_in_jwks: bool,
}

impl KeyRing {
    pub(crate) fn generate() -> Result<Self, KeyError> {
        // Generating two takes a few tenths of a second, so each gets a thread.
        let (current, next) = std::thread::scope(|scope| {
            let next = scope.spawn(|| Key::new(KeyKind::default()));
            (Key::new(KeyKind::default()), next.join().unwrap_or(Err(KeyError)))
        });
        Ok(Self {
            current: current?,
            next: next?,
            previous: None,
            foreign: None,
            enterprise: None,
            alg_in_jwks: true,
        })
    }

    /// The JSON Web Key Set.
    pub(crate) fn jwks(&self) -> Value {
        let keys: Vec<Value> = [Some(&self.current), Some(&self.next), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .map(|key| key.jwk(self.alg_in_jwks))
            .collect();
        json!({ "keys": keys })
    }

    /// Makes the next key the current one; `following` becomes the next one.
    pub(crate) fn rotate(&mut self, following: Key, keep_previous: bool) {
        let next = std::mem::replace(&mut self.next, following);
        let old = std::mem::replace(&mut self.current, next);
        self.previous = keep_previous.then_some(old);
    }

    /// The published key with this id.
    pub(crate) fn published(&self, kid: &str) -> Option<&Key> {
        [Some(&self.current), Some(&self.next), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|key| key.kid == kid)
    }

    /// The selected key. Falls back to the current one while there is no previous or foreign key.
    pub(crate) fn get(&self, which: SigningKey) -> &Key {
        match which {
            SigningKey::Current => Some(&self.current),
            SigningKey::Next => Some(&self.next),
            SigningKey::Previous => self.previous.as_ref(),
            SigningKey::Foreign => self.foreign.as_ref(),
            SigningKey::Enterprise => self.enterprise.as_ref(),
        }
        .unwrap_or(&self.current)
    }
}

impl Drop for KeyRing {
    fn drop(&mut self) {
        let others = [self.previous.take(), self.foreign.take(), self.enterprise.take()];
        let own = [self.current.clone(), self.next.clone()];
        own.into_iter().chain(others.into_iter().flatten()).for_each(Key::recycle);
    }
}
