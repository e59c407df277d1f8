//! Compares Doorward with the same four tools on other frameworks. Tenant, client and rounds are
//! the same for all.

mod fastmcp;
mod gateway;
mod process;
mod xmcp;

use doorward_dev::Reuse;
use doorward_native::Server as Native;

use self::{
    fastmcp::{NODE, PYTHON},
    process::{Peer, PeerProcess},
    xmcp::XMCP,
};
use crate::{
    bench::Bench,
    compare::Rounds,
    load::{Load, Round},
    report::{Bar, Findings, Goal, Line},
    subject::{GREETING, OWNER, On, Subject, request, tool_call},
};

/// A peer, and the goal of the comparison with it, if there is one.
#[derive(Clone, Copy)]
struct Against {
    name: &'static str,
    /// The goal: the least ratio of Doorward's rate to the peer's.
    times: Option<f64>,
}

const NATIVE: Against =
    Against { name: "`rmcp`, `axum`, `jsonwebtoken` (native)", times: Some(0.65) };

/// The peers that run as separate processes.
const PROCESSES: [(Against, &Peer); 3] = [
    (Against { name: "FastMCP with `jose` (npm)", times: Some(10.0) }, &NODE),
    (Against { name: "FastMCP with its Auth0 provider (Python)", times: Some(10.0) }, &PYTHON),
    (Against { name: "xmcp with `jose` (npm)", times: None }, &XMCP),
];

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let Bench { components, options, .. } = bench;
    let doorward = Subject::start(on, components.doorward(), Reuse::default(), &[]).await?;
    let token = doorward.token(OWNER)?;
    let headers = doorward.headers(Some(&token));
    let body = tool_call("greet").to_string();
    let call = |address| {
        let call = request(address, "POST", "/mcp", &headers, &body);
        Load::new(address, vec![call], 200, GREETING)
    };
    let tenant = tenant(&doorward);
    let native = Native::start(tenant.clone()).await?;
    let (mut present, mut loads) =
        (vec![NATIVE], vec![call(doorward.address()), call(native.address())]);
    let (mut running, mut missing) = (Vec::new(), Vec::new());
    for (against, peer) in PROCESSES {
        match PeerProcess::start(peer, &tenant, None, bench).await? {
            Ok(process) => {
                present.push(against);
                loads.push(call(process.address()));
                running.push(process);
            }
            Err(reason) => missing.push((against, reason)),
        }
    }
    let rounds = Rounds::run(&loads, 16, options.round(), options.rounds()).await?;
    let mut findings = Findings::default();
    findings.bars.push(bar(on, "Doorward", &rounds, 0));
    for (index, against) in present.into_iter().enumerate() {
        let Against { name, times } = against;
        let peer = index + 1;
        let ratio = rounds.both(peer, 0, |peer, doorward| doorward.rate / peer.rate);
        findings.lines.push(Line {
            beside: rounds.of(peer, |round| round.rate).show(0, "/s"),
            doorward: rounds.of(0, |round| round.rate).show(0, "/s"),
            compared: ratio.show(if ratio.median < 1.0 { 2 } else { 1 }, " ×"),
            goal: times.and_then(|times| Goal::of(format!("≥ {times} ×"), ratio.median >= times)),
            ..line(name, on)
        });
        findings.bars.push(bar(on, &name.replace('`', ""), &rounds, peer));
    }
    for (against, reason) in missing {
        let beside = format!("missing: {reason}");
        findings.lines.push(Line { beside, ..line(against.name, on) });
    }
    findings.lines.push(gateway::measure(on, bench).await?);
    Ok(findings)
}

fn line(name: &str, on: On) -> Line {
    Line {
        what: format!("{name}, 16 connections: calls per second"),
        on: on.to_string(),
        is_headline: true,
        ..Line::default()
    }
}

fn bar(on: On, label: &str, rounds: &Rounds, load: usize) -> Bar {
    Bar {
        group: format!(
            "The same tools on other frameworks, calls per second; Doorward on {}",
            on.plain()
        ),
        label: label.to_owned(),
        rate: rounds.of(load, |round: &Round| round.rate),
        is_doorward: load == 0,
    }
}

/// The tenant of a running Doorward, which the peers use too.
fn tenant(doorward: &Subject) -> doorward_native::Tenant {
    let tenant = doorward.stack().tenant();
    let audience = doorward.stack().mcp_url();
    let clients = &tenant.seed().clients;
    let own =
        clients.iter().find(|client| client.resource_server_identifier.as_ref() == Some(&audience));
    doorward_native::Tenant {
        issuer: tenant.issuer(),
        audience,
        client_id: own.map(|own| own.client_id.clone()).unwrap_or_default(),
        client_secret: own.and_then(|own| own.client_secret.clone()).unwrap_or_default(),
    }
}
