//! The JSON-RPC 2.0 envelope: JSON becomes one message, or an error that has the id if there was
//! one.

use doorward_core::strict_json::CheckedJson;

use crate::{Id, Rejected, RpcError, method::Method};

pub(crate) const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub(crate) const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub(crate) const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// A request that was taken out of its envelope. What is large in it is still text: nothing is
/// built of it before the server has decided about the request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: Id,
    pub(crate) method: String,
    /// The method, unless it exists in no era.
    pub(crate) known: Option<Method>,
    /// The parameter that the `Mcp-Name` header repeats, for the methods that have one.
    pub(crate) name: Option<String>,
    pub(crate) meta: MessageMeta,
    pub(crate) params: Params,
}

/// `_meta`; without members if it is missing or not an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MessageMeta {
    pub(crate) capabilities: Option<CheckedJson>,
    pub(crate) log_level: Option<CheckedJson>,
    pub(crate) progress_token: Option<CheckedJson>,
    pub(crate) protocol_version: Option<CheckedJson>,
    pub(crate) traceparent: Option<CheckedJson>,
    pub(crate) tracestate: Option<CheckedJson>,
}

/// The other parameters that some method has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Params {
    pub(crate) argument: Option<CheckedJson>,
    pub(crate) arguments: Option<CheckedJson>,
    pub(crate) capabilities: Option<CheckedJson>,
    pub(crate) cursor: Option<CheckedJson>,
    pub(crate) input_responses: Option<CheckedJson>,
    pub(crate) protocol_version: Option<CheckedJson>,
    pub(crate) reference: Option<CheckedJson>,
    pub(crate) request_state: Option<CheckedJson>,
}

/// A member that is there: some languages write `null` for each that was not set.
fn given(member: Option<CheckedJson>) -> Option<CheckedJson> {
    member.filter(|member| !member.is_null())
}

impl Message {
    /// Reads one message; `None` for a notification, and for a response to a request that this
    /// server never sent.
    ///
    /// # Errors
    ///
    /// -32600 for anything but one JSON-RPC 2.0 message.
    pub(crate) fn parse(json: &CheckedJson) -> Result<Option<Self>, Rejected> {
        let names = ["error", "id", "jsonrpc", "method", "params", "result"];
        let Some([error, sent_id, version, method, params, result]) = json.members(names) else {
            return Err(RpcError::invalid_request("A message is a JSON object").into());
        };
        let id = sent_id.as_ref().and_then(Id::parse);
        let params = given(params);
        let invalid =
            |id, message: &str| Err(Rejected { id, error: RpcError::invalid_request(message) });
        if version.and_then(|version| version.text()).as_deref() != Some("2.0") {
            return invalid(id, "`jsonrpc` must be \"2.0\"");
        }
        let method = match method.map(|method| method.text()) {
            Some(Some(method)) => method,
            Some(None) => return invalid(id, "`method` must be a string"),
            None if result.is_some() || error.is_some() => return Ok(None),
            None => return invalid(id, "`method` is missing"),
        };
        if params.as_ref().is_some_and(|params| !params.is_object()) {
            return invalid(id, "`params` must be an object");
        }
        let Some(id) = id else {
            // A notification has no id, however that is written.
            let is_absent =
                sent_id.is_none_or(|id| id.is_null() && method.starts_with("notifications/"));
            return match is_absent {
                true => Ok(None),
                false => invalid(None, "`id` must be a string or an integer"),
            };
        };
        let known = Method::parse(&method);
        let (name, meta, params) = Params::parse(params.as_ref(), known);
        Ok(Some(Self { id, method, known, name, meta, params }))
    }
}

impl Params {
    /// Finds the parameters, with the name and `_meta` apart from the others.
    fn parse(
        params: Option<&CheckedJson>,
        method: Option<Method>,
    ) -> (Option<String>, MessageMeta, Self) {
        let names = [
            "_meta",
            "argument",
            "arguments",
            "capabilities",
            "cursor",
            "inputResponses",
            "protocolVersion",
            "ref",
            "requestState",
            method.and_then(Method::name_member).unwrap_or("name"),
        ];
        let found = params.and_then(|params| params.members(names)).unwrap_or_default();
        let [
            meta,
            argument,
            arguments,
            capabilities,
            cursor,
            input_responses,
            protocol_version,
            reference,
            request_state,
            name,
        ] = found;
        let params = Self {
            argument,
            arguments: given(arguments),
            capabilities,
            cursor: given(cursor),
            input_responses,
            protocol_version,
            reference,
            request_state: given(request_state),
        };
        let name = name.filter(|_| method.and_then(Method::name_member).is_some());
        (name.and_then(|name| name.text()), meta.map(MessageMeta::from).unwrap_or_default(), params)
    }
}

