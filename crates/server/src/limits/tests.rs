use std::rc::Rc;

use doorward_core::testing::{FakeHost, finish_all};
use http::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::{
    prelude::{Context, NoArguments, Registry, Tool},
    testing::{Instance, audited, legacy_request, read},
};

fn host(limits: &str) -> Rc<FakeHost> {
    let host = FakeHost::new();
    host.set_variable("permission_source", "token");
    host.set_variable("limits", limits);
    Rc::new(host)
}

fn instance(host: &Rc<FakeHost>) -> Instance {
    let greet = async |_: &Context, NoArguments {}| Ok(String::from("Hello!"));
    let tool = |name| Tool::new(name, greet).public();
    Instance::new(host, Registry::new().with(tool("greet")).with(tool("whoami")))
}

fn user(subject: &str) -> Value {
    json!({ "sub": subject, "azp": "client", "org_id": "org_1" })
}

/// Calls a tool, and returns the status and the message.
fn call(instance: &Instance, claims: Value, tool: &str) -> Value {
    let (headers, body) = legacy_request("tools/call", &json!({ "name": tool }));
    read(instance.answer(claims, &headers, &body).body().unwrap())
}

#[test]
fn a_tool_that_is_called_too_often_says_when_to_try_again_and_others_run() {
    let host = host(r#"{ "tools": { "greet": { "rate": "6/min", "burst": 2 } } }"#);
    let instance = instance(&host);
    for _ in 0..2 {
        assert_eq!(call(&instance, user("auth0|1"), "greet")["result"]["isError"], false);
    }
    let result = call(&instance, user("auth0|1"), "greet")["result"].take();
    assert_eq!(result["isError"], true, "{result}");
    assert_eq!(result["_meta"]["doorward/retryAfter"], 10);
    let text = "The 'greet' tool was called too often. Try again in 10 s.";
    assert_eq!(result["content"][0]["text"], text);
    let line = audited(&host).pop().unwrap();
    assert_eq!(
        json!([line["reason"], line["outcome"], line["tool"]]),
        json!(["limit_tool", "denied", "greet"])
    );
    assert_eq!(call(&instance, user("auth0|1"), "whoami")["result"]["isError"], false);
    assert_eq!(call(&instance, user("auth0|2"), "greet")["result"]["isError"], false);
    host.now.set(host.now.get() + 10);
    assert_eq!(call(&instance, user("auth0|1"), "greet")["result"]["isError"], false);
}

#[test]
fn the_calls_of_a_batch_count_one_by_one() {
    let host = host(r#"{ "user": { "rate": "1/min", "burst": 3 } }"#);
    let one = |id: usize| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "greet" } });
    let body = Value::from_iter((0..6).map(one)).to_string();
    let answer = instance(&host).answer(user("auth0|1"), &HeaderMap::new(), body.as_bytes());
    let responses = read(answer.body().unwrap());
    // The first one is counted with its request, which is not part of this test.
    let ran: Vec<bool> = (0..6).map(|id| responses[id]["result"].is_object()).collect();
    assert_eq!(ran, [true, true, true, true, false, false]);
    assert_eq!(responses[5]["error"]["data"]["doorward/retryAfter"], 60);
    assert_eq!(responses[5]["id"], 5);
}

