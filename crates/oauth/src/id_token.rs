//! ID tokens, which say who signed in at this server's own pages (OpenID Connect Core, section
//! 3.1.3.7).

use std::{error::Error, fmt};

use doorward_core::{audit::Reason, issuer::Issuer};
use serde_json::Value;

use crate::{
    AuthenticationError, Caller, Claims, Expected, IssuerQuery, ResourceServer, SignatureAlgorithm,
    TokenError, UntrustedJwt, jwt::TokenTyp, trusted_issuer::tenant,
};

/// Why an ID token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdTokenError {
    /// `azp` is missing beside several audiences, or names another client.
    AuthorizedPartyWrong,
    /// `nonce` is not the one that was sent.
    NonceWrong,
    /// The token is refused as any token would be.
    Refused(AuthenticationError),
}

impl ResourceServer<'_> {
    /// Verifies an ID token that the tenant issued to the client `client_id` for a request with
    /// `nonce`.
    ///
    /// # Errors
    ///
    /// Returns [`IdTokenError`] for the first reason found.
    pub async fn verify_id_token(
        &self,
        token: &str,
        client_id: &str,
        nonce: &str,
    ) -> Result<Claims, IdTokenError> {
        let issuer: Issuer = self.settings.main_issuer.issuer.clone();
        // The client's settings say what ID tokens are signed with; those of the API do not apply.
        let algorithms = SignatureAlgorithm::ALL.to_vec();
        let issuer = tenant(issuer, vec![client_id.to_owned()], algorithms, Vec::new());
        let untrusted = UntrustedJwt::parse(token)?;
        let (kid, algorithm) = (untrusted.key_id(), untrusted.algorithm());
        let query = IssuerQuery::Key { kid, algorithm };
        let issuers = &self.memory.issuers;
        let answer = issuers.get(self.outbound, &self.store, &issuer, query).await;
        let answer = answer.map_err(AuthenticationError::from)?;
        let key = answer.key(kid, algorithm).ok_or(TokenError::KeyUnknown)?;
        let (leeway, now) = (self.settings.leeway, self.outbound.host.now());
        let claims = untrusted.verify(key, &Expected { issuer: &issuer, leeway, now })?;
        let text = |name: &str| claims.members.get(name).and_then(Value::as_str);
        let audiences = claims.members.get("aud").and_then(Value::as_array).map_or(1, Vec::len);
        if text("azp").map_or(audiences > 1, |party| party != client_id) {
            return Err(IdTokenError::AuthorizedPartyWrong);
        }
        if text("nonce") != Some(nonce) {
            return Err(IdTokenError::NonceWrong);
        }
        Ok(claims)
    }
}

/// The claims that only ID tokens have (OpenID Connect Core, sections 2 and 3.3.2.11; FAPI 1.0).
const HASHES: [&str; 3] = ["at_hash", "c_hash", "s_hash"];

/// Whether a token that has the audience of access tokens is an ID token all the same, as with
/// issuers that use the id of a client as the audience of access tokens.
///
/// It is one if it says so (Amazon Cognito by `token_use`, Keycloak by `typ`), or has a claim that
/// only ID tokens have. It is also taken for one if it has the `nonce` of a sign-in, or if the
/// client that it was issued to is its audience (OpenID Connect Core, section 2); unless it says
/// that it is an access token, by those claims or by its header (RFC 9068: `at+jwt`), or is opaque.
pub(crate) fn is_id_token(caller: &Caller, typ: TokenTyp) -> bool {
    let kind = caller.text_claim("token_use").or_else(|| caller.text_claim("typ"));
    let is = |kinds: &[&str]| {
        kind.is_some_and(|kind| kinds.iter().any(|it| kind.eq_ignore_ascii_case(it)))
    };
    let has = |claim: &str| caller.claim(claim).is_some();
    let is_for = |client: &str| match caller.claim("aud") {
        Some(Value::Array(several)) => several.iter().any(|audience| audience == client),
        audience => audience.is_some_and(|audience| audience == client),
    };
    let claims =
        [Some(caller.client_id()), caller.text_claim("azp"), caller.text_claim("client_id")];
    let mut clients = claims.into_iter().flatten();
    if is(&["id"]) || HASHES.into_iter().any(has) {
        return true;
    }
    let is_access_token = typ != TokenTyp::Jwt || is(&["access", "Bearer", "DPoP"]);
    !is_access_token && (has("nonce") || clients.any(is_for))
}

