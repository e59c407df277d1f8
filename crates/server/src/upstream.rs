//! The tools of other MCP servers, which are offered like built-in ones: a list of them is
//! remembered for each server, and a call is sent on with what the operator attaches.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_auth0::permissions::{Decision, PermissionMemo};
use doorward_core::{
    host::{PortFuture, all},
    keys::{Keys, Purpose},
    outbound::Outbound,
    store::{Kind, Store, StoreKey, digest},
    strict_json,
    text::one_line,
};
use doorward_mcp::{CallError, Registry, RemoteAccess, Tool, ToolResult, parameter_headers};
use doorward_oauth::Caller;
use doorward_upstream::{
    Attach, CLIENT_CAPABILITIES, Client, Fault, Protocol, RemoteTool, ToolCall, Upstream,
    UpstreamError, answers, questions, reply, tools,
};
use http::{HeaderName, HeaderValue, header};
use serde_json::{Map, Value};

use crate::{context::Context, egress, request::CallerRequest};

/// How long a list is served without asking for it again, in milliseconds.
const FRESH_MILLIS: u64 = 60_000;

/// How long a list is served while its server does not answer, in milliseconds.
const STALE_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// How long a server is left alone after it was asked, in milliseconds: if it gave no list, and if
/// there is one to serve meanwhile.
const BACKOFF_MILLIS: (u64, u64) = (3000, 30_000);

/// How long a request waits before it looks again for a list that another one asks for.
const WAIT: Duration = Duration::from_millis(50);

/// How many lists an instance remembers: of servers, and besides of callers for whom a token is
/// attached.
const MAX_LISTS: usize = 64;

/// The most lines about one list in the log, and the longest name in one, in bytes.
const MAX_LOGGED: (u32, usize) = (16, 128);

/// The largest list that is stored, in bytes: with its seal the store still reads it.
const MAX_STORED: usize = 255 * 1024;

/// The lists that an instance remembers. This is not the cache of `core`: nobody waits for a list
/// that is known, however old, and code for one more type of value is 15 KB.
#[derive(Debug, Default)]
pub(crate) struct Catalogs(RefCell<Vec<Known>>);

/// What an instance knows of one server, or of what it lists for one caller. Times are milliseconds
/// since the Unix epoch.
#[derive(Debug, Default)]
struct Known {
    id: String,
    is_callers: bool,
    catalog: Option<Rc<Catalog>>,
    fetched_at: u64,
    attempted_at: u64,
    error: Option<UpstreamError>,
}

/// The tools of one server.
pub(crate) struct Catalog {
    tools: Vec<Rc<Tool<Context>>>,
    protocol: Rc<RefCell<Protocol>>,
}

/// With what a list is looked up.
#[derive(Clone, Copy)]
pub(crate) struct Lookup<'a> {
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

/// The registry with the tools of all servers, or with the one of this name. A server whose list is
/// not known is left out of a list; a call of its tools fails with the reason. With a token of the
/// caller a list is asked for only if they may use its tools, as far as that can be known before.
pub(crate) async fn with_remote_tools(
    registry: &Registry<Context>,
    catalogs: &Catalogs,
    request: &CallerRequest,
    memo: &PermissionMemo,
    name: Option<&str>,
) -> Registry<Context> {
    let environment = &request.environment;
    let mut merged = registry.clone();
    let mut upstreams = Vec::new();
    for upstream in environment.settings.upstreams.iter() {
        if name.is_some_and(|name| upstream.own_name(name).is_none()) {
            continue;
        }
        let is_filtered = environment.settings.auth0.permissions.list_filtering;
        let is_decidable = name.is_some() || upstream.permission.is_some() && is_filtered;
        if upstream.is_attached_for_caller() && is_decidable {
            let tool = unlisted(upstream, name.unwrap_or(&upstream.prefix), None);
            let requirement = tool.requirement();
            match environment.tenant().decide(&request.caller, memo, &requirement).await {
                Decision::Allowed => {}
                // The tools are listed: with one more consent they may be used.
                Decision::NeedsScope(_) if name.is_none() => {}
                // The decision is made again where it is answered, and logged.
                _ => {
                    merged = merged.and_remote(&[Rc::new(tool)]);
                    continue;
                }
            }
        }
        upstreams.push(upstream);
    }
    // The operator may give a server more time than clients have.
    let longest = upstreams.iter().map(|upstream| upstream.limits.total).max();
    environment.budget.allow(longest.unwrap_or_default());
    let (outbound, store) = (environment.outbound(), environment.store());
    let lookup = Lookup { outbound, store, keys: &environment.settings.keys, registry };
    let looked_up = all(upstreams.iter().map(|upstream| {
        let is_callers = upstream.is_attached_for_caller();
        let context = is_callers.then(|| Context::of(request.clone()));
        let fresh = if is_callers { FRESH_MILLIS } else { STALE_MILLIS };
        catalogs.look_up(lookup, upstream, context, fresh)
    }))
    .await;
    for (upstream, catalog) in upstreams.into_iter().zip(looked_up) {
        match (catalog, name) {
            (Ok(catalog), None) => merged = merged.and_remote(&catalog.tools),
            (Ok(catalog), Some(name)) => {
                let tool = catalog.tools.iter().find(|tool| tool.name() == name);
                merged = merged.and_remote(tool.map(std::slice::from_ref).unwrap_or_default());
            }
            (Err(error), Some(name)) => {
                let tool = unlisted(upstream, name, Some(error));
                merged = merged.and_remote(&[Rc::new(tool)]);
            }
            // The lookup has logged why.
            (Err(_), None) => {}
        }
    }
    merged
}

