//! From a body to an answer: message, era, method, result.

use std::rc::Rc;

use ::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    ProgressSink, Registry, RpcError, Tool,
    call::{Prepared, ReadyCall, get_prompt, prepare_tool, read_resource, retry_after},
    completion::complete,
    envelope::{Id, Message, Request},
    era::Era,
    legacy,
    members::Members,
    modern,
    registry::Family,
    strict_json,
};
use crate::{
    auth0::Decision,
    context::Context,
    http::{Answer, EventStream},
    oauth::insufficient_scope,
};

/// The most messages that one batch may have.
const MAX_BATCH: usize = 50;

/// The methods.
#[derive(Clone, Copy)]
enum Method {
    CallTool,
    Complete,
    Discover,
    GetPrompt,
    Initialize,
    List(fn(&Registry) -> Value, &'static str),
    ListTools,
    Listen,
    Ping,
    ReadResource,
}

/// Which era has a method, and what has to be offered for it to exist.
struct Entry {
    name: &'static str,
    modern: bool,
    legacy: bool,
    family: Option<Family>,
    method: Method,
}

const fn entry(name: &'static str, eras: (bool, bool), method: Method) -> Entry {
    Entry { name, modern: eras.0, legacy: eras.1, family: None, method }
}

const fn of(family: Family, name: &'static str, method: Method) -> Entry {
    Entry { name, modern: true, legacy: true, family: Some(family), method }
}

/// Every method there is.
const METHODS: [Entry; 12] = [
    entry("server/discover", (true, false), Method::Discover),
    entry("subscriptions/listen", (true, false), Method::Listen),
    entry("initialize", (false, true), Method::Initialize),
    entry("ping", (false, true), Method::Ping),
    of(Family::Tools, "tools/list", Method::ListTools),
    of(Family::Tools, "tools/call", Method::CallTool),
    of(Family::Prompts, "prompts/list", Method::List(Registry::list_prompts, "prompts")),
    of(Family::Prompts, "prompts/get", Method::GetPrompt),
    of(Family::Resources, "resources/list", Method::List(Registry::list_resources, "resources")),
    of(
        Family::Resources,
        "resources/templates/list",
        Method::List(Registry::list_templates, "resourceTemplates"),
    ),
    of(Family::Resources, "resources/read", Method::ReadResource),
    of(Family::Completions, "completion/complete", Method::Complete),
];

/// What is said to one request.
enum Reply {
    /// A whole message.
    Message(Vec<u8>, StatusCode),
    /// The token lacks a scope: these are all that are needed.
    NeedsScope(Vec<String>),
    /// A tool that reports its progress while it runs.
    Running(Box<ReadyCall>, ProgressSink),
    /// A subscription, which is over at once.
    Listened(Vec<Value>),
}

/// Serves one HTTP body.
pub(crate) async fn serve(context: &Context, headers: &HeaderMap, body: &[u8]) -> Answer {
    match strict_json::parse(body) {
        Ok(Value::Array(items)) => serve_batch(context, headers, items).await,
        Ok(message) => serve_message(context, headers, message).await,
        Err(_) => refused(&RpcError::parse_error()),
    }
}

/// The answer to a body that was not even read.
pub(crate) fn refused(error: &RpcError) -> Answer {
    Answer::json(error.status(), &error.response(None))
}

async fn serve_message(context: &Context, headers: &HeaderMap, message: Value) -> Answer {
    let mut request = match Message::of(message) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Notification | Message::Response) => {
            return Answer::empty(StatusCode::ACCEPTED);
        }
        Err(fault) => {
            return Answer::json(fault.error.status(), &fault.error.response(fault.id.as_ref()));
        }
    };
    let era = match Era::of(&request, headers) {
        Ok(era) => era,
        Err(error) => return Answer::json(error.status(), &error.response(Some(&request.id))),
    };
    match reply(context, era, headers, &mut request, true).await {
        Reply::Message(message, status) => Answer::written_json(status, message),
        Reply::NeedsScope(scopes) => insufficient_scope(context.config(), &scopes),
        Reply::Listened(messages) => Answer::all_events(&messages),
        Reply::Running(call, sink) => stream(context, era, request.id, *call, sink),
    }
}