/// Whether a token says that it is a refresh token: Keycloak's are JWTs with a `typ` of `Refresh`,
/// or `Offline` if they outlast the session.
pub(crate) fn is_refresh_token(caller: &Caller) -> bool {
    let kinds = ["token_use", "token_type", "typ"].into_iter();
    kinds.filter_map(|claim| caller.text_claim(claim)).any(|kind| {
        let is = |it: &&str| kind.eq_ignore_ascii_case(it);
        ["refresh", "refresh_token", "offline"].iter().any(is)
    })
}

impl From<AuthenticationError> for IdTokenError {
    fn from(error: AuthenticationError) -> Self {
        Self::Refused(error)
    }
}

impl From<TokenError> for IdTokenError {
    fn from(error: TokenError) -> Self {
        Self::Refused(error.into())
    }
}

impl fmt::Display for IdTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthorizedPartyWrong => "token_authorized_party_wrong",
            Self::NonceWrong => "token_nonce_wrong",
            Self::Refused(error) => error.code(),
        })
    }
}

impl Error for IdTokenError {}

#[cfg(test)]
mod tests {
    use doorward_core::testing::{FakeHost, finish};
    use serde_json::json;

    use super::*;
    use crate::testing::{Instance, NOW, good_header, jwk, token};

    const DISCOVERY: &str = "GET https://tenant.example.com/.well-known/openid-configuration";
    const KEYS: &str = "GET https://tenant.example.com/.well-known/jwks.json";

    fn verified(changes: &Value) -> Result<Claims, IdTokenError> {
        let host = FakeHost::new();
        let metadata = json!({
            "issuer": "https://tenant.example.com/",
            "jwks_uri": "https://tenant.example.com/.well-known/jwks.json",
        });
        host.answers(DISCOVERY, 200, &metadata);
        host.answers(KEYS, 200, &json!({ "keys": [jwk("key")] }));
        // The algorithms of access tokens do not apply to ID tokens.
        host.set_variable("token_algorithms", "PS256");
        let mut claims = json!({
            "iss": "https://tenant.example.com/",
            "aud": "connect-client",
            "sub": "auth0|1",
            "nonce": "the nonce",
            "iat": NOW,
            "exp": NOW + 600,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let mut header = good_header();
        header["typ"] = json!("JWT");
        let (instance, token) = (Instance::new(&host), token(&header, &claims));
        finish(instance.server(&host).verify_id_token(&token, "connect-client", "the nonce"))
    }

    #[test]
    fn a_valid_id_token_says_who_signed_in() {
        for same in [
            json!({}),
            json!({ "aud": ["connect-client"] }),
            json!({ "aud": ["connect-client", "another"], "azp": "connect-client" }),
        ] {
            assert_eq!(verified(&same).unwrap().members["sub"], "auth0|1", "{same}");
        }
    }

    #[test]
    fn an_id_token_for_another_client_request_or_time_is_refused() {
        use TokenError::{AudienceWrong, Expired, IssuerWrong};
        let token_error = |error: TokenError| IdTokenError::from(error);
        for (changes, error) in [
            (json!({ "aud": "another-client" }), token_error(AudienceWrong)),
            (json!({ "aud": "https://mcp.example.com/mcp" }), token_error(AudienceWrong)),
            (json!({ "iss": "https://other.example/" }), token_error(IssuerWrong)),
            (json!({ "iat": NOW - 700, "exp": NOW - 100 }), token_error(Expired)),
            (json!({ "nonce": "another" }), IdTokenError::NonceWrong),
            (json!({ "nonce": null }), IdTokenError::NonceWrong),
            (json!({ "aud": ["connect-client", "another"] }), IdTokenError::AuthorizedPartyWrong),
            (json!({ "azp": "another" }), IdTokenError::AuthorizedPartyWrong),
        ] {
            assert_eq!(verified(&changes).unwrap_err(), error, "{changes}");
        }
    }
}
