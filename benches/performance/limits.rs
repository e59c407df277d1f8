//! What limits cost a warm call, and what they let through: ten thousand callers on four processes
//! of Spin that share a Redis. A hundred of them flood; the others stay below their limit.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use doorward_dev::{HostChoice, Log, Reuse, Server, Stack, StackOptions};
use doorward_tenant::SigningKey;
use serde_json::json;

use crate::{
    bench::Bench,
    client::Connection,
    compare::Rounds,
    components::target,
    redis::Redis,
    report::{Findings, Goal, Line},
    subject::{GREETING, OWNER, On, Subject, request},
};

const PROCESSES: usize = 4;
const CONNECTIONS: usize = 8;
const CALLERS: usize = 10_000;
const FLOODERS: usize = 100;

/// How many requests a flooder sends, at all processes in turn.
const FLOOD: usize = 100;

/// How many requests another caller sends, one to each process.
const FEW: usize = 4;

const BURST: f64 = 20.0;
const PER_SECOND: f64 = 0.1;
const LIMITS: &str = r#"{ "user": { "rate": "6/min", "burst": 20 } }"#;

/// What became of the requests of one caller.
#[derive(Debug, Default)]
struct Caller {
    admitted: AtomicU32,
    refused: AtomicU32,
    /// In milliseconds since the beginning, of the first and the last one.
    first: AtomicU64,
    last: AtomicU64,
}

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let mut all = vec![cost(on, bench).await?];
    if on == On::Spin {
        all.extend(flood(bench).await?);
    }
    Ok(all.into())
}

/// A warm call with limits, beside one without.
async fn cost(on: On, bench: &Bench) -> Result<Line, String> {
    let Bench { components, options, .. } = bench;
    let component = || components.doorward();
    let off = [("limits", "off")];
    let without = Subject::start(on, component(), Reuse::default(), &off).await?;
    let with = Subject::start(on, component(), Reuse::default(), &[]).await?;
    let load = |subject: &Subject| -> Result<_, String> {
        let token = subject.token(OWNER)?;
        Ok(subject.load(vec![subject.call(&token, "greet")], GREETING))
    };
    let loads = [load(&without)?, load(&with)?];
    let rounds = Rounds::run(&loads, 16, options.round(), options.rounds()).await?;
    let [without, with] = [0, 1].map(|load| rounds.of(load, |round| round.rate));
    let share = rounds.both(0, 1, |without, with| 100.0 * with.rate / without.rate);
    Ok(Line {
        what: "a warm call with limits, beside one without, 16 connections: calls per second"
            .to_owned(),
        on: on.to_string(),
        beside: without.show(0, "/s"),
        doorward: with.show(0, "/s"),
        compared: share.show(0, " %"),
        goal: Goal::of("within the spread without", with.median >= without.lowest),
        ..Line::default()
    })
}

