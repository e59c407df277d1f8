//! Each route: its methods, its status, and the headers that let pages read it.

use doorward_core::web::AnswerBody;
use http::{HeaderMap, header::ACCESS_CONTROL_ALLOW_ORIGIN};

use super::*;
use crate::testing::audited;

const APP: &str = "https://app.example.com";
const SECRET: &str = "a-revocation-secret-of-32-letters";

/// The answer to a request without a body.
fn request(host: &Rc<FakeHost>, method: &str, path: &str, headers: &[(&str, &str)]) -> Answered {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(host, request.body(Full::default()).unwrap())
}

/// A whole response.
struct Answered {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answered {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

fn send<B: Body<Data = Bytes> + Unpin>(host: &Rc<FakeHost>, request: Request<B>) -> Answered {
    let server = server();
    let host = Rc::clone(host) as Rc<dyn Host>;
    let (parts, body): (_, AnswerBody) = one(server.serve(host, request)).into_parts();
    let bytes = one(body.collect()).unwrap().to_bytes();
    let text = String::from_utf8(bytes.into()).unwrap();
    assert_eq!(parts.headers["x-content-type-options"], "nosniff");
    assert_eq!(parts.headers["referrer-policy"], "no-referrer");
    assert!(parts.headers.contains_key("cache-control"));
    Answered { status: parts.status.as_u16(), headers: parts.headers, text }
}

#[test]
fn every_page_may_read_the_documents() {
    let host = host();
    for (path, part) in [
        ("/", "https://mcp.example.com/mcp"),
        ("/health", r#"{"status":"ok"}"#),
        ("/ready", r#"{"status":"ready"}"#),
        ("/.well-known/oauth-protected-resource", r#""resource":"https://mcp.example.com/mcp""#),
        ("/.well-known/oauth-protected-resource/mcp", r#""resource_name":"Test""#),
        ("/.well-known/oauth-authorization-server", r#""issuer":"https://tenant.example.com/""#),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = request(&host, method, path, &[("host", "anything.example")]);
            assert_eq!(
                (answer.status, answer.header("access-control-allow-origin")),
                (200, Some("*"))
            );
            assert!(answer.text.contains(part), "{path}: {}", answer.text);
        }
        let preflight = request(&host, "OPTIONS", path, &[("origin", "https://anybody.example")]);
        assert_eq!((preflight.status, preflight.text.as_str()), (204, ""));
        let methods = preflight.header("access-control-allow-methods");
        assert_eq!(methods, Some("GET, HEAD, OPTIONS"));
        let refused = request(&host, "POST", path, &[]);
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    }
    assert!(host.audited.borrow().is_empty(), "no decision was made");
}

#[test]
fn the_landing_page_names_neither_a_tool_nor_the_tenant() {
    let page = request(&host(), "GET", "/", &[]);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(!page.text.contains("greet") && !page.text.contains("tenant"), "{}", page.text);
}

#[test]
fn the_landing_page_says_how_each_client_connects_and_nothing_in_it_runs() {
    let page = request(&host(), "GET", "/", &[]);
    // The links are those of docs/clients/vscode.md and cursor.md, with this server's name.
    for part in [
        "href=\"vscode:mcp/install?%7B%22name%22%3A%22test%22%2C%22type%22%3A%22http%22%2C%22url%22\
         %3A%22https%3A%2F%2Fmcp.example.com%2Fmcp%22%7D\"",
        "href=\"cursor://anysphere.cursor-deeplink/mcp/install?name=test&amp;config=\
         eyJ1cmwiOiJodHRwczovL21jcC5leGFtcGxlLmNvbS9tY3AifQ==\"",
        "claude mcp add --transport http test https://mcp.example.com/mcp\n",
        "codex mcp add test --url https://mcp.example.com/mcp<",
        "{ &quot;mcpServers&quot;: { &quot;test&quot;: { &quot;url&quot;: \
         &quot;https://mcp.example.com/mcp&quot; } } }",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!page.text.contains("<script") && !policy.contains("script"), "{policy}");
}

#[test]
fn documents_for_those_who_look_for_servers_exist_once_they_are_set() {
    let card_path = "/mcp/server-card";
    let paths = [
        (card_path, "application/mcp-server-card+json"),
        ("/.well-known/mcp/server-card.json", "application/mcp-server-card+json"),
        ("/.well-known/ai-catalog.json", "application/ai-catalog+json"),
        ("/.well-known/openai-apps-challenge", "text/plain; charset=utf-8"),
    ];
    let host = host();
    for (path, _) in paths {
        let answer = request(&host, "GET", path, &[]);
        assert_eq!((answer.status, answer.text.contains("There is nothing")), (404, true));
    }
    host.set_variable("server_card_name", "com.example.mcp/doorward");
    host.set_variable("server_card_description", "Calendars, for those who may see them");
    host.set_variable("openai_apps_challenge", "a-token-of-OpenAI");
    for (path, content_type) in paths {
        for method in ["GET", "HEAD"] {
            let answer = request(&host, method, path, &[]);
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("content-type"), Some(content_type), "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
            assert!(!answer.text.contains("greet"), "no tool is listed: {}", answer.text);
        }
        let preflight = request(&host, "OPTIONS", path, &[("origin", APP)]);
        let allowed = preflight.header("access-control-allow-headers").unwrap();
        assert!(preflight.status == 204 && allowed.contains("If-None-Match"), "{allowed}");
    }
    let answer = request(&host, "GET", card_path, &[]);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
    let tag = answer.header("etag").unwrap();
    let (weak, several) = (format!("W/{tag}"), format!("\"other\", {tag}"));
    for (known, status) in
        [(tag, 304), (&weak, 304), (&several, 304), ("*", 304), ("\"other\"", 200), ("", 200)]
    {
        let again = request(&host, "GET", card_path, &[("if-none-match", known)]);
        assert_eq!((again.status, again.text.is_empty()), (status, status == 304), "{known}");
        assert_eq!(again.header("etag"), Some(tag));
    }
    assert!(host.audited.borrow().is_empty(), "no decision was made");
}

#[test]
fn an_unknown_path_and_a_wrong_method_are_said_to_every_page_before_the_settings_are_read() {
    let host = host();
    host.variables_fault.set(Some(FakeFault::Down));
    let unknown = request(&host, "GET", "/nothing", &[]);
    assert_eq!(unknown.status, 404);
    assert_eq!(
        unknown.text,
        r#"{"error":"not_found","error_description":"There is nothing at this path. The MCP endpoint is /mcp"}"#
    );
    let deleted = request(&host, "DELETE", "/mcp", &[]);
    assert_eq!((deleted.status, deleted.header("allow")), (405, Some("POST, OPTIONS")));
    assert!(deleted.text.contains("The MCP endpoint is /mcp"), "{}", deleted.text);
    for answer in [unknown, deleted] {
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    for path in ["/health", "/ready"] {
        assert_eq!(request(&host, "GET", path, &[]).status, 503, "it cannot work");
    }
}

#[test]
fn a_client_that_guesses_where_to_sign_in_is_led_to_the_tenant() {
    let host = host();
    let query = "?client_id=a&state=%0d%0ax&resource=https%3A%2F%2Fmcp.example.com%2Fmcp";
    for (method, path, url) in [
        (
            "GET",
            format!("/authorize{query}"),
            format!("https://tenant.example.com/authorize{query}"),
        ),
        ("GET", "/authorize".to_owned(), "https://tenant.example.com/authorize".to_owned()),
        ("POST", "/token".to_owned(), "https://tenant.example.com/oauth/token".to_owned()),
        ("POST", "/register".to_owned(), "https://tenant.example.com/oidc/register".to_owned()),
    ] {
        let answer = request(&host, method, &path, &[("origin", "https://anybody.example")]);
        assert_eq!((answer.status, answer.text.as_str()), (307, ""), "{path}");
        assert_eq!(answer.header("location"), Some(url.as_str()));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    assert!(host.audited.borrow().is_empty(), "no decision was made");
    assert_eq!(request(&host, "GET", "/authorize//evil.example", &[]).status, 404);
}

#[test]
fn a_request_for_a_stream_needs_a_token_to_learn_that_there_is_none() {
    let host = host();
    let challenge = |path: &str, headers: &[(&str, &str)]| {
        let answer = request(&host, "GET", path, headers);
        let challenge = answer.header("www-authenticate").map(str::to_owned);
        (answer.status, challenge.is_some(), answer.header("allow").map(str::to_owned))
    };
    for method in ["GET", "HEAD"] {
        let answer = request(&host, method, "/mcp", &[]);
        let url = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
        assert_eq!(answer.status, 401, "{method}");
        assert!(answer.header("www-authenticate").unwrap().contains(url), "{method}");
    }
    assert_eq!(challenge("/mcp/", &[]), (401, true, None));
    assert_eq!(challenge("/mcp", &[("host", "evil.example.com")]), (403, false, None));
    let (mut parts, _) = ping(&[]).into_parts();
    parts.method = Method::GET;
    let answer = send(&host, Request::from_parts(parts, Full::<Bytes>::default()));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, OPTIONS")));
    let line = audited(&host).pop().unwrap();
    assert_eq!((&line["reason"], &line["subject"]), (&json!("admitted"), &json!("auth0|1")));
    let text = "The MCP endpoint is https://mcp.example.com/mcp";
    assert!(answer.text.contains(text), "{}", answer.text);
}

#[test]
fn a_page_may_mirror_arguments_and_be_on_the_internet() {
    let host = host();
    host.set_variable("allowed_origins", APP);
    let asked = "content-type, Mcp-Param-Region,mcp-param-x, x-evil, mcp-param-\u{e4}";
    for path in ["/mcp", "/health"] {
        let headers = [
            ("origin", APP),
            ("access-control-request-headers", asked),
            ("access-control-request-private-network", "true"),
        ];
        let answer = request(&host, "OPTIONS", path, &headers);
        assert_eq!(answer.status, 204);
        let allowed = answer.header("access-control-allow-headers").unwrap_or_default();
        assert!(!allowed.contains("x-evil"), "{allowed}");
        let private = answer.header("access-control-allow-private-network");
        assert_eq!(private, Some("true"), "{path}");
        let plain = request(&host, "OPTIONS", path, &[("origin", APP)]);
        assert_eq!(plain.header("access-control-allow-private-network"), None);
    }
    let asked =
        [("origin", APP), ("access-control-request-headers", "Mcp-Param-Region,mcp-param-x")];
    let answer = request(&host, "OPTIONS", "/mcp", &asked);
    let allowed = answer.header("access-control-allow-headers").unwrap();
    assert!(allowed.ends_with(", mcp-param-region, mcp-param-x"), "{allowed}");
    let refused =
        [("origin", "https://evil.example"), ("access-control-request-private-network", "true")];
    let answer = request(&host, "OPTIONS", "/mcp", &refused);
    assert_eq!((answer.status, answer.header("access-control-allow-private-network")), (403, None));
}

#[test]
fn what_is_refused_is_named_in_the_log_with_what_can_allow_it() {
    let host = host();
    for (name, value, line) in [
        (
            "host",
            "evil.example.com",
            "refused the host `evil.example.com`: the variable `allowed_hosts` can allow it",
        ),
        (
            "origin",
            "tauri://localhost",
            "refused the origin `tauri://localhost`: the variable `allowed_origins` can allow it",
        ),
        (
            "origin",
            "null",
            "refused the origin `null`: the variable `allowed_origins` can allow it",
        ),
    ] {
        assert_eq!(send(&host, ping(&[(name, value)])).status, 403);
        assert_eq!(host.lines.borrow().last().map(String::as_str), Some(line));
    }
    host.set_variable("allowed_origins", "tauri://localhost");
    assert_eq!(send(&host, ping(&[("origin", "tauri://localhost")])).status, 200);
}

#[test]
fn an_audience_that_is_not_the_url_is_noted_when_an_instance_starts() {
    let host = host();
    assert_eq!(send(&host, ping(&[])).status, 200);
    assert!(host.lines.borrow().is_empty());
    host.set_variable("auth0_audience", "https://mcp.example.com/");
    let server = server();
    for _ in 0..2 {
        let answer = one(server.serve(Rc::clone(&host) as Rc<dyn Host>, ping(&[])));
        assert_eq!(answer.status(), 401);
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        let url = "\"https://mcp.example.com/.well-known/oauth-protected-resource\"";
        assert!(challenge.ends_with(url), "{challenge}");
    }
    let lines = host.lines.borrow();
    let noted = lines.iter().filter(|line| line.starts_with("note: `auth0_audience` is")).count();
    assert_eq!(noted, 1, "{lines:?}");
}

#[test]
fn a_preflight_is_answered_before_authentication_to_those_who_may_use_the_endpoint() {
    let host = host();
    host.set_variable("allowed_origins", APP);
    let answer = request(&host, "OPTIONS", "/mcp", &[("origin", APP)]);
    assert_eq!((answer.status, answer.header("content-length")), (204, None));
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert_eq!(answer.header("vary"), Some("Origin"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST, DELETE, OPTIONS"));
    assert_eq!(answer.header("access-control-max-age"), Some("86400"));
    let headers = answer.header("access-control-allow-headers").unwrap();
    for name in ["Authorization", "DPoP", "MCP-Protocol-Version", "Mcp-Name", "traceparent"] {
        assert!(headers.contains(name), "{name}");
    }
    assert!(host.audited.borrow().is_empty() && host.sent.borrow().is_empty());
    let refused = request(&host, "OPTIONS", "/mcp", &[("origin", "https://evil.example.com")]);
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
    assert_eq!(audited(&host)[0]["reason"], "origin_not_allowed");
}

#[test]
fn a_page_that_may_use_the_endpoint_can_read_its_challenge() {
    let host = host();
    host.set_variable("allowed_origins", APP);
    let answer = request(&host, "POST", "/mcp", &[("origin", APP)]);
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, Some(APP)));
    let exposed = "WWW-Authenticate, DPoP-Nonce, Retry-After, Mcp-Session-Id, ETag";
    assert_eq!(answer.header("access-control-expose-headers"), Some(exposed));
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("https://mcp.example.com/.well-known/oauth-protected-resource/mcp"));
    let answer = send(&host, ping(&[("origin", APP)]));
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(APP)));
    let answer = send(&host, ping(&[]));
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None));
}

#[test]
fn host_and_origin_are_checked_before_anything_else() {
    let host = host();
    for (name, value, error) in [
        ("host", "evil.example.com", "host_not_allowed"),
        ("origin", "https://evil.example.com", "origin_not_allowed"),
        ("origin", "null", "origin_not_allowed"),
    ] {
        let answer = send(&host, ping(&[(name, value)]));
        assert_eq!(answer.status, 403);
        assert!(answer.text.contains(error), "{}", answer.text);
        assert!(!answer.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
    assert!(host.sent.borrow().is_empty());
}

#[test]
fn a_body_that_does_not_say_it_is_json_is_415() {
    let host = host();
    for (content_type, status) in [
        (None, 415),
        (Some("text/plain"), 415),
        (Some("application/jsonp"), 415),
        (Some("application/json"), 200),
        (Some("Application/JSON; charset=utf-8"), 200),
    ] {
        let mut request = ping(&[]);
        request.headers_mut().remove("content-type");
        if let Some(content_type) = content_type {
            request.headers_mut().insert("content-type", content_type.parse().unwrap());
        }
        let answer = send(&host, request);
        assert_eq!(answer.status, status, "{content_type:?}");
        if status == 415 {
            let message = "Content-Type must be application/json";
            let error =
                json!({ "error": { "code": -32600, "message": message }, "jsonrpc": "2.0" });
            assert_eq!(answer.text, error.to_string());
        }
    }
    for (encoding, status) in
        [("gzip", 415), ("br", 415), ("gzip, identity", 415), ("Identity", 200)]
    {
        let answer = send(&host, ping(&[("content-encoding", encoding)]));
        assert_eq!(answer.status, status, "{encoding}: {}", answer.text);
    }
    for (second, status) in [("application/json", 200), ("text/plain", 415)] {
        let twice = send(&host, ping(&[("content-type", second)]));
        assert_eq!(twice.status, status, "{second}");
    }
}

#[test]
fn a_body_that_is_too_large_or_breaks_off_is_an_error_of_the_protocol() {
    let host = host();
    let large = ping(&[]).map(|_| Full::from(vec![b' '; 256 * 1024 + 1]));
    let answer = send(&host, large);
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!((answer.status, &read(&answer.text)["error"]["code"]), (413, &json!(-32600)));
    assert_eq!(read(&answer.text)["error"]["message"], "The body is larger than 262144 bytes");
    let broken = ping(&[]).map(|_| Broken);
    let answer = send(&host, broken);
    assert_eq!((answer.status, &read(&answer.text)["error"]["code"]), (400, &json!(-32600)));
    assert_eq!(read(&answer.text)["error"]["message"], "The body ended too early");
}

#[test]
fn nobody_reads_the_body_of_a_caller_who_was_not_proved() {
    let (parts, _) = ping_with("a.b.c", &[]).into_parts();
    let answer = send(&host(), Request::from_parts(parts, Unread));
    assert_eq!(answer.status, 401);
}

#[test]
fn the_operator_sets_the_largest_body_and_with_it_how_many_values_it_may_have() {
    let host = host();
    host.set_variable("max_body_bytes", "2048");
    let error = |body: String| {
        let answer = send(&host, ping(&[]).map(|_| Full::from(body)));
        let message = serde_json::from_str::<Value>(&answer.text).unwrap();
        (answer.status, message["error"]["message"].as_str().map(str::to_owned))
    };
    let with = |values: usize, length: usize| {
        let values = vec![0; values];
        let body =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "a": values } });
        format!("{:<length$}", body.to_string())
    };
    assert_eq!(error(with(58, 2048)), (200, None));
    let text = "The body is larger than 2048 bytes";
    assert_eq!(error(with(58, 2049)), (413, Some(text.to_owned())));
    let text = "The body has more than 64 JSON values";
    assert_eq!(error(with(59, 0)), (400, Some(text.to_owned())));
}

#[test]
fn a_body_that_never_arrives_is_408_wherever_a_body_is_read() {
    let host = host();
    let answer = send(&host, ping(&[]).map(|_| Stalled));
    assert_eq!(answer.status, 408);
    let read: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(read["error"]["message"], "The body did not arrive within 30 seconds");
    host.set_variable("revocation_secret", SECRET);
    let revoke = Request::post("/permissions/revoke").header("authorization", SECRET);
    let answer = send(&host, revoke.body(Stalled).unwrap());
    assert_eq!(answer.status, 408);
    assert!(answer.text.contains("did not arrive within 30 seconds"), "{}", answer.text);
}

/// A body that its client never sends.
struct Stalled;

impl Body for Stalled {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, &'static str>>> {
        std::task::Poll::Pending
    }
}

/// A body that ends too early.
struct Broken;

impl Body for Broken {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, &'static str>>> {
        std::task::Poll::Ready(Some(Err("broken")))
    }
}

