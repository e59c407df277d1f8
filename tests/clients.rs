//! Other people's MCP clients against the server: MCP Inspector as a command and as a web page, and the TypeScript SDK.
//!
//! The tests themselves are in `tests/clients/`, in Node; this starts what they talk to. Without npm or Chromium they
//! are listed as ignored, except on CI, where they must run.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use doorward_dev::{HostChoice, Stack, StackOptions};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

/// Each file, and the program it needs beside npm.
const FILES: [(&str, Option<&str>); 3] = [
    ("inspector-cli.test.mjs", None),
    ("sign-in.test.mjs", None),
    ("inspector-web.test.mjs", Some("chromium")),
];

/// The user of the seed who may do everything.
const PERSON: &str = "owner@example.com";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One at a time: each starts several processes of its own.
    arguments.test_threads = Some(1);
    let runtime = Arc::new(Runtime::new().expect("a Tokio runtime starts"));
    let stack: Arc<OnceLock<Stack>> = Arc::default();
    let trials = FILES.into_iter().map(|(file, browser)| {
        let missing = ["npm"].into_iter().chain(browser).find(|program| !is_on_path(program));
        let name = match missing {
            Some(program) => format!("{file} (there is no {program} on PATH)"),
            None => file.to_owned(),
        };
        let (runtime, stack) = (Arc::clone(&runtime), Arc::clone(&stack));
        Trial::test(name, move || {
            let stack = stack.get_or_init(|| {
                install();
                let options = StackOptions { host: HostChoice::Local, ..StackOptions::default() };
                runtime.block_on(Stack::start(options)).expect("tenant and server start")
            });
            run(file, stack)
        })
        .with_ignored_flag(missing.is_some() && env::var_os("CI").is_none())
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Installs what `package-lock.json` names, unless that was done since it changed.
fn install() {
    let changed =
        |path: PathBuf| -> Option<SystemTime> { fs::metadata(path).ok()?.modified().ok() };
    let installed = changed(folder().join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= changed(folder().join("package-lock.json")) {
        return;
    }
    let output = Command::new("npm").arg("ci").current_dir(folder()).output();
    succeeded("npm ci", &output.expect("npm starts")).expect("npm ci installs the clients");
}

fn run(file: &str, stack: &Stack) -> Result<(), Failed> {
    let scopes = ["tool:whoami", "tool:greet", "tool:calendar_summary"];
    let token = stack.tenant().mint_for(PERSON, "doorward-test", &scopes).map_err(Failed::from)?;
    let output = Command::new("node_modules/.bin/node")
        .args(["--test", file])
        .current_dir(folder())
        .env("MCP_URL", stack.mcp_url())
        .env("TENANT_URL", stack.tenant().origin())
        .env("PERSON_EMAIL", PERSON)
        .env("PERSON_PASSWORD", &stack.tenant().seed().tenant.password)
        .env("MCP_TOKEN", token)
        .env("SCREENSHOT_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots"))
        .output()
        .map_err(|error| format!("Node of tests/clients does not start: {error}"))?;
    succeeded(file, &output)
}

fn succeeded(what: &str, output: &Output) -> Result<(), Failed> {
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Err(format!("{what} failed:\n{}", String::from_utf8_lossy(&text)).into())
}
