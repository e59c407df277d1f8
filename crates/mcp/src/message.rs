//! The JSON-RPC 2.0 envelope: JSON becomes one message, or an error that has the id if there was
//! one.

use serde_json::{Map, Value};

use crate::{Id, Rejected, RpcError, method::Method};

/// A request that was taken out of its envelope.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: Id,
    pub(crate) method: String,
    /// The method, unless it exists in no era.
    pub(crate) known: Option<Method>,
    /// The parameter that the `Mcp-Name` header repeats, for the methods that have one.
    pub(crate) name: Option<String>,
    /// `_meta`; empty if it is missing or not an object.
    pub(crate) meta: Map<String, Value>,
    /// The other parameters.
    pub(crate) params: Map<String, Value>,
}

impl Message {
    /// Reads one message; `None` for a notification, and for a response to a request that this
    /// server never sent.
    ///
    /// # Errors
    ///
    /// -32600 for anything but one JSON-RPC 2.0 message.
    pub(crate) fn parse(value: Value) -> Result<Option<Self>, Rejected> {
        let Value::Object(mut members) = value else {
            return Err(RpcError::invalid_request("A message is a JSON object").into());
        };
        let sent_id = members.remove("id");
        let has_id = sent_id.is_some();
        let id = sent_id.and_then(Id::parse);
        let invalid =
            |id, message: &str| Err(Rejected { id, error: RpcError::invalid_request(message) });
        if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return invalid(id, "`jsonrpc` must be \"2.0\"");
        }
        let method = match members.remove("method") {
            Some(Value::String(method)) => method,
            Some(_) => return invalid(id, "`method` must be a string"),
            None if members.contains_key("result") || members.contains_key("error") => {
                return Ok(None);
            }
            None => return invalid(id, "`method` is missing"),
        };
        let mut params = match members.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return invalid(id, "`params` must be an object"),
        };
        let Some(id) = id else {
            return if has_id {
                invalid(None, "`id` must be a string or an integer")
            } else {
                Ok(None)
            };
        };
        let meta = match params.remove("_meta") {
            Some(Value::Object(meta)) => meta,
            _ => Map::new(),
        };
        let known = Method::parse(&method);
        let name = match known.and_then(Method::name_member).and_then(|it| params.remove(it)) {
            Some(Value::String(name)) => Some(name),
            _ => None,
        };
        Ok(Some(Self { id, method, known, name, meta, params }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<Option<Message>, Value> {
        let parsed = Message::parse(body.clone());
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
            assert!(message.params.is_empty());
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
    fn meta_and_the_name_are_taken_out_of_the_parameters() {
        let params = json!({ "_meta": { "a": 1 }, "name": "n", "uri": "u", "b": 2 });
        let message = |method: &str| {
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
            parse(&body).unwrap().unwrap()
        };
        let call = message("tools/call");
        assert_eq!((call.name.as_deref(), call.params.len()), (Some("n"), 2));
        assert_eq!(call.meta.get("a"), Some(&json!(1)));
        assert_eq!(message("resources/read").name.as_deref(), Some("u"));
        assert_eq!(message("tools/list").name, None);
    }
}
