//! `tools/call`, `prompts/get` and `resources/read`: the methods that run something and may ask back.

use std::{borrow::Cow, rc::Rc};

use ::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::{
    CallError, ProgressSink, Registry, RpcError,
    call_error::{Instead, Kind},
    envelope::Request,
    era::Era,
    error::shown,
    legacy,
    members::Members,
    modern::{self, Meta},
    request_state::{self, Binding},
    result::ToolResult,
    tool::Tool,
};
use crate::{
    auth0::{Decision, Undecided},
    context::{CallContext, Context},
};

/// A tool call that may run: the tool exists and the caller may use it.
pub(super) struct ReadyCall {
    tool: Rc<Tool>,
    round: Round,
}

/// What becomes of a tool call before it runs.
pub(super) enum Prepared {
    /// It runs.
    Ready(Box<ReadyCall>),
    /// It needs a token with all of these scopes.
    NeedsScope(Vec<String>),
    /// It does not run; this is its result.
    Refused(Members),
}

/// One round of a call: what it is about, and what earlier rounds said.
struct Round {
    era: Era,
    kind: Kind,
    name: Cow<'static, str>,
    arguments: Rc<Map<String, Value>>,
    context: Context,
}

/// Finds the tool, asks whether the caller may use it, and reads what else the call brings.
///
/// # Errors
///
/// -32602 when no tool is named, or one that does not exist; -32020 when a header says something else than an argument.
/// Everything after that is a tool result.
pub(super) async fn prepare_tool(
    registry: &Registry,
    context: &Context,
    era: Era,
    headers: &HeaderMap,
    request: &mut Request,
) -> Result<Prepared, RpcError> {
    let name = named(&request.params, "name")?;
    let tool = registry.tool(name).ok_or_else(|| unknown(name))?;
    let meta = request.params.get("_meta").and_then(|meta| meta.get("traceparent"));
    if let Some(traceparent) = meta.and_then(Value::as_str) {
        context.audit().continue_trace(traceparent);
    }
    match context.may_use(tool.requirement()).await {
        Decision::Allowed => {}
        Decision::Hidden => return Err(unknown(name)),
        Decision::NeedsScope(scopes) => return Ok(Prepared::NeedsScope(scopes)),
        Decision::LacksPermission | Decision::UserUnknown => {
            let text = format!("You don't have permission to use the '{}' tool.", tool.name());
            return Ok(Prepared::Refused(ToolResult::error(text).members()));
        }
        Decision::Undecided(undecided) => {
            let text = format!(
                "Whether you may use the '{}' tool could not be checked just now. Try again in a moment.",
                tool.name()
            );
            let mut result = ToolResult::error(text).members();
            let info = (era == Era::Modern).then(|| context.server().info());
            result.insert("_meta", &Meta { retry_after: Some(undecided.retry_after), info });
            return Ok(Prepared::Refused(result));
        }
    }
    let arguments = arguments(&mut request.params)?;
    if era == Era::Modern {
        for mirror in tool.mirrors() {
            mirror.check(headers, &arguments)?;
        }
    }
    let name = Cow::Borrowed(tool.name());
    let round = Round::new(era, Kind::Tool, request, name, Rc::new(arguments), context)?;
    Ok(Prepared::Ready(Box::new(ReadyCall { tool: Rc::clone(tool), round })))
}

impl ReadyCall {
    /// Whether the answer is a stream: the tool reports progress, and the client wants to know.
    pub(super) fn streams(&self, request: &Request) -> Option<Value> {
        let token = request.params.get("_meta")?.get("progressToken")?;
        let is_token = token.is_string() || token.is_i64() || token.is_u64();
        (self.tool.can_report_progress() && is_token).then(|| token.clone())
    }

    /// Lets the tool report its progress.
    pub(super) fn report_to(&mut self, sink: Rc<ProgressSink>) {
        self.round.context.report_to(sink);
    }

    /// Runs the tool.
    pub(super) async fn run(self) -> Result<Members, RpcError> {
        let Self { tool, round } = self;
        let outcome = tool.call(round.context.clone(), Rc::clone(&round.arguments)).await;
        round.finish(outcome.map(|result| result.members()))
    }
}

/// `prompts/get`.
///
/// # Errors
///
/// -32602 for an unknown prompt or a missing argument.
pub(super) async fn get_prompt(
    registry: &Registry,
    context: &Context,
    era: Era,
    request: &mut Request,
) -> Result<Members, RpcError> {
    let name = named(&request.params, "name")?;
    let prompt = registry
        .prompt(name)
        .ok_or_else(|| RpcError::invalid_params(format!("Unknown prompt: {}", shown(name))))?;
    let arguments = Rc::new(arguments(&mut request.params)?);
    let name = Cow::Borrowed(prompt.name());
    let round = Round::new(era, Kind::Prompt, request, name, arguments, context)?;
    let outcome = prompt.get(round.context.clone(), Map::clone(&round.arguments)).await;
    round.finish(outcome)
}

