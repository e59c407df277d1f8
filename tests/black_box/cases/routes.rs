//! The routes: paths, methods, access and headers.

use doorward_tenant::{Endpoint, Fault};
use reqwest::{Body, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::{
    case::{Case, case},
    world::{Answer, GUEST, OWNER, World},
};

pub(super) const CASES: &[Case] = &[
    case!(an_unknown_path_is_404),
    case!(a_wrong_method_is_405_and_names_the_right_ones),
    case!(a_client_that_guesses_where_to_sign_in_is_led_to_the_tenant),
    case!(the_landing_page_tells_people_where_to_connect),
    case!(the_landing_page_says_how_each_client_connects),
    case!(no_document_for_directories_is_there_until_it_is_set),
    case!(the_server_card_and_the_catalog_say_who_the_server_is_and_list_no_tool with &[
        ("server_card_name", "com.example/doorward"),
        ("server_card_description", "Calendars, for those who may see them"),
    ]),
    case!(openai_finds_its_token with &[("openai_apps_challenge", "a-token-of-OpenAI")]),
    case!(the_resource_metadata_names_policy_and_terms with &[
        ("resource_policy_uri", "https://example.com/privacy"),
        ("resource_tos_uri", "https://example.com/terms"),
    ]),
    case!(health_is_ok),
    case!(it_is_ready_when_it_can_verify_tokens alone),
    case!(it_is_not_ready_without_the_keys_of_the_tenant alone),
    case!(the_resource_metadata_is_the_same_at_both_urls),
    case!(the_authorization_servers_metadata_is_passed_through),
    case!(every_answer_has_its_length_and_the_common_headers),
    case!(a_preflight_needs_no_token),
    case!(a_foreign_page_may_not_use_the_endpoint),
    case!(a_foreign_host_name_is_403_and_our_own_is_not),
    case!(origins_and_hosts_can_be_allowed with &[
        ("allowed_origins", "https://app.example.com"),
        ("allowed_hosts", "doorward.internal"),
    ]),
    case!(a_head_request_gets_the_headers_of_a_get),
    case!(a_server_may_be_below_a_path_at_another_endpoint with &[
        ("public_url", "http://127.0.0.1:3000/doorward"),
        ("mcp_path", "/v1/tools"),
    ]),
];

async fn an_unknown_path_is_404(world: &World) {
    for path in ["/nothing", "/mcp//", "/MCP", "/.well-known/oauth-protected-resource/other"] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.json()["error"], "not_found");
        assert!(answer.text.contains(&world.mcp_url()), "{}", answer.text);
    }
}

async fn a_wrong_method_is_405_and_names_the_right_ones(world: &World) {
    for (method, path, allowed) in [
        (Method::DELETE, "/mcp", "POST, OPTIONS"),
        (Method::POST, "/", "GET, HEAD, OPTIONS"),
        (Method::PUT, "/.well-known/oauth-protected-resource", "GET, HEAD, OPTIONS"),
    ] {
        let answer = Answer::of(world.request(method.clone(), path)).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
}

async fn a_client_that_guesses_where_to_sign_in_is_led_to_the_tenant(world: &World) {
    let tenant = world.tenant().origin();
    for (method, path, url) in [
        (Method::GET, "/authorize?client_id=a%20b", "/authorize?client_id=a%20b"),
        (Method::POST, "/token", "/oauth/token"),
        (Method::POST, "/register", "/oidc/register"),
    ] {
        let answer = Answer::of(world.request(method.clone(), path)).await;
        assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT, "{method} {path}");
        assert_eq!(answer.header("location"), format!("{tenant}{url}"), "{method} {path}");
    }
}

async fn the_landing_page_tells_people_where_to_connect(world: &World) {
    let answer = world.get("/").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(answer.text.contains(&world.mcp_url()), "{}", answer.text);
}

async fn the_landing_page_says_how_each_client_connects(world: &World) {
    let (page, url) = (world.get("/").await.text, world.mcp_url());
    for part in [
        "href=\"vscode:mcp/install?%7B%22name%22%3A%22doorward%22".to_owned(),
        "href=\"cursor://anysphere.cursor-deeplink/mcp/install?name=doorward&amp;".to_owned(),
        format!("claude mcp add --transport http doorward {url}\n"),
        format!("codex mcp add doorward --url {url}<"),
    ] {
        assert!(page.contains(&part), "{part}: {page}");
    }
    assert!(!page.contains("<script"), "{page}");
}

const CARD_PATHS: [&str; 2] = ["/mcp/server-card", "/.well-known/mcp/server-card.json"];
const CATALOG_PATH: &str = "/.well-known/ai-catalog.json";
const CHALLENGE_PATH: &str = "/.well-known/openai-apps-challenge";

