//! The cost of verifying a token: compares the baseline with a copy of it that verifies each
//! request's token.

use doorward_dev::Reuse;

use crate::{
    bench::Bench,
    compare::Rounds,
    load::Round,
    report::{Findings, Goal, Line},
    subject::{GREETING, OWNER, On, Subject},
    verifying::Verifying,
};

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let Bench { components, options, .. } = bench;
    let floor = Subject::start(on, components.floor(), Reuse::default(), &[]).await?;
    let doorward = Subject::start(on, components.doorward(), Reuse::default(), &[]).await?;
    let verifying = Verifying::start(on, bench).await?;
    let tokens = [doorward.token(OWNER)?];
    let loads = [
        floor.load(vec![floor.call(&tokens[0], "greet")], GREETING),
        verifying.load(&doorward, &tokens),
    ];
    let rounds = Rounds::run(&loads, 1, options.round(), options.rounds()).await?;
    let cost = rounds.both(0, 1, |floor, verifying| verifying.median() - floor.median());
    Ok(vec![Line {
        what: "verifying a token (RS256, 2048 bits), one connection: median".to_owned(),
        on: on.to_string(),
        beside: rounds.of(0, Round::median).show(3, " ms"),
        doorward: rounds.of(1, Round::median).show(3, " ms"),
        compared: cost.show(3, " ms more"),
        goal: Goal::of("≤ 0.32 ms more", cost.median <= 0.32),
        is_headline: true,
    }]
    .into())
}
