//! A warm, authenticated tool call: the verified token and the permission are cached.

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
    let share = share_of(&many, FLOOR, DOORWARD);
    let slowest = |round: &Round| round.quantile(0.99);
    let times = many.both(FLOOR, DOORWARD, |floor, doorward| slowest(doorward) / slowest(floor));
    let more = one.both(FLOOR, DOORWARD, |floor, doorward| doorward.median() - floor.median());
    let line = |what: &str| Line {
        what: what.to_owned(),
        on: on.to_string(),
        is_headline: true,
        ..Line::default()
    };
    let rate = |load| many.of(load, |round| round.rate);
    let lines = vec![
        Line {
            beside: rate(FLOOR).show(0, "/s"),
            doorward: rate(DOORWARD).show(0, "/s"),
            compared: share.show(0, " %"),
            goal: Goal::of("≥ 80 %", share.median >= 80.0),
            ..line("warm `tools/call greet`, 16 connections: calls per second")
        },
        Line {
            beside: many.of(FLOOR, slowest).show(2, " ms"),
            doorward: many.of(DOORWARD, slowest).show(2, " ms"),
            compared: times.show(2, " ×"),
            goal: Goal::of("≤ 2 ×", times.median <= 2.0),
            ..line("the same: 99th percentile")
        },
        Line {
            beside: one.of(FLOOR, Round::median).show(3, " ms"),
            doorward: one.of(DOORWARD, Round::median).show(3, " ms"),
            compared: more.show(3, " ms more"),
            goal: Goal::of("≤ 0.15 ms more", more.median <= 0.15),
            ..line("the same, one connection: median")
        },
        // The first line is the cost that no server can avoid, the second what Doorward adds to it.
        Line {
            beside: rate(FLOOR).show(0, "/s"),
            doorward: rate(CALLS).show(0, "/s"),
            compared: share_of(&many, FLOOR, CALLS).show(0, " %"),
            is_headline: false,
            ..line("`benches/calls` instead of Doorward: only the host calls, 16 connections")
        },
        Line {
            beside: rate(CALLS).show(0, "/s"),
            doorward: rate(DOORWARD).show(0, "/s"),
            compared: share_of(&many, CALLS, DOORWARD).show(0, " %"),
            ..line("compared with a component that only makes the same host calls")
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