async fn no_document_for_directories_is_there_until_it_is_set(world: &World) {
    for path in CARD_PATHS.into_iter().chain([CATALOG_PATH, CHALLENGE_PATH]) {
        assert_eq!(world.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

async fn the_server_card_and_the_catalog_say_who_the_server_is_and_list_no_tool(world: &World) {
    for path in CARD_PATHS {
        let card = world.get(path).await;
        assert_eq!(card.status, StatusCode::OK, "{path}");
        assert_eq!(card.header("content-type"), "application/mcp-server-card+json");
        assert_eq!(card.header("access-control-allow-origin"), "*");
        assert_eq!(card.json()["name"], "com.example/doorward");
        assert_eq!(card.json()["remotes"][0]["url"], world.mcp_url());
        assert!(!card.text.contains("whoami"), "{}", card.text);
        let known = world.request(Method::GET, path).header("if-none-match", card.header("etag"));
        let answer = Answer::of(known).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path}");
    }
    let catalog = world.get(CATALOG_PATH).await;
    assert_eq!(catalog.header("content-type"), "application/ai-catalog+json");
    let entry = &catalog.json()["entries"][0];
    assert_eq!(entry["identifier"], "urn:air:example.com:mcp:doorward");
    assert_eq!(entry["url"], format!("{}/server-card", world.mcp_url()));
}

async fn openai_finds_its_token(world: &World) {
    let answer = world.get(CHALLENGE_PATH).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "a-token-of-OpenAI"));
    assert!(answer.header("content-type").starts_with("text/plain"));
}

async fn the_resource_metadata_names_policy_and_terms(world: &World) {
    let metadata = world.get("/.well-known/oauth-protected-resource").await.json();
    assert_eq!(metadata["resource_policy_uri"], "https://example.com/privacy");
    assert_eq!(metadata["resource_tos_uri"], "https://example.com/terms");
}

async fn health_is_ok(world: &World) {
    let answer = world.get("/health").await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "status": "ok" })));
}

async fn it_is_ready_when_it_can_verify_tokens(world: &World) {
    let answer = world.get("/ready").await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "status": "ready" })));
    let asked = world.calls(Endpoint::Jwks);
    for _ in 0..3 {
        assert_eq!(world.get("/ready").await.status, StatusCode::OK);
    }
    assert_eq!(world.calls(Endpoint::Jwks), asked, "the tenant is not asked each time");
}

async fn it_is_not_ready_without_the_keys_of_the_tenant(world: &World) {
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        world.break_endpoint(endpoint, Fault::close());
    }
    let answer = world.get("/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(world.get("/health").await.status, StatusCode::OK, "restarting it would not help");
}

async fn the_resource_metadata_is_the_same_at_both_urls(world: &World) {
    let root = world.get("/.well-known/oauth-protected-resource").await;
    let suffixed = world.get("/.well-known/oauth-protected-resource/mcp").await;
    assert_eq!(root.text, suffixed.text);
    assert_eq!(root.header("access-control-allow-origin"), "*");
    assert_eq!(
        root.json(),
        json!({
            "resource": world.mcp_url(),
            "authorization_servers": [world.tenant().issuer()],
            "scopes_supported": ["tool:whoami", "tool:greet", "tool:calendar_summary"],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": ["ES256", "RS256", "PS256"],
            "dpop_bound_access_tokens_required": false,
            "resource_name": "Doorward",
        })
    );
}

async fn the_authorization_servers_metadata_is_passed_through(world: &World) {
    let answer = world.get("/.well-known/oauth-authorization-server").await;
    let url = format!("{}.well-known/oauth-authorization-server", world.tenant().issuer());
    let original = reqwest::get(url).await.expect("the tenant answers");
    let original: serde_json::Value = original.json().await.expect("metadata is JSON");
    assert_eq!(answer.json(), original);
    assert!(original["registration_endpoint"].is_string());
}

/// Builds a POST to the MCP endpoint with a valid token.
fn sent(world: &World, content_type: &str, body: impl Into<Body>) -> RequestBuilder {
    let request = world.request(Method::POST, "/mcp").bearer_auth(world.token(OWNER));
    request.header("content-type", content_type).body(body)
}

fn message(world: &World, message: &Value) -> RequestBuilder {
    sent(world, "application/json", message.to_string())
}

fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// The length matters for speed: without it an answer is sent in two packets, the second one 40 ms
/// later.
async fn every_answer_has_its_length_and_the_common_headers(world: &World) {
    let plain = |method: Method, path: &str| world.request(method, path);
    let call = |name: &str| request("tools/call", json!({ "name": name, "arguments": {} }));
    let guest = plain(Method::POST, "/mcp").bearer_auth(world.token(GUEST)).json(&call("greet"));
    let requests = [
        (200, plain(Method::GET, "/")),
        (200, plain(Method::GET, "/health")),
        (200, plain(Method::GET, "/.well-known/oauth-protected-resource")),
        (200, plain(Method::GET, "/.well-known/oauth-protected-resource/mcp")),
        (200, plain(Method::GET, "/.well-known/oauth-authorization-server")),
        (204, plain(Method::OPTIONS, "/health")),
        (204, plain(Method::OPTIONS, "/mcp")),
        (403, plain(Method::OPTIONS, "/mcp").header("origin", "https://evil.example.com")),
        (404, plain(Method::GET, "/nothing")),
        (431, plain(Method::GET, "/health").header("x-filler", "x".repeat(64 * 1024))),
        (400, plain(Method::GET, "/connect/nothing")),
        (404, plain(Method::POST, "/permissions/revoke")),
        (405, plain(Method::GET, "/permissions/revoke")),
        (404, plain(Method::POST, "/revoke")),
        (405, plain(Method::GET, "/revoke")),
        (405, plain(Method::POST, "/")),
        (401, plain(Method::GET, "/mcp")),
        (401, plain(Method::GET, "/mcp/")),
        (405, plain(Method::GET, "/mcp").bearer_auth(world.token(OWNER))),
        (405, plain(Method::DELETE, "/mcp")),
        (400, plain(Method::POST, "/mcp").header("authorization", "Bearer")),
        (401, plain(Method::POST, "/mcp")),
        (401, plain(Method::POST, "/mcp").bearer_auth("a.b.c")),
        (403, plain(Method::POST, "/mcp").header("origin", "https://evil.example.com")),
        (403, plain(Method::POST, "/mcp").header("host", "evil.example.com")),
        (200, message(world, &request("ping", json!({})))),
        (200, message(world, &request("tools/list", json!({})))),
        (200, message(world, &call("greet"))),
        (200, guest),
        (200, message(world, &call("nothing"))),
        (200, message(world, &request("nothing", json!({})))),
        (202, message(world, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))),
        (400, message(world, &json!([]))),
        (400, sent(world, "application/json", "{")),
        (413, sent(world, "application/json", vec![b' '; 256 * 1024 + 1])),
        (415, sent(world, "text/plain", "{}")),
    ];
    for (status, request) in requests {
        let what = format!("{status}: {request:?}");
        let answer = Answer::of(request).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {answer:?}");
        // One function adds these headers to every answer, just before it is sent.
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{what}");
        assert_ne!(answer.header("cache-control"), "", "{what}");
        let length = answer.text.len().to_string();
        let expected = if answer.status == StatusCode::NO_CONTENT { "" } else { length.as_str() };
        assert_eq!(answer.header("content-length"), expected, "{what}");
        assert_eq!(answer.header("transfer-encoding"), "", "{what}");
    }
}

async fn a_preflight_needs_no_token(world: &World) {
    let origin = "http://localhost:6274";
    let request = world
        .request(Method::OPTIONS, "/mcp")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization, mcp-protocol-version");
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    let allowed = answer.header("access-control-allow-headers").to_ascii_lowercase();
    for header in ["authorization", "dpop", "content-type", "mcp-protocol-version", "mcp-method"] {
        assert!(allowed.contains(header), "{header}");
    }
    let refused = Answer::of(world.request(Method::POST, "/mcp").header("origin", origin)).await;
    assert_eq!(
        refused.header("access-control-expose-headers"),
        "WWW-Authenticate, DPoP-Nonce, Retry-After, Mcp-Session-Id, ETag"
    );
}

async fn a_foreign_page_may_not_use_the_endpoint(world: &World) {
    for origin in ["https://evil.example.com", "null", "http://localhost.evil.example.com"] {
        for method in [Method::POST, Method::OPTIONS] {
            let request = world.request(method, "/mcp").header("origin", origin);
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        }
    }
}

async fn a_foreign_host_name_is_403_and_our_own_is_not(world: &World) {
    let status = async |host: &str| {
        let request = world.request(Method::POST, "/mcp").header("host", host);
        Answer::of(request).await.status
    };
    let port = world.url("").rsplit_once(':').expect("the URL has a port").1.to_owned();
    assert_eq!(status("evil.example.com").await, StatusCode::FORBIDDEN);
    assert_eq!(status(&format!("evil.example.com:{port}")).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&format!("127.0.0.1:{port}")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&format!("localhost:{port}")).await, StatusCode::UNAUTHORIZED);
}

async fn origins_and_hosts_can_be_allowed(world: &World) {
    let request = world
        .request(Method::POST, "/mcp")
        .header("origin", "https://app.example.com")
        .header("host", "doorward.internal");
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com");
}

async fn a_head_request_gets_the_headers_of_a_get(world: &World) {
    let get = world.get("/").await;
    let head = Answer::of(world.request(Method::HEAD, "/")).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.header("content-length"), get.header("content-length"));
}

/// A proxy keeps the path or strips it.
async fn a_server_may_be_below_a_path_at_another_endpoint(world: &World) {
    for path in ["/doorward/v1/tools", "/v1/tools", "/v1/tools/"] {
        let answer = Answer::of(world.request(Method::POST, path)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(world.get("/mcp").await.status, StatusCode::NOT_FOUND);
    for path in ["/doorward/v1/tools", "/v1/tools", ""] {
        let path = format!("/.well-known/oauth-protected-resource{path}");
        assert_eq!(world.get(&path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(world.get("/doorward/health").await.status, StatusCode::OK);
}
