//! The lists of one server: how they are asked for, and the record of them for other instances.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
};

use doorward_core::{
    host::PortFuture, keys::Keys, outbound::Outbound, store::Store, strict_json, text::one_line,
};
use doorward_mcp::{
    Listing, Prompt, Read, Registry, RemoteOffer, Resource, ResourceTemplate, Tool,
};
use doorward_upstream::{Protocol, RemoteItem, Upstream, UpstreamError, items};
use serde_json::{Map, Value};

use super::{
    call::{RemoteCall, access},
    credential::credential_header,
};
use crate::{
    cleanup::{CleanupGuard, Cleanups},
    context::Context,
};

/// The most lines about the lists of a server in the log.
const MAX_LOGGED_LINES: u32 = 16;

/// The longest name of an item in such a line, in bytes.
const MAX_LOGGED_NAME_BYTES: usize = 128;

/// What one server offers.
pub(crate) struct Catalog {
    items: Vec<RemoteItem>,
    pub(super) offer: RemoteOffer<Context>,
    pub(super) protocol: Rc<RefCell<Protocol>>,
}

/// What a lookup of a list needs.
#[derive(Clone, Copy)]
pub(crate) struct CatalogLookup<'a> {
    pub(crate) outbound: Outbound<'a>,
    pub(crate) store: Store<'a>,
    pub(crate) keys: &'a Keys,
    pub(crate) registry: &'a Registry<Context>,
    pub(crate) cleanups: &'a Cleanups,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Catalog").field(&self.items).finish()
    }
}

impl Catalog {
    /// Asks a server for its lists.
    pub(super) fn fetch<'a>(
        lookup: CatalogLookup<'a>,
        upstream: &'a Rc<Upstream>,
        context: Option<&'a Context>,
        known: Option<&'a Self>,
    ) -> PortFuture<'a, Result<Self, UpstreamError>> {
        Box::pin(async move {
            let CatalogLookup { outbound, registry, cleanups, .. } = lookup;
            let log = |text: &[&str]| {
                outbound.host.log(&["upstream ", &upstream.name, ": ", &text.concat()].concat());
            };
            let mut protocol = known.map(|it| it.protocol.borrow().clone()).unwrap_or_default();
            let listed = match credential_header(context, upstream).await {
                Ok(credential) => {
                    let guard = CleanupGuard::new(cleanups, upstream, credential);
                    guard.client(outbound).lists(&mut protocol).await
                }
                Err(_) => Err(UpstreamError::TokenMissing.into()),
            };
            let listed = listed.map_err(|fault| {
                // The server's own words could have what is attached, in whatever form.
                log(&["its lists cannot be fetched: ", &fault.error.to_string()]);
                fault.error
            })?;
            let logged = Cell::new(0);
            let log = |listing, item: &str, problem: &str| {
                let item = one_line(item, MAX_LOGGED_NAME_BYTES).unwrap_or_default();
                match logged.replace(logged.get() + 1) {
                    before if before < MAX_LOGGED_LINES => {
                        log(&["the ", noun(listing), " `", &item, "` ", problem]);
                    }
                    before if before == MAX_LOGGED_LINES => {
                        log(&["more of its tools, prompts and resources are not named here"]);
                    }
                    _ => logged.set(MAX_LOGGED_LINES + 1),
                }
            };
            let mut all = Vec::new();
            for (listing, list) in listed {
                all.extend(items(upstream, listing, list, &mut |item, problem| {
                    log(listing, item, &["is left out: ", problem].concat());
                }));
            }
            for RemoteItem { listing, id, entry_json } in &all {
                let is_built_in = match listing {
                    Listing::Tools => registry.tool(id).is_some(),
                    Listing::Prompts => registry.prompt(id).is_some(),
                    Listing::Resources => registry.has_built_in(id),
                    Listing::ResourceTemplates => registry.template(id).is_some(),
                };
                if is_built_in {
                    log(*listing, id, "is left out: a built-in one has its name or URI");
                }
                let mut before = known.iter().flat_map(|it| &it.items);
                let is_same = |it: &RemoteItem| it.listing == *listing && it.id == *id;
                if before.any(|it| is_same(it) && it.entry_json != *entry_json) {
                    log(*listing, id, "has changed its description or schema");
                }
            }
            Ok(Self::new(upstream, protocol.to_remember(upstream), all))
        })
    }

    /// The record for other instances.
    pub(super) fn encode(&self, fetched_at: u64) -> Vec<u8> {
        let mut lists = Map::new();
        for RemoteItem { listing, entry_json, .. } in &self.items {
            let list = lists.entry(listing.member()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(Value::from(&**entry_json));
            }
        }
        let record = vec![fetched_at.into(), self.protocol.borrow().to_json(), lists.into()];
        Value::Array(record).to_string().into_bytes()
    }

    /// Reads what [`encode`](Self::encode) wrote, and when that was.
    pub(super) fn decode(upstream: &Rc<Upstream>, record: &[u8]) -> Option<(Self, u64)> {
        let Ok(Value::Array(record)) = strict_json::parse(record) else { return None };
        let [fetched_at, protocol, Value::Object(lists)] = record.as_slice() else { return None };
        let mut items = Vec::new();
        for listing in Listing::ALL {
            let list = lists.get(listing.member()).and_then(Value::as_array);
            items.extend(list.into_iter().flatten().filter_map(|entry_json| {
                let entry_json = entry_json.as_str()?;
                let entry = strict_json::parse(entry_json.as_bytes()).ok()?;
                RemoteItem::of_entry(listing, entry_json.into(), &entry)
            }));
        }
        let protocol = Protocol::from_json(protocol).unwrap_or_default();
        Some((Self::new(upstream, protocol, items), fetched_at.as_u64()?))
    }

    fn new(upstream: &Rc<Upstream>, protocol: Protocol, items: Vec<RemoteItem>) -> Self {
        let protocol = Rc::new(RefCell::new(protocol));
        let mut offer = RemoteOffer::default();
        for item in &items {
            let call = Rc::new(RemoteCall {
                upstream: Rc::clone(upstream),
                protocol: Rc::clone(&protocol),
                item: item.clone(),
            });
            add(&mut offer, upstream, item, call);
        }
        Self { items, offer, protocol }
    }
}

