//! ID tokens, which say who signed in at this server's own pages (OpenID Connect Core, section 3.1.3.7).

use std::fmt;

use serde_json::Value;

use super::{Claims, Expected, IssuerMemory, Refusal, SignatureAlgorithm, TokenFault, Untrusted};
use crate::{
    audit::Reason,
    config::{Config, TrustedIssuer},
    host::Host,
};

/// Why an ID token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdTokenFault {
    /// It is also for others, and `azp` does not say that it was issued to us.
    AuthorizedPartyWrong,
    /// It was not asked for now and here.
    NonceWrong,
    /// What could be wrong with any token.
    Refused(Refusal),
}

/// Verifies an ID token that the tenant issued to the client `client_id` in answer to a request with `nonce`.
///
/// # Errors
///
/// See [`IdTokenFault`].
pub async fn verify_id_token(
    host: &dyn Host,
    memory: &IssuerMemory,
    config: &Config,
    token: &str,
    client_id: &str,
    nonce: &str,
) -> Result<Claims, IdTokenFault> {
    // The application says what it is signed with, and the API's algorithms are not about that.
    let algorithms = SignatureAlgorithm::ALL.to_vec();
    let audiences = vec![client_id.to_owned()];
    let issuer = TrustedIssuer::tenant(config.issuer.clone(), audiences, algorithms, Vec::new());
    let untrusted = Untrusted::parse(token)?;
    let (key_id, algorithm) = (untrusted.key_id(), untrusted.algorithm());
    let documents =
        memory.documents_for(host, &issuer, key_id, algorithm).await.map_err(Refusal::from)?;
    let key = documents.jwks().find(key_id, algorithm).ok_or(TokenFault::KeyUnknown)?;
    let leeway = config.token_leeway_seconds;
    let expected = Expected { issuer: &issuer, leeway, now: host.now() };
    let claims = untrusted.verify(key, &expected)?;
    let text = |name: &str| claims.members.get(name).and_then(Value::as_str);
    let audiences = claims.members.get("aud").and_then(Value::as_array).map_or(1, Vec::len);
    let party = text("azp");
    if party.map_or(audiences > 1, |party| party != client_id) {
        return Err(IdTokenFault::AuthorizedPartyWrong);
    }
    if text("nonce") != Some(nonce) {
        return Err(IdTokenFault::NonceWrong);
    }
    Ok(claims)
}

impl From<Refusal> for IdTokenFault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<TokenFault> for IdTokenFault {
    fn from(fault: TokenFault) -> Self {
        Self::Refused(fault.into())
    }
}

impl fmt::Display for IdTokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthorizedPartyWrong => "token_authorized_party_wrong",
            Self::NonceWrong => "token_nonce_wrong",
            Self::Refused(refusal) => Reason::Refused(*refusal).code(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        oauth::testing::{NOW, good_header, jwk, token},
        testing::{FakeHost, finish},
    };

    const DISCOVERY: &str = "GET https://tenant.example.com/.well-known/openid-configuration";
    const KEYS: &str = "GET https://tenant.example.com/.well-known/jwks.json";

    fn verified(changes: &Value) -> Result<Claims, IdTokenFault> {
        let host = FakeHost::new();
        let metadata = json!({
            "issuer": "https://tenant.example.com/",
            "jwks_uri": "https://tenant.example.com/.well-known/jwks.json",
        });
        host.answers(DISCOVERY, 200, &metadata);
        host.answers(KEYS, 200, &json!({ "keys": [jwk("key")] }));
        // What access tokens may be signed with is not about ID tokens.
        host.set_variable("token_algorithms", "PS256");
        let config = finish(Config::load(&host)).unwrap();
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
        let (memory, token) = (IssuerMemory::default(), token(&header, &claims));
        finish(verify_id_token(&host, &memory, &config, &token, "connect-client", "the nonce"))
    }

    #[test]
    fn a_good_id_token_says_who_signed_in() {
        for same in [
            json!({}),
            json!({ "aud": ["connect-client"] }),
            json!({ "aud": ["connect-client", "another"], "azp": "connect-client" }),
        ] {
            assert_eq!(verified(&same).unwrap().members["sub"], "auth0|1", "{same}");
        }
    }

    #[test]
    fn one_for_somebody_else_or_another_time_is_refused() {
        use TokenFault::{AudienceWrong, Expired, IssuerWrong};
        let token_fault = |fault: TokenFault| IdTokenFault::from(fault);
        for (changes, fault) in [
            (json!({ "aud": "another-client" }), token_fault(AudienceWrong)),
            (json!({ "aud": "https://mcp.example.com/mcp" }), token_fault(AudienceWrong)),
            (json!({ "iss": "https://other.example/" }), token_fault(IssuerWrong)),
            (json!({ "iat": NOW - 700, "exp": NOW - 100 }), token_fault(Expired)),
            (json!({ "nonce": "another" }), IdTokenFault::NonceWrong),
            (json!({ "nonce": null }), IdTokenFault::NonceWrong),
            (json!({ "aud": ["connect-client", "another"] }), IdTokenFault::AuthorizedPartyWrong),
            (json!({ "azp": "another" }), IdTokenFault::AuthorizedPartyWrong),
        ] {
            assert_eq!(verified(&changes).unwrap_err(), fault, "{changes}");
        }
    }
}
