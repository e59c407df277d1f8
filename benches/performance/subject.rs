//! A measured server: a component on a host, and the requests for it.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf};

use doorward_dev::{HostChoice, Log, Reuse, Stack, StackOptions, Wasi};
use doorward_tenant::SigningKey;
use serde_json::{Value, json};

use crate::load::Load;

/// The user who may call all tools.
pub(crate) const OWNER: &str = "owner@example.com";
/// The user who may call public tools only.
pub(crate) const GUEST: &str = "guest@example.com";
/// Users who may call `greet`.
const PEOPLE: [&str; 4] =
    [OWNER, "unconnected@example.com", "quiet@example.com", "greeter@example.com"];

/// The text that every greeting contains, and also the constant of the baseline.
pub(crate) const GREETING: &str = "Hello, ";

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

    /// The name on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Spin => "spin",
        }
    }

    /// The name without Markdown.
    pub(crate) fn plain(self) -> &'static str {
        match self {
            Self::Local => "the local host",
            Self::Spin => "spin up",
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

/// Limits that no round meets: all callers of a round are one.
const LIMITS: &str = r#"{ "user": { "rate": "1000000/s" }, "failures": { "rate": "1000000/s" } }"#;

/// A running component and its tenant. Only Doorward sends requests to the tenant.
pub(crate) struct Subject {
    stack: Stack,
    address: SocketAddr,
}

impl Subject {
    /// Starts a component on a host. The default of `reuse` is that of `spin up`.
    ///
    /// # Errors
    /// Returns a message if the component does not start.
    pub(crate) async fn start(
        on: On,
        component: PathBuf,
        reuse: Reuse,
        variables: &[(&str, &str)],
    ) -> Result<Self, String> {
        let options = StackOptions { component: Some(component), reuse, ..StackOptions::default() };
        Self::start_with(on, options, variables).await
    }

    /// Starts a component for WASI 0.2, of which no instance is reused.
    ///
    /// # Errors
    /// Returns a message if the component does not start.
    pub(crate) async fn start_wasi02(on: On, component: PathBuf) -> Result<Self, String> {
        let options = StackOptions {
            component: Some(component),
            wasi: Wasi::V0_2,
            ..StackOptions::default()
        };
        Self::start_with(on, options, &[]).await
    }

    /// Starts what these options describe, with limits that no round meets and without a log.
    ///
    /// # Errors
    /// Returns a message if the component does not start.
    pub(crate) async fn start_with(
        on: On,
        options: StackOptions,
        variables: &[(&str, &str)],
    ) -> Result<Self, String> {
        Self::start_as(on, StackOptions { log: Log::Discard, ..options }, variables).await
    }

    /// The same with the log of the options.
    ///
    /// # Errors
    /// Returns a message if the component does not start.
    pub(crate) async fn start_as(
        on: On,
        options: StackOptions,
        variables: &[(&str, &str)],
    ) -> Result<Self, String> {
        let host = match on {
            On::Local => HostChoice::Local,
            On::Spin => HostChoice::Spin,
        };
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
        let variables: BTreeMap<_, _> =
            [("limits", LIMITS)].iter().chain(variables).map(pair).collect();
        let options = StackOptions { host, variables, ..options };
        let stack = Stack::start(options).await.map_err(|error| error.to_string())?;
        let url = stack.server_url().trim_start_matches("http://").to_owned();
        let address = url.parse().map_err(|_| format!("{url} is not an address"))?;
        Ok(Self { stack, address })
    }

    pub(crate) fn stack(&self) -> &Stack {
        &self.stack
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn token(&self, person: &str) -> Result<String, String> {
        self.token_for(person, &SCOPES)
    }

    /// Issues a token with these scopes.
    pub(crate) fn token_for(&self, person: &str, scopes: &[&str]) -> Result<String, String> {
        let token = self.stack.tenant().mint_for(person, CLIENT, scopes);
        token.map_err(|error| error.to_string())
    }

    /// Issues `count` different tokens, of users who may call `greet`.
    pub(crate) fn tokens(&self, count: usize) -> Result<Vec<String>, String> {
        let control = self.stack.tenant().control();
        let claims = PEOPLE.map(|person| control.claims_for(person, CLIENT, &SCOPES));
        let mut tokens = Vec::with_capacity(count);
        for (number, claims) in claims.iter().cycle().take(count).enumerate() {
            let mut claims = claims.clone().map_err(|error| error.to_string())?;
            claims["jti"] = json!(number.to_string());
            let header = json!({ "typ": "at+jwt" });
            tokens.push(control.mint_with(SigningKey::Current, &header, &claims));
        }
        Ok(tokens)
    }

    /// Issues a token for each of `count` users whom the tenant does not know.
    pub(crate) fn tokens_of_users(&self, count: usize) -> Result<Vec<String>, String> {
        let control = self.stack.tenant().control();
        let claims = control.claims_for(OWNER, CLIENT, &SCOPES);
        let claims = claims.map_err(|error| error.to_string())?;
        let header = json!({ "typ": "at+jwt" });
        let tokens = (0..count).map(|number| {
            let mut claims = claims.clone();
            claims["sub"] = json!(format!("auth0|user-{number}"));
            control.mint_with(SigningKey::Current, &header, &claims)
        });
        Ok(tokens.collect())
    }

    /// Issues a token that is about as long, in bytes, and not longer.
    pub(crate) fn token_of_length(&self, person: &str, length: usize) -> Result<String, String> {
        let control = self.stack.tenant().control();
        let claims = control.claims_for(person, CLIENT, &SCOPES);
        let mut claims = claims.map_err(|error| error.to_string())?;
        let header = json!({ "typ": "at+jwt" });
        claims["groups"] = json!("");
        let shortest = control.mint_with(SigningKey::Current, &header, &claims).len();
        // Base64 takes four letters for three bytes.
        let more = length.checked_sub(shortest).ok_or("a token cannot be so short")? / 4 * 3;
        claims["groups"] = json!("g".repeat(more));
        Ok(control.mint_with(SigningKey::Current, &header, &claims))
    }

    /// The headers of a message to the MCP endpoint, for the revision that most clients use.
    pub(crate) fn headers(&self, token: Option<&str>) -> String {
        let authorization =
            token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        format!(
            "{authorization}content-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-11-25\r\n"
        )
    }

    /// The request for a message to the MCP endpoint.
    pub(crate) fn message(&self, token: Option<&str>, message: &Value) -> Vec<u8> {
        request(self.address, "POST", "/mcp", &self.headers(token), &message.to_string())
    }

    /// The request for a call of a tool.
    pub(crate) fn call(&self, token: &str, tool: &str) -> Vec<u8> {
        self.message(Some(token), &tool_call(tool))
    }

    /// The request for a call of a tool with arguments.
    pub(crate) fn call_with(&self, token: &str, tool: &str, arguments: Value) -> Vec<u8> {
        let mut message = tool_call(tool);
        message["params"]["arguments"] = arguments;
        self.message(Some(token), &message)
    }

    /// A load of requests that are answered 200.
    pub(crate) fn load(&self, requests: Vec<Vec<u8>>, contains: &'static str) -> Load {
        Load::new(self.address, requests, 200, contains)
    }

    /// A load of one request that is answered with another status.
    pub(crate) fn refused(&self, request: Vec<u8>, status: u16, contains: &'static str) -> Load {
        Load::new(self.address, vec![request], status, contains)
    }
}

/// A request as bytes.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n{headers}");
    if !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    format!("{head}\r\n{body}").into_bytes()
}

/// The message that calls a tool without arguments.
pub(crate) fn tool_call(tool: &str) -> Value {
    let params = json!({ "name": tool, "arguments": {} });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}
