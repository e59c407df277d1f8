//! Sessions of legacy clients, which are what they have declared.

use doorward_mcp::{CallError, InputRequest, InputRequired};

use super::*;

const URL: &str = "https://example.com/connect";
const LATEST: &str = "2025-11-25";
const DAY: u64 = 24 * 60 * 60;

async fn connect(context: &Context, _: NoArguments) -> Result<String, CallError> {
    let page = InputRequest::Url { message: "Connect.".into(), url: URL.into() };
    match context.can_ask(&page) {
        true => Err(InputRequired::new().ask("page", page).into()),
        false => Err(CallError::new(format!("Connect at {URL}"))),
    }
}

fn server() -> Server {
    Server::new(Registry::new().with(Tool::new("connect", connect)))
}

fn opens_pages() -> Value {
    json!({ "elicitation": { "url": {} } })
}

/// The id that `initialize` is answered with.
fn begin(server: &Server, version: &str, capabilities: &Value) -> Option<String> {
    let params = json!({ "protocolVersion": version, "capabilities": capabilities });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let (offers, seal) = (server.registry.offers(), || server.seal(Purpose::Session));
    let received =
        receive(&HeaderMap::new(), &body.to_string().into(), MAX_VALUES, offers, &seal).unwrap();
    let Incoming::Request(request) = received else { panic!("one request") };
    request.session_id
}

/// A call with the id of a session, in the revision of the header, if there is one.
fn call(server: &Server, id: &str, version: Option<&str>) -> (u16, Value) {
    let params = json!({ "name": "connect", "requestState": null });
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let version = version.map(|version| ("mcp-protocol-version", version.to_owned()));
    let headers = version.into_iter().chain([("mcp-session-id", id.to_owned())]);
    server.send(&headers.collect::<Vec<_>>(), &body)
}

#[test]
fn only_a_client_that_can_be_asked_to_open_pages_gets_an_id() {
    let able = opens_pages();
    for (version, capabilities, gets_one) in [
        (LATEST, able.clone(), true),
        (LATEST, json!({ "elicitation": { "form": {}, "url": {} }, "roots": {} }), true),
        // The latest revision is negotiated for these.
        ("1999-01-01", able.clone(), true),
        ("2025-06-18", able.clone(), false),
        ("2025-03-26", able.clone(), false),
        ("2024-11-05", able, false),
        (LATEST, json!({}), false),
        (LATEST, json!(null), false),
        (LATEST, json!({ "elicitation": {} }), false),
        (LATEST, json!({ "elicitation": { "form": {} } }), false),
        (LATEST, json!({ "elicitation": { "url": null } }), false),
        (LATEST, json!({ "elicitation": "url", "sampling": {} }), false),
    ] {
        let id = begin(&server(), version, &capabilities);
        assert_eq!(id.is_some(), gets_one, "{version}: {capabilities}");
    }
}

#[test]
fn an_id_is_text_for_a_header_and_says_nothing() {
    let server = server();
    let [one, other] = [(); 2].map(|()| begin(&server, LATEST, &opens_pages()).unwrap());
    assert_ne!(one, other);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    assert!(one.len() < 200 && one.bytes().all(is_plain), "{one}");
}

#[test]
fn a_client_in_a_session_is_asked_to_open_the_page_and_others_read_the_link() {
    let server = server();
    let id = begin(&server, LATEST, &opens_pages()).unwrap();
    let copies = format!("{id}, {id}");
    // A session knows the revision, for clients that do not repeat it.
    for (id, version) in [(&id, Some(LATEST)), (&id, None), (&copies, Some(LATEST))] {
        let (status, answer) = call(&server, id, version);
        assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32042)), "{answer}");
        let elicitation = &answer["error"]["data"]["elicitations"][0];
        assert_eq!((&elicitation["mode"], &elicitation["url"]), (&json!("url"), &json!(URL)));
        assert!(elicitation["elicitationId"].is_string(), "{answer}");
    }
    for (id, version) in [("", Some(LATEST)), ("", None), (&id, Some("2025-06-18"))] {
        let (status, answer) = call(&server, id, version);
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(status == 200 && text.contains(URL), "{version:?}: {answer}");
    }
}

#[test]
fn an_id_that_does_not_open_is_404_with_the_id_of_the_request() {
    let server = server();
    let id = begin(&server, LATEST, &opens_pages()).unwrap();
    let foreign = Server { owner: vec!["another"], ..self::server() };
    let foreign = begin(&foreign, LATEST, &opens_pages()).unwrap();
    let changed = format!("{}A", &id[..id.len() - 1]);
    let changed = if changed == id { format!("{}B", &id[..id.len() - 1]) } else { changed };
    let two = format!("{id}, {foreign}");
    let long = "a".repeat(8_000);
    for wrong in ["x", "a session", &id[1..], &format!("{id}="), &changed, &foreign, &two, &long] {
        for version in [Some(LATEST), Some("2025-06-18"), None] {
            let (status, answer) = call(&server, wrong, version);
            let error = json!({ "code": -32001, "message": "Session not found. Initialize again" });
            let expected = json!({ "jsonrpc": "2.0", "id": 7, "error": error });
            assert_eq!((status, answer), (404, expected), "{wrong:.50}");
        }
        // What has no answer is refused as well, and what comes in a batch.
        let headers = [("mcp-session-id", wrong.to_owned())];
        let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        for body in [&notification, &json!([ping])] {
            let (status, answer) = server.send(&headers, body);
            assert_eq!((status, &answer["error"]["code"]), (404, &json!(-32001)), "{body}");
        }
    }
}

#[test]
fn a_state_of_the_same_caller_is_no_session() {
    let server = server();
    let keys = Keys::from(&Secret::from("secret"));
    let seal = || Seal {
        sealer: keys.sealer(Purpose::RequestState).into(),
        ..server.seal(Purpose::Session)
    };
    let params = json!({ "protocolVersion": LATEST, "capabilities": opens_pages() });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let offers = server.registry.offers();
    let received = receive(&HeaderMap::new(), &body.to_string().into(), MAX_VALUES, offers, &seal);
    let Ok(Incoming::Request(request)) = received else { panic!("one request") };
    let id = request.session_id.unwrap();
    assert_eq!(call(&server, &id, Some(LATEST)).0, 404);
}

#[test]
fn a_session_ends_after_thirty_days() {
    let server = server();
    let id = begin(&server, LATEST, &opens_pages()).unwrap();
    server.host.now.set(server.host.now.get() + 30 * DAY - 1);
    assert_eq!(call(&server, &id, Some(LATEST)).0, 200);
    server.host.now.set(server.host.now.get() + 1);
    assert_eq!(call(&server, &id, Some(LATEST)).0, 404);
}

#[test]
fn a_client_that_begins_anew_or_is_modern_has_no_session_whatever_it_sends() {
    let stale = ("mcp-session-id", "stale".to_owned());
    let params = json!({ "protocolVersion": LATEST });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    assert_eq!(server().send(std::slice::from_ref(&stale), &body).0, 200);
    let (mut headers, body) = modern_request("tools/list", json!({}));
    headers.push(stale.clone());
    assert_eq!(server().send(&headers, &body).0, 200);
    let version = ("mcp-protocol-version", "2026-07-28".to_owned());
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled" });
    assert_eq!(server().send(&[version, stale], &notification).0, 202);
}
