//! A warm, authenticated tool call: the verified token and the permission are cached.

use std::thread;

use doorward_dev::Reuse;

use crate::{
    bench::Bench,
    compare::{Rounds, Spread},
    load::Round,
    report::{Bar, Findings, Goal, Line},
    subject::{GREETING, OWNER, On, Subject},
};

const FLOOR: usize = 0;
const DOORWARD: usize = 1;
const CALLS: usize = 2;

const LABELS: [(usize, &str); 3] = [
    (FLOOR, "a component that does nothing"),
    (CALLS, "one that makes the same host calls"),
    (DOORWARD, "Doorward"),
];

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let Bench { components, options, .. } = bench;
    let floor = Subject::start(on, components.floor(), Reuse::default(), &[]).await?;
    let doorward = Subject::start(on, components.doorward(), Reuse::default(), &[]).await?;
    let calls = Subject::start(on, components.calls(), Reuse::default(), &[]).await?;
    let load = |subject: &Subject| -> Result<_, String> {
        let token = subject.token(OWNER)?;
        Ok(subject.load(vec![subject.call(&token, "greet")], GREETING))
    };
    let loads = [load(&floor)?, load(&doorward)?, load(&calls)?];

    let many = Rounds::run(&loads, 16, options.round(), options.rounds()).await?;
    let one = Rounds::run(&loads, 1, options.round(), options.rounds()).await?;
    let share = share_of(&many, CALLS, DOORWARD);
    let slowest = |round: &Round| round.quantile(0.99);
    let times = many.both(CALLS, DOORWARD, |calls, doorward| slowest(doorward) / slowest(calls));
    let more = one.both(FLOOR, DOORWARD, |floor, doorward| doorward.median() - floor.median());
    // All processors are busy, those of the load generator included.
    let cores = thread::available_parallelism().map_or(1, usize::from) as f64;
    let micros = |round: &Round| 1e6 * cores / round.rate;
    let own = many.both(CALLS, DOORWARD, |calls, doorward| micros(doorward) - micros(calls));
    let most = match on {
        On::Local => 0.10,
        On::Spin => 0.13,
    };
    let line = |what: &str| Line { what: what.to_owned(), on: on.to_string(), ..Line::default() };
    let rate = |load| many.of(load, |round| round.rate);
    let lines = vec![
        Line {
            beside: rate(CALLS).show(0, "/s"),
            doorward: rate(DOORWARD).show(0, "/s"),
            compared: share.show(0, " %"),
            goal: Goal::of("≥ 88 %", share.median >= 88.0),
            is_headline: true,
            ..line(
                "warm `tools/call greet`, 16 connections, beside the same host calls: calls per \
                 second",
            )
        },
        Line {
            beside: many.of(CALLS, micros).show(0, " µs"),
            doorward: many.of(DOORWARD, micros).show(0, " µs"),
            compared: own.show(0, " µs more"),
            goal: Goal::of("≤ 30 µs more", own.median <= 30.0),
            is_headline: true,
            ..line(
                "the same: processor time of all cores for a call, the load generator's included",
            )
        },
        Line {
            beside: many.of(CALLS, slowest).show(2, " ms"),
            doorward: many.of(DOORWARD, slowest).show(2, " ms"),
            compared: times.show(2, " ×"),
            goal: Goal::of("≤ 1.5 ×", times.median <= 1.5),
            is_headline: true,
            ..line("the same: 99th percentile")
        },
        Line {
            beside: one.of(FLOOR, Round::median).show(3, " ms"),
            doorward: one.of(DOORWARD, Round::median).show(3, " ms"),
            compared: more.show(3, " ms more"),
            goal: Goal::of(format!("≤ {most:.2} ms more"), more.median <= most),
            is_headline: true,
            ..line("warm `tools/call greet`, one connection, beside the floor: median")
        },
        Line {
            beside: rate(FLOOR).show(0, "/s"),
            doorward: rate(DOORWARD).show(0, "/s"),
            compared: share_of(&many, FLOOR, DOORWARD).show(0, " %"),
            ..line("warm `tools/call greet`, 16 connections, beside the floor: calls per second")
        },
        Line {
            beside: rate(FLOOR).show(0, "/s"),
            doorward: rate(CALLS).show(0, "/s"),
            compared: share_of(&many, FLOOR, CALLS).show(0, " %"),
            ..line("`benches/calls` instead of Doorward, beside the floor: calls per second")
        },
    ];
    let bars = LABELS.map(|(load, label)| Bar {
        group: format!("Warm calls per second on {}", on.plain()),
        label: label.to_owned(),
        rate: rate(load),
        is_doorward: load == DOORWARD,
    });
    Ok(Findings { lines, bars: bars.into(), ..Findings::default() })
}

/// The rate of one load as a percentage of the rate of another.
fn share_of(rounds: &Rounds, whole: usize, part: usize) -> Spread {
    rounds.both(whole, part, |whole, part| 100.0 * part.rate / whole.rate)
}
