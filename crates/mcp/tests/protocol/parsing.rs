//! Every method in every era, as the types that the server gets.

use doorward_mcp::{
    Completion, CompletionReference, Description, Era, LegacyVersion, Listing, Offers,
    ResourceTemplate,
};

use super::*;

const ALL: Offers =
    Offers { completions: true, prompts: true, resources: true, tools: true, extensions: &[] };
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

fn no_session() -> Seal {
    panic!("the request is in no session")
}

fn receive_request(headers: &Headers, body: &Value, offers: Offers) -> Result<Request, Rejected> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    match receive(&headers, &body.to_string().into(), MAX_VALUES, offers, &no_session)? {
        Incoming::Request(request) => Ok(*request),
        incoming => panic!("not one request: {incoming:?}"),
    }
}

fn parse(era: &str, method: &str, params: &Value, offers: Offers) -> Result<Request, Rejected> {
    if era == "2026-07-28" {
        let (headers, body) = modern_request(method, params.clone());
        return receive_request(&headers, &body, offers);
    }
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    receive_request(&vec![("mcp-protocol-version", era.to_owned())], &body, offers)
}

/// Every method but `subscriptions/listen` with valid parameters, whether the legacy and the modern
/// era have it, and the offers without which it does not exist.
fn methods() -> Vec<(&'static str, Value, bool, bool, Offers)> {
    let completion = json!({
        "ref": { "type": "ref/prompt", "name": "p" },
        "argument": { "name": "a", "value": "v" },
    });
    let named = json!({ "name": "n" });
    let none = Offers::default();
    let tools = Offers { tools: true, ..none };
    let prompts = Offers { prompts: true, ..none };
    let resources = Offers { resources: true, ..none };
    vec![
        ("completion/complete", completion, true, true, Offers { completions: true, ..none }),
        ("initialize", json!({}), true, false, none),
        ("ping", json!({}), true, false, none),
        ("prompts/get", named.clone(), true, true, prompts),
        ("prompts/list", json!({}), true, true, prompts),
        ("resources/list", json!({}), true, true, resources),
        ("resources/read", json!({ "uri": "u" }), true, true, resources),
        ("resources/templates/list", json!({}), true, true, resources),
        ("server/discover", json!({}), false, true, none),
        ("tools/call", named, true, true, tools),
        ("tools/list", json!({}), true, true, tools),
    ]
}

#[test]
fn every_method_becomes_its_own_type_in_the_eras_that_have_it() {
    for (method, params, legacy, modern, needed) in methods() {
        for (version, exists) in
            [("2025-11-25", legacy), ("2024-11-05", legacy), ("2026-07-28", modern)]
        {
            for (offers, is_offered) in
                [(ALL, true), (needed, true), (Offers::default(), needed == Offers::default())]
            {
                let request = parse(version, method, &params, offers);
                if !(exists && is_offered) {
                    let rejected = request.unwrap_err();
                    assert!(rejected.id.is_some());
                    let status = if version == "2026-07-28" { 404 } else { 200 };
                    assert_eq!(rejected.error.status(), status, "{method} {version}");
                    let text = rejected.to_string();
                    assert_eq!(text, format!("Method not found: {method} (-32601)"));
                    continue;
                }
                let is_right = match request.unwrap().call {
                    Call::Describe(Description::Complete(it)) => {
                        method == "completion/complete"
                            && it.reference == CompletionReference::Prompt("p".into())
                            && (it.argument.as_str(), it.value.as_str()) == ("a", "v")
                    }
                    Call::Describe(Description::Discover) => method == "server/discover",
                    Call::Describe(Description::Initialize { version, .. }) => {
                        method == "initialize" && version == LegacyVersion::V2025_11_25
                    }
                    Call::List(Listing::Prompts) => method == "prompts/list",
                    Call::List(Listing::Resources) => method == "resources/list",
                    Call::List(Listing::ResourceTemplates) => method == "resources/templates/list",
                    Call::List(Listing::Tools) => method == "tools/list",
                    Call::Describe(Description::Ping) => method == "ping",
                    Call::Prompt(call) => method == "prompts/get" && call.name == "n",
                    Call::Read(call) => method == "resources/read" && call.uri == "u",
                    Call::Tool(call) => method == "tools/call" && call.name == "n",
                };
                assert!(is_right, "{method} {version}");
            }
        }
    }
}

