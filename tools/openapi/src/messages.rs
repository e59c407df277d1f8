//! The messages of MCP 2026-07-28: what this server answers by itself, and what it has to ask the
//! API for.

use crate::call::ApiRequest;
use crate::document::Api;
use serde_json::{Value, json};

/// The length of what is said of an API's error, in characters.
const MAX_ERROR_TEXT: usize = 300;

/// What a message needs.
#[derive(Debug)]
pub enum Step {
    /// Nothing more: this is the response.
    Answer(Value),
    /// The response of the API.
    Call(Call),
}

/// A call of a tool.
#[derive(Debug)]
pub struct Call {
    /// The id of the message.
    pub id: Value,
    /// The URL to send the request to.
    pub url: String,
    /// The request.
    pub request: ApiRequest,
}

/// What to do about a message. `api` is what the document offers, or what is wrong with it.
#[must_use]
pub fn receive(api: Result<&Api, &str>, message: &Value) -> Step {
    let member = |pointer: &str| message.pointer(pointer);
    let id = member("/id").cloned().unwrap_or_default();
    let api = match api {
        Ok(api) => api,
        Err(problem) => return Step::Answer(error(&id, -32603, problem)),
    };
    let name = member("/params/name").and_then(Value::as_str);
    match (member("/method").and_then(Value::as_str), name) {
        (Some("server/discover"), _) => Step::Answer(result(
            &id,
            json!({ "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} },
                "ttlMs": 60_000, "cacheScope": "public" }),
        )),
        (Some("tools/list"), _) => {
            let tools: Value = api.operations.iter().map(|tool| tool.listed.clone()).collect();
            let list = json!({ "tools": tools, "ttlMs": 60_000, "cacheScope": "public" });
            Step::Answer(result(&id, list))
        }
        (Some("tools/call"), Some(name)) => {
            let Some(operation) = api.operations.iter().find(|it| it.name == name) else {
                return Step::Answer(error(&id, -32602, &format!("Unknown tool: {name}")));
            };
            let arguments = member("/params/arguments").and_then(Value::as_object);
            let arguments = arguments.cloned().unwrap_or_default();
            let mut request = match ApiRequest::new(api, operation, &arguments) {
                Ok(request) => request,
                Err(problem) => {
                    return Step::Answer(failed(&id, &format!("Invalid arguments: {problem}.")));
                }
            };
            let egress = |name: &str| member(&format!("/params/_meta/doorward~1egress/{name}"));
            let [url, capability] = ["url", "capability"].map(|name| egress(name)?.as_str());
            let url = match (url, capability) {
                (Some(url), Some(capability)) => {
                    let capability = ("doorward-capability".to_owned(), capability.to_owned());
                    request.headers.push(capability);
                    format!("{url}/{}{}", api.host, request.target)
                }
                _ => {
                    let scheme = if api.is_secure { "https" } else { "http" };
                    format!("{scheme}://{}{}", api.host, request.target)
                }
            };
            Step::Call(Call { id, url, request })
        }
        _ => Step::Answer(error(&id, -32601, "Method not found")),
    }
}

/// The response to a call: what the API has answered.
#[must_use]
pub fn answered(id: &Value, status: u16, body: &[u8]) -> Value {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    match (status, json) {
        (204, _) => result(id, json!({ "content": [{ "type": "text", "text": "Done." }] })),
        (200..=299, Some(value)) => {
            let text = value.to_string();
            let structured = match value {
                Value::Object(_) => value,
                Value::Array(items) => json!({ "items": items }),
                value => json!({ "value": value }),
            };
            let content = json!([{ "type": "text", "text": text }]);
            result(id, json!({ "content": content, "structuredContent": structured }))
        }
        (200..=299, None) => failed(id, "The API answered something other than JSON."),
        (status, json) => {
            let words = json.as_ref().and_then(|json| {
                let places = ["/error/message", "/message", "/detail", "/title", "/error"];
                places.into_iter().find_map(|place| json.pointer(place)?.as_str())
            });
            let words = words.unwrap_or_default().chars().filter(|c| !c.is_control());
            let words: String = words.take(MAX_ERROR_TEXT).collect();
            failed(id, format!("The API answered with status {status}. {words}").trim_end())
        }
    }
}

