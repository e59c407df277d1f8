//! Black-box tests: the real `.wasm`, over HTTP, against the local tenant.
//!
//! Every case runs in several [`mode`]s, which differ in how instances of the component are reused. A harness of its
//! own (`libtest-mimic`) makes a test of each pair, and lists what this machine cannot run as ignored.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod audit_log;
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

use std::{process::ExitCode, sync::Arc};

use doorward_dev::HostChoice;
use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

use case::Plan;
use mode::Mode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = Arc::new(Runtime::new().expect("a Tokio runtime starts"));
    let spin = runtime.block_on(HostChoice::Spin.resolve());
    let mut trials = Vec::new();
    for mode in Mode::ALL {
        if mode == Mode::Spin && spin.is_err() {
            let name = "on Spin: everything (there is no spin 4.1 or newer on PATH)";
            trials.push(Trial::test(name, || Ok(())).with_ignored_flag(true));
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
