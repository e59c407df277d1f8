//! The official Rust SDK (`rmcp`) as a client, with each of its ways to open a connection.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use doorward_dev::{HostChoice, Stack, StackOptions};
use rmcp::{
    model::{CallToolRequestParams, ProtocolVersion},
    service::{ClientLifecycleMode, ClientServiceExt},
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

/// The user of the seed with all permissions.
const PERSON: &str = "owner@example.com";
const SCOPES: [&str; 3] = ["tool:whoami", "tool:greet", "tool:calendar_summary"];
const MODERN: ProtocolVersion = ProtocolVersion::V_2026_07_28;
const TOOLS: [&str; 4] = ["calendar_summary", "get_datetime", "greet", "whoami"];

/// Connects, lists the tools and calls each of them.
async fn converse(lifecycle: ClientLifecycleMode, expected: ProtocolVersion) {
    let options = StackOptions { host: HostChoice::Local, ..StackOptions::default() };
    let stack = Stack::start(options).await.expect("tenant and server start");
    let token = stack.tenant().mint_for(PERSON, "doorward-test", &SCOPES);
    let config = StreamableHttpClientTransportConfig::with_uri(stack.mcp_url())
        .auth_header(token.expect("the seed has this person"));
    let transport = StreamableHttpClientTransport::from_config(config);

    let client = ().serve_with_lifecycle(transport, lifecycle).await.expect("the client connects");
    let server = client.peer_info().expect("the server sent its info");
    assert_eq!(server.protocol_version, expected);
    let info = server.server_info.as_ref().expect("the server has a name");
    assert_eq!(info.name, "doorward");

    let tools = client.list_all_tools().await.expect("the tools are listed");
    let names: BTreeSet<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    assert!(names.is_superset(&BTreeSet::from(TOOLS)), "{names:?}");
    for name in TOOLS {
        let call = CallToolRequestParams::new(name).with_arguments(arguments(name));
        let result = client.call_tool(call).await.expect("the tool is called");
        assert_ne!(result.is_error, Some(true), "{name}: {result:?}");
        assert!(result.content[0].as_text().is_some_and(|it| !it.text.is_empty()), "{result:?}");
        assert!(result.structured_content.is_some_and(|it| it.is_object()), "{name}");
    }
    client.cancel().await.expect("the client ends");
}

fn arguments(tool: &str) -> Map<String, Value> {
    match tool {
        "greet" => Map::from_iter([("name".to_owned(), json!("Zoë"))]),
        _ => Map::new(),
    }
}

fn run(lifecycle: ClientLifecycleMode, expected: ProtocolVersion) {
    Runtime::new().expect("a Tokio runtime starts").block_on(converse(lifecycle, expected));
}

#[test]
fn rmcp_initializes_lists_and_calls_each_tool() {
    run(ClientLifecycleMode::Initialize, ProtocolVersion::V_2025_11_25);
}

#[test]
fn rmcp_discovers_lists_and_calls_each_tool() {
    run(ClientLifecycleMode::Discover { preferred_versions: vec![MODERN] }, MODERN);
}

#[test]
fn rmcp_chooses_the_modern_era_by_itself() {
    let lifecycle =
        ClientLifecycleMode::Auto { preferred_versions: vec![MODERN], legacy_version: None };
    run(lifecycle, MODERN);
}
