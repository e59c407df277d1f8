use std::rc::Rc;

use doorward_core::testing::{FakeHost, finish};

use doorward_mcp::SESSION_ID_HEADER;
use serde_json::{Value, json};

use super::*;
use crate::{
    prelude::{NoArguments, Registry, Tool},
    testing::{Instance, TRACE_ID, header_map, legacy_request, modern_request, read},
};

const EXCHANGE: &str = "POST https://tenant.example.com/oauth/token";
const API: &str = "GET https://www.googleapis.com/";
const PAGE: &str = "https://accounts.example.com/connect";

fn user() -> Value {
    json!({ "sub": "auth0|1", "client_id": "client" })
}

/// What one caller sees of a host on which the exchange works. No two have the same memory.
fn context_on(host: &Rc<FakeHost>) -> Context {
    let traceparent = format!("00-{TRACE_ID}-b7ad6b7169203331-01");
    let headers = header_map(&[("traceparent", &traceparent), ("tracestate", "vendor=1")]);
    Instance::new(host, Registry::new()).traced_context(user(), &headers)
}

fn host() -> Rc<FakeHost> {
    let host = FakeHost::new();
    let token = json!({ "access_token": "google-token", "expires_in": 3600, "scope": "openid" });
    host.answers(EXCHANGE, 200, &token);
    host.answers(API, 200, &json!({ "items": [] }));
    Rc::new(host)
}

fn refuse(host: &FakeHost, code: &str) {
    host.answers(EXCHANGE, 401, &json!({ "error": code }));
}

fn get(context: &Context) -> Result<u16, ConnectionError> {
    let google = context.connection("google-oauth2").scopes(&["calendar"]);
    finish(google.get("/x?y=z")).map(|response| response.status().as_u16())
}

/// The text for the person.
fn text(context: &Context) -> String {
    CallError::from(get(context).unwrap_err()).to_string()
}

const NOT_CONNECTED: &str = "federated_connection_refresh_token_not_found";

#[test]
fn the_client_attaches_the_token_and_the_trace() {
    let host = host();
    assert_eq!(get(&context_on(&host)), Ok(200));
    assert_eq!(host.sent.borrow()[1], "GET https://www.googleapis.com/x?y=z");
    let headers = host.headers.borrow();
    assert_eq!(headers[1]["authorization"], "Bearer google-token");
    assert!(headers.iter().all(|headers| headers["tracestate"] == "vendor=1"));
    let parents: Vec<&str> =
        headers.iter().map(|headers| headers["traceparent"].to_str().unwrap()).collect();
    for parent in &parents {
        assert!(parent.starts_with(&format!("00-{TRACE_ID}-")), "{parent}");
        assert!(parent.ends_with("-01") && !parent.contains("b7ad6b7169203331"), "{parent}");
    }
    assert_ne!(parents[0], parents[1]);
}

#[test]
fn every_method_is_sent_with_the_headers_of_the_tool_and_the_token_of_the_account() {
    let host = host();
    let methods = ["PUT", "PATCH", "POST", "DELETE"];
    for method in methods {
        host.answers(&format!("{method} https://www.googleapis.com/"), 200, &json!({}));
    }
    let context = context_on(&host);
    let google = context.connection("google-oauth2").header("if-match", "7").login_hint("a@b.c");
    let body = json!({ "a": 1 });
    for method in methods {
        let response = finish(async {
            match method {
                "PUT" => google.put("/x", &body).await,
                "PATCH" => google.patch("/x", &body).await,
                "POST" => google.post("/x", &body).await,
                _ => google.delete("/x").await,
            }
        });
        assert_eq!(response.unwrap().status(), StatusCode::OK, "{method}");
        let sent = host.sent.borrow().last().unwrap().clone();
        assert_eq!(sent, format!("{method} https://www.googleapis.com/x"));
        let headers = host.headers.borrow().last().unwrap().clone();
        assert_eq!(
            (&headers["if-match"], &headers["authorization"]),
            (&"7".parse().unwrap(), &"Bearer google-token".parse().unwrap())
        );
    }
    for (name, value) in [("Authorization", "Bearer x"), ("a b", "c"), ("a", "b\r\nc: d")] {
        let wrong = context.connection("google-oauth2").header(name, value);
        let error = finish(wrong.get("/x")).unwrap_err();
        assert_eq!(*error.cause(), ConnectionCause::InvalidRequest, "{name}");
    }
}

