//! `cargo bench`: what the numbers in the README and in `docs/performance.md` come from.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]

mod client;
mod compare;
mod components;
mod load;
mod options;
mod report;
mod subject;
mod warm;

use std::process::ExitCode;

use components::Components;
use doorward_dev::HostChoice;
use options::{HOSTS, Options, PARTS};
use report::Line;
use subject::On;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::FAILURE;
        }
    };
    let components = Components::build();
    let runtime = tokio::runtime::Runtime::new().expect("a Tokio runtime starts");
    match runtime.block_on(measure(&components, &options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(components: &Components, options: &Options) -> Result<(), String> {
    let mut lines: Vec<Line> = Vec::new();
    for on in On::ALL {
        if !options.wants(&HOSTS, on.word()) {
            continue;
        }
        if on == On::Spin
            && let Err(missing) = HostChoice::Spin.resolve().await
        {
            println!("{missing}");
            continue;
        }
        if options.wants(&PARTS, "warm") {
            lines.extend(warm::measure(on, components, options).await?);
        }
    }
    println!("{}", report::table(&lines));
    Ok(())
}
