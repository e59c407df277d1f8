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
fn an_unknown_path_and_a_wrong_method_are_said_to_every_page_before_the_settings_are_read() {
    let host = host();
    host.variables_fault.set(Some(FakeFault::Down));
    let unknown = request(&host, "GET", "/nothing", &[]);
    assert_eq!(unknown.status, 404);
    assert_eq!(
        unknown.text,
        r#"{"error":"not_found","error_description":"There is nothing at this path."}"#
    );
    let stream = request(&host, "GET", "/mcp", &[]);
    assert_eq!((stream.status, stream.header("allow")), (405, Some("POST, OPTIONS")));
    for answer in [unknown, stream] {
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!(request(&host, "GET", "/health", &[]).status, 503, "it cannot work");
}

#[test]
fn a_preflight_is_answered_before_authentication_to_those_who_may_use_the_endpoint() {
    let host = host();
    host.set_variable("allowed_origins", APP);
    let answer = request(&host, "OPTIONS", "/mcp", &[("origin", APP)]);
    assert_eq!((answer.status, answer.header("content-length")), (204, None));
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert_eq!(answer.header("vary"), Some("Origin"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST, OPTIONS"));
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
    assert_eq!(answer.header("access-control-expose-headers"), Some("WWW-Authenticate"));
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
    let twice = send(&host, ping(&[("content-type", "application/json")]));
    assert_eq!(twice.status, 415, "two types are none");
}

#[test]
fn a_body_that_is_too_large_or_breaks_off_is_an_error_of_the_protocol() {
    let host = host();
    let large = ping(&[]).map(|_| Full::from(vec![b' '; 1024 * 1024 + 1]));
    let answer = send(&host, large);
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!((answer.status, &read(&answer.text)["error"]["code"]), (413, &json!(-32600)));
    assert_eq!(read(&answer.text)["error"]["message"], "The body is larger than 1 MiB");
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
    host.set_variable("connect_client_secret", "connect-secret");
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
    let (host, path) = (host(), "/permissions/revoke");
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
    let answer = request(&host, "GET", path, &[]);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
}
