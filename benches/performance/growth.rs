//! Growing load: a rising number of tokens in rotation, and its effect on throughput, memory and
//! key-value.

use std::time::Duration;

use doorward_dev::Reuse;

use crate::{
    bench::Bench,
    compare::Rounds,
    load::{Load, Until},
    report::{Findings, Goal, Line},
    subject::{GREETING, On, Subject},
    verifying::Verifying,
};

/// The limit of keys in key-value, whatever the number of calls. They are the documents of the one
/// issuer, the Management token, the permissions that the API defines, the permissions of each user
/// of the benchmark, and up to 512 verified tokens.
const MAX_KEYS: usize = 16 + 512;

/// The capacity of an instance's cache of verified tokens.
const CACHED_TOKENS: usize = 1024;

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let Bench { components, options, .. } = bench;
    let doorward = Subject::start(on, components.doorward(), Reuse::default(), &[]).await?;
    let verifying = Verifying::start(on, bench).await?;
    let tokens = doorward.tokens(options.of(10_000, 2_000))?;
    visit(&greetings(&doorward, &tokens), tokens.len()).await?;
    let mut lines = Vec::new();
    for count in [1, 100, tokens.len()] {
        let some = &tokens[..count];
        let loads = [
            verifying.load(&doorward, some),
            greetings(&doorward, some),
            greetings(&doorward, &tokens[..1]),
        ];
        let rounds = Rounds::run(&loads, 16, options.round(), options.rounds()).await?;
        if count == tokens.len() {
            let what = format!("{count} tokens of four users in rotation, beside one token");
            lines.push(share_of_one_token(what, on, &rounds, 2, 1));
        }
        lines.push(Line {
            what: match count {
                1 => "one token, beside bare verification: calls per second".to_owned(),
                _ => format!("{count} tokens in rotation, beside bare verification: the same"),
            },
            on: on.to_string(),
            beside: rounds.of(0, |round| round.rate).show(0, "/s"),
            doorward: rounds.of(1, |round| round.rate).show(0, "/s"),
            compared: rounds
                .both(0, 1, |bare, doorward| 100.0 * doorward.rate / bare.rate)
                .show(0, " %"),
            ..Line::default()
        });
    }
    lines.push(users(on, bench).await?);
    if let Some(line) = keys(&doorward, &tokens, on, bench).await? {
        lines.push(line);
        lines.push(memory(on, bench).await?);
    }
    Ok(lines.into())
}

/// Measures the same with as many users as there were tokens, each with one token. Permissions come
/// from the tokens: the tenant knows no such users.
async fn users(on: On, bench: &Bench) -> Result<Line, String> {
    let Bench { components, options, .. } = bench;
    let variables = [("permission_source", "token")];
    let doorward = Subject::start(on, components.doorward(), Reuse::default(), &variables).await?;
    let tokens = doorward.tokens_of_users(options.of(10_000, 2_000))?;
    let loads = [greetings(&doorward, &tokens), greetings(&doorward, &tokens[..1])];
    visit(&loads[0], tokens.len()).await?;
    let rounds = Rounds::run(&loads, 16, options.round(), options.rounds()).await?;
    let what = format!("{} users in rotation, a token each, beside one token", tokens.len());
    Ok(share_of_one_token(what, on, &rounds, 1, 0))
}

/// Sends each of the requests once, so that each token was verified, by whichever instance.
async fn visit(load: &Load, requests: usize) -> Result<(), String> {
    load.round(16, Until::Requests(requests as u64)).await.map(drop)
}

/// The row of the load `all` beside the load `one`, which has one token.
fn share_of_one_token(what: String, on: On, rounds: &Rounds, one: usize, all: usize) -> Line {
    let share = rounds.both(one, all, |one, all| 100.0 * all.rate / one.rate);
    Line {
        what: format!("{what}, 16 connections: calls per second"),
        on: on.to_string(),
        beside: rounds.of(one, |round| round.rate).show(0, "/s"),
        doorward: rounds.of(all, |round| round.rate).show(0, "/s"),
        compared: share.show(0, " %"),
        goal: Goal::of("≥ 75 %", share.median >= 75.0),
        is_headline: true,
    }
}

fn greetings(subject: &Subject, tokens: &[String]) -> Load {
    subject.load(tokens.iter().map(|token| subject.call(token, "greet")).collect(), GREETING)
}

/// Counts the keys in key-value after many calls; `None` if the host does not show them.
async fn keys(
    doorward: &Subject,
    tokens: &[String],
    on: On,
    bench: &Bench,
) -> Result<Option<Line>, String> {
    let Some(host) = doorward.stack().server().local() else { return Ok(None) };
    let load = greetings(doorward, tokens);
    let calls = bench.options.of(100_000, 5_000);
    load.round(16, Until::Requests(calls)).await?;
    let keys: usize = host.key_value().values().map(|store| store.len()).sum();
    Ok(Some(Line {
        what: format!("keys in key-value after {calls} calls with {} tokens", tokens.len()),
        on: on.to_string(),
        doorward: keys.to_string(),
        goal: Goal::of(format!("≤ {MAX_KEYS}"), keys <= MAX_KEYS),
        ..Line::default()
    }))
}

/// Measures the memory of one instance, before and after its caches are full.
async fn memory(on: On, bench: &Bench) -> Result<Line, String> {
    let Bench { components, options, .. } = bench;
    let one = Reuse {
        requests: usize::MAX,
        idle: Duration::from_secs(60),
        instances: Some(1),
        ..Reuse::default()
    };
    let doorward = Subject::start(on, components.doorward(), one, &[]).await?;
    let tokens = doorward.tokens(options.of(10_000, 3_000))?;
    let load = greetings(&doorward, &tokens);
    let mut used = Vec::new();
    for calls in [1, CACHED_TOKENS * 3 / 2, tokens.len()] {
        load.round(16, Until::Requests(calls as u64)).await?;
        let figures = doorward.stack().server().local().map(doorward_host::Host::figures);
        used.push(figures.unwrap_or_default().largest_memory as f64 / f64::from(1 << 20));
    }
    let (first, full, last) = (used[0], used[1], used[2]);
    Ok(Line {
        what: format!(
            "memory of one instance after 1, {} and {} more tokens",
            CACHED_TOKENS * 3 / 2,
            tokens.len()
        ),
        on: on.to_string(),
        doorward: format!("{first:.1} MiB, {full:.1} MiB, {last:.1} MiB"),
        goal: Goal::of("no growth after the second", last <= full * 1.05),
        ..Line::default()
    })
}
