//! What tools cost that are not the server's own: in a component of the same application, and at
//! another server.

mod languages;

use std::path::{Path, PathBuf};

use doorward_dev::{Application, StackOptions};
use serde_json::{Map, Value, json};

use crate::{
    behind::Behind,
    bench::Bench,
    compare::Rounds,
    load::{Load, Round},
    report::{Findings, Goal, Line},
    subject::{OWNER, On, Subject, request, tool_call},
};

/// How many other servers there are for the row about lists, and how many tools each has.
const SERVERS: usize = 10;
const TOOLS: usize = 50;

/// The text whose words are counted, and what the answers contain.
const TEXT: &str = "How many words is this?";
const COUNTED: &str = "5 words, 23 characters";

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let mut lines = in_a_component(on, bench).await?;
    lines.push(on_loopback(on, bench).await?);
    lines.push(lists(on, bench).await?);
    lines.extend(languages::measure(on, bench).await?);
    Ok(lines.into())
}

/// Compares a tool in a component with the same one built in, both offered by one server.
async fn in_a_component(on: On, bench: &Bench) -> Result<Vec<Line>, String> {
    let application = Application::build(&examples("rust"), "").await;
    let application = application.map_err(|error| error.to_string())?;
    let options = StackOptions {
        manifest: Some(application.manifest()),
        component: Some(bench.components.registry()),
        ..StackOptions::default()
    };
    let subject = Subject::start_with(on, options, &[]).await?;
    let token = subject.token(OWNER)?;
    let call = |tool| {
        let call = subject.call_with(&token, tool, json!({ "text": TEXT }));
        subject.load(vec![call], COUNTED)
    };
    let loads = [call("word_count"), call("text_word_count")];
    let options = &bench.options;
    let one = Rounds::run(&loads, 1, options.round(), options.rounds()).await?;
    let many = Rounds::run(&loads, 16, options.round(), options.rounds()).await?;
    let more = one.both(0, 1, |built_in, beside| beside.median() - built_in.median());
    let share = many.both(0, 1, |built_in, beside| 100.0 * beside.rate / built_in.rate);
    Ok(vec![
        Line {
            what: "a tool in a component (Rust), beside the same built in, one connection: median"
                .to_owned(),
            on: on.to_string(),
            beside: one.of(0, Round::median).show(3, " ms"),
            doorward: one.of(1, Round::median).show(3, " ms"),
            compared: more.show(3, " ms more"),
            goal: Goal::of("≤ 0.6 ms more", more.median <= 0.6),
            is_headline: true,
        },
        Line {
            what: "the same, 16 connections: calls per second".to_owned(),
            on: on.to_string(),
            beside: many.of(0, |round| round.rate).show(0, "/s"),
            doorward: many.of(1, |round| round.rate).show(0, "/s"),
            compared: share.show(0, " %"),
            goal: Goal::of("≥ 40 %", share.median >= 40.0),
            is_headline: true,
        },
    ])
}

/// Compares a tool of another server, called through Doorward, with a direct call.
async fn on_loopback(on: On, bench: &Bench) -> Result<Line, String> {
    let behind = Behind::start().await?;
    let servers = [("behind".to_owned(), "mcp".to_owned())];
    let subject = with_servers(on, bench, &behind, servers, EVERYBODY).await?;
    let token = subject.token(OWNER)?;
    let said = json!({ "text": TEXT });
    let mut message = tool_call("echo");
    message["params"]["arguments"] = said.clone();
    let headers = "content-type: application/json\r\nmcp-protocol-version: 2026-07-28\r\n";
    let direct = request(behind.address(), "POST", "/mcp", headers, &message.to_string());
    let loads = [
        Load::new(behind.address(), vec![direct], 200, TEXT),
        subject.load(vec![subject.call_with(&token, "behind_echo", said)], TEXT),
    ];
    let rounds = Rounds::run(&loads, 1, bench.options.round(), bench.options.rounds()).await?;
    let more = rounds.both(0, 1, |direct, through| through.median() - direct.median());
    Ok(Line {
        what: "a tool of a server on loopback, beside calling it directly, one connection: median"
            .to_owned(),
        on: on.to_string(),
        beside: rounds.of(0, Round::median).show(3, " ms"),
        doorward: rounds.of(1, Round::median).show(3, " ms"),
        compared: more.show(3, " ms more"),
        goal: Goal::of("≤ 1.5 ms more", more.median <= 1.5),
        is_headline: true,
    })
}

/// Measures the list of tools while other servers have most of them.
async fn lists(on: On, bench: &Bench) -> Result<Line, String> {
    let behind = Behind::start().await?;
    let servers = (0..SERVERS).map(|number| (format!("server{number}"), TOOLS.to_string()));
    let subject = with_servers(on, bench, &behind, servers, EVERYBODY).await?;
    let token = subject.token(OWNER)?;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    // The last tool of the last server.
    let load = subject.load(vec![subject.message(Some(&token), &list)], "server9_tool_49\"");
    let rounds = Rounds::run(&[load], 1, bench.options.round(), bench.options.rounds()).await?;
    let median = rounds.of(0, Round::median);
    Ok(Line {
        what: format!(
            "`tools/list` with {SERVERS} servers of {TOOLS} tools each, one connection: median"
        ),
        on: on.to_string(),
        doorward: median.show(2, " ms"),
        goal: Goal::of("< 5 ms", median.median < 5.0),
        is_headline: true,
        ..Line::default()
    })
}

/// Who may use the tools of another server: a member of its entry in `upstreams`.
pub(crate) type Access = (&'static str, &'static str);

/// Every caller.
const EVERYBODY: Access = ("access", "public");

/// Starts Doorward with other servers, each by name and path at `behind`.
///
/// # Errors
/// Returns a message if Doorward does not start.
pub(crate) async fn with_servers(
    on: On,
    bench: &Bench,
    behind: &Behind,
    servers: impl IntoIterator<Item = (String, String)>,
    (access, value): Access,
) -> Result<Subject, String> {
    let origin = behind.origin();
    let entry = |(name, path): (String, String)| {
        let url = format!("{origin}/{path}");
        (name, json!({ "url": url, "tools": "*", access: value }))
    };
    let entries: Map<String, Value> = servers.into_iter().map(entry).collect();
    let upstreams = Value::Object(entries).to_string();
    let options =
        StackOptions { component: Some(bench.components.doorward()), ..StackOptions::default() };
    // The manifest declares the host of this variable, whatever it is for.
    let variables = [("third_issuer_origin", origin.as_str()), ("upstreams", &upstreams)];
    Subject::start_with(on, options, &variables).await
}

/// A folder of `examples/tools`.
fn examples(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tools").join(folder)
}