async fn flood(bench: &Bench) -> Result<Vec<Line>, String> {
    let Some(redis) = Redis::start(&target("limits")).await? else {
        bench.say("limits: left out, because `redis-server` is not on PATH");
        return Ok(Vec::new());
    };
    let (stack, others) = start(&bench.components.doorward(), redis.config()).await?;
    let callers = CALLERS;
    let tokens = tokens(&stack, callers)?;
    let outcome: Arc<Vec<Caller>> = Arc::new((0..callers).map(|_| Caller::default()).collect());
    let began = Instant::now();
    let mut running = Vec::new();
    let urls = [stack.server_url()].into_iter().chain(others.iter().map(Server::url));
    for (process, url) in urls.enumerate() {
        let queue: Arc<Vec<usize>> = Arc::new(queue(process, callers));
        let next = Arc::new(AtomicUsize::new(0));
        for _ in 0..CONNECTIONS {
            let work = send(
                url.trim_start_matches("http://").to_owned(),
                (Arc::clone(&queue), Arc::clone(&next)),
                Arc::clone(&tokens),
                Arc::clone(&outcome),
                began,
            );
            running.push(tokio::spawn(work));
        }
    }
    for work in running {
        work.await.map_err(|error| error.to_string())??;
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(lines(&outcome, callers, seconds))
}

/// What was measured. The bound is that of `docs/limits.md`: what is in flight at the same time.
fn lines(outcome: &[Caller], callers: usize, seconds: f64) -> Vec<Line> {
    let (flooders, others) = outcome.split_at(FLOODERS);
    let more = flooders.iter().map(|caller| {
        let millis = caller.last.load(Ordering::Relaxed) - caller.first.load(Ordering::Relaxed);
        let allowed = BURST + PER_SECOND * Duration::from_millis(millis).as_secs_f64();
        f64::from(caller.admitted.load(Ordering::Relaxed)) - allowed
    });
    let mut more: Vec<f64> = more.collect();
    more.sort_by(f64::total_cmp);
    let (median, most) = (more[more.len() / 2], more[more.len() - 1]);
    let refused: u32 = others.iter().map(|it| it.refused.load(Ordering::Relaxed)).sum();
    let sent = FLOODERS * FLOOD + (callers - FLOODERS) * FEW;
    let line = |what: String| Line { what, on: On::Spin.to_string(), ..Line::default() };
    let bound = PROCESSES * CONNECTIONS;
    vec![
        Line {
            doorward: format!("{:.0}/s", sent as f64 / seconds),
            ..line(format!(
                "{callers} callers, {sent} requests, {PROCESSES} processes, one Redis: answers, \
                 refusals included"
            ))
        },
        Line {
            doorward: format!("{refused}"),
            goal: Goal::of("none", refused == 0),
            ..line(format!("of callers below their limit, {FEW} of {BURST} requests: refused"))
        },
        Line {
            doorward: format!("{most:.1}, median {median:.1}"),
            goal: Goal::of(format!("≤ {bound}"), most <= bound as f64),
            ..line(format!("of {FLOODERS} who send {FLOOD} at once: more than the limit, at most"))
        },
    ]
}

/// The callers of the requests to one process, in order. Those of a flooder follow each other.
fn queue(process: usize, callers: usize) -> Vec<usize> {
    let mut floods = (0..FLOODERS).flat_map(|it| std::iter::repeat_n(it, FLOOD / PROCESSES));
    let mut queue = Vec::new();
    for caller in FLOODERS..callers {
        // Each process meets the callers in another order.
        let caller = FLOODERS + (caller + process * callers / PROCESSES) % (callers - FLOODERS);
        queue.extend(floods.next());
        queue.push(caller);
    }
    queue.extend(floods);
    queue
}

async fn send(
    address: String,
    (queue, next): (Arc<Vec<usize>>, Arc<AtomicUsize>),
    tokens: Arc<Vec<String>>,
    outcome: Arc<Vec<Caller>>,
    began: Instant,
) -> Result<(), String> {
    let address = address.parse().map_err(|_| format!("{address} is not an address"))?;
    let failed = |error: std::io::Error| error.to_string();
    let mut connection = Connection::open(address).await.map_err(failed)?;
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
    while let Some(&number) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
        let headers = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json\r\n",
            tokens[number]
        );
        let sent_at = began.elapsed().as_millis() as u64;
        let request = request(address, "POST", "/mcp", &headers, &body);
        let status = connection.exchange(&request).await.map_err(failed)?.status;
        let caller = &outcome[number];
        let answered_at = began.elapsed().as_millis() as u64;
        let _ = caller.first.compare_exchange(0, sent_at, Ordering::Relaxed, Ordering::Relaxed);
        caller.last.fetch_max(answered_at, Ordering::Relaxed);
        match status {
            200 => caller.admitted.fetch_add(1, Ordering::Relaxed),
            429 => caller.refused.fetch_add(1, Ordering::Relaxed),
            status => return Err(format!("a request was answered {status}")),
        };
    }
    Ok(())
}

/// Starts the first process, with its tenant, and the others, which are the same server.
async fn start(component: &Path, config: &Path) -> Result<(Stack, Vec<Server>), String> {
    let options = StackOptions {
        host: HostChoice::Spin,
        component: Some(component.to_owned()),
        variables: [("limits".to_owned(), Some(LIMITS.to_owned()))].into(),
        runtime_config: Some(config.to_owned()),
        log: Log::Discard,
        ..StackOptions::default()
    };
    let stack = Stack::start(options).await.map_err(|error| error.to_string())?;
    let mut others = Vec::new();
    for _ in 1..PROCESSES {
        others.push(stack.another_server().await.map_err(|error| error.to_string())?);
    }
    Ok((stack, others))
}

/// A token of each caller.
fn tokens(stack: &Stack, count: usize) -> Result<Arc<Vec<String>>, String> {
    let control = stack.tenant().control();
    let claims = control.claims_for(crate::subject::OWNER, "doorward-test", &[]);
    let claims = claims.map_err(|error| error.to_string())?;
    let header = json!({ "typ": "at+jwt" });
    let tokens = (0..count).map(|number| {
        let mut claims = claims.clone();
        claims["sub"] = json!(format!("auth0|caller-{number}"));
        control.mint_with(SigningKey::Current, &header, &claims)
    });
    Ok(Arc::new(tokens.collect()))
}
