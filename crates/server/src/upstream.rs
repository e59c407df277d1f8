//! Offers the tools of other MCP servers like built-in ones. Each server's list is cached; a call
//! is forwarded with the credential that the operator chose.

mod cache;
mod call;
mod catalog;
mod credential;

use std::rc::Rc;

use doorward_auth0::permissions::{Decision, PermissionMemo};
use doorward_core::host::{PortFuture, all};
use doorward_mcp::{Registry, Tool};
use doorward_upstream::{Upstream, UpstreamError};

pub(crate) use self::{cache::CatalogCache, catalog::CatalogLookup};
use self::{
    cache::{FRESH_MILLIS, STALE_MILLIS},
    call::access,
    catalog::Catalog,
    credential::credential_header,
};
use crate::{context::Context, request::CallerRequest};

/// Adds the tools of all servers to the registry, for a list. If a server's list is unavailable,
/// its tools are missing. A list that needs the caller's token is fetched only for callers who may
/// use its tools.
pub(crate) async fn with_remote_tools(
    registry: &Registry<Context>,
    catalogs: &CatalogCache,
    request: &CallerRequest,
    memo: &PermissionMemo,
) -> Registry<Context> {
    let environment = &request.environment;
    let is_filtered = environment.settings.auth0.permissions.list_filtering;
    let mut merged = registry.clone();
    let mut upstreams = Vec::new();
    for upstream in environment.settings.upstreams.iter() {
        let is_decidable = is_filtered && upstream.permission.is_some();
        if upstream.has_caller_credential() && is_decidable {
            let tool = placeholder(upstream, &upstream.prefix, None);
            match environment.tenant().decide(&request.caller, memo, &tool.requirement()).await {
                // With one more consent the tools may be used.
                Decision::Allowed | Decision::NeedsScope(_) => {}
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
    let lists = upstreams.iter().map(|it| catalog_for(registry, catalogs, request, it));
    // The lookup has logged why a list is missing.
    for catalog in all(lists).await.into_iter().flatten() {
        merged = merged.and_remote(&catalog.tools);
    }
    merged
}

/// Adds the tool of this name to the registry, for a call. If the server's list is unavailable, the
/// call fails with the reason. A list that needs the caller's token is fetched only for callers who
/// may use the tool.
pub(crate) async fn with_remote_tool(
    registry: &Registry<Context>,
    catalogs: &CatalogCache,
    request: &CallerRequest,
    memo: &PermissionMemo,
    upstream: &Rc<Upstream>,
    name: &str,
) -> Registry<Context> {
    let merged = registry.clone();
    if upstream.has_caller_credential() {
        let tool = placeholder(upstream, name, None);
        let tenant = request.environment.tenant();
        let decision = tenant.decide(&request.caller, memo, &tool.requirement()).await;
        // The decision is made again where it is answered, and logged.
        if decision != Decision::Allowed {
            return merged.and_remote(&[Rc::new(tool)]);
        }
    }
    request.environment.budget.allow(upstream.limits.total);
    let tool = match catalog_for(registry, catalogs, request, upstream).await {
        Ok(catalog) => catalog.tools.iter().find(|tool| tool.name() == name).cloned(),
        Err(error) => Some(Rc::new(placeholder(upstream, name, Some(error)))),
    };
    merged.and_remote(tool.as_slice())
}

/// The list of a server for a request.
fn catalog_for<'a>(
    registry: &'a Registry<Context>,
    catalogs: &'a CatalogCache,
    request: &'a CallerRequest,
    upstream: &'a Rc<Upstream>,
) -> PortFuture<'a, Result<Rc<Catalog>, UpstreamError>> {
    let environment = &request.environment;
    let (outbound, store) = (environment.outbound(), environment.store());
    let lookup = CatalogLookup { outbound, store, keys: &environment.settings.keys, registry };
    let is_for_caller = upstream.has_caller_credential();
    let context = is_for_caller.then(|| Context::outside_of_call(request.clone()));
    let max_age = if is_for_caller { FRESH_MILLIS } else { STALE_MILLIS };
    catalogs.look_up(lookup, upstream, context, max_age)
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
