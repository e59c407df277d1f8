//! Runs the official MCP conformance suite against Doorward, and against a server that uses it as a
//! library.
//!
//! The suite is a Node program without support for authentication. A module that is loaded into it
//! adds an access token to its requests, so authentication stays on. Without npm or a recent Node,
//! these tests are listed as ignored; on CI they fail.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod example;
#[path = "conformance/exchange.rs"]
mod exchange;
#[path = "conformance/messages.rs"]
mod messages;
mod node;
#[path = "conformance/subject.rs"]
mod subject;
#[path = "conformance/suite.rs"]
mod suite;

use std::{process::ExitCode, sync::Arc};

use libtest_mimic::{Arguments, Trial};

use node::NodePackage;
use subject::{Subject, Subjects};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let subjects = Arc::new(Subjects::new());
    let mut trials = Vec::new();
    for subject in Subject::ALL {
        let subjects = Arc::clone(&subjects);
        trials
            .push(Trial::test(format!("{subject}: messages equal the golden files"), move || {
                messages::check(subject, &subjects)
            }));
    }

    let package = Arc::new(NodePackage::new("conformance"));
    let missing = package.missing(false);
    let mut in_node = |name: &str, test: Box<dyn Fn(&NodePackage) -> suite::Outcome + Send>| {
        let name = match &missing {
            Some(missing) => format!("{name} ({missing})"),
            None => name.to_owned(),
        };
        let package = Arc::clone(&package);
        let trial = Trial::test(name, move || test(&package));
        trials.push(trial.with_ignored_flag(missing.is_some() && node::may_be_left_out()));
    };
    in_node(
        "the golden files conform to the protocol's JSON Schemas",
        Box::new(messages::validate),
    );
    for run in suite::RUNS {
        let subjects = Arc::clone(&subjects);
        in_node(&run.name(), Box::new(move |package| run.start(&subjects, package)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
