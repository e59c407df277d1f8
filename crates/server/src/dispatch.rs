//! Answers the body of a verified caller: parses the message, decides about permission, and runs
//! the call.

use std::rc::Rc;

use bytes::Bytes;
use doorward_auth0::permissions::{Decision, PermissionMemo, Undecided};
use doorward_core::{
    access::{Item, ItemKind, Requirement},
    web::{Answer, EventStream},
};
use doorward_mcp::{
    Call, Description, Era, Incoming, Listing, MethodResult, Prepared, ProgressToken, Registry,
    Rejected, Request, RpcError, SESSION_ID_HEADER, ServerInfo, ToolCall, ToolResult,
    batch_response, listened, receive, respond,
};
use doorward_oauth::scope_challenge;
use doorward_upstream::Fault;
use http::{HeaderMap, StatusCode, header};

use crate::{
    call::{CallEnd, RunningCall},
    context::Context,
    limits::{called_too_often, too_many},
    request::CallerRequest,
    upstream::{CatalogCache, with_remote_item, with_remote_list},
};

/// The size of the responses to a batch, in bytes, after which its other requests are not run: a
/// small body could ask for the same large list many times.
const MAX_BATCH_RESPONSE_BYTES: usize = 256 * 1024;

/// What a server offers.
#[derive(Clone, Copy)]
pub(crate) struct Offer<'a> {
    pub(crate) info: &'a ServerInfo,
    pub(crate) instructions: Option<&'a str>,
    pub(crate) registry: &'a Registry<Context>,
    /// The lists of other servers.
    pub(crate) catalogs: &'a CatalogCache,
}

/// The outcome of one request.
enum Outcome {
    /// It is answered.
    Answered(Result<MethodResult, RpcError>),
    /// It is a call that will report its progress.
    Streams(Box<Prepared<Context>>, ProgressToken),
}

/// Answers the body of a verified caller.
pub(crate) async fn dispatch(
    offer: &Offer<'_>,
    request: CallerRequest,
    headers: &HeaderMap,
    body: Bytes,
) -> Answer {
    let memo = PermissionMemo::default();
    let upstreams = &request.environment.settings.upstreams;
    let registry =
        (!upstreams.is_empty()).then(|| offer.registry.clone().declaring(upstreams.offers()));
    let offer = &Offer { registry: registry.as_ref().unwrap_or(offer.registry), ..*offer };
    let max_values = request.environment.settings.max_body_values();
    let seal = || request.seal(&request.environment.settings.session_sealer);
    let received = receive(headers, &body, max_values, offer.registry.offers(), &seal);
    // The messages hold what they need of it, until a call is prepared.
    drop(body);
    match received {
        Err(rejected) => rejected.into(),
        Ok(Incoming::Nothing) => Answer::empty(StatusCode::ACCEPTED),
        Ok(Incoming::Listen(id)) => Answer::all_events(&listened(&id, offer.info)),
        Ok(Incoming::Request(message)) => single(offer, request, &memo, headers, *message).await,
        Ok(Incoming::Batch(messages)) => {
            let (mut responses, mut bytes) = (Vec::new(), 0_usize);
            for (index, message) in messages.into_iter().enumerate() {
                // The request itself was counted when its caller was known.
                let counted = if index == 0 { Ok(()) } else { request.count().await };
                let is_admitted = request.admit().await.is_ok();
                let response = match (message, counted) {
                    (Ok(Request { id, .. }), _) if !is_admitted => {
                        Rejected { id: Some(id), error: no_longer_admitted() }.response()
                    }
                    (Ok(Request { id, .. }), _) if bytes > MAX_BATCH_RESPONSE_BYTES => {
                        Rejected { id: Some(id), error: batch_too_large() }.response()
                    }
                    (Ok(Request { id, .. }), Err(retry_after)) => {
                        Rejected { id: Some(id), error: too_many(retry_after) }.response()
                    }
                    (Ok(message), Ok(())) => entry(offer, &request, &memo, headers, message).await,
                    (Err(rejected), _) => rejected.response(),
                };
                bytes = bytes.saturating_add(response.len());
                responses.push(response);
            }
            Answer::json_text(StatusCode::OK, batch_response(&responses))
        }
    }
}

