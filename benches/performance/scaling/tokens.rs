//! Longer and longer tokens, with one connection.

use doorward_dev::Reuse;

use super::{Curve, Point};
use crate::{
    bench::Bench,
    compare::Rounds,
    load::Round,
    stalls::spoilt,
    subject::{GREETING, OWNER, On, Subject},
};

const KIBIBYTES: [usize; 3] = [1, 4, 12];

pub(super) async fn measure(on: On, bench: &Bench) -> Result<Vec<Curve>, String> {
    let component = bench.components.doorward();
    let doorward = Subject::start(on, component, Reuse::default(), &[]).await?;
    let (mut warm, mut refused) = (Vec::new(), Vec::new());
    for input in KIBIBYTES {
        let token = doorward.token_of_length(OWNER, input * 1024)?;
        let loads = [
            doorward.load(vec![doorward.call(&token, "greet")], GREETING),
            doorward.refused(doorward.call(&spoilt(&token), "greet"), 401, "invalid_token"),
        ];
        let options = &bench.options;
        let rounds = Rounds::run(&loads, 1, options.round(), options.rounds()).await?;
        for (load, points) in [&mut warm, &mut refused].into_iter().enumerate() {
            let cost = rounds.of(load, Round::median);
            points.push(Point { input, cost, more: String::new() });
        }
    }
    let curve = |what, label, points| Curve { what, label, unit: " ms", points };
    Ok(vec![
        curve(
            |size| format!("a warm call with a token of {size} KiB: median"),
            "tokens: a call",
            warm,
        ),
        curve(
            |size| format!("a wrong signature in a token of {size} KiB: median"),
            "tokens: a check",
            refused,
        ),
    ])
}
