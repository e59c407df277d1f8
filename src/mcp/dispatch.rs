//! From a body to an answer: message, era, method, result.

use ::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Registry, RpcError, ServerInfo,
    call::call_tool,
    envelope::{Id, Message, Request},
    era::Era,
    legacy, modern,
};
use crate::{context::Context, http::Answer};

/// What the MCP side of a server consists of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service<'a> {
    pub(crate) info: &'a ServerInfo,
    pub(crate) instructions: Option<&'a str>,
    pub(crate) registry: &'a Registry,
}

/// The methods of a tools server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    CallTool,
    Discover,
    Initialize,
    Listen,
    ListTools,
    Ping,
}

/// Which methods an era has. Everything else does not exist in it.
const METHODS: [(Era, &str, Method); 8] = [
    (Era::Modern, "server/discover", Method::Discover),
    (Era::Modern, "subscriptions/listen", Method::Listen),
    (Era::Modern, "tools/list", Method::ListTools),
    (Era::Modern, "tools/call", Method::CallTool),
    (Era::Legacy, "initialize", Method::Initialize),
    (Era::Legacy, "ping", Method::Ping),
    (Era::Legacy, "tools/list", Method::ListTools),
    (Era::Legacy, "tools/call", Method::CallTool),
];

/// A whole result response.
#[derive(Serialize)]
struct ResultResponse<'a> {
    jsonrpc: &'static str,
    id: &'a Id,
    result: Map<String, Value>,
}

/// Serves one HTTP body.
pub(crate) async fn serve(
    service: Service<'_>,
    context: &Context<'_>,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    let mut request = match Message::parse(body) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Notification | Message::Response) => {
            return Answer::empty(StatusCode::ACCEPTED);
        }
        Err(fault) => return failed(fault.id.as_ref(), &fault.error),
    };
    let era = match Era::of(&request, headers) {
        Ok(era) => era,
        Err(error) => return failed(Some(&request.id), &error),
    };
    let method = METHODS
        .iter()
        .find(|(of, name, _)| *of == era && *name == request.method)
        .map(|(_, _, method)| *method);
    let result = match method {
        Some(Method::Listen) => return Answer::events(modern::listened(&request)),
        Some(method) => run(service, context, era, method, &mut request).await,
        None => Err(RpcError::method_not_found(&request.method)),
    };
    match (result, era) {
        (Ok(result), Era::Modern) => done(&request.id, modern::complete(result, service.info)),
        (Ok(result), Era::Legacy) => done(&request.id, result),
        (Err(error), Era::Modern) => failed(Some(&request.id), &error),
        (Err(error), Era::Legacy) => failed(Some(&request.id), &legacy::error(error)),
    }
}

async fn run(
    service: Service<'_>,
    context: &Context<'_>,
    era: Era,
    method: Method,
    request: &mut Request,
) -> Result<Map<String, Value>, RpcError> {
    match method {
        Method::CallTool => call_tool(service.registry, context, &mut request.params).await,
        Method::Discover => Ok(modern::discovered(service.instructions)),
        Method::Initialize => {
            Ok(legacy::initialized(&request.params, service.info, service.instructions))
        }
        Method::ListTools => list_tools(service.registry, era, &request.params),
        Method::Listen | Method::Ping => Ok(Map::new()),
    }
}

/// `tools/list`. There is one page, so no cursor can be right.
fn list_tools(
    registry: &Registry,
    era: Era,
    params: &Map<String, Value>,
) -> Result<Map<String, Value>, RpcError> {
    if params.contains_key("cursor") {
        return Err(RpcError::invalid_params("Unknown cursor"));
    }
    let mut result = Map::new();
    result.insert("tools".into(), registry.list());
    Ok(if era == Era::Modern { modern::cacheable(result) } else { result })
}

/// The answer to a body that was not even read.
pub(crate) fn refused(error: &RpcError) -> Answer {
    failed(None, error)
}

fn done(id: &Id, result: Map<String, Value>) -> Answer {
    Answer::json(StatusCode::OK, &ResultResponse { jsonrpc: "2.0", id, result })
}

fn failed(id: Option<&Id>, error: &RpcError) -> Answer {
    Answer::json(error.status(), &error.response(id))
}

#[cfg(test)]
mod tests;
