//! The tools of other MCP servers, which are offered like built-in ones: a list of them is
//! remembered for each server, and a call is sent on with what the operator attaches.

mod cache;
mod call;
mod catalog;
mod credential;

use std::rc::Rc;

use doorward_auth0::permissions::{Decision, PermissionMemo};
use doorward_core::host::all;
use doorward_mcp::{Registry, Tool};
use doorward_upstream::{Upstream, UpstreamError};

pub(crate) use self::{cache::CatalogCache, catalog::CatalogLookup};
use self::{
    cache::{FRESH_MILLIS, STALE_MILLIS},
    call::access,
    credential::credential_header,
};
use crate::{context::Context, request::CallerRequest};

/// The registry with the tools of all servers, or with the one of this name. A server whose list is
/// not known is left out of a list; a call of its tools fails with the reason. With a token of the
/// caller a list is asked for only if they may use its tools, as far as that can be known before.
pub(crate) async fn with_remote_tools(
    registry: &Registry<Context>,
    catalogs: &CatalogCache,
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
        if upstream.has_caller_credential() && is_decidable {
            let tool = placeholder(upstream, name.unwrap_or(&upstream.prefix), None);
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
    let lookup = CatalogLookup { outbound, store, keys: &environment.settings.keys, registry };
    let looked_up = all(upstreams.iter().map(|upstream| {
        let is_for_caller = upstream.has_caller_credential();
        let context = is_for_caller.then(|| Context::of(request.clone()));
        let max_age = if is_for_caller { FRESH_MILLIS } else { STALE_MILLIS };
        catalogs.look_up(lookup, upstream, context, max_age)
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
                let tool = placeholder(upstream, name, Some(error));
                merged = merged.and_remote(&[Rc::new(tool)]);
            }
            // The lookup has logged why.
            (Err(_), None) => {}
        }
    }
    merged
}

/// Stands for a tool that may not exist, so that the decision about it can be made. A call of it
/// fails.
fn placeholder(upstream: &Rc<Upstream>, name: &str, error: Option<UpstreamError>) -> Tool<Context> {
    let error = error.unwrap_or(UpstreamError::TokenMissing);
    Tool::remote(name.to_owned(), "{}".into(), access(upstream), {
        let upstream = Rc::clone(upstream);
        move |context: Context, _| {
            let upstream = Rc::clone(&upstream);
            Box::pin(async move {
                // If it is the caller's account that is missing, they get the link.
                credential_header(Some(&context), &upstream).await?;
                Err(context.fault(error.into()))
            })
        }
    })
}

#[cfg(test)]
mod tests;