/// A batch: every entry is authorised and answered by itself, one after the other.
async fn serve_batch(context: &Context, headers: &HeaderMap, items: Vec<Value>) -> Answer {
    let era = match Era::of_batch(&items, headers) {
        Ok(era) => era,
        Err(error) => return refused(&error),
    };
    if items.is_empty() || items.len() > MAX_BATCH {
        let text = format!("A batch has 1 to {MAX_BATCH} messages");
        return refused(&RpcError::invalid_request(text));
    }
    let mut answers: Vec<u8> = Vec::new();
    let mut add = |answer: &[u8]| {
        answers.push(if answers.is_empty() { b'[' } else { b',' });
        answers.extend_from_slice(answer);
    };
    for item in items {
        match Message::of(item) {
            Ok(Message::Notification | Message::Response) => {}
            Ok(Message::Request(mut request)) => {
                match reply(context, era, headers, &mut request, false).await {
                    Reply::Message(message, _) => add(&message),
                    // One entry has no HTTP status of its own.
                    Reply::NeedsScope(scopes) => {
                        let error = RpcError::insufficient_scope(&scopes);
                        add(&sorted(&error, Some(&request.id)));
                    }
                    Reply::Running(..) | Reply::Listened(_) => {}
                }
            }
            Err(fault) => add(&sorted(&fault.error, fault.id.as_ref())),
        }
    }
    if answers.is_empty() {
        Answer::empty(StatusCode::ACCEPTED)
    } else {
        answers.push(b']');
        Answer::written_json(StatusCode::OK, answers)
    }
}

async fn reply(
    context: &Context,
    era: Era,
    headers: &HeaderMap,
    request: &mut Request,
    may_stream: bool,
) -> Reply {
    let registry = context.server().registry();
    let entry = METHODS.iter().find(|entry| {
        let in_era = if era == Era::Modern { entry.modern } else { entry.legacy };
        entry.name == request.method
            && in_era
            && entry.family.is_none_or(|family| registry.offers(family))
    });
    let result = match entry.map(|entry| entry.method) {
        Some(Method::Listen) => {
            return Reply::Listened(modern::listened(request, context.server().info()));
        }
        Some(Method::CallTool) => {
            match prepare_tool(registry, context, era, headers, request).await {
                Ok(Prepared::Ready(call)) => match call.streams(request) {
                    Some(token) if may_stream => {
                        return Reply::Running(call, ProgressSink::new(token));
                    }
                    _ => call.run().await,
                },
                Ok(Prepared::NeedsScope(scopes)) => return Reply::NeedsScope(scopes),
                Ok(Prepared::Refused(result)) => Ok(result),
                Err(error) => Err(error),
            }
        }
        Some(method) => run(context, era, method, request).await,
        None => Err(RpcError::method_not_found(&request.method)),
    };
    let (message, status) = finish(context, era, &request.id, result);
    Reply::Message(message, status)
}

/// The methods that answer at once.
async fn run(
    context: &Context,
    era: Era,
    method: Method,
    request: &mut Request,
) -> Result<Members, RpcError> {
    let server = context.server();
    let registry = server.registry();
    match method {
        Method::Complete => complete(registry, &request.params),
        Method::Discover => {
            Ok(modern::discovered(server.stated_instructions(), capabilities(registry)))
        }
        Method::GetPrompt => get_prompt(registry, context, era, request).await,
        Method::Initialize => Ok(legacy::initialized(
            &request.params,
            server.info(),
            server.stated_instructions(),
            capabilities(registry),
        )),
        // There is one page, so no cursor can be right.
        Method::List(..) | Method::ListTools if request.params.contains_key("cursor") => {
            Err(RpcError::invalid_params("Unknown cursor"))
        }
        Method::List(list, member) => Ok(kept(era, Members::with(member, &list(registry)))),
        Method::ListTools => {
            let mut result = Members::default();
            result.insert_list("tools", &tools_for(context).await?);
            Ok(kept(era, result))
        }
        Method::ReadResource => {
            let result = read_resource(registry, context, era, request).await?;
            // A result that asks back is about this one request, and nothing to keep.
            Ok(if result.has("resultType") { result } else { kept(era, result) })
        }
        Method::CallTool | Method::Listen | Method::Ping => Ok(Members::default()),
    }
}