/// A tool that is not known to exist, for the decision about it; a call of it fails.
fn unlisted(upstream: &Rc<Upstream>, name: &str, error: Option<UpstreamError>) -> Tool<Context> {
    let error = error.unwrap_or(UpstreamError::TokenMissing);
    Tool::remote(name.to_owned(), "{}".into(), access(upstream), {
        let upstream = Rc::clone(upstream);
        move |context: Context, _| {
            let upstream = Rc::clone(&upstream);
            Box::pin(async move {
                // If it is the caller's account that is missing, they get the link.
                attached(Some(&context), &upstream).await?;
                Err(context.fault(error.into()))
            })
        }
    })
}

impl Catalogs {
    /// The servers whose lists have to be asked for again, after an answer, so that nobody waits
    /// for it. A list that only a caller's token opens is asked for while one waits.
    pub(crate) fn due<'a>(
        &self,
        upstreams: impl Iterator<Item = &'a Rc<Upstream>>,
        now: u64,
    ) -> Vec<Rc<Upstream>> {
        let known = self.0.borrow();
        let is_due = |upstream: &&Rc<Upstream>| {
            let known = known.iter().find(|known| known.id == upstream.id);
            known
                .is_some_and(|known| known.catalog.is_some() && !known.is_served(now, FRESH_MILLIS))
                && !upstream.is_attached_for_caller()
        };
        upstreams.filter(is_due).cloned().collect()
    }

    /// Asks these servers for their lists again.
    pub(crate) async fn refresh(&self, lookup: Lookup<'_>, upstreams: &[Rc<Upstream>]) {
        all(upstreams.iter().map(|it| self.look_up(lookup, it, None, FRESH_MILLIS))).await;
    }

    /// The list of a server: what is remembered, unless it is older than `fresh`; what another
    /// instance stored; or what the server says.
    fn look_up<'a>(
        &'a self,
        lookup: Lookup<'a>,
        upstream: &'a Rc<Upstream>,
        context: Option<Context>,
        fresh: u64,
    ) -> PortFuture<'a, Result<Rc<Catalog>, UpstreamError>> {
        Box::pin(async move {
            let host = lookup.outbound.host;
            let caller = context.as_ref().map(Context::caller);
            let is_callers = caller.is_some();
            // What a caller's token opens is for that caller, and is not stored.
            let id = caller.map_or_else(|| upstream.id.clone(), |it| id_for(upstream, it));
            let now = loop {
                let now = host.now_millis();
                if let Some(remembered) = self.remembered(&id, now, fresh) {
                    return remembered;
                }
                if !self.is_asked_for(&id, now) {
                    break now;
                }
                host.sleep(WAIT).await;
            };
            // From here on others wait, and nobody fetches what they fetch.
            self.change(&id, is_callers, |known| known.attempted_at = now);
            let key = store_key(lookup.keys, upstream);
            if !is_callers
                && let Ok(Some(record)) = lookup.store.get(&key).await
                && let Some((catalog, fetched_at)) = Catalog::decode(upstream, &record)
            {
                let stored = self.change(&id, is_callers, |known| {
                    if fetched_at > known.fetched_at {
                        known.catalog = Some(Rc::new(catalog));
                        known.fetched_at = fetched_at;
                    }
                    let stored =
                        known.catalog.clone().filter(|_| age(now, known.fetched_at) < fresh);
                    // The server itself was not asked.
                    known.attempted_at = if stored.is_some() { 0 } else { now };
                    stored
                });
                if let Some(stored) = stored {
                    return Ok(stored);
                }
            }
            let stale = self.change(&id, is_callers, |known| {
                known.catalog.clone().filter(|_| age(now, known.fetched_at) < STALE_MILLIS)
            });
            let fetched = fetch(lookup, upstream, context, stale.as_deref()).await.map(Rc::new);
            self.change(&id, is_callers, |known| match &fetched {
                Ok(catalog) => {
                    known.catalog = Some(Rc::clone(catalog));
                    (known.fetched_at, known.error) = (now, None);
                }
                // The caller may connect the account at any time.
                Err(UpstreamError::TokenMissing) => known.attempted_at = 0,
                Err(error) => known.error = Some(*error),
            });
            if let Ok(catalog) = &fetched
                && !is_callers
            {
                let record = catalog.encode(now);
                if record.len() <= MAX_STORED {
                    // Without the store each instance asks by itself.
                    let _ = lookup.store.set(&key, &record).await;
                }
            }
            fetched.or_else(|error| stale.ok_or(error))
        })
    }

    /// What an instance answers without asking anybody.
    fn remembered(
        &self,
        id: &str,
        now: u64,
        fresh: u64,
    ) -> Option<Result<Rc<Catalog>, UpstreamError>> {
        let known = self.0.borrow();
        let known = known.iter().find(|known| known.id == id)?;
        if let Some(catalog) = known.catalog.clone().filter(|_| known.is_served(now, fresh)) {
            return Some(Ok(catalog));
        }
        let is_left_alone = age(now, known.attempted_at) < BACKOFF_MILLIS.0;
        known.error.filter(|_| is_left_alone && known.catalog.is_none()).map(Err)
    }

    /// Whether another request asks for the list, and may still get it.
    fn is_asked_for(&self, id: &str, now: u64) -> bool {
        let known = self.0.borrow();
        let known = known.iter().find(|known| known.id == id);
        known.is_some_and(|it| it.error.is_none() && age(now, it.attempted_at) < BACKOFF_MILLIS.0)
    }

    fn change<T>(&self, id: &str, is_callers: bool, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut all = self.0.borrow_mut();
        let mut known = match all.iter().position(|known| known.id == id) {
            Some(at) => all.remove(at),
            None => Known { id: id.to_owned(), is_callers, ..Known::default() },
        };
        let changed = change(&mut known);
        // Callers cannot push out the lists that are for all.
        let is_alike = |known: &Known| known.is_callers == is_callers;
        if all.iter().filter(|known| is_alike(known)).count() >= MAX_LISTS
            && let Some(at) = all.iter().position(is_alike)
        {
            all.remove(at);
        }
        all.push(known);
        changed
    }
}

