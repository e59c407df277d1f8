//! DPoP (RFC 9449): tokens that are bound to a key of the client, and proofs of that key.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::Generate,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    audit_log::{audited, reasons},
    case::{Case, case},
    world::{Answer, OWNER, World},
};

pub(super) const CASES: &[Case] = &[
    case!(a_bound_token_of_the_tenant_gets_in_with_a_proof_of_its_key),
    case!(a_bound_token_needs_the_dpop_scheme_and_an_unbound_one_bearer),
    case!(every_invalid_proof_is_refused),
    case!(a_proof_gets_in_once),
    case!(of_a_burst_of_copies_of_a_proof_one_gets_in_on_each_instance alone),
    case!(if_bound_tokens_are_required_the_challenge_and_the_metadata_say_so with REQUIRED),
    case!(a_proof_made_in_advance_is_worthless_if_nonces_are_required with NONCES),
    case!(a_proof_may_be_five_minutes_old_if_the_operator_says_so with FIVE_MINUTES),
];

const REQUIRED: &[(&str, &str)] = &[("dpop", "required")];
const NONCES: &[(&str, &str)] = &[("dpop_nonce", "required")];
const FIVE_MINUTES: &[(&str, &str)] = &[("dpop_proof_seconds", "300")];

/// A client with a DPoP key.
struct Client(SigningKey);

impl Client {
    fn new() -> Self {
        Self(SigningKey::generate_from_rng(&mut rand::rng()))
    }

    fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_point(false);
        let coordinate = |bytes: Option<_>| encode(bytes.expect("the point is not compressed"));
        json!({
            "kty": "EC", "crv": "P-256", "x": coordinate(point.x()), "y": coordinate(point.y()),
        })
    }

    fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        hash(&format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]))
    }

    fn proof(&self, header: &Value, claims: &Value) -> String {
        let mut whole = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() });
        for (name, value) in header.as_object().expect("a header is an object") {
            whole[name] = value.clone();
        }
        let signed = format!("{}.{}", encode(whole.to_string()), encode(claims.to_string()));
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.to_bytes()))
    }

    /// A token of the owner, bound to this key.
    fn token(&self, world: &World) -> String {
        let mut claims = world.claims(OWNER);
        claims["cnf"] = json!({ "jkt": self.thumbprint() });
        world.tenant().mint(&json!({}), &claims)
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn hash(text: &str) -> String {
    encode(Sha256::digest(text))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_secs()
}

/// The claims of a new proof for a token.
fn claims(world: &World, token: &str) -> Value {
    let id = format!("{:032x}", rand::random::<u128>());
    json!({ "jti": id, "htm": "POST", "htu": world.mcp_url(), "iat": now(), "ath": hash(token) })
}

fn ping(world: &World, scheme: &str, token: &str, proofs: &[&str]) -> RequestBuilder {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let request = world.request(Method::POST, "/mcp").json(&message);
    let request = request.header("authorization", format!("{scheme} {token}"));
    proofs.iter().fold(request, |request, proof| request.header("dpop", *proof))
}

fn challenge(world: &World, error: &str, description: &Value) -> String {
    format!(
        "DPoP error=\"{error}\", error_description={description}, algs=\"ES256 RS256 PS256\", \
         scope=\"tool:whoami tool:greet tool:calendar_summary\", resource_metadata=\"{}\"",
        world.url("/.well-known/oauth-protected-resource/mcp")
    )
}

/// Sends a request and checks that it is refused: with this reason in the audit log and this error
/// in the answer.
async fn refused(world: &World, request: RequestBuilder, reason: &str, error: &str) {
    let (answer, lines) = audited(world, request, 1).await;
    assert_eq!(reasons(&lines), [reason]);
    assert!(lines[0].get("subject").is_none(), "the subject is not proven");
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{reason}");
    assert_eq!(answer.error(), error, "{reason}");
    let challenge = challenge(world, error, &json!(answer.error_text()));
    assert_eq!(answer.header("www-authenticate"), challenge, "{reason}");
}

async fn a_bound_token_of_the_tenant_gets_in_with_a_proof_of_its_key(world: &World) {
    let client = Client::new();
    let url = format!("{}/oauth/token", world.tenant().origin());
    let claims_for_tenant = json!({ "jti": "1", "htm": "POST", "htu": url.as_str(), "iat": now() });
    let form = [
        ("grant_type", "password"),
        ("client_id", "doorward-test"),
        ("username", OWNER),
        ("password", "local-password"),
        ("audience", &world.mcp_url()),
    ];
    let sign_in = async |claims: &Value| {
        let request = reqwest::Client::new().post(&url).form(&form);
        Answer::of(request.header("dpop", client.proof(&json!({}), claims))).await
    };
    // The tenant wants a nonce from public clients.
    let refused = sign_in(&claims_for_tenant).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.error(), "use_dpop_nonce");
    let mut claims_for_tenant = claims_for_tenant;
    claims_for_tenant["nonce"] = json!(refused.header("dpop-nonce"));
    let issued = sign_in(&claims_for_tenant).await.json();
    assert_eq!(issued["token_type"], "DPoP", "{issued}");
    let token = issued["access_token"].as_str().expect("the tenant issued a token");
    for _ in 0..2 {
        let proof = client.proof(&json!({}), &claims(world, token));
        let (answer, lines) = audited(world, ping(world, "DPoP", token, &[&proof]), 1).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(reasons(&lines), ["admitted"]);
    }
}