/// The result of a call that has failed, in words for the model.
#[must_use]
pub fn failed(id: &Value, text: &str) -> Value {
    result(id, json!({ "content": [{ "type": "text", "text": text }], "isError": true }))
}

fn result(id: &Value, mut result: Value) -> Value {
    result.as_object_mut().map(|it| it.insert("resultType".to_owned(), "complete".into()));
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tests::api;

    fn step(message: Value) -> Step {
        receive(Ok(&api()), &message)
    }

    fn answer(message: Value) -> Value {
        match step(message) {
            Step::Answer(answer) => answer,
            Step::Call(call) => panic!("{call:?}"),
        }
    }

    #[test]
    fn the_operations_are_listed_as_tools() {
        let list = answer(json!({ "id": 1, "method": "tools/list" }));
        assert_eq!(list["result"]["resultType"], "complete");
        assert_eq!(list["result"]["tools"][0]["name"], "calendar_events_list");
        let found = answer(json!({ "id": 2, "method": "server/discover" }));
        assert_eq!(found["result"]["supportedVersions"][0], "2026-07-28");
    }

    #[test]
    fn a_call_goes_through_the_egress_that_comes_with_it() {
        let egress = json!({ "url": "http://doorward.spin.internal/egress/google-oauth2",
            "capability": "sealed" });
        let params = json!({ "name": "calendar_events_list",
            "arguments": { "calendarId": "primary" }, "_meta": { "doorward/egress": egress } });
        let Step::Call(call) = step(json!({ "id": 3, "method": "tools/call", "params": params }))
        else {
            panic!("a call");
        };
        let host = "http://doorward.spin.internal/egress/google-oauth2/www.googleapis.com";
        assert_eq!(call.url, format!("{host}/calendar/v3/calendars/primary/events"));
        let capability = ("doorward-capability".to_owned(), "sealed".to_owned());
        assert!(call.request.headers.contains(&capability));
        assert_eq!(call.id, 3);
    }

    #[test]
    fn without_an_egress_the_api_is_called_itself() {
        let params =
            json!({ "name": "calendar_events_list", "arguments": { "calendarId": "primary" } });
        let Step::Call(call) = step(json!({ "id": 3, "method": "tools/call", "params": params }))
        else {
            panic!("a call");
        };
        let url = "https://www.googleapis.com/calendar/v3/calendars/primary/events";
        assert_eq!(call.url, url);
    }

    #[test]
    fn what_cannot_be_called_is_an_error() {
        for (message, member, value) in [
            (json!({ "id": 1, "method": "other" }), "/error/code", json!(-32601)),
            (
                json!({ "id": 1, "method": "tools/call", "params": { "name": "other" } }),
                "/error/code",
                json!(-32602),
            ),
            (
                json!({ "id": 1, "method": "tools/call",
                    "params": { "name": "calendar_events_list" } }),
                "/result/isError",
                json!(true),
            ),
            (Value::Null, "/error/code", json!(-32601)),
        ] {
            assert_eq!(answer(message.clone()).pointer(member), Some(&value), "{message}");
        }
        let Step::Answer(answer) = receive(Err("the document is odd"), &json!({ "id": 1 })) else {
            panic!("an answer");
        };
        assert_eq!(answer["error"]["message"], "the document is odd");
    }

    #[test]
    fn results_are_structured_and_errors_are_short() {
        for (status, body, member, value) in [
            (200, r#"{"a":1}"#, "/result/structuredContent", json!({ "a": 1 })),
            (200, "[1]", "/result/structuredContent/items", json!([1])),
            (201, "7", "/result/structuredContent/value", json!(7)),
            (204, "", "/result/content/0/text", json!("Done.")),
            (200, "<html>", "/result/isError", json!(true)),
            (302, "", "/result/isError", json!(true)),
            (
                403,
                "{\"error\":{\"message\":\"No\\u0007\"}}",
                "/result/content/0/text",
                json!("The API answered with status 403. No"),
            ),
        ] {
            let answer = answered(&json!(1), status, body.as_bytes());
            assert_eq!(answer.pointer(member), Some(&value), "{status} {body}");
        }
    }
}