/// Where a server's list is stored. What a server lists may depend on the secret that it is sent,
/// so the key does, too. It is a MAC, because whoever reads the store could try secrets with a
/// plain digest.
fn store_key(keys: &Keys, upstream: &Upstream) -> StoreKey {
    let mac = keys.mac(Purpose::UpstreamList, &[&upstream.id]);
    StoreKey::named(Kind::Upstream, &BASE64_URL_SAFE_NO_PAD.encode(mac))
}

/// The id of what a server lists for a caller.
fn id_for(upstream: &Upstream, caller: &Caller) -> String {
    let organization = caller.organization_id();
    digest(&[
        &upstream.id,
        caller.issuer(),
        caller.subject(),
        caller.client_id(),
        organization.map_or("", |_| "organization"),
        organization.unwrap_or_default(),
    ])
}

impl Known {
    /// Whether the list is served as it is.
    fn is_served(&self, now: u64, fresh: u64) -> bool {
        let age_of_list = age(now, self.fetched_at);
        age_of_list < fresh
            || age_of_list < STALE_MILLIS && age(now, self.attempted_at) < BACKOFF_MILLIS.1
    }
}

/// A time in the future is that of another clock.
fn age(now: u64, time: u64) -> u64 {
    now.checked_sub(time).unwrap_or(u64::MAX)
}

