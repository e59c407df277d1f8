//! The servers under test. Each is started when it is first needed.

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
    /// The server of `examples/exchanges`.
    Exchanges,
    /// The server of `examples/preferences`.
    Preferences,
    /// The server of `examples/unread-mail`.
    UnreadMail,
}

/// The servers, each with its own tenant.
pub(crate) struct Subjects {
    runtime: Runtime,
    stacks: [OnceLock<Stack>; Subject::ALL.len()],
}

impl Subject {
    /// All servers.
    pub(crate) const ALL: [Self; 5] =
        [Self::Doorward, Self::Fixture, Self::Exchanges, Self::Preferences, Self::UnreadMail];

    /// The name of the server in files and folders.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Doorward => "doorward",
            Self::Fixture => "fixture",
            Self::Exchanges => "exchanges",
            Self::Preferences => "preferences",
            Self::UnreadMail => "unread-mail",
        }
    }

    /// The folder and the package of an example; `None` for Doorward itself.
    fn example(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Doorward => return None,
            Self::Fixture => ("conformance", "conformance-server"),
            Self::Exchanges => ("exchanges", "exchanges"),
            Self::Preferences => ("preferences", "preferences-server"),
            Self::UnreadMail => ("unread-mail", "unread-mail"),
        })
    }

    /// The tools of an example that need a permission.
    fn private_tools(self) -> &'static [&'static str] {
        match self {
            Self::Exchanges => &["tool:read_orders", "tool:read_orders_for_organization"],
            Self::UnreadMail => &["tool:unread_mail"],
            _ => &[],
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
        Self { runtime, stacks: Default::default() }
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
        let scopes = [&SCOPES, subject.private_tools()].concat();
        tenant.mint_for(PERSON, CLIENT, &scopes).expect("the seed has this person")
    }

    fn stack(&self, subject: Subject) -> &Stack {
        self.stacks[subject as usize].get_or_init(|| {
            let options = match subject.example() {
                None => StackOptions::default(),
                Some((folder, package)) => StackOptions {
                    manifest: Some(example::manifest(folder)),
                    component: Some(example::component(package)),
                    ..StackOptions::default()
                },
            };
            let options = StackOptions { host: HostChoice::Local, ..options };
            let stack = self.runtime.block_on(Stack::start(options));
            let stack = stack.expect("tenant and server start");
            let (control, audience) = (stack.tenant().control(), stack.mcp_url());
            let private = subject.private_tools();
            if !private.is_empty() {
                control.set_scopes(&audience, private).expect("the API exists");
            }
            for permission in private {
                let granted = control.grant_permission(PERSON, &audience, permission);
                granted.expect("the seed has this person");
            }
            stack
        })
    }
}
