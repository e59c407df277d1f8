//! More and more users in rotation, each with a token of their own. Permissions come from the
//! tokens: the time that the tenant takes for each user is not what is measured.

use doorward_dev::Reuse;

use super::{Curve, Point};
use crate::{
    bench::Bench,
    compare::{Rounds, Spread},
    load::Until,
    subject::{GREETING, On, Subject},
};

const CONNECTIONS: usize = 16;

/// How far apart users are who call after each other, so that those of a round are a sample: of
/// many users, only those who came first are known to key-value. It is a prime number.
const STRIDE: usize = 7919;

pub(super) async fn measure(on: On, bench: &Bench) -> Result<Vec<Curve>, String> {
    let options = &bench.options;
    let (mut calls, mut keys) = (Vec::new(), Vec::new());
    let users = [10, 1000, options.of(100_000, 5_000)];
    let variables = [("permission_source", "token")];
    let component = bench.components.doorward();
    let doorward = Subject::start(on, component, Reuse::default(), &variables).await?;
    let most = users.into_iter().max().unwrap_or_default();
    let tokens = doorward.tokens_of_users(most)?;
    let all: Vec<Vec<u8>> = tokens.iter().map(|token| doorward.call(token, "greet")).collect();
    for input in users {
        // Everybody calls once before anything is measured.
        let visit = doorward.load(all[..input].to_vec(), GREETING);
        visit.round(CONNECTIONS, Until::Requests(input as u64)).await?;
        drop(visit);
        let requests = (0..input).map(|number| all[number * STRIDE % input].clone());
        let load = doorward.load(requests.collect(), GREETING);
        let rounds = Rounds::run(&[load], CONNECTIONS, options.round(), options.rounds()).await?;
        let more = rounds.of(0, |round| round.rate).show(0, " calls/s");
        calls.push(Point { input, cost: rounds.of(0, |round| 1e3 / round.rate), more });
        if let Some(host) = doorward.stack().server().local() {
            let count: usize = host.key_value().values().map(|store| store.len()).sum();
            let cost = Spread::of([count as f64]);
            keys.push(Point { input, cost, more: String::new() });
        }
    }
    let mut curves = vec![Curve {
        what: |users| {
            format!("{users} users in rotation, {CONNECTIONS} connections: time per call")
        },
        label: "users: a call",
        unit: " ms",
        points: calls,
    }];
    if !keys.is_empty() {
        let what = |users| format!("keys in key-value after calls of {users} users");
        curves.push(Curve { what, label: "users: keys", unit: "", points: keys });
    }
    Ok(curves)
}
