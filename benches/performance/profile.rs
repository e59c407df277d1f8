//! `cargo bench -- profile`: the functions in which a warm call spends its processor time, found by
//! `perf` while a load runs on the local host.

mod stacks;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Output},
    time::Duration,
};

use doorward_dev::Reuse;
use tokio::process::Command;

use self::stacks::Profile;
use crate::{
    bench::Bench,
    components::target,
    documents,
    load::Until,
    subject::{GREETING, OWNER, On, Subject},
};

/// How long is measured.
const SECONDS: u64 = 20;
/// How often `perf` looks at each thread, in Hertz.
const FREQUENCY: u64 = 1_999;
/// How many functions each table has.
const ROWS: usize = 16;

/// Measures the component, and before it the baseline if there is one.
///
/// # Errors
/// Returns a message if a component does not build, `perf` does not run, or an answer is wrong.
pub(crate) async fn run(bench: &Bench) -> Result<(), String> {
    doorward_host::name_functions_for_perf();
    let component = build(bench).await?;
    let before = match &bench.options.baseline {
        Some(baseline) => Some(measure(baseline, bench).await?),
        None => None,
    };
    let now = measure(&component, bench).await?;
    let tables = stacks::tables(before.as_ref(), &now, ROWS);
    println!("\n{tables}");
    if bench.options.write {
        documents::replace(&[("profile", tables)])?;
    }
    Ok(())
}

/// Builds the component with the names of its functions, in a folder of its own.
async fn build(bench: &Bench) -> Result<PathBuf, String> {
    bench.say("building the component with the names of its functions");
    let folder = target("profile");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--lib", "--package", "doorward"])
        .args(["--target", "wasm32-wasip2", "--target-dir"])
        .arg(&folder)
        .env("DOORWARD_NAMES", "1")
        .env("CARGO_PROFILE_RELEASE_STRIP", "none")
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    output(&mut cargo).await?;
    Ok(folder.join("wasm32-wasip2/release/doorward.wasm"))
}

async fn measure(component: &Path, bench: &Bench) -> Result<Profile, String> {
    let doorward = Subject::start(On::Local, component.to_owned(), Reuse::default(), &[]).await?;
    let token = doorward.token(OWNER)?;
    let load = doorward.load(vec![doorward.call(&token, "greet")], GREETING);
    load.round(16, Until::Time(Duration::from_secs(1))).await?;
    bench.say(&format!("measuring for {SECONDS} seconds"));
    let data = target("profile.data");
    // Without this file `perf script` fails, as it has to if `perf record` has failed.
    let _ = fs::remove_file(&data);
    let mut perf = Command::new("perf")
        .args(["record", "--quiet", "--call-graph", "fp", "--freq", &FREQUENCY.to_string()])
        .args(["--pid", &process::id().to_string(), "--output"])
        .arg(&data)
        .args(["sleep", &SECONDS.to_string()])
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("perf does not start: {error}"))?;
    let mut calls = 0;
    // The load ends after perf, so that each sample belongs to a call that is counted.
    loop {
        calls += load.round(16, Until::Time(Duration::from_millis(500))).await?.latencies.len();
        if perf.try_wait().map_err(|error| error.to_string())?.is_some() {
            break;
        }
    }
    let mut script = Command::new("perf");
    let stacks = output(script.args(["script", "-F", "ip,sym", "-i"]).arg(&data)).await?;
    let text = String::from_utf8_lossy(&stacks.stdout);
    Ok(Profile::of(&text, 1e6 / FREQUENCY as f64 / calls.max(1) as f64))
}

async fn output(command: &mut Command) -> Result<Output, String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.output().await.map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim_end())),
    }
}
