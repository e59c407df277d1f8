use doorward_core::testing::FakeHost;
use serde_json::{Value, json};

use super::*;
use crate::{
    Authentication, AuthenticationError, ProofError,
    dpop::tests::{headers, host, proof},
    testing::{ClientKey, Instance, NOW, good_claims, good_header, token},
};

const MISSING: AuthenticationError = AuthenticationError::Proof(ProofError::NonceMissing);
const WRONG: AuthenticationError = AuthenticationError::Proof(ProofError::NonceWrong);

/// A client that has a bound token.
struct Client(ClientKey, String);

impl Client {
    fn new() -> Self {
        let key = ClientKey::new();
        let token = key.token();
        Self(key, token)
    }

    /// What comes of a request whose proof is made now and has this nonce; `null` for none.
    fn sends(&self, instance: &Instance, host: &FakeHost, nonce: &Value) -> Authentication {
        let id = format!("{:032x}", rand::random::<u128>());
        let claims = json!({ "jti": id, "iat": host.now.get(), "nonce": nonce });
        let proof = proof(&self.0, &self.1, &json!({}), &claims);
        let authorization = format!("DPoP {}", self.1);
        instance
            .authentication(host, &headers(&[("authorization", &authorization), ("dpop", &proof)]))
    }

    fn outcome(
        &self,
        instance: &Instance,
        host: &FakeHost,
        nonce: &Value,
    ) -> Result<(), AuthenticationError> {
        self.sends(instance, host, nonce).outcome.map(drop)
    }

    /// The nonce that a refusal or a success brings.
    fn given(&self, instance: &Instance, host: &FakeHost, nonce: &Value) -> Value {
        json!(self.sends(instance, host, nonce).nonce.expect("the answer brings a nonce"))
    }
}

fn demanding() -> FakeHost {
    let host = host();
    host.set_variable("dpop_nonce", "required");
    host
}

#[test]
fn a_proof_needs_the_nonce_of_an_answer_where_nonces_are_required() {
    let (host, client) = (demanding(), Client::new());
    let instance = Instance::new(&host);
    let none = json!(null);
    assert_eq!(client.outcome(&instance, &host, &none), Err(MISSING));
    let nonce = client.given(&instance, &host, &none);
    assert_eq!(client.outcome(&instance, &host, &nonce), Ok(()));
    // It may be used again, with another proof, and each answer brings the next one.
    let next = client.given(&instance, &host, &nonce);
    assert_ne!(nonce, next);
    assert_eq!(client.outcome(&instance, &host, &next), Ok(()));
}

#[test]
fn a_nonce_is_accepted_for_five_minutes_by_every_instance_with_the_same_secret() {
    let (host, client) = (demanding(), Client::new());
    let nonce = client.given(&Instance::new(&host), &host, &json!(null));
    for (age, expected) in [(0, Ok(())), (300, Ok(())), (301, Err(WRONG)), (86_400, Err(WRONG))] {
        // The token expires before that.
        host.now.set(NOW + age.min(500));
        let outcome = client.outcome(&Instance::new(&host), &host, &nonce);
        assert_eq!(outcome, expected, "{age}");
    }
    // The clock of one instance may be behind that of another, as far as that of a client may.
    for (behind, expected) in [(50, Ok(())), (60, Ok(())), (61, Err(WRONG)), (300, Err(WRONG))] {
        let host = demanding();
        host.set_variable("token_leeway_seconds", "300");
        host.now.set(NOW + behind);
        let nonce = client.given(&Instance::new(&host), &host, &json!(null));
        host.now.set(NOW);
        assert_eq!(client.outcome(&Instance::new(&host), &host, &nonce), expected, "{behind}");
    }
}

#[test]
fn a_nonce_is_for_one_key_one_url_and_one_secret() {
    let (host, client, other) = (demanding(), Client::new(), Client::new());
    let instance = Instance::new(&host);
    let nonce = client.given(&instance, &host, &json!(null));
    assert_eq!(other.outcome(&instance, &host, &nonce), Err(WRONG), "another key's");
    let mut elsewhere = Instance::new(&host);
    elsewhere.settings.resource.mcp_url = "https://other.example.com/mcp".to_owned();
    let server = elsewhere.server(&host);
    let foreign = json!(issue(&server, &client.0.thumbprint()));
    assert_eq!(client.outcome(&instance, &host, &foreign), Err(WRONG), "another URL's");
    let mut rekeyed = Instance::new(&host);
    rekeyed.keys = doorward_core::keys::Keys::from(&doorward_core::Secret::from("another secret"));
    assert_eq!(client.outcome(&rekeyed, &host, &nonce), Err(WRONG), "of another secret");
    assert_eq!(client.outcome(&instance, &host, &nonce), Ok(()));
}