#[test]
fn a_token_that_the_tool_brings_is_sent_to_its_api_and_never_replaced() {
    let host = host();
    host.answers("GET https://orders.example.com/", 401, &json!({}));
    let context = context_on(&host);
    let token =
        IssuedToken { access_token: "orders-token".into(), expires_at: u64::MAX, scopes: None };
    let orders = context.api("Orders", "https://orders.example.com", token);
    let response = finish(orders.get(&with_query("/v1", &[("q", "a b")]))).unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(*host.sent.borrow(), ["GET https://orders.example.com/v1?q=a+b"]);
    assert_eq!(host.headers.borrow()[0]["authorization"], "Bearer orders-token");
}

#[test]
fn a_body_comes_in_pieces_up_to_a_limit_and_that_of_an_error_not_at_all() {
    for (answer, limit, outcome, got) in [
        (Ok((200, vec![b'x'; 2 << 20])), 2 << 20, Ok(200), 2 << 20),
        (Ok((200, vec![b'x'; 2 << 20])), (2 << 20) - 1, Err(HttpError::TooLarge), 0),
        (Ok((403, b"no".to_vec())), 1 << 20, Ok(403), 0),
        (Ok((503, b"no".to_vec())), 1 << 20, Ok(503), 0),
        (Err(HttpError::Unreachable), 1 << 20, Err(HttpError::Unreachable), 0),
    ] {
        let host = host();
        host.answers_with(API, answer);
        let context = context_on(&host);
        let google = context.connection("google-oauth2");
        let mut length = 0;
        let response =
            finish(google.get_in_pieces("/x", limit, &mut |piece| length += piece.len()));
        let status = response.map(|response| {
            assert!(response.body().is_empty());
            response.status().as_u16()
        });
        let expected = outcome.map_err(ConnectionCause::Unreachable);
        assert_eq!(status.map_err(|error| error.cause().clone()), expected);
        assert_eq!((length, host.count(API)), (got, 1), "{expected:?}");
    }
}

#[test]
fn a_warm_call_is_one_request() {
    let host = host();
    let context = context_on(&host);
    for _ in 0..3 {
        assert_eq!(get(&context), Ok(200));
    }
    assert_eq!((host.count(EXCHANGE), host.count(API)), (1, 3));
    // Another instance, with the same store.
    assert_eq!(get(&context_on(&host)), Ok(200));
    assert_eq!((host.count(EXCHANGE), host.count(API)), (1, 4));
}

#[test]
fn a_remembered_token_that_is_refused_is_exchanged_anew_once() {
    let host = host();
    let context = context_on(&host);
    assert_eq!(get(&context), Ok(200));
    host.answers(API, 401, &json!({}));
    let error = get(&context).unwrap_err();
    assert_eq!(error.cause(), &ConnectionCause::Exchange(ExchangeError::ReconnectNeeded));
    assert_eq!((host.count(EXCHANGE), host.count(API)), (2, 3));
    assert!(host.store.borrow().is_empty(), "forgotten");
    // A new one that is refused is not exchanged again.
    assert!(get(&context).is_err());
    assert_eq!((host.count(EXCHANGE), host.count(API)), (3, 4));
}