/// Adds an item, which `call` calls.
fn add(
    offer: &mut RemoteOffer<Context>,
    upstream: &Upstream,
    RemoteItem { listing, id, entry_json }: &RemoteItem,
    call: Rc<RemoteCall>,
) {
    let access = access(upstream);
    let entry = || strict_json::parse(entry_json.as_bytes()).unwrap_or_default();
    let read = |call: Rc<RemoteCall>| -> Box<Read<Context>> {
        Box::new(move |context, uri, _| {
            let call = Rc::clone(&call);
            Box::pin(async move { call.read(&context, &uri).await })
        })
    };
    match listing {
        Listing::Tools => {
            let call = move |context, arguments: Rc<_>| -> PortFuture<'static, _> {
                let call = Rc::clone(&call);
                Box::pin(async move { call.tool(&context, &arguments).await })
            };
            let entry_json = Rc::clone(entry_json);
            let tool = Tool::remote(id.clone(), entry_json, access, Box::new(call));
            offer.tools.push(Rc::new(tool));
        }
        Listing::Prompts => {
            let get = move |context, arguments: Rc<_>| -> PortFuture<'static, _> {
                let call = Rc::clone(&call);
                Box::pin(async move { call.prompt(&context, &arguments).await })
            };
            offer.prompts.push(Rc::new(Prompt::remote(&entry(), access, Box::new(get))));
        }
        Listing::Resources => {
            offer.resources.push(Rc::new(Resource::remote(&entry(), access, read(call))));
        }
        Listing::ResourceTemplates => {
            offer.templates.push(Rc::new(ResourceTemplate::remote(&entry(), access, read(call))));
        }
    }
}

/// What an entry of a list is called in the log.
fn noun(listing: Listing) -> &'static str {
    match listing {
        Listing::Tools => "tool",
        Listing::Prompts => "prompt",
        Listing::Resources => "resource",
        Listing::ResourceTemplates => "resource template",
    }
}