async fn a_bound_token_needs_the_dpop_scheme_and_an_unbound_one_bearer(world: &World) {
    let client = Client::new();
    let (bound, bearer) = (client.token(world), world.token(OWNER));
    let proof = |token: &str| client.proof(&json!({}), &claims(world, token));
    let sent = "token_bound_but_sent_as_bearer";
    refused(world, ping(world, "Bearer", &bound, &[]), sent, "invalid_token").await;
    refused(world, ping(world, "Bearer", &bound, &[&proof(&bound)]), sent, "invalid_token").await;
    let unbound = ping(world, "DPoP", &bearer, &[&proof(&bearer)]);
    refused(world, unbound, "token_not_bound", "invalid_token").await;
    let forged = ping(world, "DPoP", "a.b.c", &[&proof("a.b.c")]);
    refused(world, forged, "token_not_a_jwt", "invalid_token").await;
    let with_a_proof_too = ping(world, "Bearer", &bearer, &["nonsense"]);
    assert_eq!(Answer::of(with_a_proof_too).await.status, StatusCode::OK);
}

async fn every_invalid_proof_is_refused(world: &World) {
    let (client, other) = (Client::new(), Client::new());
    let token = client.token(world);
    let good = claims(world, &token);
    let mut private = client.jwk();
    private["d"] = json!("AA");
    for (header, name, value, reason) in [
        (json!({ "typ": "JWT" }), "", json!(null), "proof_type_wrong"),
        (json!({ "alg": "none" }), "", json!(null), "proof_algorithm_not_allowed"),
        (json!({ "alg": "HS256" }), "", json!(null), "proof_algorithm_not_allowed"),
        (json!({ "jwk": private }), "", json!(null), "proof_key_private"),
        (json!({ "jwk": null }), "", json!(null), "proof_key_malformed"),
        (json!({}), "htm", json!("GET"), "proof_method_wrong"),
        (json!({}), "htu", json!("https://evil.example/mcp"), "proof_url_wrong"),
        (json!({}), "iat", json!(now() - 120), "proof_time_wrong"),
        (json!({}), "iat", json!(now() + 120), "proof_time_wrong"),
        (json!({}), "jti", json!(""), "proof_id_missing"),
        (json!({}), "ath", json!(hash("another")), "proof_token_hash_wrong"),
    ] {
        let mut claims = good.clone();
        if !name.is_empty() {
            claims[name] = value;
        }
        let proof = client.proof(&header, &claims);
        refused(world, ping(world, "DPoP", &token, &[&proof]), reason, "invalid_dpop_proof").await;
    }
    let of_other = other.proof(&json!({}), &good);
    let names_other = client.proof(&json!({ "jwk": other.jwk() }), &good);
    let proof = client.proof(&json!({}), &good);
    let (signed, _) = proof.rsplit_once('.').expect("a proof has three parts");
    let damaged = format!("{signed}.{}", "A".repeat(86));
    for (proofs, reason, error) in [
        (&[][..], "proof_missing", "invalid_dpop_proof"),
        (&[&*of_other, &*of_other], "proof_repeated", "invalid_dpop_proof"),
        (&[&*of_other], "proof_key_wrong", "invalid_token"),
        (&[&*names_other], "proof_key_wrong", "invalid_token"),
        (&[&*damaged], "proof_signature_wrong", "invalid_dpop_proof"),
        (&["nonsense"], "proof_not_a_jwt", "invalid_dpop_proof"),
    ] {
        refused(world, ping(world, "DPoP", &token, proofs), reason, error).await;
    }
    let proof = client.proof(&json!({}), &good);
    assert_eq!(Answer::of(ping(world, "DPoP", &token, &[&proof])).await.status, StatusCode::OK);
}

