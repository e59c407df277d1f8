//! The format of a golden file: a request and the server's answer.

use std::collections::BTreeMap;

use reqwest::{Client, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// The protocol revision of the request. It determines the default headers.
    pub(crate) revision: String,
    /// Headers in addition to the default ones, or instead of them; `null` removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, Option<String>>,
    /// The message or batch that is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Value>,
    /// The body, if it is not JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    /// The status of the answer.
    #[serde(default)]
    pub(crate) status: u16,
    /// The answer, if it is one message or a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<Value>,
    /// The answer, if it is a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) events: Option<Vec<Value>>,
}

impl Exchange {
    /// Sends the request, and returns the exchange with the actual answer.
    pub(crate) async fn repeat(&self, client: &Client, url: &str, token: &str) -> Self {
        let body = match (&self.request, &self.body) {
            (Some(request), None) => request.to_string(),
            (None, Some(body)) => body.clone(),
            _ => panic!("needs either `request` or `body`: {self:?}"),
        };
        let mut request = client.post(url).bearer_auth(token).body(body);
        for (name, value) in self.all_headers() {
            request = request.header(name, value);
        }
        let response = request.send().await.expect("the server answers");
        let status = response.status().as_u16();
        let is_stream = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|it| it.as_bytes().starts_with(b"text/event-stream"));
        let text = response.text().await.expect("the answer is complete");
        let mut answered = Self { status, response: None, events: None, ..self.clone() };
        if is_stream {
            let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
            answered.events = Some(data.map(|json| settled(json.trim())).collect());
        } else if !text.is_empty() {
            answered.response = Some(settled(&text));
        }
        answered
    }

    fn all_headers(&self) -> BTreeMap<String, String> {
        let mut headers = BTreeMap::from([
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), "application/json, text/event-stream".to_owned()),
        ]);
        let request = self.request.as_ref().unwrap_or(&Value::Null);
        let method = request["method"].as_str();
        let is_modern = self.revision.as_str() >= "2026-07-28";
        if is_modern || method != Some("initialize") {
            headers.insert("mcp-protocol-version".into(), self.revision.clone());
        }
        if is_modern {
            let name = match method {
                Some("tools/call" | "prompts/get") => request["params"]["name"].as_str(),
                Some("resources/read") => request["params"]["uri"].as_str(),
                _ => None,
            };
            for (header, value) in [("mcp-method", method), ("mcp-name", name)] {
                if let Some(value) = value {
                    headers.insert(header.into(), value.into());
                }
            }
        }
        for (name, value) in &self.headers {
            match value {
                Some(value) => headers.insert(name.clone(), value.clone()),
                None => headers.remove(name),
            };
        }
        headers
    }
}

/// Parses a message and replaces the values that change with every release or every run.
fn settled(text: &str) -> Value {
    let mut message = serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {text}"));
    settle(&mut message);
    message
}

fn settle(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.contains_key("name") && members.contains_key("version") {
                members.insert("version".into(), json!("<version>"));
            }
            if members.contains_key("requestState") {
                members.insert("requestState".into(), json!("<requestState>"));
            }
            members.values_mut().for_each(settle);
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}
