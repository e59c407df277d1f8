//! Prompts, resources and completion: there when something is registered, and only then.

use doorward_mcp::{
    CallError, Content, Prompt, PromptMessage, Resource, ResourceContents, ResourceTemplate,
};

use super::*;

/// A server without tools.
fn library() -> Server {
    let greeting = Prompt::new("greeting", "A greeting", async |_, arguments| {
        let name = arguments.get("name").and_then(Value::as_str).unwrap_or_default();
        Ok(vec![PromptMessage::User(Content::text(format!("Greet {name}")))])
    })
    .argument("name", "Whom to greet", true)
    .complete(|typed| {
        ["Paris", "Park"]
            .iter()
            .filter(|it| it.starts_with(typed))
            .map(ToString::to_string)
            .collect()
    });
    let about = Resource::new("test://about", "about", "About", "text/plain", async |_| {
        Ok(vec![ResourceContents::text("test://about", "text/plain", "It is a test.")])
    });
    let item = ResourceTemplate::new(
        "test://items/{id}",
        "item",
        "An item",
        "text/plain",
        async |_, variables| match variables.get("id").map(String::as_str) {
            Some("7") => Ok(vec![ResourceContents::blob("test://items/7", "text/plain", vec![7])]),
            _ => Err(CallError::NotFound),
        },
    );
    let registry = Registry::new().with_prompt(greeting).with_resource(about).with_template(item);
    Server::new(registry)
}

fn ask_library(method: &str, params: Value) -> Value {
    library().legacy(method, params).1
}

fn ask_library_modern(method: &str, params: Value) -> (u16, Value) {
    library().modern(method, params)
}

#[test]
fn what_is_offered_is_advertised_and_nothing_else() {
    let offered = json!({ "completions": {}, "prompts": {}, "resources": {} });
    let answer = ask_library("initialize", json!({ "protocolVersion": "2025-11-25" }));
    assert_eq!(answer["result"]["capabilities"], offered);
    let (_, answer) = ask_library_modern("server/discover", json!({}));
    assert_eq!(answer["result"]["capabilities"], offered);
    assert_eq!(ask_library("tools/list", json!({}))["error"]["code"], -32601);
}

#[test]
fn a_prompt_is_listed_and_made_of_its_arguments() {
    let listed = ask_library("prompts/list", json!({}));
    assert_eq!(
        listed["result"]["prompts"],
        json!([{
            "name": "greeting",
            "description": "A greeting",
            "arguments": [{ "name": "name", "description": "Whom to greet", "required": true }],
        }])
    );
    let params = json!({ "name": "greeting", "arguments": { "name": "Paris" } });
    assert_eq!(
        ask_library("prompts/get", params)["result"]["messages"],
        json!([{ "role": "user", "content": { "type": "text", "text": "Greet Paris" } }])
    );
}

#[test]
fn a_prompt_without_its_argument_or_without_a_name_is_a_protocol_error() {
    for params in [json!({ "name": "greeting" }), json!({ "name": "other" }), json!({})] {
        assert_eq!(ask_library("prompts/get", params)["error"]["code"], -32602);
    }
}

#[test]
fn a_resource_is_read_by_its_uri_or_by_the_form_of_it() {
    let read = |uri: &str| ask_library("resources/read", json!({ "uri": uri }));
    assert_eq!(
        read("test://about")["result"]["contents"],
        json!([{ "uri": "test://about", "mimeType": "text/plain", "text": "It is a test." }])
    );
    assert_eq!(read("test://items/7")["result"]["contents"][0]["blob"], "Bw==");
}

#[test]
fn a_resource_that_is_not_there_is_an_error_in_the_words_of_the_era() {
    for uri in ["test://items/8", "test://nothing"] {
        let answer = ask_library("resources/read", json!({ "uri": uri }));
        assert_eq!(answer["error"]["code"], -32002);
        let (status, answer) = ask_library_modern("resources/read", json!({ "uri": uri }));
        assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32602)));
        assert_eq!(answer["error"]["data"]["uri"], uri);
    }
}

#[test]
fn lists_and_resources_say_how_long_they_may_be_kept_in_the_modern_era() {
    for (method, params) in [
        ("prompts/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({ "uri": "test://about" })),
    ] {
        let (_, answer) = ask_library_modern(method, params.clone());
        assert_eq!(answer["result"]["cacheScope"], "private", "{method}");
        assert!(answer["result"]["ttlMs"].is_u64(), "{method}");
        let answer = ask_library(method, params);
        assert_eq!(answer["result"].get("ttlMs"), None, "{method}");
    }
}

#[test]
fn an_argument_is_completed() {
    let complete = |typed: &str| {
        let reference = json!({ "type": "ref/prompt", "name": "greeting" });
        let argument = json!({ "name": "name", "value": typed });
        ask_library("completion/complete", json!({ "ref": reference, "argument": argument }))
    };
    let completion = json!({ "values": ["Paris"], "total": 1, "hasMore": false });
    assert_eq!(complete("Pari")["result"]["completion"], completion);
    assert_eq!(complete("x")["result"]["completion"]["values"], json!([]));
    let unknown = json!({ "ref": { "type": "ref/prompt", "name": "other" },
        "argument": { "name": "name", "value": "" } });
    assert_eq!(ask_library("completion/complete", unknown)["error"]["code"], -32602);
}

#[test]
fn every_result_of_the_modern_era_has_its_type_and_its_sender() {
    let completion = json!({
        "ref": { "type": "ref/prompt", "name": "greeting" },
        "argument": { "name": "name", "value": "P" },
    });
    for (method, params) in [
        ("server/discover", json!({})),
        ("prompts/list", json!({})),
        ("prompts/get", json!({ "name": "greeting", "arguments": { "name": "Paris" } })),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({ "uri": "test://about" })),
        ("completion/complete", completion),
    ] {
        let (status, answer) = ask_library_modern(method, params);
        assert_eq!(
            (status, &answer["result"]["resultType"]),
            (200, &json!("complete")),
            "{method}"
        );
        let info = &answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(info, &json!({ "name": "test", "title": "Test", "version": "1" }), "{method}");
    }
    for (method, params) in [("tools/list", json!({})), ("tools/call", json!({ "name": "greet" }))]
    {
        let (_, answer) = server().modern(method, params);
        assert_eq!(answer["result"]["resultType"], "complete", "{method}");
        let info = &answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(info["name"], "test", "{method}");
    }
}

#[test]
fn a_completion_has_at_most_a_hundred_values() {
    let prompt = Prompt::new("many", "Many", async |_, _| Ok(Vec::new()))
        .argument("n", "A number", false)
        .complete(|_| (0..101).map(|n: u8| n.to_string()).collect());
    let server = Server::new(Registry::new().with_prompt(prompt));
    let params = json!({ "ref": { "type": "ref/prompt", "name": "many" },
        "argument": { "name": "n", "value": "" } });
    let (_, answer) = server.legacy("completion/complete", params);
    let completion = &answer["result"]["completion"];
    assert_eq!(completion["values"].as_array().unwrap().len(), 100);
    assert_eq!((&completion["total"], &completion["hasMore"]), (&json!(101), &json!(true)));
}
