//! What is measured: a component on a host, and the requests that are sent to it.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use doorward_dev::{Host, HostChoice, Log, Reuse, Stack, StackOptions};
use serde_json::{Value, json};

use crate::load::Load;

/// The user who may call all tools.
pub(crate) const OWNER: &str = "owner@example.com";
/// The user who may call none that is not public.
pub(crate) const GUEST: &str = "guest@example.com";

const CLIENT: &str = "doorward-test";
const SCOPES: [&str; 3] = ["tool:whoami", "tool:greet", "tool:calendar_summary"];

/// A host that runs components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Local,
    Spin,
}

impl On {
    pub(crate) const ALL: [Self; 2] = [Self::Local, Self::Spin];

    /// The word on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Spin => "spin",
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local host",
            Self::Spin => "`spin up`",
        })
    }
}

/// A running component, with a tenant that only Doorward asks for anything.
pub(crate) struct Subject {
    stack: Stack,
    address: SocketAddr,
}

impl Subject {
    /// Starts a component on a host, as `spin up` does without options unless `reuse` says otherwise.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn start(
        on: On,
        component: PathBuf,
        reuse: Reuse,
        variables: &[(&str, &str)],
    ) -> Result<Self, String> {
        let host = match on {
            On::Local => HostChoice::Local,
            On::Spin => HostChoice::Spin,
        };
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
        let variables: BTreeMap<_, _> = variables.iter().map(pair).collect();
        let options = StackOptions {
            host,
            component: Some(component),
            reuse,
            variables,
            log: Log::Discard,
            ..StackOptions::default()
        };
        let stack = Stack::start(options).await.map_err(|error| error.to_string())?;
        let url = stack.server_url().trim_start_matches("http://").to_owned();
        let address = url.parse().map_err(|_| format!("{url} is not an address"))?;
        Ok(Self { stack, address })
    }

    pub(crate) fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The name and version of the host.
    pub(crate) fn host(&self) -> &Host {
        self.stack.host()
    }

    pub(crate) fn token(&self, person: &str) -> Result<String, String> {
        let token = self.stack.tenant().mint_for(person, CLIENT, &SCOPES);
        token.map_err(|error| error.to_string())
    }

    /// A request as bytes.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
        let (address, length) = (self.address, body.len());
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n{headers}");
        if !body.is_empty() {
            head.push_str(&format!("content-length: {length}\r\n"));
        }
        format!("{head}\r\n{body}").into_bytes()
    }

    /// A message to the MCP endpoint, in the words of the revision that most clients speak.
    pub(crate) fn message(&self, token: Option<&str>, message: &Value) -> Vec<u8> {
        let authorization =
            token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let headers = format!(
            "{authorization}content-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-11-25\r\n"
        );
        self.request("POST", "/mcp", &headers, &message.to_string())
    }

    /// A call of a tool.
    pub(crate) fn call(&self, token: &str, tool: &str) -> Vec<u8> {
        self.message(Some(token), &tool_call(tool))
    }

    /// Load of requests that are answered 200.
    pub(crate) fn load(&self, requests: Vec<Vec<u8>>, contains: &'static str) -> Load {
        Load { address: self.address, requests: Arc::new(requests), status: 200, contains }
    }
}

/// The message that calls a tool without arguments.
pub(crate) fn tool_call(tool: &str) -> Value {
    let params = json!({ "name": tool, "arguments": {} });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}
