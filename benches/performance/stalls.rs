//! Measures every route and outcome on one keep-alive connection, to find delays of 40 ms. They
//! occur if head and body reach the socket in separate packets.

use doorward_dev::Reuse;
use serde_json::json;

use crate::{
    bench::Bench,
    compare::{Rounds, Spread},
    load::{Load, Round, Until},
    report::{Findings, Goal, Line},
    subject::{GREETING, GUEST, OWNER, On, Subject, request, tool_call},
};

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let Bench { components, options, .. } = bench;
    let start = |reuse, variables| Subject::start(on, components.doorward(), reuse, variables);
    let doorward = start(Reuse::default(), &[]).await?;
    let asking = start(Reuse::default(), &[("permission_cache_seconds", "0")]).await?;
    let by_scope = start(Reuse::default(), &[("permission_source", "token")]).await?;
    let once = start(Reuse { requests: 1, ..Reuse::default() }, &[]).await?;
    let (names, mut loads): (Vec<_>, Vec<_>) = routes(&doorward)?.into_iter().unzip();
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let call = |subject: &Subject| {
        let token = subject.token(OWNER)?;
        Ok::<_, String>(subject.load(vec![subject.call(&token, "greet")], GREETING))
    };
    names.push("a call to a new instance".to_owned());
    loads.push(call(&once)?);
    names.push("a call that looks up the permission at the tenant".to_owned());
    loads.push(call(&asking)?);
    names.push("403, missing scope".to_owned());
    let narrow = by_scope.token_for(OWNER, &["tool:whoami"])?;
    loads.push(by_scope.refused(by_scope.call(&narrow, "greet"), 403, "insufficient_scope"));

    let until = Until::Requests(options.of(100, 30));
    let rounds = Rounds::run(&loads, 1, until, 5).await?;
    let mut medians = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        medians.push((name, rounds.of(index, Round::median)));
    }
    let first_event = events(on, bench).await?;
    medians.push(("the first event of a stream (`examples/conformance`)".to_owned(), first_event));

    let (mut lines, mut slowest) = (Vec::new(), (0.0, String::new()));
    for (name, spread) in medians {
        if spread.median > slowest.0 {
            slowest = (spread.median, name.clone());
        }
        lines.push(Line {
            what: name,
            on: on.to_string(),
            doorward: spread.show(2, " ms"),
            goal: Goal::of("< 2 ms", spread.median < 2.0),
            ..Line::default()
        });
    }
    lines.push(Line {
        what: format!("the slowest of {} routes and outcomes, one connection: median", lines.len()),
        on: on.to_string(),
        doorward: format!("{:.2} ms ({})", slowest.0, slowest.1),
        goal: Goal::of("< 2 ms", slowest.0 < 2.0),
        is_headline: true,
        ..Line::default()
    });
    Ok(lines.into())
}

/// The requests that an instance answers without a request of its own.
fn routes(doorward: &Subject) -> Result<Vec<(&'static str, Load)>, String> {
    let address = doorward.address();
    let page = |path: &str| request(address, "GET", path, "", "");
    let owner = doorward.token(OWNER)?;
    let guest = doorward.token(GUEST)?;
    let method = |method: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": method });
    let asked = |message| vec![doorward.message(Some(&owner), &message)];
    let greet = tool_call("greet").to_string();
    let elsewhere = format!("{}origin: https://evil.example\r\n", doorward.headers(Some(&owner)));
    let metadata = "/.well-known/oauth-protected-resource";
    Ok(vec![
        ("the landing page", doorward.load(vec![page("/")], "Doorward")),
        ("`/health`", doorward.load(vec![page("/health")], "ok")),
        ("protected resource metadata", doorward.load(vec![page(metadata)], "resource")),
        (
            "the same at the URL with `/mcp`",
            doorward.load(vec![page(&format!("{metadata}/mcp"))], "resource"),
        ),
        (
            "authorization server metadata",
            doorward.load(vec![page("/.well-known/oauth-authorization-server")], "issuer"),
        ),
        ("404", doorward.refused(page("/nothing"), 404, "not_found")),
        ("401, no token", doorward.refused(doorward.message(None, &tool_call("greet")), 401, "")),
        (
            "401, wrong signature",
            doorward.refused(doorward.call(&spoilt(&owner), "greet"), 401, "invalid_token"),
        ),
        (
            "403, origin not allowed",
            doorward.refused(
                request(address, "POST", "/mcp", &elsewhere, &greet),
                403,
                "origin_not_allowed",
            ),
        ),
        ("`tools/list`", doorward.load(asked(method("tools/list")), "inputSchema")),
        ("`tools/call greet`", doorward.load(asked(tool_call("greet")), GREETING)),
        (
            "a tool error: no permission",
            doorward.load(vec![doorward.call(&guest, "greet")], "permission"),
        ),
        ("an unknown tool", doorward.load(asked(tool_call("nothing")), "-32602")),
        ("an unknown method", doorward.load(asked(method("nothing")), "-32601")),
    ])
}

/// Measures the time until the first event of a call that reports progress.
async fn events(on: On, bench: &Bench) -> Result<Spread, String> {
    let component = bench.components.fixture();
    let fixture = Subject::start(on, component, Reuse::default(), &[]).await?;
    let mut message = tool_call("test_tool_with_progress");
    message["params"]["_meta"] = json!({ "progressToken": 1 });
    let token = fixture.token(OWNER)?;
    let load = fixture.load(vec![fixture.message(Some(&token), &message)], "progress");
    let until = Until::Requests(bench.options.of(20, 5));
    let rounds = Rounds::run(&[load], 1, until, 3).await?;
    Ok(rounds.of(0, Round::first_byte))
}

/// Returns the token with a wrong signature. Only the middle of the signature is changed: a number
/// larger than the modulus, or unused bits at the end, would be refused without the arithmetic.
pub(crate) fn spoilt(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let (first, second) = signature.split_at(signature.len() / 2);
    let (middle, last) = second.split_at(second.len().min(8));
    format!("{signed}.{first}{}{last}", middle.chars().rev().collect::<String>())
}