/// Answers the only request of a body.
async fn single(
    offer: &Offer<'_>,
    request: CallerRequest,
    memo: &PermissionMemo,
    headers: &HeaderMap,
    message: Request,
) -> Answer {
    let Request { id, era, mut meta, call, session_id } = message;
    let request = meta.trace.take().map(|trace| request.with_trace(trace)).unwrap_or(request);
    match handle(offer, &request, memo, headers, meta.progress_token, call).await {
        Outcome::Answered(outcome) => {
            let needed = outcome.as_ref().err().map(|error| error.needed_scopes().to_vec());
            let (response, status) = respond(&id, era, offer.info, outcome);
            let mut answer = Answer::json_text(status, response);
            if let Some(id) = session_id {
                answer = answer.with(SESSION_ID_HEADER, &id);
            }
            let Some(needed) = needed.filter(|needed| !needed.is_empty()) else { return answer };
            // A modern client adds what its token has by itself.
            let granted = match era {
                Era::Modern => Vec::new(),
                Era::Legacy(_) => request.caller.scopes_to_keep(),
            };
            let settings = &request.environment.settings.oauth;
            let challenge = scope_challenge(settings, headers, &needed, &granted);
            answer.with(header::WWW_AUTHENTICATE, &challenge)
        }
        Outcome::Streams(mut call, token) => {
            let (sink, info) = (call.progress_sink(token), offer.info.clone());
            let clock = Rc::clone(&request.environment.host);
            let work = Box::pin(async move {
                let outcome = run(&request, *call).await;
                respond(&id, era, &info, outcome).0
            });
            Answer::events(EventStream::new(clock, work, move || sink.take()))
        }
    }
}

/// Answers one entry of a batch, which has no HTTP status and no stream of its own.
async fn entry(
    offer: &Offer<'_>,
    request: &CallerRequest,
    memo: &PermissionMemo,
    headers: &HeaderMap,
    message: Request,
) -> Vec<u8> {
    let Request { id, era, meta, call, .. } = message;
    let traced = meta.trace.map(|trace| request.with_trace(trace));
    let request = traced.as_ref().unwrap_or(request);
    let outcome = match handle(offer, request, memo, headers, None, call).await {
        Outcome::Answered(outcome) => outcome,
        Outcome::Streams(call, _) => run(request, *call).await,
    };
    respond(&id, era, offer.info, outcome).0
}

async fn handle(
    offer: &Offer<'_>,
    request: &CallerRequest,
    memo: &PermissionMemo,
    headers: &HeaderMap,
    progress: Option<ProgressToken>,
    call: Call,
) -> Outcome {
    let merged = match with_remote(offer, request, memo, &call).await {
        Ok(merged) => merged,
        Err(error) => return Outcome::Answered(Err(error)),
    };
    let registry = merged.as_ref().unwrap_or(offer.registry);
    let prepared = match call {
        Call::Describe(description) => {
            return describe(offer, request, memo, description).await;
        }
        Call::List(listing) => {
            return Outcome::Answered(list(registry, request, memo, listing).await);
        }
        Call::Tool(call) => {
            return call_tool(registry, request, memo, headers, progress, call).await;
        }
        Call::Prompt(call) => {
            let Some(prompt) = registry.prompt(&call.name) else {
                return Outcome::Answered(Err(RpcError::unknown_prompt(&call.name)));
            };
            if let Some(refusal) = refusal(request, memo, &prompt.requirement()).await {
                return refusal;
            }
            call.prepare(prompt, request.state_seal())
        }
        Call::Read(call) => {
            let Some(readable) = registry.readable(&call.uri) else {
                return Outcome::Answered(Err(call.not_found()));
            };
            if let Some(refusal) = refusal(request, memo, &readable.requirement()).await {
                return refusal;
            }
            call.prepare(readable, request.state_seal())
        }
    };
    Outcome::Answered(match prepared {
        Ok(prepared) => run(request, prepared).await,
        Err(error) => Err(error),
    })
}

