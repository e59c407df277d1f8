//! Which trace a message is part of: that of its `_meta`, or else that of the request's headers.

use super::*;
use crate::{
    prelude::{Content, Prompt, PromptMessage, Resource, ResourceContents},
    testing::TRACE_ID,
};

/// Another trace than [`TRACE_ID`].
const OTHER_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

const GOOGLE: &str = "GET https://www.googleapis.com/x";

fn traceparent(id: &str) -> String {
    format!("00-{id}-b7ad6b7169203331-01")
}

/// A `_meta` that is part of a trace.
fn meta(id: &str) -> Value {
    json!({ "traceparent": traceparent(id), "tracestate": format!("meta={}", &id[..4]) })
}

/// Adds the headers of [`TRACE_ID`].
fn add_headers(headers: &mut HeaderMap) {
    let parent = traceparent(TRACE_ID);
    headers.extend(header_map(&[("traceparent", &parent), ("tracestate", "header=1")]));
}

async fn get(context: &Context) -> Result<String, CallError> {
    let response = context.connection("google-oauth2").get("/x").await?;
    Ok(response.status().to_string())
}

/// A tool, a prompt and a resource that send requests.
fn registry() -> Registry {
    let tool = async |context: &Context, NoArguments {}| get(context).await;
    let prompt = Prompt::new("fetch", "It fetches.", async |context, _| {
        Ok(vec![PromptMessage::User(Content::text(get(context).await?))])
    });
    let resource =
        Resource::new("test://x", "x", "It is fetched.", "text/plain", async |context| {
            Ok(vec![ResourceContents::text("test://x", "text/plain", get(context).await?)])
        });
    Registry::new()
        .with(Tool::new("fetch", tool))
        .with(Tool::new("stream", tool).reports_progress())
        .with_prompt(prompt)
        .with_resource(resource)
}

fn fetching_host() -> Rc<FakeHost> {
    let host = host();
    host.answers(GOOGLE, 200, &json!({}));
    host
}

/// The answer to a request that has the headers of [`TRACE_ID`], once all of it was read.
fn serve(host: &Rc<FakeHost>, (mut headers, body): (HeaderMap, Vec<u8>)) -> Vec<u8> {
    use doorward_core::web::AllowOrigin;
    add_headers(&mut headers);
    let answer = Instance::new(host, registry()).answer(owner(), &headers, &body);
    let body = answer.leave(&AllowOrigin::None).into_body();
    finish(body.collect()).unwrap().to_bytes().into()
}

/// The trace and the `tracestate` of every request that was sent; no two have the same parent.
fn sent(host: &FakeHost) -> Vec<(String, String)> {
    let headers = host.headers.borrow();
    let mut parents: Vec<String> = Vec::new();
    let traces = headers.iter().map(|headers| {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let parent = text("traceparent");
        assert!(!parents.contains(&parent) && !parent.contains("b7ad6b7169203331"), "{parent}");
        let id = parent.split('-').nth(1).unwrap().to_owned();
        parents.push(parent);
        (id, text("tracestate"))
    });
    traces.collect()
}

