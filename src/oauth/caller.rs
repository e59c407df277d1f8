//! Who is calling, as proved by the token. A `Caller` is passed along with its request and kept nowhere else.

use std::fmt;

use serde_json::{Map, Value};

use super::{Claims, TokenFault};

/// A caller whose token was verified.
#[derive(Clone, Debug)]
pub struct Caller {
    subject: String,
    client_id: String,
    scopes: Vec<String>,
    claims: Claims,
    token: AccessToken,
}

/// The token that proved the caller. It is sent to the tenant in an exchange, and nowhere else.
#[derive(Clone)]
pub struct AccessToken(String);

impl Caller {
    /// # Errors
    ///
    /// [`TokenFault::SubjectMissing`] or [`TokenFault::ClientMissing`].
    pub(super) fn new(claims: Claims, token: AccessToken) -> Result<Self, TokenFault> {
        let text = |name: &str| {
            claims.members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
        };
        let subject = text("sub").ok_or(TokenFault::SubjectMissing)?.to_owned();
        // RFC 9068 says `client_id`, Auth0's own profile `azp`.
        let client_id =
            text("client_id").or_else(|| text("azp")).ok_or(TokenFault::ClientMissing)?.to_owned();
        let scopes = scopes(&claims.members);
        Ok(Self { subject, client_id, scopes, claims, token })
    }

    /// A caller that nobody proved.
    #[cfg(test)]
    pub(crate) fn for_test(claims: Map<String, Value>, token: AccessToken) -> Self {
        let claims = Claims { expires_at: u64::MAX, members: claims };
        Self::new(claims, token).expect("the claims name a subject and a client")
    }

    /// `sub`: the user, or the client itself when no user is behind the call.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The client that the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// `scope` and `permissions`, each once.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// A claim that is text.
    #[must_use]
    pub fn text_claim(&self, name: &str) -> Option<&str> {
        self.claims.members.get(name).and_then(Value::as_str)
    }

    /// `exp`, in seconds since the Unix epoch.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.claims.expires_at
    }

    /// The token itself, for an exchange at the tenant.
    #[must_use]
    pub(crate) fn token(&self) -> &AccessToken {
        &self.token
    }
}

impl AccessToken {
    /// The token itself, for the one request that has to carry it.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AccessToken {
    fn from(token: &str) -> Self {
        Self(token.to_owned())
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

fn scopes(claims: &Map<String, Value>) -> Vec<String> {
    let granted = claims.get("scope").and_then(Value::as_str).unwrap_or_default();
    let permissions = claims.get("permissions").and_then(Value::as_array);
    let mut scopes: Vec<String> = Vec::new();
    let all = granted
        .split(' ')
        .chain(permissions.into_iter().flatten().filter_map(Value::as_str))
        .filter(|scope| !scope.is_empty());
    for scope in all {
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn caller(claims: Value) -> Result<Caller, TokenFault> {
        let Value::Object(members) = claims else { panic!("claims are an object") };
        Caller::new(Claims { expires_at: 1, members }, AccessToken::from("secret-token"))
    }

    #[test]
    fn both_dialects_name_the_client() {
        let auth0 = caller(json!({"sub": "auth0|1", "azp": "client"})).unwrap();
        let rfc9068 = caller(json!({"sub": "auth0|1", "client_id": "client"})).unwrap();
        assert_eq!(auth0.client_id(), rfc9068.client_id());
    }

    #[test]
    fn a_caller_without_subject_or_client_is_none() {
        let fault = |claims| caller(claims).err();
        assert_eq!(fault(json!({"azp": "client"})), Some(TokenFault::SubjectMissing));
        assert_eq!(fault(json!({"sub": "", "azp": "client"})), Some(TokenFault::SubjectMissing));
        assert_eq!(fault(json!({"sub": "auth0|1"})), Some(TokenFault::ClientMissing));
        assert_eq!(fault(json!({"sub": "auth0|1", "azp": 7})), Some(TokenFault::ClientMissing));
    }

    #[test]
    fn scope_and_permissions_are_merged_without_doubles() {
        let caller = caller(json!({
            "sub": "auth0|1", "azp": "client", "scope": "a  b", "permissions": ["b", "c", 7]
        }))
        .unwrap();
        assert_eq!(caller.scopes(), ["a", "b", "c"]);
    }

    #[test]
    fn a_caller_can_be_printed_without_its_token() {
        let caller = caller(json!({"sub": "auth0|1", "azp": "client"})).unwrap();
        assert!(!format!("{caller:?}").contains("secret-token"));
    }
}