async fn a_proof_gets_in_once(world: &World) {
    let client = Client::new();
    let token = client.token(world);
    let proof = client.proof(&json!({}), &claims(world, &token));
    let once = || ping(world, "DPoP", &token, &[&proof]);
    assert_eq!(Answer::of(once()).await.status, StatusCode::OK);
    // It is refused on every instance.
    for _ in 0..3 {
        refused(world, once(), "proof_replayed", "invalid_dpop_proof").await;
    }
    if let Some(stored) = world.stored() {
        assert!(!stored.contains(&proof) && !stored.contains(&token));
    }
}

async fn of_a_burst_of_copies_of_a_proof_one_gets_in_on_each_instance(world: &World) {
    let client = Client::new();
    let token = client.token(world);
    for burst in 0..6 {
        let proof = client.proof(&json!({}), &claims(world, &token));
        let copies = || (0..32).map(|_| Answer::of(ping(world, "DPoP", &token, &[&proof])));
        let admitted = |answers: Vec<Answer>| {
            answers.iter().filter(|answer| answer.status == StatusCode::OK).count()
        };
        // Key-value has no atomic insert: instances that read at the same moment all find no proof.
        let first = admitted(join_all(copies()).await);
        let most = if world.instances() == 1 { 1 } else { 32 };
        assert!((1..=most).contains(&first), "{first} got in, in burst {burst}");
        // Once one was answered, the store has it, so no instance lets in another.
        let later = admitted(join_all(copies()).await);
        assert_eq!(later, 0, "got in later, in burst {burst}");
    }
}

async fn a_proof_made_in_advance_is_worthless_if_nonces_are_required(world: &World) {
    let (client, other) = (Client::new(), Client::new());
    let (token, of_other) = (client.token(world), other.token(world));
    let send = async |client: &Client, token: &str, nonce: Option<&str>| {
        let mut claims = claims(world, token);
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        let proof = client.proof(&json!({}), &claims);
        Answer::of(ping(world, "DPoP", token, &[&proof])).await
    };
    let demanded = |answer: &Answer| {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
        assert_eq!(answer.error(), "use_dpop_nonce");
        let description = &json!(answer.error_text());
        let challenge = challenge(world, "use_dpop_nonce", description);
        assert_eq!(answer.header("www-authenticate"), challenge);
        assert_eq!(answer.header("cache-control"), "no-store");
        let nonce = answer.header("dpop-nonce").to_owned();
        assert!(!nonce.is_empty(), "{answer:?}");
        nonce
    };
    let nonce = demanded(&send(&client, &token, None).await);
    let stranger = demanded(&send(&other, &of_other, None).await);
    for forged in ["", "made in advance", &now().to_string(), &stranger, &nonce[..63]] {
        demanded(&send(&client, &token, Some(forged)).await);
    }
    // The nonce serves several proofs, on every instance, and each answer brings the next one.
    for _ in 0..4 {
        let answer = send(&client, &token, Some(&nonce)).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let next = answer.header("dpop-nonce").to_owned();
        assert_eq!(send(&client, &token, Some(&next)).await.status, StatusCode::OK);
    }
    let bearer = Answer::of(ping(world, "Bearer", &world.token(OWNER), &[])).await;
    assert_eq!((bearer.status, bearer.header("dpop-nonce")), (StatusCode::OK, ""));
}

async fn a_proof_may_be_five_minutes_old_if_the_operator_says_so(world: &World) {
    let client = Client::new();
    let token = client.token(world);
    // The clock goes on while the request is under way.
    for (issued_at, expected) in [
        (now() - 290, StatusCode::OK),
        (now() + 300, StatusCode::OK),
        (now() - 310, StatusCode::UNAUTHORIZED),
        (now() + 330, StatusCode::UNAUTHORIZED),
    ] {
        let mut claims = claims(world, &token);
        claims["iat"] = json!(issued_at);
        let proof = client.proof(&json!({}), &claims);
        let answer = Answer::of(ping(world, "DPoP", &token, &[&proof])).await;
        assert_eq!(answer.status, expected, "{issued_at} {answer:?}");
    }
}

async fn if_bound_tokens_are_required_the_challenge_and_the_metadata_say_so(world: &World) {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let answer = Answer::of(world.request(Method::POST, "/mcp").json(&message)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let header = answer.header("www-authenticate");
    assert!(header.starts_with("DPoP algs=\"ES256 RS256 PS256\", scope="), "{header}");
    let bearer = ping(world, "Bearer", &world.token(OWNER), &[]);
    refused(world, bearer, "token_not_bound", "invalid_token").await;
    let metadata = world.get("/.well-known/oauth-protected-resource").await.json();
    assert_eq!(metadata["dpop_bound_access_tokens_required"], true);
    let client = Client::new();
    let token = client.token(world);
    let proof = client.proof(&json!({}), &claims(world, &token));
    let answer = Answer::of(ping(world, "DPoP", &token, &[&proof])).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}
