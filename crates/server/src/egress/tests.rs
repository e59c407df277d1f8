//! Requests of a tool to the API of a connection.

use std::rc::Rc;

use doorward_core::{
    host::{Host, HttpError},
    settings::Reader,
    testing::{FakeFault, FakeHost, finish, finish_all},
};
use doorward_oauth::testing::caller;
use http_body_util::{BodyExt, Full};
use serde_json::json;

use super::*;
use crate::{
    Server, ServerSettings, declared_variables,
    prelude::{Registry, ServerInfo},
    testing::audited,
};

const API: &str = "https://api.example.com";
const TOKEN: &str = "third-party-token-7f3a";

fn host() -> Rc<FakeHost> {
    let host = FakeHost::new();
    let egress = json!({
        "connection": "orders", "hosts": [API, "https://more.example.com/calendar/"],
        "methods": ["GET", "POST"], "headers": ["notion-version"],
    });
    let entry = json!({
        "url": "https://w.spin.internal/mcp", "tools": "*", "seconds": 30, "egress": egress,
    });
    host.set_variable("upstreams", &json!({ "w": entry }).to_string());
    Rc::new(host)
}

fn server() -> Server {
    let info = ServerInfo { name: "test", title: "Test", version: "1" };
    Server::new(info, Registry::new())
}

/// The capability of a call.
fn capability(host: &Rc<FakeHost>) -> String {
    let reader = finish(Reader::fetch(&**host, declared_variables()));
    let settings = Rc::new(ServerSettings::read(reader, &Registry::new()).unwrap());
    let upstream = settings.upstreams.iter().next().cloned().unwrap();
    let environment = Environment {
        host: Rc::clone(host) as Rc<dyn Host>,
        settings,
        memory: Rc::default(),
        trace: None,
        revocations: Rc::default(),
        budget: Rc::default(),
    };
    let audit = Audit::begin(&**host, &environment.settings.subject_names);
    let caller = Rc::new(caller(json!({ "sub": "auth0|1", "azp": "client" })));
    let request = CallerRequest::new(environment, caller, audit);
    let (access_token, expires_at) = (TOKEN.to_owned().into(), u64::MAX);
    let token = IssuedToken { access_token, expires_at, scopes: None };
    let egress = upstream.egress.as_ref().unwrap();
    let access = finish(request.environment.tenant().access_of(&request.caller));
    let meta = egress_meta(&request, (&upstream, egress), "w_list", access, &token);
    assert_eq!(meta["url"], "http://doorward.spin.internal/egress/orders");
    assert!(!meta.to_string().contains(TOKEN));
    meta["capability"].as_str().unwrap().to_owned()
}

/// What the server answers to a request: status, headers, body.
fn answered(
    host: &Rc<FakeHost>,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
) -> (u16, HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from_static(b"{}"))).unwrap();
    let response = finish(server().serve(Rc::clone(host) as Rc<dyn Host>, request));
    let (parts, body) = response.into_parts();
    let body = finish(body.collect()).unwrap().to_bytes();
    (parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&body).into_owned())
}

const URL: &str = "http://doorward.spin.internal/egress/orders/api.example.com/v1/orders?open=1";

fn inside(capability: &str) -> Vec<(&str, &str)> {
    vec![("spin-client-addr", "0.0.0.0:0"), ("doorward-capability", capability)]
}

fn last_reason(host: &FakeHost) -> Value {
    audited(host).pop().map(|line| line["reason"].clone()).unwrap_or_default()
}