/// Every method that may send something, with its parameters.
fn methods() -> [(&'static str, Value); 5] {
    [
        ("tools/call", json!({ "name": "fetch" })),
        ("tools/call", json!({ "name": "stream", "_meta": { "progressToken": 1 } })),
        ("tools/list", json!({})),
        ("prompts/get", json!({ "name": "fetch" })),
        ("resources/read", json!({ "uri": "test://x" })),
    ]
}

/// The same method in both eras, with its `_meta` changed.
fn requests(method: &str, params: &Value, meta: Value) -> [(HeaderMap, Vec<u8>); 2] {
    let mut params = params.clone();
    for (name, value) in meta.as_object().unwrap() {
        params["_meta"][name] = value.clone();
    }
    [legacy_request(method, &params), modern_request(method, params)]
}

#[test]
fn the_trace_of_meta_reaches_what_every_method_sends_in_both_eras() {
    for (method, params) in methods() {
        for request in requests(method, &params, meta(OTHER_ID)) {
            let host = fetching_host();
            let answer = serve(&host, request);
            let sent = sent(&host);
            assert!(!sent.is_empty(), "{method}");
            if method != "tools/list" {
                assert_eq!(host.count(GOOGLE), 1, "{method} {}", String::from_utf8_lossy(&answer));
            }
            for trace in sent {
                assert_eq!(trace, (OTHER_ID.to_owned(), "meta=4bf9".to_owned()), "{method}");
            }
        }
    }
}

#[test]
fn without_a_valid_trace_in_meta_that_of_the_headers_counts() {
    for meta in [
        json!({}),
        json!({ "traceparent": "nonsense", "tracestate": "meta=1" }),
        json!({ "traceparent": 7 }),
        json!({ "tracestate": "meta=1" }),
    ] {
        for (method, params) in methods() {
            for request in requests(method, &params, meta.clone()) {
                let host = fetching_host();
                serve(&host, request);
                for trace in sent(&host) {
                    assert_eq!(trace, (TRACE_ID.to_owned(), "header=1".to_owned()), "{method}");
                }
            }
        }
    }
}

#[test]
fn the_audit_line_of_a_call_or_a_list_has_the_trace_of_meta() {
    for (method, params, reason) in [
        ("tools/call", json!({ "name": "fetch" }), "tool_allowed"),
        ("tools/list", json!({}), "permission_source_forbidden"),
    ] {
        for (meta, id) in [(meta(OTHER_ID), OTHER_ID), (json!({}), TRACE_ID)] {
            for request in requests(method, &params, meta) {
                let host = fetching_host();
                if method == "tools/list" {
                    host.answers(RESOURCE_SERVER, 403, &json!({}));
                }
                serve(&host, request);
                let line = decisions(&host).pop().unwrap();
                assert_eq!((&line["reason"], &line["trace_id"]), (&json!(reason), &json!(id)));
            }
        }
    }
}

#[test]
fn a_state_without_traceparent_leaves_no_state_of_another_trace() {
    let host = fetching_host();
    let params = json!({ "name": "fetch", "_meta": { "traceparent": traceparent(OTHER_ID) } });
    serve(&host, modern_request("tools/call", params));
    for headers in host.headers.borrow().iter() {
        assert!(headers["traceparent"].to_str().unwrap().contains(OTHER_ID));
        assert!(!headers.contains_key("tracestate"), "that of the headers is about another trace");
    }
}

#[test]
fn every_entry_of_a_batch_has_its_own_trace() {
    let host = fetching_host();
    // Each entry asks anew.
    host.set_variable("permission_cache_seconds", "0");
    let third = "00000000000000000000000000000003";
    let entry = |id: u64, method: &str, mut params: Value, trace: Option<&str>| {
        if let Some(trace) = trace {
            params["_meta"] = meta(trace);
        }
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    };
    let items = json!([
        entry(1, "tools/call", json!({ "name": "fetch" }), Some(OTHER_ID)),
        entry(2, "tools/call", json!({ "name": "fetch" }), None),
        entry(3, "resources/read", json!({ "uri": "test://x" }), Some(third)),
        entry(4, "prompts/get", json!({ "name": "fetch" }), None),
        entry(5, "tools/call", json!({ "name": "none" }), Some(third)),
        entry(6, "tools/call", json!({ "name": "fetch" }), Some(third)),
    ]);
    let answer = read(&serve(&host, (HeaderMap::new(), items.to_string().into_bytes())));
    assert_eq!(answer.as_array().unwrap().len(), 6);
    let urls = host.sent.borrow();
    let fetched: Vec<String> = urls
        .iter()
        .zip(sent(&host))
        .filter(|(url, _)| url.starts_with(GOOGLE))
        .map(|(_, (trace, state))| format!("{} {state}", &trace[..4]))
        .collect();
    let other = "4bf9 meta=4bf9";
    assert_eq!(
        fetched,
        [other, "0af7 header=1", "0000 meta=0000", "0af7 header=1", "0000 meta=0000"]
    );
    let lines = decisions(&host);
    let traces: Vec<&Value> = lines.iter().map(|line| &line["trace_id"]).collect();
    assert_eq!(traces, [OTHER_ID, TRACE_ID, third, TRACE_ID, third]);
}
