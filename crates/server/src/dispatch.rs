//! From a body of a verified caller to the answer: the message, its method, the permission, the
//! call.

use std::rc::Rc;

use doorward_auth0::permissions::{Decision, PermissionMemo, Requirement, Undecided};
use doorward_core::{
    scope::{self, Scope},
    web::{Answer, EventStream},
};
use doorward_mcp::{
    Call, Incoming, MethodResult, Prepared, ProgressToken, Registry, Request, RpcError, Seal,
    ServerInfo, Tool, ToolCall, ToolResult, batch_response, listened, receive, respond,
};
use doorward_oauth::insufficient_scope;
use http::{HeaderMap, StatusCode};

use crate::{context::Context, request::CallerRequest};

/// What a server offers.
pub(crate) struct Offer<'a> {
    pub(crate) info: &'a ServerInfo,
    pub(crate) instructions: Option<&'a str>,
    pub(crate) registry: &'a Registry<Context>,
}

/// What becomes of one request.
enum Outcome {
    /// It is answered.
    Answered(Result<MethodResult, RpcError>),
    /// Its token lacks scopes that another token may have.
    NeedsScope(Vec<Scope>),
    /// It is a call that will report its progress.
    Streams(Box<Prepared<Context>>, ProgressToken),
}

/// Answers the body of a verified caller.
pub(crate) async fn dispatch(
    offer: &Offer<'_>,
    request: CallerRequest,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    let memo = PermissionMemo::default();
    match receive(headers, body, offer.registry.offers()) {
        Err(rejected) => rejected.into(),
        Ok(Incoming::Nothing) => Answer::empty(StatusCode::ACCEPTED),
        Ok(Incoming::Listen(id)) => Answer::all_events(&listened(&id, offer.info)),
        Ok(Incoming::Request(message)) => single(offer, request, &memo, headers, *message).await,
        Ok(Incoming::Batch(messages)) => {
            let mut responses = Vec::new();
            for message in messages {
                responses.push(match message {
                    Ok(message) => entry(offer, &request, &memo, headers, message).await,
                    Err(rejected) => rejected.response(),
                });
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
    let Request { id, era, mut meta, call } = message;
    let request = meta.trace.take().map(|trace| request.with_trace(trace)).unwrap_or(request);
    match handle(offer, &request, memo, headers, meta.progress_token, call).await {
        Outcome::Answered(outcome) => {
            let (response, status) = respond(&id, era, offer.info, outcome);
            Answer::json_text(status, response)
        }
        Outcome::NeedsScope(scopes) => {
            insufficient_scope(&request.environment.settings.oauth, &scopes)
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
    let Request { id, era, meta, call } = message;
    let traced = meta.trace.map(|trace| request.with_trace(trace));
    let request = traced.as_ref().unwrap_or(request);
    let outcome = match handle(offer, request, memo, headers, None, call).await {
        Outcome::Answered(outcome) => outcome,
        Outcome::NeedsScope(scopes) => Err(RpcError::insufficient_scope(&scope::join(&scopes))),
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
    let registry = offer.registry;
    let prepared = match call {
        Call::Describe(description) => {
            return Outcome::Answered(description.result(registry, offer.info, offer.instructions));
        }
        Call::ListTools => return Outcome::Answered(list_tools(registry, request, memo).await),
        Call::Tool(call) => {
            return call_tool(registry, request, memo, headers, progress, call).await;
        }
        Call::Prompt(call) => prepare(request, |seal| call.prepare(registry, seal)),
        Call::Read(call) => prepare(request, |seal| call.prepare(registry, seal)),
    };
    Outcome::Answered(match prepared {
        Ok(prepared) => run(request, prepared).await,
        Err(error) => Err(error),
    })
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
    let tenant = request.environment.tenant();
    let decision = tenant.decide(&request.caller, memo, &requirement(tool)).await;
    request.log(&decision, Some(tool.name()));
    Outcome::Answered(match decision {
        Decision::Allowed => match prepare(request, |seal| call.prepare(tool, headers, seal)) {
            Ok(prepared) => match progress.filter(|_| tool.can_report_progress()) {
                Some(token) => return Outcome::Streams(Box::new(prepared), token),
                None => run(request, prepared).await,
            },
            Err(error) => Err(error),
        },
        Decision::Hidden => Err(RpcError::unknown_tool(&call.name)),
        Decision::NeedsScope(scopes) => return Outcome::NeedsScope(scopes),
        Decision::LacksPermission | Decision::UserUnknown => Ok(lacks_permission(tool.name())),
        Decision::Undecided(undecided) => Ok(undecided_call(tool.name(), undecided)),
    })
}

/// `tools/list`: the tools that the caller may use, and those that one more consent would allow.
/// Only a call of such a tool tells a client which scope to ask for.
async fn list_tools(
    registry: &Registry<Context>,
    request: &CallerRequest,
    memo: &PermissionMemo,
) -> Result<MethodResult, RpcError> {
    let settings = &request.environment.settings.auth0.permissions;
    if !settings.list_filtering {
        let exists =
            |tool: &Tool<Context>| !settings.policy.hides(&requirement(tool), &request.caller);
        return Ok(registry.list_tools(exists));
    }
    let tools: Vec<_> = registry.tools().map(|tool| requirement(tool)).collect();
    let decisions = request.environment.tenant().decide_each(&request.caller, memo, &tools).await;
    // Clients would cache a list without the undecided tools as if it were complete.
    if let Some(decision @ Decision::Undecided(undecided)) =
        decisions.iter().find(|decision| matches!(decision, Decision::Undecided(_)))
    {
        request.log(decision, None);
        return Err(undecided_list(*undecided));
    }
    let mut decisions = decisions.into_iter();
    Ok(registry.list_tools(|_| {
        matches!(decisions.next(), Some(Decision::Allowed | Decision::NeedsScope(_)))
    }))
}

async fn run(
    request: &CallerRequest,
    prepared: Prepared<Context>,
) -> Result<MethodResult, RpcError> {
    let context = |round_trip| Context::new(request.clone(), round_trip);
    let organization = organization(request);
    prepared.run(context, &seal(request, &owner(request, organization.as_ref()))).await
}

/// Prepares a call that may continue earlier rounds of itself.
fn prepare<T>(request: &CallerRequest, prepare: impl FnOnce(&Seal<'_>) -> T) -> T {
    let organization = organization(request);
    prepare(&seal(request, &owner(request, organization.as_ref())))
}

fn organization(request: &CallerRequest) -> Option<String> {
    request.caller.organization().map(|organization| organization.id)
}

/// Everything that identifies a caller: a `requestState` opens for nobody else.
fn owner<'a>(request: &'a CallerRequest, organization: Option<&'a String>) -> Vec<&'a str> {
    let caller = &request.caller;
    let parts = [caller.issuer(), caller.subject(), caller.client_id()];
    parts.into_iter().chain(organization.map(String::as_str)).collect()
}

fn seal<'a>(request: &'a CallerRequest, owner: &'a [&'a str]) -> Seal<'a> {
    let host = &*request.environment.host;
    Seal {
        sealer: &request.environment.settings.request_state_sealer,
        random: host,
        clock: host,
        owner,
    }
}

/// What the decision about a tool needs to know of it.
fn requirement(tool: &Tool<Context>) -> Requirement<'_> {
    Requirement { tool: tool.name(), is_read_only: tool.is_read_only(), scopes: tool.scopes() }
}

fn lacks_permission(tool: &str) -> MethodResult {
    let text = format!("You don't have permission to use the '{tool}' tool.");
    ToolResult::error(text).into()
}

fn undecided_call(tool: &str, undecided: Undecided) -> MethodResult {
    let text = format!(
        "Whether you may use the '{tool}' tool could not be checked just now. Try again in a moment."
    );
    MethodResult::from(ToolResult::error(text)).with_retry_after(undecided.retry_after)
}

fn undecided_list(undecided: Undecided) -> RpcError {
    let text = "Which tools you may use could not be checked just now. Try again in a moment.";
    RpcError::failed(text).with_retry_after(undecided.retry_after)
}

#[cfg(test)]
mod tests;
