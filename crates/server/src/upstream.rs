//! Offers tools, prompts and resources of other MCP servers like built-in ones. Each server's lists
//! are cached; a call is forwarded with the credential that the operator chose.

mod cache;
mod call;
mod catalog;
mod credential;

use std::rc::Rc;

use doorward_auth0::permissions::{Decision, PermissionMemo};
use doorward_core::{
    access::{Access, Item, ItemKind, Requirement},
    host::{PortFuture, all},
};
use doorward_mcp::{
    CallError, Listing, Prompt, Registry, RemoteOffer, Resource, ResourceTemplate, Tool,
};
use doorward_upstream::{Upstream, UpstreamError};
use serde_json::{Value, json};

pub(crate) use self::{cache::CatalogCache, catalog::CatalogLookup};
use self::{
    cache::{FRESH_MILLIS, STALE_MILLIS},
    call::access,
    catalog::Catalog,
    credential::credential_header,
};
use crate::{context::Context, egress::decoded_path, request::CallerRequest};

/// The longest URI that is matched with a template, in bytes: as long as those of lists.
const MAX_URI: usize = 2048;

/// Adds what all servers have in a list to the registry. If a server's lists are unavailable, its
/// entries are missing. Lists that need the caller's token are fetched only for callers who hold
/// the permission of the entry, whatever `tool_policy` hides of it.
pub(crate) async fn with_remote_list(
    registry: &Registry<Context>,
    catalogs: &CatalogCache,
    request: &CallerRequest,
    memo: &PermissionMemo,
    listing: Listing,
) -> Registry<Context> {
    let environment = &request.environment;
    let is_filtered = environment.settings.auth0.permissions.list_filtering;
    let mut merged = registry.clone();
    let mut upstreams = Vec::new();
    for upstream in environment.settings.upstreams.iter() {
        if upstream.listings().all(|it| it != listing) {
            continue;
        }
        let is_decidable = is_filtered && upstream.permission.is_some();
        if upstream.has_caller_credential() && is_decidable {
            // Decide as for a prompt: `tool_policy` hides single tools, and the prefix names none.
            match decide(request, memo, upstream, Listing::Prompts, &upstream.prefix).await {
                // With one more consent it may be used.
                Decision::Allowed | Decision::NeedsScope(_) => {}
                // The decision is made again where it is answered, and logged.
                _ => {
                    let hidden = placeholder(upstream, listing, &upstream.prefix, None);
                    merged = merged.and_remote(&hidden);
                    continue;
                }
            }
        }
        upstreams.push(upstream);
    }
    // The operator may give a server more time than clients have.
    let longest = upstreams.iter().map(|upstream| upstream.limits.total).max();
    environment.budget.allow(longest.unwrap_or_default());
    let lists = upstreams.iter().map(|it| catalog_for(registry, catalogs, request, it));
    // Whoever asked for a list has logged why it is missing.
    for catalog in all(lists).await.into_iter().flatten() {
        merged = merged.and_remote(&of_list(&catalog.offer, listing, &|_| true));
    }
    merged
}

/// Adds the item of this name, or with this URI, to the registry, for a call. If the server's lists
/// are unavailable, the call fails with the reason. Lists that need the caller's token are fetched
/// only for callers who may use the item, if that can be known without.
///
/// # Errors
///
/// Returns the reason itself if it cannot be decided without the list whether the caller may use
/// the item: what permission a resource needs depends on the name that it is listed with.
pub(crate) async fn with_remote_item(
    registry: &Registry<Context>,
    catalogs: &CatalogCache,
    request: &CallerRequest,
    memo: &PermissionMemo,
    upstream: &Rc<Upstream>,
    (listing, id): (Listing, &str),
) -> Result<Registry<Context>, UpstreamError> {
    let merged = registry.clone();
    let is_decidable = matches!(listing, Listing::Tools | Listing::Prompts)
        || upstream.permission.is_some()
        || upstream.access == Access::Public;
    if upstream.has_caller_credential()
        && is_decidable
        // The decision is made again where it is answered, and logged.
        && decide(request, memo, upstream, listing, id).await != Decision::Allowed
    {
        return Ok(merged.and_remote(&placeholder(upstream, listing, id, None)));
    }
    request.environment.budget.allow(upstream.limits.total);
    match catalog_for(registry, catalogs, request, upstream).await {
        Ok(catalog) if listing == Listing::Resources => {
            let resource = of_list(&catalog.offer, listing, &|it| it == id);
            let templates = match is_plain(id) {
                true => of_list(&catalog.offer, Listing::ResourceTemplates, &|_| true),
                false => RemoteOffer::default(),
            };
            Ok(merged.and_remote(&resource).and_remote(&templates))
        }
        Ok(catalog) => {
            let found = of_list(&catalog.offer, listing, &|it| it == id);
            let pins = upstream.pins.as_ref().filter(|_| listing == Listing::Tools);
            let is_pinned = pins.is_some_and(|pins| pins.contains_key(upstream.own_name(id)));
            if is_pinned && found.tools.is_empty() {
                let error = Some(UpstreamError::PinMismatch);
                return Ok(merged.and_remote(&placeholder(upstream, listing, id, error)));
            }
            Ok(merged.and_remote(&found))
        }
        Err(error) if is_decidable => {
            Ok(merged.and_remote(&placeholder(upstream, listing, id, Some(error))))
        }
        Err(error) => Err(error),
    }
}