#[test]
fn a_missing_scope_is_found_as_soon_as_it_is_granted() {
    let host = host();
    let context = context_on(&host);
    assert_eq!(get(&context), Ok(200));
    let error = finish(context.connection("google-oauth2").scopes(&["calendar"]).lacks_scope());
    let scopes = vec!["calendar".to_owned()];
    assert_eq!(error.cause(), &ConnectionCause::Exchange(ExchangeError::ScopeMissing(scopes)));
    assert_eq!(get(&context), Ok(200));
    assert_eq!(host.count(EXCHANGE), 2);
}

#[test]
fn a_missing_account_leads_to_the_page_on_which_it_is_connected() {
    let host = host();
    refuse(&host, NOT_CONNECTED);
    host.set_variable("connect_url", PAGE);
    let sentence = "No Google account is connected. Connect your Google account, then retry.";
    assert_eq!(text(&context_on(&host)), format!("{sentence} Connect it here: {PAGE}"));
    host.set_variable("connect_url", "");
    let without = text(&context_on(&host));
    assert_eq!(without, format!("{sentence} The operator of this server can tell you where."));
}

#[test]
fn a_client_that_can_open_pages_is_asked_to_once() {
    let host = host();
    refuse(&host, NOT_CONNECTED);
    host.set_variable("connect_url", PAGE);
    host.set_variable("permission_source", "token");
    let tool = Tool::new("google", async |context: &Context, NoArguments {}| {
        Ok(context.connection("google-oauth2").get("/x").await?.status().to_string())
    });
    let instance = Instance::new(&host, Registry::new().with(tool));
    let ask = |capabilities: Value, responses: Value| {
        let meta = json!({ "io.modelcontextprotocol/clientCapabilities": capabilities });
        let params = json!({ "name": "google", "_meta": meta, "inputResponses": responses });
        let (headers, body) = modern_request("tools/call", params);
        read(instance.answer(user(), &headers, &body).body().unwrap())["result"].take()
    };
    let capable = json!({ "elicitation": { "url": {} } });
    let asked = ask(capable.clone(), json!({}));
    assert_eq!(asked["resultType"], "input_required");
    let message = "No Google account is connected. Connect your Google account, then retry.";
    let params = json!({ "mode": "url", "message": message, "url": PAGE });
    let expected = json!({ "connect": { "method": "elicitation/create", "params": params } });
    assert_eq!(asked["inputRequests"], expected);
    let is_told = |result: &Value| {
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        result["isError"] == true && text == format!("{message} Connect it here: {PAGE}")
    };
    for action in ["accept", "decline", "cancel"] {
        let again = ask(capable.clone(), json!({ "connect": { "action": action } }));
        assert!(is_told(&again), "{again}");
    }
    for incapable in
        [json!({}), json!({ "elicitation": {} }), json!({ "elicitation": { "form": {} } })]
    {
        let told = ask(incapable, json!({}));
        assert!(is_told(&told), "{told}");
    }
}

#[test]
fn a_legacy_client_that_has_declared_it_is_asked_to_open_the_page_in_its_session_only() {
    let host = host();
    refuse(&host, NOT_CONNECTED);
    host.set_variable("connect_url", PAGE);
    host.set_variable("permission_source", "token");
    let tool = Tool::new("google", async |context: &Context, NoArguments {}| {
        Ok(context.connection("google-oauth2").get("/x").await?.status().to_string())
    });
    let instance = Instance::new(&host, Registry::new().with(tool));
    let begin = |claims: Value, capabilities: Value| {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities });
        let (headers, body) = legacy_request("initialize", &params);
        let answer = instance.answer(claims, &headers, &body);
        answer.header(&SESSION_ID_HEADER).map(str::to_owned)
    };
    let call = |claims: Value, session: Option<&str>| {
        let (mut headers, body) = legacy_request("tools/call", &json!({ "name": "google" }));
        headers.extend(session.map(|id| (SESSION_ID_HEADER, id.parse().unwrap())));
        let answer = instance.answer(claims, &headers, &body);
        assert_eq!(answer.header(&SESSION_ID_HEADER), None);
        (answer.status().as_u16(), read(answer.body().unwrap()))
    };
    assert_eq!(begin(user(), json!({ "elicitation": {} })), None);
    let id = begin(user(), json!({ "elicitation": { "url": {} } })).unwrap();
    let (status, answer) = call(user(), Some(&id));
    assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32042)), "{answer}");
    let message = "No Google account is connected. Connect your Google account, then retry.";
    let elicitation = &answer["error"]["data"]["elicitations"][0];
    assert_eq!((&elicitation["message"], &elicitation["url"]), (&json!(message), &json!(PAGE)));
    let (status, answer) = call(user(), None);
    let text = format!("{message} Connect it here: {PAGE}");
    assert_eq!((status, &answer["result"]["content"][0]["text"]), (200, &json!(text)));
    for another in [
        json!({ "sub": "auth0|2", "client_id": "client" }),
        json!({ "sub": "auth0|1", "client_id": "another" }),
        json!({ "sub": "auth0|1", "client_id": "client", "org_id": "org_1" }),
    ] {
        let (status, answer) = call(another.clone(), Some(&id));
        assert_eq!((status, &answer["error"]["code"]), (404, &json!(-32001)), "{another}");
    }
}