#[test]
fn a_request_knows_its_era() {
    for (header, era) in [
        ("2024-11-05", Era::Legacy(LegacyVersion::V2024_11_05)),
        ("2025-03-26", Era::Legacy(LegacyVersion::V2025_03_26)),
        ("2025-06-18", Era::Legacy(LegacyVersion::V2025_06_18)),
        ("2025-11-25", Era::Legacy(LegacyVersion::V2025_11_25)),
        ("2026-07-28", Era::Modern),
    ] {
        assert_eq!(parse(header, "tools/list", &json!({}), ALL).unwrap().era, era);
    }
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let request = receive_request(&Vec::new(), &body, ALL).unwrap();
    assert_eq!(request.era, Era::Legacy(LegacyVersion::V2025_03_26));
}

#[test]
fn the_trace_of_meta_counts_for_every_method_in_both_eras() {
    let meta = json!({
        "traceparent": format!("00-{TRACE_ID}-b7ad6b7169203331-01"),
        "tracestate": "vendor=1",
    });
    for (method, mut params, legacy, modern, _) in methods() {
        params["_meta"] = meta.clone();
        for version in
            [legacy.then_some("2025-11-25"), modern.then_some("2026-07-28")].into_iter().flatten()
        {
            let request = parse(version, method, &params, ALL).unwrap();
            let trace = request.meta.trace.unwrap();
            assert_eq!(trace.id(), TRACE_ID, "{method} {version}");
            let mut headers = HeaderMap::new();
            trace.continue_in(&mut headers, &FakeHost::new());
            assert_eq!(headers["tracestate"], "vendor=1", "{method} {version}");
        }
    }
}

