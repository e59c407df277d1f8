//! Other people's MCP clients against the server: MCP Inspector as a command and as a web page, and the TypeScript SDK.
//!
//! The tests themselves are in `tests/clients/`, in Node; this starts what they talk to. Without npm, a Node that is new
//! enough or Chromium they are listed as ignored, except on CI, where they must run.

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

/// Each file, and whether it needs a browser.
const FILES: [(&str, bool); 3] = [
    ("inspector-cli.test.mjs", false),
    ("sign-in.test.mjs", false),
    ("inspector-web.test.mjs", true),
];

/// The oldest Node that the clients run on.
const OLDEST_NODE: (u32, u32) = (22, 19);

/// The user of the seed who may do everything.
const PERSON: &str = "owner@example.com";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One at a time: each starts several processes of its own.
    arguments.test_threads = Some(1);
    let runtime = Arc::new(Runtime::new().expect("a Tokio runtime starts"));
    let stack: Arc<OnceLock<Stack>> = Arc::default();
    let browser = chromium();
    let trials = FILES.into_iter().map(|(file, needs_browser)| {
        let browser = browser.clone().filter(|_| needs_browser);
        let missing = missing(needs_browser && browser.is_none());
        let name = match &missing {
            Some(missing) => format!("{file} ({missing})"),
            None => file.to_owned(),
        };
        let (runtime, stack) = (Arc::clone(&runtime), Arc::clone(&stack));
        let ignored = missing.is_some() && env::var_os("CI").is_none();
        Trial::test(name, move || {
            if let Some(missing) = missing {
                return Err(missing.into());
            }
            let stack = stack.get_or_init(|| {
                install();
                let options = StackOptions { host: HostChoice::Local, ..StackOptions::default() };
                runtime.block_on(Stack::start(options)).expect("tenant and server start")
            });
            run(file, browser.as_deref(), stack)
        })
        .with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// What a file needs and this machine does not have.
fn missing(browser: bool) -> Option<String> {
    let (major, minor) = OLDEST_NODE;
    if on_path("npm").is_none() {
        Some("there is no npm on PATH".to_owned())
    } else if !has_node() {
        Some(format!("there is no Node {major}.{minor} or newer on PATH"))
    } else if browser {
        Some("there is no chromium on PATH, and CHROMIUM names none".to_owned())
    } else {
        None
    }
}

/// The program of this name, as a shell would find it.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(program)).find(|program| program.is_file())
}

/// Chromium: the one that `CHROMIUM` names, else the one on PATH.
fn chromium() -> Option<PathBuf> {
    match env::var_os("CHROMIUM").filter(|named| !named.is_empty()) {
        Some(named) => Some(PathBuf::from(named)).filter(|named| named.is_file()),
        None => ["chromium", "chromium-browser"].into_iter().find_map(on_path),
    }
}

/// The Node of the packages, which there is for Linux only and once they are installed.
fn packaged_node() -> PathBuf {
    folder().join("node_modules/.bin/node")
}

/// Whether a Node is there, or will be once the packages are installed.
fn has_node() -> bool {
    let packaged =
        cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));
    packaged || packaged_node().is_file() || node_on_path().is_some()
}

/// The Node on PATH, where it is new enough.
fn node_on_path() -> Option<PathBuf> {
    let node = on_path("node")?;
    let version = Command::new(&node).arg("--version").output().ok()?.stdout;
    let version = String::from_utf8(version).ok()?;
    let mut numbers = version.trim().trim_start_matches('v').split('.').map(str::parse);
    let version = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(node).filter(|_| version >= OLDEST_NODE)
}

/// Installs what `package-lock.json` names, unless that was done since it changed.
fn install() {
    let changed =
        |path: PathBuf| -> Option<SystemTime> { fs::metadata(path).ok()?.modified().ok() };
    let installed = changed(folder().join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= changed(folder().join("package-lock.json")) {
        return;
    }
    let npm = on_path("npm").expect("npm is on PATH");
    let output = Command::new(npm).arg("ci").current_dir(folder()).output();
    succeeded("npm ci", &output.expect("npm starts")).expect("npm ci installs the clients");
}

fn run(file: &str, browser: Option<&Path>, stack: &Stack) -> Result<(), Failed> {
    let packaged = Some(packaged_node()).filter(|node| node.is_file());
    let node = packaged.or_else(node_on_path).ok_or("there is no Node that is new enough")?;
    let scopes = ["tool:whoami", "tool:greet", "tool:calendar_summary"];
    let token = stack.tenant().mint_for(PERSON, "doorward-test", &scopes).map_err(Failed::from)?;
    let output = Command::new(node)
        .args(["--test", file])
        .current_dir(folder())
        .env("MCP_URL", stack.mcp_url())
        .env("TENANT_URL", stack.tenant().origin())
        .env("PERSON_EMAIL", PERSON)
        .env("PERSON_PASSWORD", &stack.tenant().seed().tenant.password)
        .env("MCP_TOKEN", token)
        .env("SCREENSHOT_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots"))
        .envs(browser.map(|browser| ("CHROMIUM", browser)))
        .output()
        .map_err(|error| format!("Node does not start: {error}"))?;
    succeeded(file, &output)
}

fn succeeded(what: &str, output: &Output) -> Result<(), Failed> {
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Err(format!("{what} failed:\n{}", String::from_utf8_lossy(&text)).into())
}