/// A body that must not be read.
struct Unread;

impl Body for Unread {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, &'static str>>> {
        panic!("the body was read")
    }
}

#[test]
fn the_connect_page_is_there_if_it_has_an_application_and_takes_get_only() {
    let (host, page) = (host(), "/connect/google-oauth2");
    for method in ["GET", "POST", "OPTIONS", "HEAD"] {
        assert_eq!(request(&host, method, page, &[]).status, 404, "{method}");
    }
    host.set_variable("connect_client_id", "connect-client");
    host.set_variable("connect_client_secret", "connect-secret-0123456789-0123456789");
    for method in ["POST", "OPTIONS", "HEAD"] {
        let answer = request(&host, method, page, &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{method}");
    }
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer =
        request(&host, "GET", &format!("{page}?ticket=forged"), &[("traceparent", parent)]);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(!answer.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    let line = audited(&host).remove(0);
    assert_eq!(line["reason"], "connect_link_wrong");
    assert_eq!(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    for path in ["/connect", "/connect/a/b"] {
        assert_eq!(request(&host, "GET", path, &[]).status, 404, "{path}");
    }
}

#[test]
fn permissions_are_revoked_if_there_is_a_secret_for_it() {
    let (host, path) = (host(), "/revoke");
    let bearer = format!("Bearer {SECRET}");
    let revoke = |host_name: &str, authorization: &str| {
        let request = Request::post(path)
            .header("host", host_name)
            .header("authorization", authorization)
            .body(Full::from(r#"{ "everything": true }"#));
        send(&host, request.unwrap())
    };
    assert_eq!(revoke("mcp.example.com", &bearer).status, 404);
    host.set_variable("revocation_secret", SECRET);
    for (host_name, authorization, status, reason) in [
        ("evil.example.com", bearer.as_str(), 403, "host_not_allowed"),
        ("mcp.example.com", "Bearer wrong", 401, "revocation_refused"),
        ("mcp.example.com", &bearer, 200, "permissions_revoked"),
    ] {
        let answer = revoke(host_name, authorization);
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(!answer.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        assert_eq!(audited(&host).pop().unwrap()["reason"], reason);
    }
    for path in [path, "/permissions/revoke"] {
        let answer = request(&host, "GET", path, &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{path}");
    }
}

#[test]
fn a_caller_whose_access_was_cut_off_is_refused_like_one_with_a_bad_token() {
    let host = host();
    host.set_variable("revocation_secret", SECRET);
    assert_eq!(send(&host, ping(&[])).status, 200);
    let revoke = Request::post("/revoke")
        .header("authorization", format!("Bearer {SECRET}"))
        .body(Full::<Bytes>::from(r#"{ "cut_off": { "client": "client" } }"#));
    let answer = send(&host, revoke.unwrap());
    assert_eq!(answer.text, r#"{"cut_off":1,"everything":false,"subjects":0}"#);
    assert_eq!(audited(&host).pop().unwrap()["reason"], "access_cut_off");
    let answer = send(&host, ping(&[]));
    assert_eq!(answer.status, 401, "{}", answer.text);
    assert!(answer.text.contains(r#""error":"invalid_token""#), "{}", answer.text);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"Bearer error="invalid_token", "#), "{challenge}");
    let line = audited(&host).pop().unwrap();
    assert_eq!((&line["reason"], &line["outcome"]), (&json!("token_cut_off"), &json!("denied")));
    assert_eq!((&line["subject"], &line["client"]), (&json!("auth0|1"), &json!("client")));
}

#[test]
fn a_user_whom_the_tenant_has_blocked_is_refused_like_one_with_a_bad_token() {
    const USER: &str = "GET https://tenant.example.com/api/v2/users/auth0%7C1?fields=blocked";
    let host = host();
    let token = json!({ "access_token": "management", "expires_in": 86400 });
    host.answers("POST https://tenant.example.com/oauth/token", 200, &token);
    host.answers(USER, 200, &json!({ "blocked": true }));
    assert_eq!(send(&host, ping(&[])).status, 200, "nobody asks by default");
    host.set_variable("check_blocked", "true");
    let answer = send(&host, ping(&[]));
    assert_eq!(answer.status, 401, "{}", answer.text);
    assert!(answer.text.contains(r#""error":"invalid_token""#), "{}", answer.text);
    let line = audited(&host).pop().unwrap();
    assert_eq!(line["reason"], "token_user_blocked");
    let host = self::host();
    host.set_variable("check_blocked", "true");
    host.answers("POST https://tenant.example.com/oauth/token", 200, &token);
    host.answers(USER, 403, &json!({}));
    let answer = send(&host, ping(&[]));
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert_eq!(audited(&host).pop().unwrap()["reason"], "user_state_unknown");
}

#[test]
fn a_caller_is_refused_for_now_while_cut_offs_cannot_be_looked_up() {
    let host = host();
    host.set_variable("revocation_secret", SECRET);
    host.store_fault.set(Some(FakeFault::Down));
    let answer = send(&host, ping(&[]));
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    let line = audited(&host).pop().unwrap();
    let outcome = (&line["reason"], &line["outcome"]);
    assert_eq!(outcome, (&json!("revocation_unknown"), &json!("failed")));
    host.set_variable("revocation_fail_closed", "false");
    assert_eq!(send(&host, ping(&[])).status, 200);
}

/// WASI hands the name over in the URI, and without a header.
#[test]
fn the_documents_of_a_local_server_are_about_the_name_that_was_used() {
    let host = host();
    host.set_variable("public_url", "http://127.0.0.1:3000");
    let audience = "http://127.0.0.1:3000/mcp http://localhost:3000/mcp";
    host.set_variable("auth0_audience", audience);
    for origin in ["http://127.0.0.1:3000", "http://localhost:3000"] {
        let path = "/.well-known/oauth-protected-resource/mcp";
        let request = Request::get(format!("{origin}{path}")).body(Full::<Bytes>::default());
        let document: Value = serde_json::from_str(&send(&host, request.unwrap()).text).unwrap();
        assert_eq!(document["resource"], format!("{origin}/mcp"));
        let request = Request::post(format!("{origin}/mcp")).body(Full::<Bytes>::default());
        let challenge = send(&host, request.unwrap()).headers["www-authenticate"].clone();
        let metadata = format!("resource_metadata=\"{origin}{path}\"");
        assert!(challenge.to_str().unwrap().contains(&metadata), "{challenge:?}");
    }
}
