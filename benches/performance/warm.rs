//! A warm, authenticated tool call: the token verified before, the permission known.

use doorward_dev::Reuse;

use crate::{
    compare::Pairs,
    components::Components,
    load::{Round, Until},
    options::Options,
    report::{Goal, Line},
    subject::{OWNER, On, Subject},
};

/// What every greeting contains, the floor's constant too.
const GREETING: &str = "Hello, Calendar Owner!";

pub(crate) async fn measure(
    on: On,
    components: &Components,
    options: &Options,
) -> Result<Vec<Line>, String> {
    let floor = Subject::start(on, components.floor.clone(), Reuse::default(), &[]).await?;
    let doorward = Subject::start(on, components.doorward.clone(), Reuse::default(), &[]).await?;
    let token = doorward.token(OWNER)?;
    let floor_load = floor.load(vec![floor.call(&token, "greet")], GREETING);
    let load = doorward.load(vec![doorward.call(&token, "greet")], GREETING);

    let until = Until::Time(options.round());
    let (mut lines, on) = (Vec::new(), on.to_string());
    let pairs = Pairs::run(&floor_load, &load, 16, until, options.rounds()).await?;
    let share = pairs.both(|floor, doorward| 100.0 * doorward.rate / floor.rate);
    lines.push(Line {
        what: "warm `tools/call greet`, 16 connections: calls per second".to_owned(),
        on: on.clone(),
        floor: format!("{:.0}", pairs.one(|round| round.rate).median),
        doorward: format!("{:.0}", pairs.other(|round| round.rate).median),
        compared: share.show(0, " %"),
        goal: Goal::of("≥ 80 %", share.median >= 80.0),
    });
    let slowest = |round: &Round| round.quantile(0.99);
    let times = pairs.both(|floor, doorward| slowest(doorward) / slowest(floor));
    lines.push(Line {
        what: "the same: 99th percentile".to_owned(),
        on: on.clone(),
        floor: pairs.one(slowest).show(2, " ms"),
        doorward: pairs.other(slowest).show(2, " ms"),
        compared: times.show(2, " ×"),
        goal: Goal::of("≤ 2 ×", times.median <= 2.0),
    });
    let pairs = Pairs::run(&floor_load, &load, 1, until, options.rounds()).await?;
    let more = pairs.both(|floor, doorward| doorward.median() - floor.median());
    lines.push(Line {
        what: "the same, one connection: median".to_owned(),
        on,
        floor: pairs.one(Round::median).show(3, " ms"),
        doorward: pairs.other(Round::median).show(3, " ms"),
        compared: more.show(3, " ms more"),
        goal: Goal::of("≤ 0.15 ms more", more.median <= 0.15),
    });
    Ok(lines)
}