/// Asks a server for its list.
fn fetch<'a>(
    lookup: Lookup<'a>,
    upstream: &'a Rc<Upstream>,
    context: Option<Context>,
    known: Option<&'a Catalog>,
) -> PortFuture<'a, Result<Catalog, UpstreamError>> {
    Box::pin(async move {
        let Lookup { outbound, registry, .. } = lookup;
        let log = |text: &[&str]| {
            outbound.host.log(&["upstream ", &upstream.name, ": ", &text.concat()].concat());
        };
        let mut protocol = known.map(|it| it.protocol.borrow().clone()).unwrap_or_default();
        let listed = match attached(context.as_ref(), upstream).await {
            Ok(attached) => Client { outbound, upstream, attached }.list(&mut protocol).await,
            Err(_) => Err(UpstreamError::TokenMissing.into()),
        };
        let listed = listed.map_err(|fault| {
            // The server's own words could have what is attached, in whatever form.
            log(&["its tools cannot be listed: ", &fault.error.to_string()]);
            fault.error
        })?;
        let logged = Cell::new(0);
        let log = |tool: &str, problem: &str| {
            let tool = one_line(tool, MAX_LOGGED.1).unwrap_or_default();
            match logged.replace(logged.get() + 1) {
                before if before < MAX_LOGGED.0 => log(&["the tool `", &tool, "` ", problem]),
                before if before == MAX_LOGGED.0 => log(&["more of its tools are not named here"]),
                _ => logged.set(MAX_LOGGED.0 + 1),
            }
        };
        let tools = tools(upstream, listed, &mut |tool, problem| {
            log(tool, &["is left out: ", problem].concat());
        });
        for RemoteTool { name, listed } in &tools {
            if registry.tool(name).is_some() {
                log(name, "is left out: a built-in one has its name");
            }
            let mut before = known.iter().flat_map(|it| &it.tools);
            if before.any(|it| it.name() == name && it.listed() != Some(listed)) {
                log(name, "has changed its description or schema");
            }
        }
        Ok(Catalog::new(upstream, protocol.to_remember(upstream), tools))
    })
}

impl Catalog {
    /// The record for other instances.
    fn encode(&self, fetched_at: u64) -> Vec<u8> {
        let tools = self.tools.iter();
        let tools = tools.filter_map(|tool| tool.listed()).map(Value::from).collect::<Vec<_>>();
        let record = vec![fetched_at.into(), self.protocol.borrow().to_json(), tools.into()];
        Value::Array(record).to_string().into_bytes()
    }

    /// Reads what [`encode`](Self::encode) wrote, and when that was.
    fn decode(upstream: &Rc<Upstream>, record: &[u8]) -> Option<(Self, u64)> {
        let Ok(Value::Array(record)) = strict_json::parse(record) else { return None };
        let [fetched_at, protocol, Value::Array(tools)] = record.as_slice() else { return None };
        let tools = tools.iter().filter_map(|listed| {
            let listed = listed.as_str()?;
            let entry = strict_json::parse(listed.as_bytes()).ok()?;
            let name = entry.get("name")?.as_str()?.to_owned();
            Some(RemoteTool { name, listed: listed.to_owned() })
        });
        let protocol = Protocol::from_json(protocol).unwrap_or_default();
        Some((Self::new(upstream, protocol, tools.collect()), fetched_at.as_u64()?))
    }

    fn new(upstream: &Rc<Upstream>, protocol: Protocol, tools: Vec<RemoteTool>) -> Self {
        let protocol = Rc::new(RefCell::new(protocol));
        let tools = tools.into_iter().map(|RemoteTool { name, listed }| {
            let listed: Rc<str> = listed.into();
            let call = Rc::new(Remote {
                upstream: Rc::clone(upstream),
                protocol: Rc::clone(&protocol),
                name: name.clone(),
                listed: Rc::clone(&listed),
            });
            let call = move |context, arguments: Rc<_>| -> PortFuture<'static, _> {
                let call = Rc::clone(&call);
                Box::pin(async move { call.call(&context, &arguments).await })
            };
            Rc::new(Tool::remote(name, listed, access(upstream), call))
        });
        Self { tools: tools.collect(), protocol: Rc::clone(&protocol) }
    }
}

/// What a call of a tool of another server needs.
struct Remote {
    upstream: Rc<Upstream>,
    protocol: Rc<RefCell<Protocol>>,
    name: String,
    listed: Rc<str>,
}

