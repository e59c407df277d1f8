//! Splits the time of a warm call into stages. The cost of a stage is the difference between two
//! requests, of which one goes through that stage and the other ends before it.

use doorward_dev::Reuse;
use serde_json::json;

use crate::{
    bench::Bench,
    compare::Rounds,
    load::{Load, Until},
    report::{Findings, Line},
    stalls::spoilt,
    subject::{GREETING, OWNER, On, Subject, request, tool_call},
};

/// A request that goes through one more stage than another.
struct Stage {
    /// What the request does beyond the other one.
    what: &'static str,
    load: Load,
    /// The index of the other request.
    beyond: Option<usize>,
}

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let Bench { components, options, .. } = bench;
    let floor = Subject::start(on, components.floor(), Reuse::default(), &[]).await?;
    let doorward = Subject::start(on, components.doorward(), Reuse::default(), &[]).await?;
    let stages = stages(&floor, &doorward)?;
    let loads: Vec<Load> = stages.iter().map(|stage| stage.load.clone()).collect();
    let until = Until::Requests(options.of(1000, 200));
    let rounds = Rounds::run(&loads, 1, until, options.rounds()).await?;
    let micros = |more: f64| 1e3 * more;
    let lines: Vec<Line> = stages
        .iter()
        .enumerate()
        .map(|(index, stage)| {
            let cost = match stage.beyond {
                None => rounds.of(index, |round| micros(round.median())),
                Some(less) => {
                    rounds.both(less, index, |less, more| micros(more.median() - less.median()))
                }
            };
            let whole = rounds.of(index, |round| micros(round.median()));
            Line {
                what: stage.what.to_owned(),
                on: on.to_string(),
                doorward: whole.show(0, " µs"),
                compared: cost.show(0, " µs"),
                ..Line::default()
            }
        })
        .collect();
    Ok(lines.into())
}

fn stages(floor: &Subject, doorward: &Subject) -> Result<Vec<Stage>, String> {
    let owner = doorward.token(OWNER)?;
    let body = tool_call("greet").to_string();
    let headers = doorward.headers(Some(&owner));
    let nowhere = request(doorward.address(), "POST", "/nothing", &headers, &body);
    let method = |method: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": method });
    let asked = |message| vec![doorward.message(Some(&owner), &message)];
    let spoilt = doorward.call(&spoilt(&owner), "greet");
    let unsigned = doorward.call("no.token.atall", "greet");
    let stage = |what, load, beyond| Stage { what, load, beyond };
    Ok(vec![
        stage(
            "the host: HTTP, and an instance that reads the body and answers a constant",
            floor.load(vec![floor.call(&owner, "greet")], GREETING),
            None,
        ),
        stage(
            "converting the request, routing, the answer (404)",
            doorward.refused(nowhere, 404, "not_found"),
            Some(0),
        ),
        stage(
            "configuration, origin, the missing token, one audit line, the challenge (401)",
            doorward.refused(doorward.message(None, &tool_call("greet")), 401, ""),
            Some(1),
        ),
        stage(
            "the cached token, the body, the envelope (`ping`)",
            doorward.load(asked(method("ping")), "result"),
            Some(2),
        ),
        stage(
            "the permissions of the caller and the list of tools (`tools/list`)",
            doorward.load(asked(method("tools/list")), "inputSchema"),
            Some(3),
        ),
        stage(
            "the permission for one tool, its arguments, the tool, two more audit lines (`tools/call greet`)",
            doorward.load(asked(tool_call("greet")), GREETING),
            Some(3),
        ),
        stage(
            "parsing a malformed token (401)",
            doorward.refused(unsigned, 401, "invalid_token"),
            Some(2),
        ),
        stage(
            "verifying the signature of a token that is not cached, here a wrong one (401)",
            doorward.refused(spoilt, 401, "invalid_token"),
            Some(6),
        ),
    ])
}
