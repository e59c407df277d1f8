//! The errors among the messages that the conformance tests record from a whole server.

use std::{collections::BTreeMap, fs, path::PathBuf};

use super::*;

#[derive(serde::Deserialize)]
struct Exchange {
    revision: String,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    request: Option<Value>,
    body: Option<String>,
    status: u16,
    response: Option<Value>,
}

impl Exchange {
    /// The headers, as the conformance tests send them.
    fn all_headers(&self) -> BTreeMap<String, String> {
        let mut headers = BTreeMap::new();
        let request = self.request.as_ref().unwrap_or(&Value::Null);
        let method = request["method"].as_str();
        let is_modern = self.revision.as_str() >= "2026-07-28";
        if is_modern || method != Some("initialize") {
            headers.insert("mcp-protocol-version".to_owned(), self.revision.clone());
        }
        if is_modern {
            let params = &request["params"];
            let name = params["name"].as_str().or(params["uri"].as_str());
            for (header, value) in [("mcp-method", method), ("mcp-name", name)] {
                headers.extend(value.map(|value| (header.to_owned(), value.to_owned())));
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

#[test]
fn errors_are_those_of_the_golden_messages() {
    let messages =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/messages/doorward");
    let mut compared = 0;
    for revision in fs::read_dir(messages).unwrap() {
        for file in fs::read_dir(revision.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let golden: Exchange = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let is_error = golden.response.as_ref().is_none_or(|it| !it["error"].is_null());
            // The content type is for the server to check.
            if !is_error || golden.status == 415 || path.ends_with("listen.json") {
                continue;
            }
            let body = golden.request.as_ref().map(Value::to_string).or(golden.body.clone());
            let headers = golden.all_headers();
            let headers: Vec<(&str, String)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            let answer = server().serve(&headers, body.unwrap().as_bytes());
            let response = answer.messages.first();
            assert_eq!(
                (answer.status, response),
                (golden.status, golden.response.as_ref()),
                "{path:?}"
            );
            compared += 1;
        }
    }
    assert!(compared > 25, "{compared}");
}
