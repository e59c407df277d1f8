//! `cargo bench`: measures the figures in `docs/performance.md`.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]

mod behind;
mod bench;
mod budget;
mod chart;
mod client;
mod cold;
mod compare;
mod components;
mod documents;
mod growth;
mod limits;
mod load;
mod machine;
mod options;
mod peers;
mod plot;
mod profile;
mod redis;
mod report;
mod scaling;
mod signature;
mod soak;
mod stalls;
mod subject;
mod upstreams;
mod verifying;
mod warm;
mod wasi02;

use std::process::ExitCode;

use bench::Bench;
use doorward_dev::{HostChoice, Wasi};
use options::{Exit, HOSTS, Options, PARTS};
use report::Findings;
use subject::On;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(Exit::Help(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(Exit::Usage(problem)) => {
            eprintln!("{}", problem.trim_end());
            return ExitCode::FAILURE;
        }
    };
    let bench = Bench::new(options);
    let runtime = tokio::runtime::Runtime::new().expect("a Tokio runtime starts");
    match runtime.block_on(run(&bench)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(bench: &Bench) -> Result<(), String> {
    if bench.options.profile {
        return profile::run(bench).await;
    }
    let mut hosts = Vec::new();
    let mut missing = None;
    for on in On::ALL.into_iter().filter(|on| bench.options.selects(&HOSTS, on.word())) {
        match HostChoice::Spin.resolve(Wasi::V0_3).await {
            Err(reason) if on == On::Spin => missing = Some(reason.to_string()),
            _ => hosts.push(on),
        }
    }
    if bench.options.soak {
        return soak::run(&hosts, bench).await;
    }
    let mut parts = Vec::new();
    for part in PARTS.into_iter().filter(|part| bench.options.selects(&PARTS, part)) {
        let mut findings = Findings::default();
        for &on in &hosts {
            bench.say(&format!("{part} on {}", on.plain()));
            let measured = measure(part, on, bench).await;
            findings.extend(measured.map_err(|problem| format!("{part} on {on}: {problem}"))?);
        }
        println!("\n{part}\n\n{}", report::table(&findings.lines));
        parts.push((part, findings));
    }
    let facts = machine::facts(missing.as_deref()).await;
    println!("{facts}");
    documents::write(&parts, &facts, bench)?;
    bench.say("done");
    Ok(())
}

async fn measure(part: &str, on: On, bench: &Bench) -> Result<Findings, String> {
    match part {
        "warm" => warm::measure(on, bench).await,
        "stalls" => stalls::measure(on, bench).await,
        "cold" => cold::measure(on, bench).await,
        "wasi02" => wasi02::measure(on, bench).await,
        "signature" => signature::measure(on, bench).await,
        "growth" => growth::measure(on, bench).await,
        "scaling" => scaling::measure(on, bench).await,
        "budget" => budget::measure(on, bench).await,
        "limits" => limits::measure(on, bench).await,
        "upstreams" => upstreams::measure(on, bench).await,
        _ => peers::measure(on, bench).await,
    }
}