/// Whether all servers read a URI in the same way, so that one of a template is not that of a
/// resource with another permission, or of one that the entry does not take.
fn is_plain(uri: &str) -> bool {
    let mut segments = uri.split('/');
    let mut escapes = uri.split('%').skip(1);
    uri.len() <= MAX_URI
        && decoded_path(uri).is_some()
        && uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\?#;<>\"^`{|}".contains(&byte))
        && segments.all(|segment| !matches!(segment, "." | ".."))
        && escapes.all(|escape| {
            matches!(
                escape.as_bytes(),
                [b'2', b'0', ..] | [b'8' | b'9' | b'A'..=b'F', b'0'..=b'9' | b'A'..=b'F', ..]
            )
        })
}

/// The entries of one list whose name or URI is wanted.
fn of_list(
    offer: &RemoteOffer<Context>,
    listing: Listing,
    is_wanted: &dyn Fn(&str) -> bool,
) -> RemoteOffer<Context> {
    let mut found = RemoteOffer::default();
    match listing {
        Listing::Tools => {
            found.tools = offer.tools.iter().filter(|it| is_wanted(it.name())).cloned().collect();
        }
        Listing::Prompts => {
            let prompts = offer.prompts.iter().filter(|it| is_wanted(it.name()));
            found.prompts = prompts.cloned().collect();
        }
        Listing::Resources => {
            let resources = offer.resources.iter().filter(|it| is_wanted(it.uri()));
            found.resources = resources.cloned().collect();
        }
        Listing::ResourceTemplates => found.templates.clone_from(&offer.templates),
    }
    found
}

/// Decides about an item of a server without its list. Of a resource the name is not known, which
/// does not matter if the entry says what all of them need.
async fn decide(
    request: &CallerRequest,
    memo: &PermissionMemo,
    upstream: &Upstream,
    listing: Listing,
    id: &str,
) -> Decision {
    let kind = match listing {
        Listing::Tools => ItemKind::Tool,
        Listing::Prompts => ItemKind::Prompt,
        Listing::Resources | Listing::ResourceTemplates => ItemKind::Resource,
    };
    let requirement = Requirement {
        item: Item { kind, name: id },
        access: upstream.access,
        is_read_only: kind != ItemKind::Tool || upstream.is_read_only,
        scopes: &upstream.scopes,
        permission: upstream.permission.as_ref(),
    };
    request.environment.tenant().decide(&request.caller, memo, &requirement).await
}

/// The lists of a server for a request.
fn catalog_for<'a>(
    registry: &'a Registry<Context>,
    catalogs: &'a CatalogCache,
    request: &'a CallerRequest,
    upstream: &'a Rc<Upstream>,
) -> PortFuture<'a, Result<Rc<Catalog>, UpstreamError>> {
    let environment = &request.environment;
    let (outbound, store) = (environment.outbound(), environment.store());
    let (keys, cleanups) = (&environment.settings.keys, &environment.memory.cleanups);
    let lookup = CatalogLookup { outbound, store, keys, registry, cleanups };
    let is_for_caller = upstream.has_caller_credential();
    let context = is_for_caller.then(|| Context::outside_of_call(request.clone()));
    let max_age = if is_for_caller { FRESH_MILLIS } else { STALE_MILLIS };
    catalogs.look_up(lookup, upstream, context, max_age)
}

/// Stands for an item that may not exist, so that the decision about it can be made. A call of it
/// fails.
fn placeholder(
    upstream: &Rc<Upstream>,
    listing: Listing,
    id: &str,
    error: Option<UpstreamError>,
) -> RemoteOffer<Context> {
    let error = error.unwrap_or(UpstreamError::TokenMissing);
    let entry: Value = json!({ "name": id, "uri": id, "uriTemplate": id });
    let (mut offer, access) = (RemoteOffer::default(), access(upstream));
    let upstream = Rc::clone(upstream);
    match listing {
        Listing::Tools => {
            let call = move |context, _| unavailable(&upstream, context, error);
            offer.tools.push(Rc::new(Tool::remote(
                id.to_owned(),
                "{}".into(),
                access,
                Box::new(call),
            )));
        }
        Listing::Prompts => {
            let get = move |context, _| unavailable(&upstream, context, error);
            offer.prompts.push(Rc::new(Prompt::remote(&entry, access, Box::new(get))));
        }
        Listing::Resources => {
            let read = move |context, _, _| unavailable(&upstream, context, error);
            offer.resources.push(Rc::new(Resource::remote(&entry, access, Box::new(read))));
        }
        Listing::ResourceTemplates => {
            let read = move |context, _, _| unavailable(&upstream, context, error);
            offer.templates.push(Rc::new(ResourceTemplate::remote(&entry, access, Box::new(read))));
        }
    }
    offer
}

/// Fails. If it is the caller's account that is missing, they get the link.
fn unavailable<T>(
    upstream: &Rc<Upstream>,
    context: Context,
    error: UpstreamError,
) -> PortFuture<'static, Result<T, CallError>> {
    let upstream = Rc::clone(upstream);
    Box::pin(async move {
        credential_header(Some(&context), &upstream).await?;
        Err(context.fault(error.into()))
    })
}

#[cfg(test)]
mod tests;