/// A result that clients may keep for a while.
fn kept(era: Era, mut result: Members) -> Members {
    if era == Era::Modern {
        modern::cacheable(&mut result);
    }
    result
}

/// What lists say of the tools that the caller may use, and of those that one more consent would let it use: only a call
/// of such a tool tells a client what to ask for.
async fn tools_for(context: &Context) -> Result<Vec<&str>, RpcError> {
    let registry = context.server().registry();
    let rules = &context.config().rules;
    if !rules.list_filtering {
        let is_there = |tool: &Tool| !rules.policy.hides(&tool.requirement(), context.caller());
        return Ok(registry.list_tools(is_there));
    }
    let tools: Vec<_> = registry.tools().map(|tool| tool.requirement()).collect();
    let decisions = context.may_use_each(&tools).await;
    // A list that lacks what could not be decided would be kept by clients as if it were whole.
    let undecided = decisions.iter().find_map(|decision| match decision {
        Decision::Undecided(undecided) => Some(*undecided),
        _ => None,
    });
    if let Some(undecided) = undecided {
        let error = RpcError::failed(
            "Which tools you may use could not be checked just now. Try again in a moment.",
        );
        return Err(error.with_data(retry_after(undecided)));
    }
    let mut decisions = decisions.into_iter();
    Ok(registry.list_tools(|_| {
        matches!(decisions.next(), Some(Decision::Allowed | Decision::NeedsScope(_)))
    }))
}

/// What this server can do. Nothing here changes while it runs, so it announces no changes.
fn capabilities(registry: &Registry) -> Value {
    let families = [
        (Family::Completions, "completions"),
        (Family::Prompts, "prompts"),
        (Family::Resources, "resources"),
        (Family::Tools, "tools"),
    ];
    let offered = families.into_iter().filter(|(family, _)| registry.offers(*family));
    Value::Object(offered.map(|(_, name)| (name.to_owned(), json!({}))).collect())
}

/// The message that a result or an error becomes in its era, and its status.
fn finish(
    context: &Context,
    era: Era,
    id: &Id,
    result: Result<Members, RpcError>,
) -> (Vec<u8>, StatusCode) {
    match result {
        Ok(mut result) => {
            if era == Era::Modern {
                modern::complete(&mut result, context.server().info());
            }
            (result.response(id), StatusCode::OK)
        }
        Err(error) => {
            let error = if era == Era::Modern { error } else { legacy::error(error) };
            (sorted(&error, Some(id)), error.status())
        }
    }
}

/// An error response, with its members in the order of their names.
fn sorted(error: &RpcError, id: Option<&Id>) -> Vec<u8> {
    json!(error.response(id)).to_string().into_bytes()
}

/// The answer of a tool that reports its progress: its notifications as they come, and its result.
fn stream(context: &Context, era: Era, id: Id, mut call: ReadyCall, sink: ProgressSink) -> Answer {
    let sink = Rc::new(sink);
    call.report_to(Rc::clone(&sink));
    let (clock, context) = (Rc::clone(context.host()), context.clone());
    let work = Box::pin(async move { finish(&context, era, &id, call.run().await).0 });
    Answer::events(EventStream::new(clock, work, move || sink.take()))
}

#[cfg(test)]
mod tests;
