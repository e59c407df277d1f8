//! Runs other people's MCP clients against the server: MCP Inspector as a command and as a web
//! page, and both generations of the TypeScript SDK. Also opens the connect page in a real browser.
//!
//! The tests themselves are Node programs in `tests/clients/`; this starts the server for them.
//! Without npm, a recent Node or Chromium they are listed as ignored; on CI they fail.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod node;

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use doorward_dev::{HostChoice, Stack, StackOptions};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use node::NodePackage;

/// The test files, and whether each needs a browser.
const FILES: [(&str, bool); 5] = [
    ("inspector-cli.test.mjs", false),
    ("sdk-v1.test.mjs", false),
    ("sign-in.test.mjs", false),
    ("inspector-web.test.mjs", true),
    ("connect.test.mjs", true),
];

/// The user of the seed with all permissions and a connected account.
const PERSON: &str = "owner@example.com";

/// The user of the seed with all permissions and no connected account.
const NEWCOMER: &str = "unconnected@example.com";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The files run one at a time, because each starts several processes.
    arguments.test_threads = Some(1);
    let runtime = Arc::new(Runtime::new().expect("a Tokio runtime starts"));
    let stack: Arc<OnceLock<Stack>> = Arc::default();
    let package = Arc::new(NodePackage::new("clients"));
    let trials = FILES.into_iter().map(|(file, needs_browser)| {
        let missing = package.missing(needs_browser);
        let name = match &missing {
            Some(missing) => format!("{file} ({missing})"),
            None => file.to_owned(),
        };
        let ignored = missing.is_some() && node::may_be_left_out();
        let (runtime, stack, package) =
            (Arc::clone(&runtime), Arc::clone(&stack), Arc::clone(&package));
        Trial::test(name, move || {
            if let Some(missing) = missing {
                return Err(missing.into());
            }
            let stack = stack.get_or_init(|| {
                let options = StackOptions { host: HostChoice::Local, ..StackOptions::default() };
                runtime.block_on(Stack::start(options)).expect("tenant and server start")
            });
            run(file, stack, &package)
        })
        .with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn run(file: &str, stack: &Stack, package: &NodePackage) -> Result<(), Failed> {
    let scopes = ["tool:whoami", "tool:greet", "tool:calendar_summary"];
    let token =
        |person| stack.tenant().mint_for(person, "doorward-test", &scopes).map_err(Failed::from);
    let mut command = package.node(["--test", file])?;
    command
        .env("MCP_URL", stack.mcp_url())
        .env("TENANT_URL", stack.tenant().origin())
        .env("PERSON_EMAIL", PERSON)
        .env("PERSON_PASSWORD", &stack.tenant().seed().tenant.password)
        .env("MCP_TOKEN", token(PERSON)?)
        .env("NEWCOMER_EMAIL", NEWCOMER)
        .env("NEWCOMER_TOKEN", token(NEWCOMER)?)
        .env("SCREENSHOT_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots"))
        .envs(node::chromium().map(|browser| ("CHROMIUM", browser)));
    node::run(file, &mut command).map(drop)
}
