//! The two servers under test. Each is started when it is first needed.

use std::{fmt, sync::OnceLock};

use doorward_dev::{HostChoice, Stack, StackOptions};
use tokio::runtime::Runtime;

use crate::example;

/// The user of the seed with all permissions.
const PERSON: &str = "owner@example.com";
const CLIENT: &str = "doorward-test";
const SCOPES: [&str; 3] = ["tool:whoami", "tool:greet", "tool:calendar_summary"];

/// A server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Doorward with its four tools.
    Doorward,
    /// The server of `examples/conformance`, which has everything that the suite expects.
    Fixture,
}

/// The servers, each with its own tenant.
pub(crate) struct Subjects {
    runtime: Runtime,
    doorward: OnceLock<Stack>,
    fixture: OnceLock<Stack>,
}

impl Subject {
    /// Both servers.
    pub(crate) const ALL: [Self; 2] = [Self::Doorward, Self::Fixture];

    /// The name of the server in files and folders.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Doorward => "doorward",
            Self::Fixture => "fixture",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Subjects {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().expect("a Tokio runtime starts");
        Self { runtime, doorward: OnceLock::new(), fixture: OnceLock::new() }
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The URL of a server's MCP endpoint.
    pub(crate) fn url(&self, subject: Subject) -> String {
        self.stack(subject).mcp_url()
    }

    /// Issues an access token for a server.
    pub(crate) fn token(&self, subject: Subject) -> String {
        let tenant = self.stack(subject).tenant();
        tenant.mint_for(PERSON, CLIENT, &SCOPES).expect("the seed has this person")
    }

    fn stack(&self, subject: Subject) -> &Stack {
        let (stack, server): (_, fn() -> StackOptions) = match subject {
            Subject::Doorward => (&self.doorward, StackOptions::default),
            Subject::Fixture => (&self.fixture, || StackOptions {
                manifest: Some(example::manifest("conformance")),
                component: Some(example::component("conformance-server")),
                ..StackOptions::default()
            }),
        };
        stack.get_or_init(|| {
            let options = StackOptions { host: HostChoice::Local, ..server() };
            self.runtime.block_on(Stack::start(options)).expect("tenant and server start")
        })
    }
}
