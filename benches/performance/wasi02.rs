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
    let floor = Subject::start_wasi02(on, components.floor_wasi02()).await?;
    let calls = Subject::start_wasi02(on, components.calls_wasi02()).await?;
    let doorward = Subject::start_wasi02(on, components.doorward_wasi02()).await?;
    let load = |subject: &Subject| -> Result<_, String> {
        let token = subject.token(OWNER)?;
        Ok(subject.load(vec![subject.call(&token, "greet")], GREETING))
    };
    let loads = [load(&floor)?, load(&doorward)?, load(&calls)?];
    let one = Rounds::run(&loads, 1, options.round(), options.rounds()).await?;
    let many = Rounds::run(&loads, 16, options.round(), options.rounds()).await?;
    let more = one.both(0, 1, |floor, doorward| doorward.median() - floor.median());
    let share =
        |of: usize, what: usize| many.both(of, what, |of, what| 100.0 * what.rate / of.rate);
    let (of_floor, of_calls, calls_of_floor) = (share(0, 1), share(2, 1), share(0, 2));
    let calls_more = one.both(0, 2, |floor, calls| calls.median() - floor.median());
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
            compared: of_floor.show(0, " %"),
            goal: Goal::of("≥ 50 %", of_floor.median >= 50.0),
            is_headline: true,
        },
        Line {
            what: "compared with a component that only makes the same host calls".to_owned(),
            on: on.to_string(),
            beside: many.of(2, |round| round.rate).show(0, "/s"),
            doorward: many.of(1, |round| round.rate).show(0, "/s"),
            compared: of_calls.show(0, " %"),
            ..Line::default()
        },
        Line {
            what: "that component instead of Doorward, one connection: median".to_owned(),
            on: on.to_string(),
            beside: one.of(0, Round::median).show(2, " ms"),
            doorward: one.of(2, Round::median).show(2, " ms"),
            compared: calls_more.show(2, " ms more"),
            ..Line::default()
        },
        Line {
            what: "the same, 16 connections: calls per second".to_owned(),
            on: on.to_string(),
            beside: many.of(0, |round| round.rate).show(0, "/s"),
            doorward: many.of(2, |round| round.rate).show(0, "/s"),
            compared: calls_of_floor.show(0, " %"),
            ..Line::default()
        },
    ];
    Ok(lines.into())
}
