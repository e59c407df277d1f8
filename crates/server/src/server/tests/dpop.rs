//! The nonces of DPoP proofs, as they travel in the headers of answers.

use doorward_oauth::testing::{ClientKey, proof_claims};

use super::*;

const APP: &str = "https://app.example.com";

/// Status, `error` and `DPoP-Nonce` of the answer to a request with a proof, from a page.
fn sent(
    (server, host): (&Server, &Rc<FakeHost>),
    key: &ClientKey,
    id: &str,
    nonce: Option<&str>,
) -> (u16, Value, Option<String>) {
    let token = key.token();
    let mut claims = proof_claims(&token, id);
    if let Some(nonce) = nonce {
        claims["nonce"] = json!(nonce);
    }
    let request = Request::post("/mcp")
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", key.proof(&key.header(), &claims))
        .header("origin", APP)
        .header("content-type", "application/json");
    let request = request.body(Full::from(PING)).unwrap();
    let response = one(server.serve(Rc::clone(host) as Rc<dyn Host>, request));
    let header = |name: &str| Some(response.headers().get(name)?.to_str().unwrap().to_owned());
    let exposed = header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("DPoP-Nonce"), "{exposed}");
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    let (status, nonce) = (response.status().as_u16(), header("dpop-nonce"));
    let body = one(response.into_body().collect()).unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    (status, body["error"]["data"]["error"].clone(), nonce)
}

#[test]
fn every_answer_to_a_bound_token_brings_the_nonce_for_the_next_proof() {
    let (host, server, key) = (host(), server(), ClientKey::new());
    host.set_variable("dpop_nonce", "required");
    host.set_variable("allowed_origins", APP);
    let at = (&server, &host);
    let (status, error, first) = sent(at, &key, "1", None);
    assert_eq!((status, error), (401, json!("use_dpop_nonce")));
    let (status, _, second) = sent(at, &key, "2", first.as_deref());
    assert_eq!(status, 200);
    assert!(second.is_some() && second != first, "{second:?}");
    let (status, error, third) = sent(at, &key, "2", second.as_deref());
    assert_eq!((status, error), (401, json!("invalid_dpop_proof")), "the same `jti` again");
    assert!(third.is_some());
    assert_eq!(sent(at, &ClientKey::new(), "3", third.as_deref()).0, 401, "another key's");
}

#[test]
fn a_client_without_nonces_is_given_none_by_default() {
    let (host, server, key) = (host(), server(), ClientKey::new());
    host.set_variable("allowed_origins", APP);
    let (status, _, nonce) = sent((&server, &host), &key, "1", None);
    assert_eq!((status, nonce), (200, None));
}
