//! Calls on WASI 0.2, where each is the first of an instance, while other instances have already
//! filled the cache in key-value.

use crate::{
    bench::Bench,
    compare::Rounds,
    load::Round,
    report::{Findings, Goal, Line},
    subject::{GREETING, OWNER, On, Subject},
};

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let Bench { components, options, .. } = bench;
    let floor = Subject::start_wasi02(on, components.floor_wasi02.clone()).await?;
    let doorward = Subject::start_wasi02(on, components.doorward_wasi02.clone()).await?;
    let load = |subject: &Subject| -> Result<_, String> {
        let token = subject.token(OWNER)?;
        Ok(subject.load(vec![subject.call(&token, "greet")], GREETING))
    };
    let loads = [load(&floor)?, load(&doorward)?];
    let one = Rounds::run(&loads, 1, options.round(), options.rounds()).await?;
    let many = Rounds::run(&loads, 16, options.round(), options.rounds()).await?;
    let more = one.both(0, 1, |floor, doorward| doorward.median() - floor.median());
    let share = many.both(0, 1, |floor, doorward| 100.0 * doorward.rate / floor.rate);
    let lines = vec![
        Line {
            what: "a call on WASI 0.2, with a filled cache in key-value, one connection: median"
                .to_owned(),
            on: on.to_string(),
            beside: one.of(0, Round::median).show(2, " ms"),
            doorward: one.of(1, Round::median).show(2, " ms"),
            compared: more.show(2, " ms more"),
            goal: Goal::of("≤ 1.5 ms more", more.median <= 1.5),
            is_headline: true,
        },
        Line {
            what: "the same, 16 connections: calls per second".to_owned(),
            on: on.to_string(),
            beside: many.of(0, |round| round.rate).show(0, "/s"),
            doorward: many.of(1, |round| round.rate).show(0, "/s"),
            compared: share.show(0, " %"),
            goal: Goal::of("≥ 50 %", share.median >= 50.0),
            is_headline: true,
        },
    ];
    Ok(lines.into())
}