#[test]
fn each_limit_counts_its_own_and_names_itself() {
    for (member, reason) in
        [("user", "limit_user"), ("client", "limit_client"), ("organization", "limit_organization")]
    {
        let host = host(&format!(r#"{{ "{member}": {{ "day": 2 }} }}"#));
        let instance = instance(&host);
        let count =
            |claims: Value| finish_all([instance.request(claims, &HeaderMap::new()).count()])[0];
        let claims = [
            ("user", json!({ "sub": "auth0|2", "azp": "client", "org_id": "org_1" })),
            ("client", json!({ "sub": "auth0|1", "azp": "other", "org_id": "org_1" })),
            ("organization", json!({ "sub": "auth0|1", "azp": "client", "org_id": "org_2" })),
            (
                "issuer",
                json!({ "iss": "https://other.example/", "sub": "auth0|1", "azp": "client", "org_id": "org_1" }),
            ),
        ];
        assert_eq!([count(user("auth0|1")), count(user("auth0|1"))], [Ok(()), Ok(())]);
        assert_eq!(count(user("auth0|1")), Err(57_600), "{member}");
        assert_eq!(audited(&host).pop().unwrap()["reason"], reason);
        for (other, claims) in claims {
            let is_counted_apart = other == member || other == "issuer";
            assert_eq!(count(claims).is_ok(), is_counted_apart, "{member} {other}");
        }
        host.now.set(host.now.get() + 57_600);
        assert_eq!(count(user("auth0|1")), Ok(()), "a new day");
    }
}

/// How many requests get in of several callers in turn, each with these claims.
fn admitted<const N: usize>(limits: &str, callers: [Value; N]) -> ([usize; N], Vec<Value>) {
    let host = host(limits);
    let instance = instance(&host);
    let mut admitted = [0; N];
    for _ in 0..5 {
        for (claims, admitted) in callers.iter().zip(&mut admitted) {
            let request = instance.request(claims.clone(), &HeaderMap::new());
            *admitted += usize::from(finish_all([request.count()])[0].is_ok());
        }
    }
    (admitted, audited(&host).into_iter().map(|mut it| it["reason"].take()).collect())
}

#[test]
fn an_actor_is_limited_with_all_its_users_and_others_are_not() {
    let by = |subject: &str, client: &str, act: Value| json!({ "sub": subject, "azp": client, "act": act });
    let (agent, url) = (json!({ "sub": "agent", "act": { "sub": "other" } }), "https://a.example/");
    let limits = r#"{ "actors": { "agent": { "day": 3 }, "https://a.example/": { "day": 2 } } }"#;
    let mut foreign = by("auth0|1", "client", agent.clone());
    foreign["iss"] = json!("https://other.example/");
    let (admitted, reasons) = admitted(
        limits,
        [
            by("auth0|1", "client", agent.clone()),
            by("auth0|2", "client", agent),
            foreign,
            by("auth0|1", "client", json!({ "sub": "other", "act": { "sub": "agent" } })),
            json!({ "sub": "auth0|1", "azp": url }),
            json!({ "sub": "auth0|1", "azp": "agent" }),
            json!({ "sub": "agent@clients", "azp": "agent" }),
        ],
    );
    // The last one acts for itself under the same name.
    assert_eq!(admitted, [1, 1, 3, 5, 2, 5, 1]);
    assert!(!reasons.is_empty() && reasons.iter().all(|reason| reason == "limit_actor"));
}

#[test]
fn each_user_is_limited_as_a_kind_of_caller_apart_from_other_kinds() {
    let limits =
        r#"{ "kinds": { "agent": { "day": 1 }, "machine": { "day": 2 }, "user": { "day": 4 } } }"#;
    let agent = |user: &str| json!({ "sub": user, "azp": "client", "act": { "sub": "agent" } });
    let (admitted, reasons) = admitted(
        limits,
        [
            agent("auth0|1"),
            agent("auth0|2"),
            user("auth0|1"),
            json!({ "sub": "machine@clients", "azp": "machine" }),
        ],
    );
    assert_eq!(admitted, [1, 1, 4, 2]);
    assert!(!reasons.is_empty() && reasons.iter().all(|reason| reason == "limit_kind"));
}

#[test]
fn a_flood_is_answered_429_with_retry_after_in_head_and_body() {
    let answer = too_many_requests(12);
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header(&header::RETRY_AFTER), Some("12"));
    let message = read(answer.body().unwrap());
    assert_eq!(
        message,
        json!({ "jsonrpc": "2.0", "error": {
            "code": -32603, "message": "Too many requests. Try again in 12 s.",
            "data": { "doorward/retryAfter": 12 },
        } })
    );
}
