//! A tool in Rust, in a component of its own: an MCP server with one tool.

#![cfg(target_family = "wasm")]

use serde_json::{Value, json};
use spin_sdk::http::{IntoResponse, Request, body::IncomingBodyExt};

/// The server, as `server/discover` describes it.
const SERVER: &str = r#"{ "ttlMs": 60000, "cacheScope": "public",
  "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} } }"#;

/// The tool, as `tools/list` shows it.
const TOOLS: &str = r#"{ "ttlMs": 60000, "cacheScope": "public", "tools": [{
  "name": "word_count",
  "title": "Word count",
  "description": "Counts the words and characters of a text",
  "inputSchema": {
    "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"]
  },
  "outputSchema": {
    "type": "object",
    "properties": { "words": { "type": "integer" }, "characters": { "type": "integer" } }
  },
  "annotations": { "readOnlyHint": true }
}] }"#;

fn word_count(arguments: &Value) -> Value {
    let Some(text) = arguments["text"].as_str() else {
        return json!({ "content": [{ "type": "text", "text": "Give a text." }], "isError": true });
    };
    let (words, characters) = (text.split_whitespace().count(), text.chars().count());
    json!({
        "content": [{ "type": "text", "text": format!("{words} words, {characters} characters") }],
        "structuredContent": { "words": words, "characters": characters },
    })
}

/// The response to a message.
fn answer(message: &Value) -> Result<Value, serde_json::Error> {
    let params = &message["params"];
    let mut result = match (message["method"].as_str(), params["name"].as_str()) {
        (Some("server/discover"), _) => serde_json::from_str(SERVER)?,
        (Some("tools/list"), _) => serde_json::from_str(TOOLS)?,
        (Some("tools/call"), Some("word_count")) => word_count(&params["arguments"]),
        _ => {
            let error = json!({ "code": -32601, "message": "Unknown method or tool" });
            return Ok(json!({ "jsonrpc": "2.0", "id": message["id"], "error": error }));
        }
    };
    result.as_object_mut().map(|it| it.insert("resultType".into(), "complete".into()));
    Ok(json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }))
}

#[spin_sdk::http_service]
async fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let message = serde_json::from_slice(&request.into_body().bytes().await?)?;
    let response = http::Response::builder().header("content-type", "application/json");
    Ok(response.body(answer(&message)?.to_string())?)
}
