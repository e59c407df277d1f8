//! A server without a tenant: another issuer vouches for its callers, and nobody else is asked.

use http::HeaderMap;

use super::*;

const ISSUER: &str = "https://login.example.com/pool";
const PREFIX: &str = "https://mcp.example.com/mcp/";

/// A host whose only issuer has a prefix for scopes, like Amazon Cognito.
fn host() -> Rc<FakeHost> {
    let host = FakeHost::new();
    let entry = json!({ "issuer": ISSUER, "scope_prefix": PREFIX });
    for (name, value) in [
        ("auth0_domain", "unused.invalid"),
        ("auth0_client_id", ""),
        ("auth0_client_secret", ""),
        ("server_secret", "alone-0123456789-0123456789-0123456789"),
        ("issuers", &json!([entry]).to_string()),
    ] {
        host.set_variable(name, value);
    }
    let keys = format!("{ISSUER}/keys");
    let discovery = json!({ "issuer": ISSUER, "jwks_uri": keys });
    host.answers(&format!("GET {ISSUER}/.well-known/openid-configuration"), 200, &discovery);
    host.answers(&format!("GET {keys}"), 200, &json!({ "keys": [jwk("key")] }));
    Rc::new(host)
}

/// The status, the headers and the body of the answer.
fn send(host: &Rc<FakeHost>, request: Request<Full<Bytes>>) -> (u16, HeaderMap, Value) {
    let server = server();
    let (parts, body) = one(server.serve(Rc::clone(host) as Rc<dyn Host>, request)).into_parts();
    let body = one(body.collect()).unwrap().to_bytes();
    (parts.status.as_u16(), parts.headers, serde_json::from_slice(&body).unwrap())
}

fn get(host: &Rc<FakeHost>, path: &str) -> (u16, Value) {
    let (status, _, body) = send(host, Request::get(path).body(Full::default()).unwrap());
    (status, body)
}

/// Calls the tool with a token that has these scopes.
fn call(host: &Rc<FakeHost>, scope: &str) -> (u16, String, Value) {
    let mut claims = good_claims();
    (claims["iss"], claims["scope"]) = (json!(ISSUER), json!(scope));
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "greet" },
    });
    let request = Request::post("/mcp")
        .header("authorization", format!("Bearer {}", token(&good_header(), &claims)))
        .header("content-type", "application/json")
        .body(Full::from(body.to_string()));
    let (status, headers, body) = send(host, request.unwrap());
    let challenge = headers.get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    (status, challenge.unwrap_or_default(), body)
}

#[test]
fn the_metadata_and_the_challenge_name_the_issuer_and_its_spelling_of_the_scopes() {
    let host = host();
    let (status, metadata) = get(&host, "/.well-known/oauth-protected-resource");
    assert_eq!((status, &metadata["authorization_servers"]), (200, &json!([ISSUER])));
    assert_eq!(metadata["resource"], "https://mcp.example.com/mcp");
    assert_eq!(metadata["scopes_supported"], json!([format!("{PREFIX}tool:greet")]));
    let request = Request::post("/mcp").body(Full::default()).unwrap();
    let (status, headers, _) = send(&host, request);
    let challenge = headers["www-authenticate"].to_str().unwrap();
    assert_eq!(status, 401);
    assert!(challenge.contains(&format!("scope=\"{PREFIX}tool:greet\"")), "{challenge}");
    let (status, metadata) = get(&host, "/.well-known/oauth-authorization-server");
    assert_eq!((status, &metadata["issuer"]), (200, &json!(ISSUER)));
    assert_eq!(get(&host, "/ready").0, 200);
    assert_eq!(get(&host, "/authorize").0, 404, "this issuer may have another path for it");
}

#[test]
fn the_scopes_of_the_token_decide_and_nobody_is_asked() {
    let host = host();
    for granted in [format!("openid {PREFIX}tool:greet"), "tool:greet".to_owned()] {
        let (status, _, body) = call(&host, &granted);
        assert_eq!((status, &body["result"]["content"][0]["text"]), (200, &json!("Hello!")));
    }
    let (status, challenge, body) = call(&host, "openid https://other.example/tool:greet");
    let needed = format!("{PREFIX}tool:greet");
    assert_eq!((status, &body["error"]["data"]["scope"]), (403, &json!(needed)));
    // A legacy client keeps what the token has, in the issuer's words.
    let scope = format!("scope=\"{needed} openid https://other.example/tool:greet\"");
    assert!(challenge.contains(&scope), "{challenge}");
    let asked = host.sent.borrow();
    assert!(asked.iter().all(|it| it.starts_with(&format!("GET {ISSUER}"))), "{asked:?}");
}

#[test]
fn the_log_says_what_is_off() {
    let host = host();
    assert_eq!(get(&host, "/health").0, 200);
    let lines = host.lines.borrow();
    let noted = lines.iter().filter(|it| it.contains("Token Vault, exchanges, the Management API"));
    assert_eq!(noted.count(), 1, "{lines:?}");
}

#[test]
fn an_issuer_that_is_down_has_no_metadata_that_would_be_made_up() {
    let host = host();
    host.answers_with(&format!("GET {ISSUER}"), Err(doorward_core::host::HttpError::Unreachable));
    let url = format!("GET {ISSUER}/.well-known/openid-configuration");
    host.answers_with(&url, Err(doorward_core::host::HttpError::Unreachable));
    assert_eq!(get(&host, "/.well-known/oauth-authorization-server").0, 503);
    assert_eq!(get(&host, "/ready").0, 503);
}
