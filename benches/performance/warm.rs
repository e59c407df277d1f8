//! A warm, authenticated tool call: the token verified before, the permission known.

use doorward_dev::Reuse;

use crate::{
    bench::Bench,
    compare::Rounds,
    load::Round,
    report::{Bar, Findings, Goal, Line},
    subject::{GREETING, OWNER, On, Subject},
};

const FLOOR: usize = 0;
const DOORWARD: usize = 1;

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let Bench { components, options, .. } = bench;
    let floor = Subject::start(on, components.floor.clone(), Reuse::default(), &[]).await?;
    let doorward = Subject::start(on, components.doorward.clone(), Reuse::default(), &[]).await?;
    let token = doorward.token(OWNER)?;
    let loads = [
        floor.load(vec![floor.call(&token, "greet")], GREETING),
        doorward.load(vec![doorward.call(&token, "greet")], GREETING),
    ];

    let mut findings = Findings::default();
    let rounds = Rounds::run(&loads, 16, options.round(), options.rounds()).await?;
    let share = rounds.both(FLOOR, DOORWARD, |floor, doorward| 100.0 * doorward.rate / floor.rate);
    let line = |what: &str| Line { what: what.to_owned(), on: on.to_string(), ..Line::default() };
    findings.lines.push(Line {
        beside: rounds.of(FLOOR, |round| round.rate).show(0, "/s"),
        doorward: rounds.of(DOORWARD, |round| round.rate).show(0, "/s"),
        compared: share.show(0, " %"),
        goal: Goal::of("≥ 80 %", share.median >= 80.0),
        is_headline: true,
        ..line("warm `tools/call greet`, 16 connections: calls per second")
    });
    let slowest = |round: &Round| round.quantile(0.99);
    let times = rounds.both(FLOOR, DOORWARD, |floor, doorward| slowest(doorward) / slowest(floor));
    findings.lines.push(Line {
        beside: rounds.of(FLOOR, slowest).show(2, " ms"),
        doorward: rounds.of(DOORWARD, slowest).show(2, " ms"),
        compared: times.show(2, " ×"),
        goal: Goal::of("≤ 2 ×", times.median <= 2.0),
        is_headline: true,
        ..line("the same: 99th percentile")
    });
    for (load, label) in [(FLOOR, "a component that does nothing"), (DOORWARD, "Doorward")] {
        findings.bars.push(Bar {
            group: format!("Warm calls per second on {}", on.plain()),
            label: label.to_owned(),
            rate: rounds.of(load, |round| round.rate),
            is_doorward: load == DOORWARD,
        });
    }

    let rounds = Rounds::run(&loads, 1, options.round(), options.rounds()).await?;
    let more = rounds.both(FLOOR, DOORWARD, |floor, doorward| doorward.median() - floor.median());
    findings.lines.push(Line {
        beside: rounds.of(FLOOR, Round::median).show(3, " ms"),
        doorward: rounds.of(DOORWARD, Round::median).show(3, " ms"),
        compared: more.show(3, " ms more"),
        goal: Goal::of("≤ 0.15 ms more", more.median <= 0.15),
        is_headline: true,
        ..line("the same, one connection: median")
    });
    Ok(findings)
}
