//! The list of one server: how it is asked for, and the record of it for other instances.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
};

use doorward_core::{
    host::PortFuture, keys::Keys, outbound::Outbound, store::Store, strict_json, text::one_line,
};
use doorward_mcp::{Registry, Tool};
use doorward_upstream::{Client, Protocol, RemoteTool, Upstream, UpstreamError, tools};
use serde_json::Value;

use super::{
    call::{RemoteCall, access},
    credential::credential_header,
};
use crate::context::Context;

/// The most lines about one list in the log.
const MAX_LOGGED_LINES: u32 = 16;

/// The longest name of a tool in such a line, in bytes.
const MAX_LOGGED_NAME_BYTES: usize = 128;

/// The tools of one server.
pub(crate) struct Catalog {
    pub(super) tools: Vec<Rc<Tool<Context>>>,
    pub(super) protocol: Rc<RefCell<Protocol>>,
}

/// What a lookup of a list needs.
#[derive(Clone, Copy)]
pub(crate) struct CatalogLookup<'a> {
    pub(crate) outbound: Outbound<'a>,
    pub(crate) store: Store<'a>,
    pub(crate) keys: &'a Keys,
    pub(crate) registry: &'a Registry<Context>,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Catalog").field(&self.tools).finish()
    }
}

impl Catalog {
    /// Asks a server for its list.
    pub(super) fn fetch<'a>(
        lookup: CatalogLookup<'a>,
        upstream: &'a Rc<Upstream>,
        context: Option<Context>,
        known: Option<&'a Self>,
    ) -> PortFuture<'a, Result<Self, UpstreamError>> {
        Box::pin(async move {
            let CatalogLookup { outbound, registry, .. } = lookup;
            let log = |text: &[&str]| {
                outbound.host.log(&["upstream ", &upstream.name, ": ", &text.concat()].concat());
            };
            let mut protocol = known.map(|it| it.protocol.borrow().clone()).unwrap_or_default();
            let listed = match credential_header(context.as_ref(), upstream).await {
                Ok(credential) => {
                    Client { outbound, upstream, credential }.list(&mut protocol).await
                }
                Err(_) => Err(UpstreamError::TokenMissing.into()),
            };
            let listed = listed.map_err(|fault| {
                // The server's own words could have what is attached, in whatever form.
                log(&["its tools cannot be listed: ", &fault.error.to_string()]);
                fault.error
            })?;
            let logged = Cell::new(0);
            let log = |tool: &str, problem: &str| {
                let tool = one_line(tool, MAX_LOGGED_NAME_BYTES).unwrap_or_default();
                match logged.replace(logged.get() + 1) {
                    before if before < MAX_LOGGED_LINES => {
                        log(&["the tool `", &tool, "` ", problem])
                    }
                    before if before == MAX_LOGGED_LINES => {
                        log(&["more of its tools are not named here"])
                    }
                    _ => logged.set(MAX_LOGGED_LINES + 1),
                }
            };
            let tools = tools(upstream, listed, &mut |tool, problem| {
                log(tool, &["is left out: ", problem].concat());
            });
            for RemoteTool { name, entry_json } in &tools {
                if registry.tool(name).is_some() {
                    log(name, "is left out: a built-in one has its name");
                }
                let mut before = known.iter().flat_map(|it| &it.tools);
                if before.any(|it| it.name() == name && it.entry_json() != Some(entry_json)) {
                    log(name, "has changed its description or schema");
                }
            }
            Ok(Self::new(upstream, protocol.to_remember(upstream), tools))
        })
    }

    /// The record for other instances.
    pub(super) fn encode(&self, fetched_at: u64) -> Vec<u8> {
        let tools = self.tools.iter();
        let tools = tools.filter_map(|tool| tool.entry_json()).map(Value::from).collect::<Vec<_>>();
        let record = vec![fetched_at.into(), self.protocol.borrow().to_json(), tools.into()];
        Value::Array(record).to_string().into_bytes()
    }

    /// Reads what [`encode`](Self::encode) wrote, and when that was.
    pub(super) fn decode(upstream: &Rc<Upstream>, record: &[u8]) -> Option<(Self, u64)> {
        let Ok(Value::Array(record)) = strict_json::parse(record) else { return None };
        let [fetched_at, protocol, Value::Array(tools)] = record.as_slice() else { return None };
        let tools = tools.iter().filter_map(|entry_json| {
            let entry_json = entry_json.as_str()?;
            let entry = strict_json::parse(entry_json.as_bytes()).ok()?;
            let name = entry.get("name")?.as_str()?.to_owned();
            Some(RemoteTool { name, entry_json: entry_json.to_owned() })
        });
        let protocol = Protocol::from_json(protocol).unwrap_or_default();
        Some((Self::new(upstream, protocol, tools.collect()), fetched_at.as_u64()?))
    }

    fn new(upstream: &Rc<Upstream>, protocol: Protocol, tools: Vec<RemoteTool>) -> Self {
        let protocol = Rc::new(RefCell::new(protocol));
        let tools = tools.into_iter().map(|RemoteTool { name, entry_json }| {
            let entry_json: Rc<str> = entry_json.into();
            let call = Rc::new(RemoteCall {
                upstream: Rc::clone(upstream),
                protocol: Rc::clone(&protocol),
                name: name.clone(),
                entry_json: Rc::clone(&entry_json),
            });
            let call = move |context, arguments: Rc<_>| -> PortFuture<'static, _> {
                let call = Rc::clone(&call);
                Box::pin(async move { call.call(&context, &arguments).await })
            };
            Rc::new(Tool::remote(name, entry_json, access(upstream), call))
        });
        Self { tools: tools.collect(), protocol: Rc::clone(&protocol) }
    }
}