impl Remote {
    async fn call(
        &self,
        context: &Context,
        arguments: &Map<String, Value>,
    ) -> Result<ToolResult, CallError> {
        let upstream = &*self.upstream;
        let entry = strict_json::parse(self.listed.as_bytes()).unwrap_or_default();
        let mut meta = Map::new();
        if !upstream.caller.is_empty() {
            meta.insert("doorward/caller".into(), caller_view(context.caller(), &upstream.caller));
        }
        let connection = match &upstream.egress {
            None => None,
            Some(egress) => {
                let scopes: Vec<&str> = egress.scopes.iter().map(String::as_str).collect();
                let connection = context.connection(&egress.connection).scopes(&scopes);
                let token = connection.token(false).await?.token;
                let offer = egress::offer(context.request(), upstream, egress, &self.name, &token);
                meta.insert("doorward/egress".into(), offer);
                Some(context.connection(&egress.connection))
            }
        };
        let mut follow_up = None;
        if upstream.may_ask {
            if let Some(elicitation) = context.client_capabilities().get("elicitation") {
                let mut capabilities = Map::new();
                capabilities.insert("elicitation".into(), elicitation.clone());
                meta.insert(CLIENT_CAPABILITIES.into(), capabilities.into());
            }
            let remembered = context.remembered();
            follow_up = remembered
                .and_then(|state| answers(upstream, state, context.round_trip().responses()));
        }
        let attached = attached(Some(context), upstream).await?;
        let environment = &context.request().environment;
        environment.budget.allow(upstream.limits.total);
        let client = Client { outbound: environment.outbound(), upstream, attached };
        let mut protocol = self.protocol.borrow().clone();
        let call = ToolCall {
            name: upstream.own_name(&self.name).unwrap_or_default(),
            arguments,
            meta,
            follow_up,
            headers: entry
                .get("inputSchema")
                .map(|schema| parameter_headers(schema, arguments))
                .unwrap_or_default(),
        };
        let outcome = client.call(&mut protocol, call).await;
        self.protocol.replace(protocol.to_remember(upstream));
        let asked = outcome.as_ref().ok().filter(|_| upstream.may_ask);
        if let Some(questions) = asked.and_then(|result| questions(upstream, result)) {
            return Err(questions.into());
        }
        let result = outcome.and_then(|result| Ok(reply(result, entry.get("outputSchema"))?));
        if let Some(connection) =
            connection.filter(|_| !result.as_ref().is_ok_and(|it| !it.is_error()))
        {
            // The API may have refused the token: the next call has a new one.
            connection.forget_token().await;
        }
        result.map_err(|fault| context.fault(fault))
    }
}

impl Context {
    /// The error of a call whose server gave no result, which the audit log names.
    fn fault(&self, fault: Fault) -> CallError {
        self.notes().fault.set(Some(fault.error));
        CallError::new(fault.message())
    }
}

fn access(upstream: &Upstream) -> RemoteAccess {
    RemoteAccess {
        access: upstream.access,
        permission: upstream.permission.clone(),
        scopes: upstream.scopes.clone(),
        is_read_only: upstream.is_read_only,
    }
}

/// What is attached to a request, for this caller. It is never the caller's own token.
async fn attached(
    context: Option<&Context>,
    upstream: &Upstream,
) -> Result<Option<(HeaderName, HeaderValue)>, CallError> {
    let token = match (&upstream.attach, context) {
        (Attach::Nothing, _) => return Ok(None),
        (Attach::Header(name, value), _) => return Ok(Some((name.clone(), value.clone()))),
        (Attach::OnBehalfOf(audience, scopes), Some(context)) => {
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            let token = context.auth0().on_behalf_of(audience, &scopes).await;
            token.map_err(|error| CallError::new(error.message(&upstream.name)))?
        }
        (Attach::Connection(name), Some(context)) => {
            context.connection(name).token(false).await?.token
        }
        (Attach::OnBehalfOf(..) | Attach::Connection(_), None) => {
            return Err(CallError::new(Fault::from(UpstreamError::TokenMissing).message()));
        }
    };
    let value = HeaderValue::try_from(["Bearer ", token.access_token.expose()].concat());
    let mut value =
        value.map_err(|_| CallError::new(Fault::from(UpstreamError::TokenMissing).message()))?;
    value.set_sensitive(true);
    Ok(Some((header::AUTHORIZATION, value)))
}

/// What the operator lets a server know of the caller.
fn caller_view(caller: &Caller, members: &[String]) -> Value {
    let mut view = Map::new();
    for member in members {
        let value = match member.as_str() {
            "subject" => caller.subject().into(),
            "scopes" => Value::from_iter(caller.granted_scopes()),
            "organization" => match caller.organization_id() {
                Some(id) => id.into(),
                None => continue,
            },
            claim => match caller.text_claim(claim) {
                Some(text) => text.into(),
                None => continue,
            },
        };
        view.insert(member.clone(), value);
    }
    view.into()
}

#[cfg(test)]
mod tests;