#[test]
fn an_error_that_connecting_does_not_solve_has_no_link() {
    let host = host();
    host.set_variable("connect_url", PAGE);
    for code in ["invalid_grant", "invalid_client", "server_error"] {
        refuse(&host, code);
        let text = text(&context_on(&host));
        assert!(!text.contains(PAGE), "{code}: {text}");
    }
}

#[test]
fn a_read_is_sent_again_once_and_a_change_never() {
    for (outcome, count) in [
        (Ok((503, Vec::new())), 2),
        (Ok((502, Vec::new())), 2),
        (Err(HttpError::Unreachable), 2),
        (Err(HttpError::TimedOut), 1),
        (Ok((500, Vec::new())), 1),
        (Ok((429, Vec::new())), 1),
        (Ok((302, Vec::new())), 1),
    ] {
        let host = host();
        host.answers_with(API, outcome.clone());
        let _ = get(&context_on(&host));
        assert_eq!(host.count(API), count, "{outcome:?}");
        let post = "POST https://www.googleapis.com/x";
        host.answers_with(post, outcome);
        let context = context_on(&host);
        let _ = finish(context.connection("google-oauth2").post("/x", &json!({})));
        assert_eq!(host.count(post), 1);
    }
}

#[test]
fn a_token_goes_to_its_origin_only_and_not_in_plain() {
    let host = host();
    let context = context_on(&host);
    for (origin, path) in [
        ("https://www.googleapis.com", "x"),
        ("https://www.googleapis.com", "@evil.example/"),
        ("https://www.googleapis.com", ""),
        ("", "/x"),
        ("http://www.googleapis.com", "/x"),
    ] {
        let outcome = finish(context.connection("google-oauth2").origin(origin).get(path));
        assert!(outcome.is_err(), "{origin}{path}");
    }
    assert_eq!(host.count("GET https://"), 0);
    let logged = host.lines.borrow().join("\n");
    assert!(logged.contains("connection google-oauth2: the host is not among"), "{logged}");
}

#[test]
fn another_connection_has_its_own_name_origin_and_token() {
    let host = host();
    host.answers("GET https://api.github.com/", 200, &json!([]));
    let context = context_on(&host);
    let github =
        context.connection("github").display_name("GitHub").origin("https://api.github.com");
    assert!(finish(github.get("/notifications")).is_ok());
    assert!(host.bodies.borrow()[0].contains("connection=github"));
    assert_eq!(get(&context), Ok(200));
    assert_eq!(host.count(EXCHANGE), 2);
    host.answers_with("GET https://api.github.com/", Err(HttpError::TimedOut));
    let error = finish(github.get("/notifications")).unwrap_err();
    assert_eq!(error.to_string(), "GitHub could not be reached. Try again later.");
}
