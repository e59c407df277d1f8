//! Black-box tests: they call the real `.wasm` over HTTP, beside the local tenant.
//!
//! Every case runs in several [`mode`]s, which differ in how instances of the component are reused.
//! A custom harness (`libtest-mimic`) makes one test of each pair of case and mode.
//!
//! A mode on a version of Spin that is not on PATH is listed as one ignored test. On CI with
//! `DOORWARD_REQUIRE_SPIN=1` that test fails instead. Spin 3 is the program `spin3`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod audit_log;
mod behind;
mod browser;
mod case;
mod cases;
mod link;
mod mode;
mod people;
mod secrecy;
mod tools;
mod world;
mod wrongs;

use std::{env, process::ExitCode, sync::Arc};

use doorward_dev::HostChoice;
use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

use case::Plan;
use mode::Mode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = Arc::new(Runtime::new().expect("a Tokio runtime starts"));
    let mut trials = Vec::new();
    for mode in Mode::ALL {
        let resolved = mode.spin().map(|program| {
            runtime.block_on(HostChoice::Spin.resolve_program(program, mode.wasi()))
        });
        if let Some(Err(missing)) = resolved {
            let name = format!("{mode}: all cases (that Spin is not on PATH)");
            let missing = missing.to_string();
            let trial = Trial::test(name, || Err(missing.into()));
            trials.push(trial.with_ignored_flag(spin_may_be_left_out()));
            continue;
        }
        let plan = Arc::new(Plan::new(mode));
        for case in cases::all() {
            let (runtime, plan) = (Arc::clone(&runtime), Arc::clone(&plan));
            trials.push(Trial::test(format!("{mode}: {}", case.name), move || {
                runtime.block_on(plan.run(&case));
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Whether the cases on Spin are ignored if Spin is missing. On CI they fail instead, if the
/// variable `DOORWARD_REQUIRE_SPIN` says that the machine has Spin.
fn spin_may_be_left_out() -> bool {
    let is_required = env::var_os("DOORWARD_REQUIRE_SPIN").is_some_and(|value| value == "1");
    env::var_os("CI").is_none() || !is_required
}