/// The registry with what other servers have of what a call is about; `None` if it is about nothing
/// of theirs.
///
/// # Errors
///
/// Returns the error of a call that cannot be decided about.
async fn with_remote(
    offer: &Offer<'_>,
    request: &CallerRequest,
    memo: &PermissionMemo,
    call: &Call,
) -> Result<Option<Registry<Context>>, RpcError> {
    let upstreams = &request.environment.settings.upstreams;
    let Offer { registry, catalogs, .. } = *offer;
    let (item, is_built_in) = match call {
        Call::List(listing) if !upstreams.is_empty() => {
            return Ok(Some(with_remote_list(registry, catalogs, request, memo, *listing).await));
        }
        Call::Tool(call) => ((Listing::Tools, &*call.name), registry.tool(&call.name).is_some()),
        Call::Prompt(call) => {
            ((Listing::Prompts, &*call.name), registry.prompt(&call.name).is_some())
        }
        Call::Read(call) => ((Listing::Resources, &*call.uri), registry.has_built_in(&call.uri)),
        Call::List(_) | Call::Describe(_) => return Ok(None),
    };
    let upstream = upstreams.with_item(item.0, item.1).filter(|_| !is_built_in);
    let Some(upstream) = upstream else { return Ok(None) };
    let merged = with_remote_item(registry, catalogs, request, memo, upstream, item).await;
    merged.map(Some).map_err(|error| {
        request.log(&error, None);
        RpcError::failed(Fault::from(error).caller_text())
    })
}

/// A method that is answered from the registry alone. A completion says something about its prompt
/// or template, so it is for those who may use that.
async fn describe(
    offer: &Offer<'_>,
    request: &CallerRequest,
    memo: &PermissionMemo,
    description: Description,
) -> Outcome {
    if let Description::Complete(completion) = &description
        && let Some(requirement) = completion.requirement(offer.registry)
        && let Some(refusal) = refusal(request, memo, &requirement).await
    {
        return refusal;
    }
    Outcome::Answered(description.result(offer.registry, offer.info, offer.instructions))
}

/// `tools/call`: finds the tool, decides whether the caller may use it, and runs it.
async fn call_tool(
    registry: &Registry<Context>,
    request: &CallerRequest,
    memo: &PermissionMemo,
    headers: &HeaderMap,
    progress: Option<ProgressToken>,
    call: ToolCall,
) -> Outcome {
    let Some(tool) = registry.tool(&call.name) else {
        return Outcome::Answered(Err(RpcError::unknown_tool(&call.name)));
    };
    if let Some(refusal) = refusal(request, memo, &tool.requirement()).await {
        return refusal;
    }
    if let Err(retry_after) = request.count_call(tool.name()).await {
        return Outcome::Answered(Ok(called_too_often(tool.name(), retry_after)));
    }
    Outcome::Answered(match call.prepare(tool, headers, request.state_seal()) {
        Ok(prepared) => match progress.filter(|_| tool.can_report_progress()) {
            Some(token) => return Outcome::Streams(Box::new(prepared), token),
            None => run(request, prepared).await,
        },
        Err(error) => {
            let item = tool.requirement().item;
            RunningCall::begin(request, item).end(CallEnd::ArgumentsInvalid);
            Err(error)
        }
    })
}