#[test]
fn a_capability_ends_with_the_access_of_its_caller() {
    const SECRET: &str = "a-revocation-secret-of-32-letters";
    for (body, status, reason) in [
        (r#"{ "subject": "auth0|2" }"#, 200, "egress_allowed"),
        (r#"{ "subject": "auth0|1" }"#, 403, "egress_access_ended"),
        (r#"{ "everything": true }"#, 403, "egress_access_ended"),
        (r#"{ "cut_off": { "subject": "auth0|1" } }"#, 403, "egress_access_ended"),
        (r#"{ "cut_off": { "client": "client" } }"#, 403, "egress_access_ended"),
        (r#"{ "cut_off": { "client": "another" } }"#, 200, "egress_allowed"),
    ] {
        let host = host();
        host.set_variable("revocation_secret", SECRET);
        host.answers(&format!("GET {API}/v1/orders?open=1"), 200, &json!({}));
        let capability = capability(&host);
        let revoke = Request::post("/revoke")
            .header("authorization", format!("Bearer {SECRET}"))
            .body(Full::from(body));
        let server = server();
        let revoked = server.serve(Rc::clone(&host) as Rc<dyn Host>, revoke.unwrap());
        assert_eq!(finish_all([revoked])[0].status(), 200, "{body}");
        let (answered, ..) = answered(&host, "GET", URL, &inside(&capability));
        assert_eq!((answered, last_reason(&host)), (status, json!(reason)), "{body}");
    }
}

#[test]
fn a_capability_that_was_made_while_nobody_knew_of_revocations_is_refused() {
    let host = host();
    host.set_variable("revocation_secret", "a-revocation-secret-of-32-letters");
    host.store_fault.set(Some(FakeFault::Down));
    let unknown = capability(&host);
    host.store_fault.set(None);
    let (status, ..) = answered(&host, "GET", URL, &inside(&unknown));
    assert_eq!((status, last_reason(&host)), (503, json!("egress_access_unknown")));
}

#[test]
fn a_capability_is_refused_while_nobody_knows_whether_the_access_has_ended() {
    let host = host();
    host.set_variable("revocation_secret", "a-revocation-secret-of-32-letters");
    let capability = capability(&host);
    host.store_fault.set(Some(FakeFault::Down));
    let (status, ..) = answered(&host, "GET", URL, &inside(&capability));
    assert_eq!((status, last_reason(&host)), (503, json!("egress_access_unknown")));
}

#[test]
fn the_token_is_attached_and_never_comes_back() {
    let host = host();
    host.answers(&format!("POST {API}/v1/orders?open=1"), 201, &json!({}));
    host.header("x-echo", &format!("a {TOKEN}"));
    host.header("set-cookie", "a=b");
    host.header("x-other", "kept");
    // A host of WASI sends no response with one of these.
    let forbidden =
        ["proxy-authenticate", "proxy-connection", "http2-settings", "host", "keep-alive", "te"];
    for name in forbidden {
        host.header(name, "value");
    }
    let capability = capability(&host);
    let mut headers = inside(&capability);
    headers.extend([
        ("authorization", "Bearer mine"),
        ("cookie", "c=d"),
        ("x-http-method-override", "DELETE"),
        ("range", "bytes=0-1"),
        ("accept-encoding", "gzip"),
        ("content-type", "application/json"),
        ("notion-version", "2022-06-28"),
        ("x-goog-user-project", "another"),
    ]);
    let (status, received, body) = answered(&host, "POST", URL, &headers);
    assert_eq!(status, 201);
    assert_eq!(body, "{}");
    assert!(!received.contains_key("x-echo") && !received.contains_key("set-cookie"));
    assert_eq!(received["x-other"], "kept");
    assert!(forbidden.iter().all(|name| !received.contains_key(*name)), "{received:?}");
    let sent = host.headers.borrow().last().cloned().unwrap();
    assert_eq!(sent["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(
        (&sent["content-type"], &sent["notion-version"]),
        (&HeaderValue::from_static("application/json"), &HeaderValue::from_static("2022-06-28"),)
    );
    for name in [
        "cookie",
        "x-http-method-override",
        "x-goog-user-project",
        "range",
        "accept-encoding",
        CAPABILITY,
        CLIENT_ADDRESS,
    ] {
        assert!(!sent.contains_key(name), "{name}");
    }
    assert_eq!(host.bodies.borrow().last().map(String::as_str), Some("{}"));
    let line = audited(&host).pop().unwrap();
    assert_eq!((&line["reason"], &line["tool"]), (&json!("egress_allowed"), &json!("w_list")));
    assert_eq!((&line["subject"], &line["client"]), (&json!("auth0|1"), &json!("client")));
}

#[test]
fn an_answer_with_the_token_is_refused_in_whatever_form_it_is() {
    let host = host();
    let capability = capability(&host);
    let encoded = BASE64_URL_SAFE_NO_PAD.encode(["user:", TOKEN].concat());
    let escaped: String = TOKEN.bytes().map(|byte| format!("\\u00{byte:02x}")).collect();
    let in_url: String = TOKEN.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for token in [TOKEN, &encoded, &escaped, &in_url] {
        let echo = format!("{{\"echo\":\"{token}\"}}");
        host.answers_with(&format!("GET {API}"), Ok((200, echo.into_bytes())));
        let (status, _, body) = answered(&host, "GET", URL, &inside(&capability));
        assert!(status == 502 && !body.contains(token), "{token}: {body}");
        assert_eq!(last_reason(&host), "egress_token_returned");
    }
}

#[test]
fn a_path_is_below_that_of_its_host_and_means_the_same_to_everybody() {
    let host = host();
    let capability = capability(&host);
    let base = "http://doorward.spin.internal/egress/orders";
    host.answers("GET https://more.example.com", 200, &json!({}));
    host.answers(&format!("GET {API}"), 200, &json!({}));
    for (path, status) in [
        ("more.example.com/calendar/v3/a%20b", 200),
        ("more.example.com/calendar/", 200),
        ("more.example.com/calendar", 403),
        ("more.example.com/calendars/v3", 403),
        ("more.example.com/gmail/v1", 403),
        ("more.example.com/", 403),
        ("more.example.com/calendar/../gmail", 403),
        ("more.example.com/calendar/%2E%2e/gmail", 403),
        ("more.example.com/calendar/..%2fgmail", 403),
        ("more.example.com/calendar%2F..", 403),
        ("more.example.com/calendar/%5c..", 403),
        ("more.example.com/calendar/%252e%252E/gmail", 403),
        ("more.example.com/calendar/%252fgmail", 403),
        ("more.example.com/calendar/%255cgmail", 403),
        ("more.example.com/calendar/%25%32%65%25%32%65/gmail", 403),
        ("more.example.com/calendar/%252%65%252%65/gmail", 403),
        ("more.example.com/calendar/%%32%65%2%65/gmail", 403),
        ("more.example.com/calendar/%25%32%66gmail", 403),
        ("more.example.com/calendar/%25%35%63gmail", 403),
        ("more.example.com/calendar/%2525252e%2525252e/gmail", 403),
        ("more.example.com/calendar/%C0%AE%c0%ae/gmail", 403),
        ("more.example.com/calendar/%u002e%u002e/gmail", 403),
        ("more.example.com/calendar/%25u002e%25U002e/gmail", 403),
        ("more.example.com/calendar/.%09./gmail", 403),
        ("more.example.com/calendar/.%0D%0a/gmail", 403),
        ("more.example.com/calendar/%25c0%25af/gmail", 403),
        ("api.example.com/a%25%32%66b", 403),
        ("more.example.com/calendar/100%25", 200),
        ("more.example.com/calendar/50%25%20off%252Cnow", 200),
        ("more.example.com/calendar/caf%C3%A9/v1.2/a%25b", 200),
        ("more.example.com/calendar/.", 403),
        ("more.example.com/calendar//gmail", 403),
        ("api.example.com/a//b", 403),
        ("api.example.com/a/b", 200),
    ] {
        let url = format!("{base}/{path}");
        assert_eq!(answered(&host, "GET", &url, &inside(&capability)).0, status, "{path}");
        if status == 403 {
            assert_eq!(last_reason(&host), "egress_host_not_allowed", "{path}");
        }
    }
}

#[test]
fn from_outside_the_route_does_not_exist() {
    let host = host();
    let capability = capability(&host);
    for (url, address) in [
        (URL, None),
        (URL, Some("127.0.0.1:5000")),
        ("http://mcp.example.com/egress/orders/api.example.com/v1", Some("0.0.0.0:0")),
        ("/egress/orders/api.example.com/v1", Some("0.0.0.0:0")),
        (
            "http://doorward.spin.internal.example.com/egress/orders/api.example.com/v1",
            Some("0.0.0.0:0"),
        ),
    ] {
        let mut headers = vec![("doorward-capability", capability.as_str())];
        headers.extend(address.map(|address| ("spin-client-addr", address)));
        let (status, _, body) = answered(&host, "GET", url, &headers);
        assert!(status == 404 && body.contains("not_found"), "{url} {address:?}");
    }
    let both = [inside(&capability), vec![("spin-client-addr", "127.0.0.1:5000")]].concat();
    assert_eq!(answered(&host, "GET", URL, &both).0, 404);
    assert!(host.sent.borrow().is_empty());
}

#[test]
fn a_request_beyond_what_the_operator_declares_is_refused_and_audited() {
    let host = host();
    let good = capability(&host);
    let base = "http://doorward.spin.internal/egress";
    let forged = BASE64_URL_SAFE_NO_PAD.encode([0; 200]);
    for (method, path, capability, reason) in [
        ("GET", "orders/api.example.com/", "", "egress_capability_invalid"),
        ("GET", "orders/api.example.com/", "???", "egress_capability_invalid"),
        ("GET", "orders/api.example.com/", &forged, "egress_capability_invalid"),
        ("GET", "other/api.example.com/", &good, "egress_capability_invalid"),
        ("GET", "orders/evil.example.com/", &good, "egress_host_not_allowed"),
        ("GET", "orders/api.example.com:444/", &good, "egress_host_not_allowed"),
        ("GET", "orders/api.example.com@evil.example/", &good, "egress_host_not_allowed"),
        ("GET", "orders//api.example.com/", &good, "egress_host_not_allowed"),
        ("GET", "orders", &good, "egress_capability_invalid"),
        ("DELETE", "orders/api.example.com/", &good, "egress_method_not_allowed"),
        ("HEAD", "orders/api.example.com/", &good, "egress_method_not_allowed"),
    ] {
        let (status, _, body) =
            answered(&host, method, &format!("{base}/{path}"), &inside(capability));
        assert!(status == 403 && body.contains(reason), "{method} {path}: {status} {body}");
        assert_eq!(last_reason(&host), reason, "{method} {path}");
    }
    assert!(host.sent.borrow().is_empty());
}

#[test]
fn a_capability_ends_with_the_time_of_its_call_and_with_the_settings_it_was_made_for() {
    let host = host();
    let capability = capability(&host);
    host.answers(&format!("GET {API}"), 200, &json!({}));
    assert_eq!(answered(&host, "GET", URL, &inside(&capability)).0, 200);
    host.now.set(host.now.get() + 30);
    assert_eq!(answered(&host, "GET", URL, &inside(&capability)).0, 403);
    assert_eq!(last_reason(&host), "egress_capability_invalid");
    host.now.set(host.now.get() - 30);
    // The server of another URL that has the same secret and the same entry.
    let public_url = host.variables.borrow()["public_url"].clone();
    host.set_variable("public_url", "https://other.example.com");
    assert_eq!(answered(&host, "GET", URL, &inside(&capability)).0, 403);
    assert_eq!(last_reason(&host), "egress_capability_invalid");
    host.set_variable("public_url", &public_url);
    assert_eq!(answered(&host, "GET", URL, &inside(&capability)).0, 200);
    host.set_variable("upstreams", "");
    assert_eq!(answered(&host, "GET", URL, &inside(&capability)).0, 403);
}

#[test]
fn a_redirect_is_passed_on_and_not_followed_and_a_compressed_body_is_refused() {
    let host = host();
    let capability = capability(&host);
    host.answers(&format!("GET {API}"), 307, &json!({}));
    for (location, is_kept) in [
        ("https://evil.example/", false),
        ("//evil.example/", false),
        ("https://api.example.com@evil.example/", false),
        ("/v2/orders", true),
        ("https://more.example.com/calendar/", true),
    ] {
        host.header("location", location);
        let (status, headers, _) = answered(&host, "GET", URL, &inside(&capability));
        assert_eq!(status, 307);
        assert_eq!(headers.contains_key("location"), is_kept, "{location}");
    }
    assert_eq!(host.sent.borrow().len(), 5);
    host.header("content-encoding", "gzip");
    assert_eq!(answered(&host, "GET", URL, &inside(&capability)).0, 502);
    host.answers_with(&format!("GET {API}"), Err(HttpError::TimedOut));
    assert_eq!(answered(&host, "GET", URL, &inside(&capability)).0, 502);
    assert_eq!(last_reason(&host), "egress_unreachable");
}