/// `resources/read`.
///
/// # Errors
///
/// That there is no such resource, in the words of the era.
pub(super) async fn read_resource(
    registry: &Registry,
    context: &Context,
    era: Era,
    request: &mut Request,
) -> Result<Members, RpcError> {
    let uri = named(&request.params, "uri")?.to_owned();
    let unknown = || match era {
        Era::Modern => modern::resource_not_found(&uri),
        Era::Legacy(_) => legacy::resource_not_found(&uri),
    };
    let round =
        Round::new(era, Kind::Resource, request, Cow::Owned(uri.clone()), Rc::default(), context)?;
    let matching =
        || registry.templates().find_map(|it| it.matches(&uri).map(|variables| (it, variables)));
    let reading = match (registry.resource(&uri), matching()) {
        (Some(resource), _) => resource.read(round.context.clone()),
        (None, Some((template, variables))) => template.read(round.context.clone(), variables),
        (None, None) => return Err(unknown()),
    };
    match reading.await {
        Err(CallError::NotFound) => Err(unknown()),
        outcome => round.finish(outcome.map(|contents| Members::with("contents", &contents))),
    }
}

impl Round {
    /// # Errors
    ///
    /// -32602 for a `requestState` that was not made for this call, or for answers that are none.
    fn new(
        era: Era,
        kind: Kind,
        request: &mut Request,
        name: Cow<'static, str>,
        arguments: Rc<Map<String, Value>>,
        context: &Context,
    ) -> Result<Self, RpcError> {
        let mut round = Self { era, kind, name, arguments, context: context.clone() };
        if era != Era::Modern {
            return Ok(round);
        }
        let state = match request.params.remove("requestState") {
            None => None,
            Some(Value::String(sealed)) => Some(round.open(&sealed).ok_or_else(stale)?),
            Some(_) => return Err(stale()),
        };
        let responses = match request.params.remove("inputResponses") {
            None => Map::new(),
            Some(Value::Object(responses)) => responses,
            Some(_) => return Err(RpcError::invalid_params("`inputResponses` must be an object")),
        };
        let capabilities = modern::client_capabilities(&mut request.params);
        round.context = context.for_call(CallContext::new(capabilities, responses, state));
        Ok(round)
    }

    fn finish(self, outcome: Result<Members, CallError>) -> Result<Members, RpcError> {
        let error = match outcome {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        let seal = |state| {
            let (secret, now) = (self.context.state_secret(), self.context.now());
            request_state::seal(secret, &self.binding(), state, now)
        };
        match error.answer(self.era, self.kind, self.context.client_capabilities(), seal) {
            Instead::Result(result) => Ok(result),
            Instead::Error(error) => Err(error),
        }
    }

    fn open(&self, sealed: &str) -> Option<Value> {
        let (secret, now) = (self.context.state_secret(), self.context.now());
        request_state::open(secret, &self.binding(), sealed, now)
    }

    fn binding(&self) -> Binding<'_> {
        let caller = self.context.caller();
        Binding {
            issuer: caller.issuer(),
            subject: caller.subject(),
            client_id: caller.client_id(),
            organization: caller.organization().map(|organization| organization.id),
            method: self.kind.method(),
            name: &self.name,
            arguments: &self.arguments,
        }
    }
}

/// A tool that does not exist, or not for this caller: nobody can tell which.
fn unknown(name: &str) -> RpcError {
    RpcError::invalid_params(format!("Unknown tool: {}", shown(name)))
}

/// When asking again may help, in seconds, as data for the client.
pub(super) fn retry_after(undecided: Undecided) -> Value {
    json!({ "doorward/retryAfter": undecided.retry_after })
}

fn stale() -> RpcError {
    RpcError::invalid_params(
        "`requestState` is not valid for this call. Start the call again without it",
    )
}

fn named<'a>(params: &'a Map<String, Value>, member: &str) -> Result<&'a str, RpcError> {
    let name = params.get(member).and_then(Value::as_str);
    name.ok_or_else(|| RpcError::invalid_params(format!("`{member}` must be a string")))
}

fn arguments(params: &mut Map<String, Value>) -> Result<Map<String, Value>, RpcError> {
    match params.remove("arguments") {
        None => Ok(Map::new()),
        Some(Value::Object(arguments)) => Ok(arguments),
        Some(_) => Err(RpcError::invalid_params("`arguments` must be an object")),
    }
}