#[test]
fn what_this_server_did_not_give_out_is_no_nonce_whatever_the_policy() {
    let client = Client::new();
    for policy in ["optional", "required"] {
        let host = host();
        host.set_variable("dpop_nonce", policy);
        let instance = Instance::new(&host);
        let good = issue(&instance.server(&host), &client.0.thumbprint());
        let mut changed = good.clone();
        changed.replace_range(40..41, if &good[40..41] == "A" { "B" } else { "A" });
        for nonce in [
            json!(""),
            json!("nonce"),
            json!(7),
            json!([good]),
            json!(NOW.to_string()),
            json!(changed),
            json!(&good[1..]),
            json!(format!("{good}=")),
            json!(format!("{good}AAAA")),
        ] {
            let refused = client.sends(&instance, &host, &nonce);
            assert_eq!(refused.outcome.map(drop), Err(WRONG), "{policy} {nonce}");
            let retry = json!(refused.nonce.expect("the refusal brings a nonce"));
            assert_eq!(client.outcome(&instance, &host, &retry), Ok(()), "{policy} {nonce}");
        }
        assert_eq!(client.outcome(&instance, &host, &json!(good)), Ok(()));
    }
}

#[test]
fn a_client_that_uses_no_nonces_is_given_none_unless_it_must() {
    let (host, client) = (host(), Client::new());
    let instance = Instance::new(&host);
    let without = client.sends(&instance, &host, &json!(null));
    assert!(without.outcome.is_ok() && without.nonce.is_none());
    // One that has a nonce from before, when they were required, goes on with the next one.
    let known = json!(issue(&instance.server(&host), &client.0.thumbprint()));
    let with = client.sends(&instance, &host, &known);
    assert!(with.outcome.is_ok() && with.nonce.is_some());
}

#[test]
fn only_who_shows_a_bound_token_is_given_a_nonce() {
    let host = demanding();
    let instance = Instance::new(&host);
    let bearer = format!("Bearer {}", token(&good_header(), &good_claims()));
    let bound = ClientKey::new().token();
    for (authorization, outcome) in [
        (bearer, Ok(())),
        (format!("Bearer {bound}"), Err("token_bound_but_sent_as_bearer")),
        (format!("DPoP {bound}AA"), Err("token_signature_wrong")),
        ("DPoP a.b.c".to_owned(), Err("token_not_a_jwt")),
        (String::new(), Err("token_missing")),
    ] {
        use doorward_core::audit::Reason;
        let answer = instance.authentication(&host, &headers(&[("authorization", &authorization)]));
        assert_eq!(answer.outcome.map(drop).map_err(|error| error.code()), outcome);
        assert_eq!(answer.nonce, None, "{authorization}");
    }
    // Its proof may be missing, or wrong in any way: the next one needs a nonce all the same.
    let answer =
        instance.authentication(&host, &headers(&[("authorization", &format!("DPoP {bound}"))]));
    assert_eq!(answer.outcome.map(drop), Err(AuthenticationError::Proof(ProofError::Missing)));
    assert!(answer.nonce.is_some());
}

#[test]
fn a_proof_without_the_nonce_does_not_count_as_used() {
    let (host, client) = (demanding(), Client::new());
    let instance = Instance::new(&host);
    for _ in 0..2 {
        assert_eq!(client.outcome(&instance, &host, &json!(null)), Err(MISSING));
    }
    assert!(host.store.borrow().keys().all(|key| !key.contains("dpop")), "nothing is stored");
}

/// Such proofs are not limited in number, so they must not cost the check of a signature.
#[test]
fn the_signature_of_a_proof_without_the_nonce_is_not_checked() {
    let (host, client) = (demanding(), Client::new());
    let instance = Instance::new(&host);
    let authorization = format!("DPoP {}", client.1);
    let good = issue(&instance.server(&host), &client.0.thumbprint());
    let signature_wrong = AuthenticationError::Proof(ProofError::SignatureWrong);
    for (nonce, expected) in
        [(json!(null), MISSING), (json!("old"), WRONG), (json!(good), signature_wrong)]
    {
        let proof = proof(&client.0, &client.1, &json!({}), &json!({ "nonce": nonce }));
        let (signed, _) = proof.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", "A".repeat(86));
        let answer = instance.authentication(
            &host,
            &headers(&[("authorization", &authorization), ("dpop", &forged)]),
        );
        assert_eq!(answer.outcome.map(drop), Err(expected), "{nonce}");
        assert!(answer.nonce.is_some());
    }
}

#[test]
fn a_nonce_has_the_syntax_of_the_standard_and_does_not_show_the_time() {
    let (host, client) = (demanding(), Client::new());
    let instance = Instance::new(&host);
    let [one, other] = [(); 2].map(|()| issue(&instance.server(&host), &client.0.thumbprint()));
    assert_ne!(one, other);
    for nonce in [one, other] {
        assert_eq!(nonce.len(), 64);
        assert!(nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&nonce).unwrap();
        assert!(!bytes.windows(8).any(|window| window == NOW.to_be_bytes()));
    }
}
