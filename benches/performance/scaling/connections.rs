//! Warm calls on more and more connections.

use doorward_dev::Reuse;

use super::{Curve, Point};
use crate::{
    bench::Bench,
    compare::Rounds,
    load::Round,
    subject::{GREETING, OWNER, On, Subject},
};

const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];

pub(super) async fn measure(on: On, bench: &Bench) -> Result<Curve, String> {
    let component = bench.components.doorward();
    let doorward = Subject::start(on, component, Reuse::default(), &[]).await?;
    let token = doorward.token(OWNER)?;
    let loads = [doorward.load(vec![doorward.call(&token, "greet")], GREETING)];
    let mut points = Vec::new();
    for input in CONNECTIONS {
        let options = &bench.options;
        let rounds = Rounds::run(&loads, input, options.round(), options.rounds()).await?;
        let more = rounds.of(0, |round| round.rate).show(0, " calls/s");
        points.push(Point { input, cost: rounds.of(0, Round::median), more });
    }
    let what = |count| format!("`tools/call greet`, {count} in flight: median");
    Ok(Curve { what, label: "connections", unit: " ms", points })
}
