//! The JSON-RPC 2.0 envelope: JSON becomes one message, or an error that carries the id if there was one.

use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::RpcError;

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// No answer is expected.
    Notification,
    /// A response of the client to a request that this server never sent.
    Response,
    /// A request.
    Request(Request),
}

/// A request, with its parameters as an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub(super) id: Id,
    pub(super) method: String,
    pub(super) params: Map<String, Value>,
}

/// A request's id: a string or an integer, `0` included, never `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Id {
    Integer(Number),
    String(String),
}

/// A body that is not a message.
#[derive(Clone, Debug)]
pub(super) struct EnvelopeFault {
    pub(super) id: Option<Id>,
    pub(super) error: RpcError,
}

impl Message {
    /// # Errors
    ///
    /// -32600 for what is not one JSON-RPC 2.0 message.
    pub(super) fn of(value: Value) -> Result<Self, EnvelopeFault> {
        let fault = |id, error| EnvelopeFault { id, error };
        let Value::Object(mut members) = value else {
            return Err(fault(None, RpcError::invalid_request("A message is a JSON object")));
        };
        let sent_id = members.remove("id");
        let has_id = sent_id.is_some();
        let id = sent_id.and_then(Id::from_value);
        let invalid = |message: &str| fault(id.clone(), RpcError::invalid_request(message));
        if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(invalid("`jsonrpc` must be \"2.0\""));
        }
        let method = match members.remove("method") {
            Some(Value::String(method)) => method,
            Some(_) => return Err(invalid("`method` must be a string")),
            None if members.contains_key("result") || members.contains_key("error") => {
                return Ok(Self::Response);
            }
            None => return Err(invalid("`method` is missing")),
        };
        let params = match members.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err(invalid("`params` must be an object")),
        };
        match id {
            Some(id) => Ok(Self::Request(Request { id, method, params })),
            None if has_id => {
                Err(fault(None, RpcError::invalid_request("`id` must be a string or an integer")))
            }
            None => Ok(Self::Notification),
        }
    }
}

impl Id {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::String(id) => Some(Self::String(id)),
            Value::Number(id) if id.is_i64() || id.is_u64() => Some(Self::Integer(id)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<Message, Value> {
        Message::of(body.clone())
            .map_err(|fault| serde_json::to_value(fault.error.response(fault.id.as_ref())).unwrap())
    }

    fn code(body: &Value) -> i64 {
        parse(body).unwrap_err()["error"]["code"].as_i64().unwrap()
    }

    #[test]
    fn ids_are_strings_and_integers_and_zero_is_one() {
        for id in [json!(0), json!(-1), json!(18446744073709551615u64), json!(""), json!("a")] {
            let message = parse(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"})).unwrap();
            let Message::Request(request) = message else { panic!("{id} makes a request") };
            assert_eq!(serde_json::to_value(request.id).unwrap(), id);
            assert!(request.params.is_empty());
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
    fn a_message_without_an_id_is_a_notification() {
        let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(parse(&message), Ok(Message::Notification));
    }

    #[test]
    fn a_response_to_nothing_is_recognised() {
        assert_eq!(parse(&json!({"jsonrpc": "2.0", "id": 1, "result": {}})), Ok(Message::Response));
    }

    #[test]
    fn an_error_carries_the_id_of_its_request() {
        let error = parse(&json!({"jsonrpc": "2.0", "id": "x", "method": 7})).unwrap_err();
        assert_eq!((&error["id"], &error["error"]["code"]), (&json!("x"), &json!(-32600)));
    }

    #[test]
    fn what_is_not_one_json_rpc_message_is_refused() {
        assert_eq!(code(&json!([])), -32600);
        assert_eq!(code(&json!("ping")), -32600);
        assert_eq!(code(&json!({"id": 1, "method": "ping"})), -32600);
        assert_eq!(code(&json!({"jsonrpc": "1.0", "id": 1, "method": "ping"})), -32600);
        assert_eq!(code(&json!({"jsonrpc": "2.0", "id": 1})), -32600);
        assert_eq!(
            code(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []})),
            -32600
        );
    }
}
