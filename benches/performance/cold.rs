//! The first call of a new instance, while other instances have already filled the cache in
//! key-value.

use doorward_dev::Reuse;

use crate::{
    bench::Bench,
    compare::{Rounds, Spread},
    load::{Round, Until},
    report::{Findings, Goal, Line},
    subject::{GREETING, OWNER, On, Subject},
};

/// The limit of the component's size, in bytes: 1.5 MiB.
const MAX_BYTES: u64 = 1_572_864;

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let Bench { components, options, .. } = bench;
    // Starts a new instance for every request.
    let once = || Reuse { requests: 1, ..Reuse::default() };
    let floor = Subject::start(on, components.floor(), once(), &[]).await?;
    let doorward = Subject::start(on, components.doorward(), once(), &[]).await?;
    let load = |subject: &Subject| -> Result<_, String> {
        let token = subject.token(OWNER)?;
        Ok(subject.load(vec![subject.call(&token, "greet")], GREETING))
    };
    let loads = [load(&floor)?, load(&doorward)?];
    let until = Until::Requests(options.of(200, 50));
    let rounds = Rounds::run(&loads, 1, until, options.rounds()).await?;
    let more = rounds.both(0, 1, |floor, doorward| doorward.median() - floor.median());
    let most = match on {
        On::Local => 0.35,
        On::Spin => 0.50,
    };
    let mut lines = vec![Line {
        what: "first call of an instance, with a filled cache in key-value: median".to_owned(),
        on: on.to_string(),
        beside: rounds.of(0, Round::median).show(2, " ms"),
        doorward: rounds.of(1, Round::median).show(2, " ms"),
        compared: more.show(2, " ms more"),
        goal: Goal::of(format!("≤ {most:.2} ms more"), more.median <= most),
        is_headline: true,
    }];
    if let (Some(floor), Some(doorward)) = (starts(&floor), starts(&doorward)) {
        lines.push(Line {
            what: "start of an instance, before its first call: median".to_owned(),
            on: on.to_string(),
            beside: floor.show(3, " ms"),
            doorward: doorward.show(3, " ms"),
            goal: Goal::of("< 1 ms", doorward.median < 1.0),
            ..Line::default()
        });
        let bytes = components.size();
        lines.push(Line {
            what: "size of the component".to_owned(),
            doorward: format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20)),
            goal: Goal::of("≤ 1.5 MiB", bytes <= MAX_BYTES),
            ..Line::default()
        });
    }
    Ok(lines.into())
}

/// The start times of the instances, in milliseconds; `None` if the host does not report them.
fn starts(subject: &Subject) -> Option<Spread> {
    let figures = subject.stack().server().local()?.figures();
    Some(Spread::of(figures.starts.iter().map(|time| time.as_secs_f64() * 1e3)))
}