/// Decides whether the caller may use an item, and writes the decision into the audit log; `None`
/// if they may.
async fn refusal(
    request: &CallerRequest,
    memo: &PermissionMemo,
    requirement: &Requirement<'_>,
) -> Option<Outcome> {
    let item = requirement.item;
    let decision = request.environment.tenant().decide(&request.caller, memo, requirement).await;
    request.log(decision.reason(item.kind), Some(item));
    let (text, retry_after) = match decision {
        Decision::Allowed => return None,
        Decision::NeedsScope(scopes) => {
            let scopes = scopes.iter().map(|scope| request.caller.spell(scope)).collect();
            return Some(Outcome::Answered(Err(RpcError::insufficient_scope(scopes))));
        }
        Decision::Hidden => {
            return Some(Outcome::Answered(Err(RpcError::unknown_tool(item.name))));
        }
        Decision::LacksPermission | Decision::PermissionUndefined | Decision::UserUnknown => {
            (lacks_permission(item), None)
        }
        Decision::Undecided(undecided) => (undecided_text(item, undecided), undecided.retry_after),
    };
    // Tools report to the model; prompts and resources to the client.
    Some(Outcome::Answered(match (item.kind, retry_after) {
        (ItemKind::Tool, None) => Ok(ToolResult::error(text).into()),
        (ItemKind::Tool, Some(seconds)) => {
            Ok(MethodResult::from(ToolResult::error(text)).with_retry_after(seconds))
        }
        (_, None) => Err(RpcError::failed(text)),
        (_, Some(seconds)) => Err(RpcError::failed(text).with_retry_after(seconds)),
    }))
}

/// A list of what the caller may use, and of what one more consent would allow. Only a call of the
/// latter tells a client which scope to ask for.
async fn list(
    registry: &Registry<Context>,
    request: &CallerRequest,
    memo: &PermissionMemo,
    listing: Listing,
) -> Result<MethodResult, RpcError> {
    let settings = &request.environment.settings.auth0.permissions;
    if !settings.list_filtering {
        let exists = |it: Requirement<'_>| !settings.policy.hides(&it, &request.caller);
        return Ok(registry.list(listing, exists));
    }
    let requirements = registry.requirements(listing);
    let tenant = request.environment.tenant();
    let decisions = tenant.decide_each(&request.caller, memo, &requirements).await;
    // Clients would cache a list without the undecided entries as if it were complete.
    if let Some(undecided) = decisions.iter().find_map(|decision| match decision {
        Decision::Undecided(undecided) => Some(*undecided),
        _ => None,
    }) {
        request.log(&undecided.error, None);
        return Err(undecided_list(listing, undecided));
    }
    let mut decisions = decisions.into_iter();
    Ok(registry.list(listing, |_| {
        matches!(decisions.next(), Some(Decision::Allowed | Decision::NeedsScope(_)))
    }))
}

async fn run(
    request: &CallerRequest,
    prepared: Prepared<Context>,
) -> Result<MethodResult, RpcError> {
    let call = RunningCall::begin(request, prepared.item());
    let (call_outcome, outcome) = prepared.run(|round_trip| call.context(round_trip)).await;
    let end = call.end_of(call_outcome);
    call.end(end);
    outcome
}

fn lacks_permission(item: Item<'_>) -> String {
    format!("You don't have permission to use the '{}' {}.", item.name, item.kind.as_str())
}

fn undecided_text(item: Item<'_>, undecided: Undecided) -> String {
    format!(
        "Your permission to use the '{}' {} could not be checked{}",
        item.name,
        item.kind.as_str(),
        what_to_do(undecided)
    )
}

fn no_longer_admitted() -> RpcError {
    RpcError::failed("Your access has ended, or cannot be checked just now. Sign in again.")
}

fn batch_too_large() -> RpcError {
    RpcError::failed("The responses to this batch are too large. Send this request by itself")
}

fn undecided_list(listing: Listing, undecided: Undecided) -> RpcError {
    let items = match listing {
        Listing::Tools => "tools",
        Listing::Prompts => "prompts",
        Listing::Resources | Listing::ResourceTemplates => "resources",
    };
    let text = format!(
        "Your permission to use these {items} could not be checked{}",
        what_to_do(undecided)
    );
    let error = RpcError::failed(text);
    match undecided.retry_after {
        Some(seconds) => error.with_retry_after(seconds),
        None => error,
    }
}

/// The end of a sentence about what could not be checked.
fn what_to_do(undecided: Undecided) -> &'static str {
    match undecided.retry_after {
        Some(_) => " just now. Try again in a moment.",
        None => {
            ": this server is not set up for it. Tell its operator; trying again will not help."
        }
    }
}

#[cfg(test)]
mod tests;
