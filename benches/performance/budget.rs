//! Where a warm call's time goes: what each request takes longer than one that comes less far.

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

/// A request, what it does beyond the one that it is compared with, and the index of that.
struct Stage {
    what: &'static str,
    load: Load,
    beyond: Option<usize>,
}

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let Bench { components, options, .. } = bench;
    let floor = Subject::start(on, components.floor.clone(), Reuse::default(), &[]).await?;
    let doorward = Subject::start(on, components.doorward.clone(), Reuse::default(), &[]).await?;
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
            "the host: HTTP, and an instance that reads the body and answers",
            floor.load(vec![floor.call(&owner, "greet")], GREETING),
            None,
        ),
        stage(
            "the request as Rust's types, its route, an answer (404)",
            doorward.refused(nowhere, 404, "not_found"),
            Some(0),
        ),
        stage(
            "configuration, origin, the missing token, one audit line, the challenge (401)",
            doorward.refused(doorward.message(None, &tool_call("greet")), 401, ""),
            Some(1),
        ),
        stage(
            "the token found again, the body read, the envelope (`ping`)",
            doorward.load(asked(method("ping")), "result"),
            Some(2),
        ),
        stage(
            "what the caller may use, and the list of it (`tools/list`)",
            doorward.load(asked(method("tools/list")), "inputSchema"),
            Some(3),
        ),
        stage(
            "the decision about one tool, its arguments, the tool, one more audit line (`tools/call greet`)",
            doorward.load(asked(tool_call("greet")), GREETING),
            Some(3),
        ),
        stage(
            "a token that is none: parsing it (401)",
            doorward.refused(unsigned, 401, "invalid_token"),
            Some(2),
        ),
        stage(
            "a token that is not remembered: its signature, here a wrong one (401)",
            doorward.refused(spoilt, 401, "invalid_token"),
            Some(6),
        ),
    ])
}
