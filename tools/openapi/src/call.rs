//! The request of a call.

use crate::document::{Api, Operation, Place};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// What stands for itself in a part of a path or a query (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request to the API.
#[derive(Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// The method.
    pub method: String,
    /// The path with the query.
    pub target: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body, as JSON.
    pub body: Option<String>,
}

impl ApiRequest {
    /// Makes the request of a call with these arguments.
    ///
    /// # Errors
    /// Returns what is wrong with an argument, in words for the model.
    pub fn new(
        api: &Api,
        operation: &Operation,
        arguments: &Map<String, Value>,
    ) -> Result<Self, String> {
        let is_known = |name: &str| {
            operation.parameters.iter().any(|parameter| parameter.name == name)
                || name == "body" && operation.body.is_some()
        };
        if let Some(name) = arguments.keys().find(|name| !is_known(name)) {
            return Err(format!("there is no argument `{name}`"));
        }
        let mut path = operation.path.clone();
        let mut query = String::new();
        let mut headers = Vec::new();
        for parameter in &operation.parameters {
            let name = &parameter.name;
            let wrong = |problem: &str| format!("the argument `{name}` {problem}");
            let values = match arguments.get(name) {
                None | Some(Value::Null) if parameter.is_required => {
                    return Err(wrong("is missing"));
                }
                None | Some(Value::Null) => continue,
                Some(Value::Array(items)) => items.iter().map(scalar).collect(),
                Some(value) => scalar(value).map(|text| vec![text]),
            };
            let values =
                values.ok_or_else(|| wrong("is not a text, number, flag or list of them"))?;
            match parameter.place {
                Place::Path => {
                    let text = values.join(",");
                    if matches!(text.as_str(), "" | "." | "..") {
                        return Err(wrong("cannot be a part of a path"));
                    }
                    path = path.replace(&format!("{{{name}}}"), &encoded(&text));
                }
                Place::Query => {
                    let joined = if parameter.explode { values } else { vec![values.join(",")] };
                    for value in joined {
                        let separator = if query.is_empty() { '?' } else { '&' };
                        query.push(separator);
                        query.push_str(&encoded(name));
                        query.push('=');
                        query.push_str(&encoded(&value));
                    }
                }
                Place::Header => {
                    let text = values.join(",");
                    if text.chars().any(|c| c.is_control() || !c.is_ascii()) {
                        return Err(wrong("has characters that a header cannot have"));
                    }
                    headers.push((name.to_ascii_lowercase(), text));
                }
            }
        }
        let body = match (arguments.get("body"), operation.body) {
            (None, Some(true)) => return Err("the argument `body` is missing".to_owned()),
            (Some(body), Some(_)) => Some(body.to_string()),
            _ => None,
        };
        if body.is_some() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        headers.push(("accept".to_owned(), "application/json".to_owned()));
        let target = format!("{}{path}{query}", api.base_path);
        Ok(Self { method: operation.method.clone(), target, headers, body })
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tests::api;
    use serde_json::json;

    fn request(arguments: Value) -> Result<ApiRequest, String> {
        let api = api();
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        ApiRequest::new(&api, &api.operations[0], &arguments)
    }

    #[test]
    fn arguments_go_where_the_document_says() {
        let request = request(json!({ "calendarId": "a b/c?", "maxResults": 5,
            "eventTypes": ["default", "focus&time"], "fields": ["a", "b"], "x-trace": "t" }));
        let request = request.unwrap();
        assert_eq!(
            request.target,
            "/calendar/v3/calendars/a%20b%2Fc%3F/events?maxResults=5&eventTypes=default\
             &eventTypes=focus%26time&fields=a%2Cb"
        );
        assert_eq!(request.method, "GET");
        let headers = [("x-trace", "t"), ("accept", "application/json")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(request.headers, headers);
    }

    #[test]
    fn arguments_that_would_make_another_request_are_refused() {
        for (arguments, reason) in [
            (json!({}), "`calendarId` is missing"),
            (json!({ "calendarId": ".." }), "cannot be a part of a path"),
            (json!({ "calendarId": "" }), "cannot be a part of a path"),
            (json!({ "calendarId": { "a": 1 } }), "is not a text"),
            (json!({ "calendarId": "a", "x-trace": "a\r\nb: c" }), "a header cannot have"),
            (json!({ "calendarId": "a", "other": 1 }), "no argument `other`"),
            (json!({ "calendarId": "a", "body": 1 }), "no argument `body`"),
        ] {
            let refused = request(arguments).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn a_body_is_sent_as_json() {
        let api = api();
        let arguments = json!({ "calendarId": "primary", "body": { "summary": "Lunch" } });
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let request = ApiRequest::new(&api, &api.operations[1], &arguments).unwrap();
        assert_eq!(request.method, "POST");
        assert_eq!(request.body.as_deref(), Some(r#"{"summary":"Lunch"}"#));
    }
}