#[test]
fn every_entry_of_a_batch_has_its_own_meta() {
    let entry = |id: u64, meta: Value| {
        let params = json!({ "_meta": meta });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list", "params": params })
    };
    let traceparent = format!("00-{TRACE_ID}-b7ad6b7169203331-01");
    let items = json!([entry(1, json!({ "traceparent": traceparent })), entry(2, json!({}))]);
    let incoming =
        receive(&HeaderMap::new(), &items.to_string().into(), MAX_VALUES, ALL, &no_session)
            .unwrap();
    let Incoming::Batch(requests) = incoming else { panic!("a batch") };
    let traces = requests.into_iter().map(|request| request.unwrap().meta.trace);
    assert_eq!(traces.map(|it| it.is_some()).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn invalid_meta_is_ignored_where_the_protocol_allows_it() {
    for meta in [
        json!(7),
        json!([]),
        json!({ "traceparent": 7, "progressToken": 1.5 }),
        json!({ "traceparent": "nonsense", "progressToken": null, "tracestate": "vendor=1" }),
    ] {
        let params = json!({ "name": "n", "_meta": meta });
        let request = parse("2025-11-25", "tools/call", &params, ALL).unwrap();
        assert_eq!(request.meta, Meta::default(), "{meta}");
    }
    for token in [json!("t"), json!(0), json!(-7)] {
        for version in ["2025-11-25", "2026-07-28"] {
            let params = json!({ "name": "n", "_meta": { "progressToken": token } });
            let request = parse(version, "tools/call", &params, ALL).unwrap();
            assert_eq!(json!(request.meta.progress_token), token);
        }
    }
}

#[test]
fn a_body_of_too_many_or_too_deep_values_is_refused_with_the_reason() {
    let error = |arguments: &Value, max_values: usize| {
        let params = json!({ "name": "n", "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let received =
            receive(&HeaderMap::new(), &body.to_string().into(), max_values, ALL, &no_session);
        received.err().map(|rejected| (rejected.error.status().as_u16(), rejected.to_string()))
    };
    let numbers = |count: usize| json!({ "a": vec![0; count] });
    assert_eq!(error(&numbers(92), 100), None);
    let text = "The body has more than 100 JSON values (-32700)";
    assert_eq!(error(&numbers(93), 100), Some((400, text.to_owned())));
    let nested = |levels| (0..levels).fold(json!(0), |inner, _| json!([inner]));
    assert_eq!(error(&json!({ "a": nested(MAX_DEPTH - 3) }), MAX_VALUES), None);
    let text = "The body is nested deeper than 64 levels (-32700)";
    let too_deep = error(&json!({ "a": nested(MAX_DEPTH - 2) }), MAX_VALUES);
    assert_eq!(too_deep, Some((400, text.to_owned())));
}

#[test]
fn a_completion_is_checked_from_its_argument_to_its_reference() {
    let parse = |params: Value| {
        let request = parse("2025-11-25", "completion/complete", &params, ALL);
        request.map_err(|rejected| rejected.to_string())
    };
    let argument = json!({ "name": "a", "value": "v" });
    for (params, error) in [
        (json!({}), "`argument.name` must be a string"),
        (json!({ "argument": { "value": "v" } }), "`argument.name` must be a string"),
        (json!({ "argument": { "name": "a", "value": 7 } }), "`argument.value` must be a string"),
        (json!({ "argument": argument }), "`ref.type` must be ref/prompt or ref/resource"),
        (json!({ "argument": argument, "ref": { "type": "ref/prompt" } }), "Unknown prompt"),
        (
            json!({ "argument": argument, "ref": { "type": "ref/resource" } }),
            "Unknown resource template",
        ),
    ] {
        assert_eq!(parse(params).unwrap_err(), format!("{error} (-32602)"));
    }
    let reference = json!({ "type": "ref/resource", "uri": "u" });
    let request = parse(json!({ "argument": argument, "ref": reference })).unwrap();
    let reference = CompletionReference::ResourceTemplate("u".into());
    let completion = Completion { reference, argument: "a".into(), value: "v".into() };
    assert_eq!(request.call, Call::Describe(Description::Complete(completion)));
}

#[test]
fn errors_of_a_call_are_found_in_the_order_that_clients_see() {
    let schema = json!({ "type": "object", "properties": { "x": { "type": "integer", "x-mcp-header": "X" } } });
    let tool = Tool::raw("t", schema, async |_, _| Ok(String::new()));
    let server = Server::new(Registry::new().with(tool));
    let mut params = json!({
        "name": 7, "arguments": 7, "requestState": "forged", "inputResponses": 7,
    });
    let mut error = |member: &str, value: Value| {
        params[member] = value;
        let (status, answer) = server.modern("tools/call", params.clone());
        (status, answer["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    let state = "`requestState` is not valid for this call. Start the call again without it";
    for (member, value, status, message) in [
        ("name", json!(7), 200, "`name` must be a string"),
        ("name", json!("none"), 200, "Unknown tool: none"),
        ("name", json!("t"), 200, "`arguments` must be an object"),
        ("arguments", json!({ "x": 1 }), 400, "Header mismatch: Mcp-Param-X is missing"),
        ("arguments", json!({}), 200, state),
        ("requestState", json!(7), 200, state),
    ] {
        assert_eq!(error(member, value), (status, message.to_owned()));
    }
    params.as_object_mut().unwrap().remove("requestState");
    let (_, answer) = server.modern("tools/call", params.clone());
    assert_eq!(answer["error"]["message"], "`inputResponses` must be an object");
    params["inputResponses"] = json!({});
    assert_eq!(server.modern("tools/call", params).1["result"]["isError"], false);
}

#[test]
fn a_resource_is_looked_up_before_the_state_of_the_read_is_checked() {
    let server = Server::new(Registry::new().with_template(ResourceTemplate::new(
        "test://{id}",
        "t",
        "T",
        "text/plain",
        async |_, _| Ok(Vec::new()),
    )));
    let read = |params: Value| {
        let (_, answer) = server.modern("resources/read", params);
        answer["error"]["message"].as_str().unwrap_or_default().to_owned()
    };
    for (member, value) in [("requestState", json!("x")), ("inputResponses", json!(1))] {
        let error = read(json!({ "uri": "test://1", member: value }));
        assert!(error.starts_with(&format!("`{member}`")), "{error}");
        assert_eq!(read(json!({ "uri": "none", member: value })), "Resource not found");
    }
    assert_eq!(read(json!({})), "`uri` must be a string");
    assert_eq!(read(json!({ "uri": "test://1" })), "");
}
