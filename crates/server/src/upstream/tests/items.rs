//! Prompts and resources of another server.

use super::*;

const ERAS: [Speaks; 3] = [Speaks::Modern, Speaks::Sessions, Speaks::Stateless];

/// A server that takes everything, in front of one with a prompt, a resource and a template.
fn door(speaks: Speaks, entry: Value) -> Door {
    let mut all = json!({ "prompts": "*", "resources": "*" });
    if let (Value::Object(all), Value::Object(entry)) = (&mut all, entry) {
        all.extend(entry);
    }
    let door = Door::new(speaks, all, &[]);
    let arguments = json!([{ "name": "city", "required": true }]);
    door.behind.prompts.replace(json!([{ "name": "plan", "arguments": arguments }]));
    door.behind.resources.replace(json!([{ "uri": "docs://about", "name": "about" }]));
    door.behind.templates.replace(json!([{ "uriTemplate": "docs://days/{day}", "name": "day" }]));
    door
}

fn listed(door: &Door, scope: &str, method: &str, member: &str) -> Vec<Value> {
    let answer = door.ask(scope, modern_request(method, json!({})));
    answer["result"][member].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

fn plan() -> (HeaderMap, Vec<u8>) {
    modern_request("prompts/get", json!({ "name": "w_plan", "arguments": { "city": "Oslo" } }))
}

fn read_uri(uri: &str) -> (HeaderMap, Vec<u8>) {
    modern_request("resources/read", json!({ "uri": uri }))
}

fn reasons(door: &Door) -> Vec<String> {
    let lines = door.host.fake.audited.take();
    let reason = |line: &String| serde_json::from_str::<Value>(line).unwrap()["reason"].clone();
    lines.iter().map(|line| reason(line).as_str().unwrap().to_owned()).collect()
}

#[test]
fn prompts_and_resources_of_every_era_are_listed_and_passed_on_as_tools_are() {
    for speaks in ERAS {
        let door = door(speaks, json!({ "access": "public" }));
        let prompts = listed(&door, "", "prompts/list", "prompts");
        let arguments = json!([{ "description": "", "name": "city", "required": true }]);
        let expected = json!({ "arguments": arguments, "description": "", "name": "w_plan" });
        assert_eq!(prompts, [expected], "{speaks:?}");
        let resources = listed(&door, "", "resources/list", "resources");
        let expected = json!({ "description": "", "name": "w_about", "uri": "docs://about" });
        assert_eq!(resources, [expected]);
        let templates = listed(&door, "", "resources/templates/list", "resourceTemplates");
        assert_eq!(templates[0]["uriTemplate"], "docs://days/{day}");
        door.behind.sent.take();
        reasons(&door);

        let content = json!({ "type": "text", "text": "Plan\u{200b} it" });
        let messages = json!([{ "role": "user", "content": content }]);
        door.behind.result.replace(json!({ "messages": messages }));
        let got = door.ask("", plan());
        assert_eq!(got["result"]["messages"][0]["content"]["text"], "Plan it", "{got}");
        let (headers, sent) = door.behind.sent.take().remove(0);
        assert_eq!(
            (&sent["method"], &sent["params"]["name"]),
            (&json!("prompts/get"), &json!("plan"))
        );
        assert_eq!(sent["params"]["arguments"], oslo());
        assert_eq!(headers.contains_key("mcp-name"), speaks == Speaks::Modern);
        assert_eq!(reasons(&door), ["prompt_allowed"]);

        for uri in ["docs://about", "docs://days/mon"] {
            let contents = json!([{ "uri": uri, "text": "About\u{1b}", "_meta": {} }]);
            door.behind.result.replace(json!({ "contents": contents }));
            let read = door.ask("", read_uri(uri));
            assert_eq!(
                read["result"]["contents"],
                json!([{ "uri": uri, "text": "About" }]),
                "{read}"
            );
            let (_, sent) = door.behind.sent.take().remove(0);
            assert_eq!(
                (&sent["method"], &sent["params"]["uri"]),
                (&json!("resources/read"), &json!(uri))
            );
            assert_eq!(sent["params"].get("arguments"), None);
            assert_eq!(reasons(&door), ["resource_allowed"]);
        }
    }
}

#[test]
fn nothing_but_tools_is_taken_unless_the_operator_says_so() {
    let door = door(Speaks::Modern, json!({ "prompts": [], "resources": [], "access": "public" }));
    door.names("");
    assert_eq!(door.behind.methods(), ["tools/list"]);
    for request in [plan(), read_uri("docs://about"), modern_request("prompts/list", json!({}))] {
        assert_eq!(door.ask("", request)["error"]["code"], -32601);
    }
    assert!(door.behind.methods().is_empty());
}

#[test]
fn only_what_a_server_lists_and_the_operator_takes_is_asked_for() {
    let entry = json!({ "prompts": ["other"], "resources": ["docs://days/*"], "access": "public" });
    let door = door(Speaks::Modern, entry);
    assert!(listed(&door, "", "prompts/list", "prompts").is_empty());
    assert!(listed(&door, "", "resources/list", "resources").is_empty());
    door.behind.methods();
    for request in [
        plan(),
        modern_request("prompts/get", json!({ "name": "w_other" })),
        read_uri("docs://about"),
        read_uri("docs://days/mon/tue"),
        read_uri("docs://days/"),
    ] {
        let answer = door.ask("", request);
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    assert!(door.behind.methods().is_empty(), "the server is not asked");
}

/// Reproduction: a server that normalizes URIs took some that match a template for those of other
/// resources, which need another permission or are not taken.
#[test]
fn by_a_template_only_uris_are_read_that_all_servers_understand_in_the_same_way() {
    let entry = json!({ "resources": ["docs://days/*"], "access": "public" });
    let door = door(Speaks::Modern, entry);
    for day in [
        "m\ton",
        "mo\nn",
        "m on",
        "mon?x",
        "mon#x",
        "..",
        ".",
        "..\\secret",
        "%2e%2e",
        "%2E",
        "m%6Fn",
        "m%c3%b6n",
        "a%40b",
        "a;b",
        "a%2fb",
        "a%5Cb",
        "a%25b",
        "%C0%AE%C0%AE",
        "a%C0%AFb",
        "m%C3",
        "%ED%A0%80",
        "a%00",
        "a%0a",
        "a%7f",
        "a%",
        "a%4",
        "a%zz",
        "m\u{f6}n",
        "<mon>",
    ] {
        let uri = format!("docs://days/{day}");
        assert!(!is_plain(&uri), "{day:?}");
        // Other characters cannot be in its header as they are.
        if day.bytes().all(|byte| byte.is_ascii_graphic()) {
            let answer = door.ask("", read_uri(&uri));
            assert_eq!(answer["error"]["code"], -32602, "{day:?}: {answer}");
        }
    }
    assert!(!door.behind.methods().iter().any(|method| method == "resources/read"));
    let longest = "docs://days/".to_owned() + &"x".repeat(MAX_URI - "docs://days/".len());
    assert!(is_plain(&longest) && !is_plain(&(longest + "x")));
    for day in ["mon", "M-o.n_~1", "a%20b", "m%C3%B6n", "a=b,d@e:f!$&'()*+"] {
        let uri = format!("docs://days/{day}");
        door.behind.result.replace(json!({ "contents": [{ "uri": uri, "text": "a" }] }));
        let answer = door.ask("", read_uri(&uri));
        assert_eq!(answer["result"]["contents"][0]["text"], "a", "{day:?}: {answer}");
    }
}

#[test]
fn each_prompt_and_resource_needs_its_permission_or_that_of_the_entry() {
    for (entry, prompt, resource) in [
        (json!({}), "prompt:w_plan", "resource:w_about"),
        (json!({ "permission": "tool:weather" }), "tool:weather", "tool:weather"),
    ] {
        let door = door(Speaks::Modern, entry);
        for (request, scope, kind) in
            [(plan(), prompt, "prompt"), (read_uri("docs://about"), resource, "resource")]
        {
            reasons(&door);
            door.behind.methods();
            let refused = door.ask("tool:other", request.clone());
            assert_eq!(refused["error"]["data"]["scope"], scope, "{refused}");
            assert_eq!(reasons(&door), [format!("{kind}_scope_missing")]);
            assert!(
                !door
                    .behind
                    .methods()
                    .iter()
                    .any(|it| it == "prompts/get" || it == "resources/read")
            );
            door.ask(scope, request);
            assert_eq!(reasons(&door)[0], format!("{kind}_allowed"));
        }
    }
}

#[test]
fn arguments_of_a_prompt_are_texts_and_the_required_ones_are_there() {
    let door = door(Speaks::Modern, json!({ "access": "public" }));
    listed(&door, "", "prompts/list", "prompts");
    door.behind.methods();
    for arguments in [json!({}), json!({ "city": 7 }), json!({ "city": { "a": "b" } })] {
        let params = json!({ "name": "w_plan", "arguments": arguments });
        let answer = door.ask("", modern_request("prompts/get", params));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    assert!(door.behind.methods().is_empty());
}

#[test]
fn a_fault_of_the_server_is_an_error_that_the_audit_log_names() {
    for (request, kind) in [(plan(), "prompt"), (read_uri("docs://about"), "resource")] {
        let door = door(Speaks::Modern, json!({ "access": "public" }));
        door.behind.result.replace(json!({ "contents": 7, "messages": 7 }));
        let answer = door.ask("", request.clone());
        assert_eq!(answer["error"]["code"], -32603, "{answer}");
        assert_eq!(reasons(&door), [format!("{kind}_allowed"), "upstream_malformed".to_owned()]);
        door.behind.fault.replace(Some(Err(HttpError::TimedOut)));
        assert!(door.ask("", request)["error"]["message"].as_str().unwrap().contains("in time"));
        assert_eq!(reasons(&door)[1], "upstream_timed_out");
    }
}

#[test]
fn a_server_that_does_not_know_a_list_has_an_empty_one() {
    for speaks in ERAS {
        let door = door(speaks, json!({ "access": "public" }));
        door.behind.prompts.replace(Value::Null);
        door.behind.templates.replace(Value::Null);
        assert!(listed(&door, "", "prompts/list", "prompts").is_empty(), "{speaks:?}");
        assert_eq!(listed(&door, "", "resources/list", "resources").len(), 1);
        assert!(door.names("").contains(&"w_forecast".to_owned()));
        let lists = door.behind.methods();
        let handshakes = lists.iter().filter(|method| *method == "initialize").count();
        assert_eq!(handshakes, usize::from(speaks != Speaks::Modern), "{lists:?}");
    }
}

#[test]
fn while_the_lists_are_unavailable_the_reason_is_given_and_nothing_is_passed_on() {
    let door = door(Speaks::Modern, json!({}));
    door.behind.resources.replace(json!(7));
    let answer = door.ask("resource:w_about", read_uri("docs://about"));
    assert!(answer["error"]["message"].as_str().unwrap().contains("invalid response"), "{answer}");
    assert_eq!(reasons(&door), ["upstream_malformed"]);
    let refused = door.ask("tool:other", plan());
    assert_eq!(refused["error"]["data"]["scope"], "prompt:w_plan", "it is decided all the same");
}

#[test]
fn another_instance_takes_prompts_and_resources_from_the_store() {
    let mut door = door(Speaks::Sessions, json!({ "access": "public" }));
    let of = |door: &Door| {
        (
            listed(door, "", "prompts/list", "prompts"),
            listed(door, "", "resources/list", "resources"),
            listed(door, "", "resources/templates/list", "resourceTemplates"),
        )
    };
    let known = of(&door);
    door.behind.methods();
    door.catalogs = CatalogCache::default();
    door.memory = Rc::default();
    assert_eq!(of(&door), known);
    assert!(door.behind.methods().is_empty());
}

#[test]
fn what_is_built_in_keeps_its_name_and_its_uri() {
    use crate::prelude::{Content, Prompt, PromptMessage, ResourceContents, ResourceTemplate};
    let mut door = door(Speaks::Modern, json!({ "access": "public" }));
    let get = async |_: &Context, _: &_| Ok(vec![PromptMessage::User(Content::text("own"))]);
    let read =
        async |_: &Context, _| Ok(vec![ResourceContents::text("docs://x", "text/plain", "own")]);
    let template = ResourceTemplate::new("docs://{page}", "page", "A page.", "text/plain", read);
    door.registry = Registry::new()
        .with_prompt(Prompt::new("w_plan", "Own.", get).public())
        .with_template(template.public());
    assert_eq!(listed(&door, "", "prompts/list", "prompts")[0]["description"], "Own.");
    assert!(listed(&door, "", "resources/list", "resources").is_empty());
    door.behind.methods();
    for request in [plan(), read_uri("docs://about")] {
        assert!(door.ask("", request).to_string().contains("own"));
    }
    assert!(door.behind.methods().is_empty());
    let lines = door.host.fake.lines.borrow().join("\n");
    for item in ["the prompt `w_plan`", "the resource `docs://about`"] {
        let line = format!("upstream w: {item} is left out: a built-in one has its name or URI");
        assert!(lines.contains(&line), "{lines}");
    }
}