impl From<CheckedJson> for MessageMeta {
    fn from(meta: CheckedJson) -> Self {
        let names = [
            CLIENT_CAPABILITIES,
            LOG_LEVEL,
            "progressToken",
            PROTOCOL_VERSION,
            "traceparent",
            "tracestate",
        ];
        let [capabilities, log_level, progress_token, protocol_version, traceparent, tracestate] =
            meta.members(names).unwrap_or_default().map(given);
        Self { capabilities, log_level, progress_token, protocol_version, traceparent, tracestate }
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::strict_json::MAX_VALUES;
    use serde_json::{Value, json};

    use super::*;

    fn parse(body: &Value) -> Result<Option<Message>, Value> {
        let checked = CheckedJson::check(&body.to_string().into(), MAX_VALUES).unwrap();
        let parsed = Message::parse(&checked);
        parsed.map_err(|rejected| serde_json::from_slice(&rejected.response()).unwrap())
    }

    fn code(body: &Value) -> i64 {
        parse(body).unwrap_err()["error"]["code"].as_i64().unwrap()
    }

    #[test]
    fn ids_are_strings_and_integers_and_zero_is_one() {
        for id in [json!(0), json!(-1), json!(18446744073709551615u64), json!(""), json!("a")] {
            let message = parse(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"})).unwrap();
            let message = message.unwrap();
            assert_eq!(serde_json::to_value(message.id).unwrap(), id);
            assert_eq!(message.params, Params::default());
        }
    }

    #[test]
    fn every_other_id_is_an_invalid_request_that_is_answered_without_an_id() {
        for id in [json!(null), json!(1.5), json!(true), json!([1]), json!({})] {
            let error = parse(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"})).unwrap_err();
            assert_eq!(error["error"]["code"], -32600, "{id}");
            assert_eq!(error.get("id"), None, "{id}");
        }
    }

    #[test]
    fn notifications_and_responses_are_no_requests() {
        for message in [
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            json!({"jsonrpc": "2.0", "id": 1, "result": {}}),
            json!({"jsonrpc": "2.0", "id": 1, "error": {}}),
        ] {
            assert_eq!(parse(&message), Ok(None));
        }
    }

    #[test]
    fn an_error_carries_the_id_of_its_request() {
        let error = parse(&json!({"jsonrpc": "2.0", "id": "x", "method": 7})).unwrap_err();
        assert_eq!((&error["id"], &error["error"]["code"]), (&json!("x"), &json!(-32600)));
    }

    #[test]
    fn anything_but_one_json_rpc_message_is_refused() {
        for body in [
            json!([]),
            json!("ping"),
            json!({"id": 1, "method": "ping"}),
            json!({"jsonrpc": "1.0", "id": 1, "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": 1}),
            json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}),
        ] {
            assert_eq!(code(&body), -32600, "{body}");
        }
    }

    #[test]
    fn meta_and_the_name_are_apart_from_the_other_parameters() {
        let params = json!({
            "_meta": { "progressToken": 1, "b": [] }, "name": "n", "uri": "u", "arguments": { "b": 2 },
        });
        let message = |method: &str| {
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
            parse(&body).unwrap().unwrap()
        };
        let call = message("tools/call");
        assert_eq!(call.name.as_deref(), Some("n"));
        assert_eq!(call.params.arguments.map(|it| it.build()), Some(json!({ "b": 2 })));
        assert_eq!(call.meta.progress_token.map(|it| it.build()), Some(json!(1)));
        assert_eq!((call.params.cursor, call.meta.capabilities), (None, None));
        assert_eq!(message("resources/read").name.as_deref(), Some("u"));
        assert_eq!(message("tools/list").name, None);
    }
}
