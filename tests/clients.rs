//! Runs other people's MCP clients against the server: MCP Inspector as a command and as a web
//! page, agents for the command line, both generations of the SDKs for TypeScript and Python, and
//! what is built on them. Also opens the connect page in a real browser, and has `check` look at
//! the SDK's example server.
//!
//! The tests themselves are programs in `tests/clients/`; this starts the server for them. Without
//! npm, a recent Node, Chromium or pip they are listed as ignored; on CI they fail.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod node;
mod python;

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use doorward_dev::{HostChoice, Stack, StackOptions};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use node::NodePackage;

/// A test file.
#[derive(Clone, Copy)]
struct File {
    name: &'static str,
    program: Program,
    /// Whether the server names one scope at sign-in and others when tools need them.
    steps_up: bool,
}

/// What runs a test file.
#[derive(Clone, Copy)]
enum Program {
    Node,
    /// Node, which drives a browser.
    Browser,
    /// Python, with the packages in this file.
    Python(&'static str),
}

use Program::{Browser, Node, Python};

const FILES: [File; 11] = [
    File::new("inspector-cli.test.mjs", Node),
    File::new("sdk-v1.test.mjs", Node),
    File::new("sign-in.test.mjs", Node),
    File::new("mcp-remote.test.mjs", Node),
    File::new("agents.test.mjs", Node),
    File::new("inspector-web.test.mjs", Browser),
    File::new("connect.test.mjs", Browser),
    File { steps_up: true, ..File::new("step-up.test.mjs", Node) },
    File { steps_up: true, ..File::new("agents-step-up.test.mjs", Node) },
    File { steps_up: true, ..File::new("clients_v1.py", Python("v1.txt")) },
    File { steps_up: true, ..File::new("clients_v2.py", Python("v2.txt")) },
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
    let stacks: Arc<[OnceLock<Stack>; 2]> = Arc::default();
    let package = Arc::new(NodePackage::new("clients"));
    let example = example_trial(&runtime, &package);
    let trials = FILES.into_iter().map(|file| {
        let missing = match file.program {
            Python(_) => python::missing().map(str::to_owned),
            program => package.missing(matches!(program, Browser)),
        };
        let name = match &missing {
            Some(missing) => format!("{} ({missing})", file.name),
            None => file.name.to_owned(),
        };
        let ignored = missing.is_some() && node::may_be_left_out();
        let (runtime, stacks, package) =
            (Arc::clone(&runtime), Arc::clone(&stacks), Arc::clone(&package));
        Trial::test(name, move || {
            if let Some(missing) = missing {
                return Err(missing.into());
            }
            let stack = stacks[usize::from(file.steps_up)].get_or_init(|| {
                let host = HostChoice::Local;
                let mut options = StackOptions { host, localhost: true, ..StackOptions::default() };
                if file.steps_up {
                    let scope = Some("tool:whoami".to_owned());
                    options.variables.insert("scopes_supported".to_owned(), scope);
                }
                runtime.block_on(Stack::start(options)).expect("tenant and server start")
            });
            run(file, stack, &package)
        })
        .with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.chain([example]).collect()).exit_code()
}

/// The SDK's example of a server with authorization.
const EXAMPLE: &str =
    "node_modules/@modelcontextprotocol/sdk/dist/esm/examples/server/simpleStreamableHttp.js";

fn example_trial(runtime: &Arc<Runtime>, package: &Arc<NodePackage>) -> Trial {
    let (runtime, package) = (Arc::clone(runtime), Arc::clone(package));
    let missing = package.missing(false);
    let ignored = missing.is_some() && node::may_be_left_out();
    let test = move || match missing {
        Some(missing) => Err(missing.into()),
        None => runtime.block_on(check_example(&package)),
    };
    Trial::test("check.sdk-example", test).with_ignored_flag(ignored)
}

/// A process that ends when this is dropped.
struct Ends(std::process::Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has `check` look at the example, which names an error for a missing token, does not expect a
/// token that its authorization server does not know, and has no `iss` in responses.
async fn check_example(package: &NodePackage) -> Result<(), Failed> {
    let port = || -> Result<u16, Failed> {
        Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
    };
    let (server, authorization_server) = (port()?, port()?);
    let mut command = package.node([EXAMPLE, "--oauth"])?;
    command
        .env("MCP_PORT", server.to_string())
        .env("MCP_AUTH_PORT", authorization_server.to_string())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let _example = Ends(command.spawn()?);
    let url = format!("http://localhost:{server}/mcp");
    let mut outcomes = Vec::new();
    for _ in 0..100 {
        outcomes = doorward_dev::check::look(&url).await?;
        if outcomes.len() > 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let wrong = outcomes.iter().filter(|one| {
        matches!(
            one.verdict,
            doorward_dev::check::Verdict::Found(_) | doorward_dev::check::Verdict::Unknown(_)
        )
    });
    let wrong: Vec<_> = wrong.map(|one| one.id).collect();
    if wrong != ["challenge", "challenge.bad_token", "as.response_issuer"] {
        return Err(format!("{wrong:?}: {outcomes:#?}").into());
    }
    Ok(())
}

impl File {
    const fn new(name: &'static str, program: Program) -> Self {
        Self { name, program, steps_up: false }
    }
}

fn run(file: File, stack: &Stack, package: &NodePackage) -> Result<(), Failed> {
    let scopes = ["tool:whoami", "tool:greet", "tool:calendar_summary"];
    let token =
        |person| stack.tenant().mint_for(person, "doorward-test", &scopes).map_err(Failed::from);
    let mut command = match file.program {
        Node | Browser => package.node(["--test", file.name])?,
        Python(requirements) => {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python");
            python::python(&folder, file.name, requirements)?
        }
    };
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
    node::run(file.name, &mut command).map(drop)
}
