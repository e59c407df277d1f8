use doorward_core::testing::FakeHost;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::*;
use crate::{
    prelude::{CallError, InputRequest, InputRequired, NoArguments, Registry, Tool},
    testing::{Instance, audited, legacy_request},
};

const TOKENS: &str = "POST https://tenant.example.com/oauth/token";
const API: &str = "GET https://www.googleapis.com/";

fn host() -> Rc<FakeHost> {
    let host = FakeHost::new();
    host.set_variable("permission_source", "token");
    let token = json!({ "access_token": "google-7f3a", "expires_in": 3600, "scope": "openid" });
    host.answers(TOKENS, 200, &token);
    host.answers(API, 200, &json!({ "items": [] }));
    Rc::new(host)
}

async fn read_twice(context: &Context, _: NoArguments) -> Result<String, CallError> {
    let google = context.connection("google-oauth2");
    for path in ["/one", "/two"] {
        let response = google.get(path).await?;
        if !response.status().is_success() {
            return Err(CallError::new("Google said: secret-of-google"));
        }
    }
    Ok(String::from("read"))
}

async fn ask(_: &Context, _: NoArguments) -> Result<String, CallError> {
    let url = "https://accounts.example.com/".to_owned();
    Err(InputRequired::new().ask("page", InputRequest::Url { message: "Open".into(), url }).into())
}

fn registry() -> Registry {
    let wait = async |context: &Context, NoArguments {}| {
        context.report_progress(1.0, None, None);
        context.sleep(Duration::from_secs(9)).await;
        Ok(String::from("waited"))
    };
    Registry::new()
        .with(Tool::new("read_twice", read_twice).public())
        .with(Tool::new("ask", ask).public())
        .with(Tool::new("wait", wait).reports_progress().public())
}

fn user() -> Value {
    json!({ "sub": "auth0|1", "azp": "client" })
}

/// The last line of the audit log after a call with these parameters, which is about its end.
fn end_of(instance: &Instance, host: &FakeHost, params: &Value) -> Value {
    let (headers, body) = legacy_request("tools/call", params);
    assert_eq!(instance.answer(user(), &headers, &body).status(), StatusCode::OK);
    audited(host).pop().unwrap()
}

#[test]
fn the_end_of_a_call_says_what_it_asked_of_others() {
    let unavailable = Ok((503, b"secret-of-google".to_vec()));
    let table = [
        (Ok((200, b"{}".to_vec())), json!(["succeeded", "tool_succeeded", 3, "200"])),
        (unavailable, json!(["failed", "tool_failed", 3, "503"])),
        (Err(HttpError::TimedOut), json!(["failed", "tool_timed_out", 2, "timed_out"])),
        (Err(HttpError::TooLarge), json!(["failed", "tool_failed", 2, "too_large"])),
    ];
    for (answer, expected) in table {
        let host = host();
        host.answers_with(API, answer);
        let line =
            end_of(&Instance::new(&host, registry()), &host, &json!({ "name": "read_twice" }));
        let found = ["outcome", "reason", "upstream_calls", "upstream_result"].map(|it| &line[it]);
        assert_eq!(json!(found), expected, "{line}");
        assert_eq!((&line["exchange"], &line["tool"]), (&json!("made"), &json!("read_twice")));
        assert!(line["duration_ms"].is_u64() && line["upstream_ms"].is_u64(), "{line}");
        for secret in ["secret-of-google", "google-7f3a"] {
            assert!(!host.audited.borrow().concat().contains(secret));
        }
    }
}

#[test]
fn an_exchange_is_made_once_and_remembered_then() {
    let host = host();
    let instance = Instance::new(&host, registry());
    let exchanges: Vec<Value> = (0..2)
        .map(|_| end_of(&instance, &host, &json!({ "name": "read_twice" }))["exchange"].take())
        .collect();
    assert_eq!(exchanges, ["made", "remembered"]);
    host.answers(TOKENS, 401, &json!({ "error": "invalid_grant" }));
    host.store.borrow_mut().clear();
    let line = end_of(&Instance::new(&host, registry()), &host, &json!({ "name": "read_twice" }));
    assert_eq!((&line["exchange"], &line["reason"]), (&json!("failed"), &json!("tool_failed")));
}

#[test]
fn wrong_arguments_and_a_question_are_ends_of_their_own() {
    for (params, reason) in [
        (json!({ "name": "ask" }), "tool_input_required"),
        (json!({ "name": "ask", "arguments": { "more": 1 } }), "tool_arguments_invalid"),
        (json!({ "name": "ask", "arguments": 7 }), "tool_arguments_invalid"),
    ] {
        let host = host();
        let line = end_of(&Instance::new(&host, registry()), &host, &params);
        assert_eq!(line["reason"], reason, "{line}");
        assert_eq!(line["upstream_calls"], 0);
        assert_eq!(line.get("exchange"), None, "{line}");
    }
}

#[test]
fn a_stream_ends_when_its_tool_does_or_its_client_goes_away() {
    use doorward_core::web::AllowOrigin;
    for (is_read, reason) in [(true, "tool_succeeded"), (false, "tool_canceled")] {
        let host = host();
        let params = json!({ "name": "wait", "_meta": { "progressToken": "t" } });
        let (headers, body) = legacy_request("tools/call", &params);
        let answer = Instance::new(&host, registry()).answer(user(), &headers, &body);
        let mut body = answer.leave(&AllowOrigin::None).into_body();
        let reasons = || -> Vec<Value> {
            audited(&host).iter_mut().map(|line| line["reason"].take()).collect()
        };
        assert_eq!(reasons(), ["tool_allowed"], "nothing runs before it is read");
        let frame = doorward_core::testing::finish_all([body.frame()]);
        assert!(frame[0].is_some());
        if is_read {
            doorward_core::testing::finish_all([body.collect()]);
        } else {
            drop(body);
        }
        assert_eq!(reasons(), ["tool_allowed", reason]);
    }
}

#[test]
fn a_prompt_or_a_list_has_no_end_of_its_own() {
    let host = host();
    let (_, body) = legacy_request("tools/list", &json!({}));
    let _ = Instance::new(&host, registry()).answer(user(), &HeaderMap::new(), &body);
    assert!(audited(&host).is_empty());
}
