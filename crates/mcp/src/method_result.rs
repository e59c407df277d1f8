//! Results and responses on their way out: JSON from the beginning, with no tree of values in
//! between.

use std::ops::Range;

use http::StatusCode;
use serde::{Serialize, Serializer as _};
use serde_json::{Value, json};

use crate::{Era, Id, RpcError, ServerInfo};

/// How long a client may keep a cacheable result, in milliseconds.
const TTL_MILLIS: u64 = 60_000;

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// The `result` of a method. Its members are sent in the order of their names, in whichever order
/// they are inserted.
#[derive(Debug)]
pub struct MethodResult {
    /// The values, in the order of insertion.
    json: Vec<u8>,
    /// The names, sorted, and where their values are.
    members: Vec<(&'static str, Range<usize>)>,
    /// `resultType`, which the legacy era does not have.
    result_type: &'static str,
    is_cacheable: bool,
    retry_after: Option<u64>,
}

/// The `_meta` of a result.
#[derive(Serialize)]
struct ResultMeta<'a> {
    #[serde(rename = "doorward/retryAfter", skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(
        rename = "io.modelcontextprotocol/serverInfo",
        skip_serializing_if = "Option::is_none"
    )]
    server_info: Option<&'a ServerInfo>,
}

impl Default for MethodResult {
    fn default() -> Self {
        Self {
            json: Vec::new(),
            members: Vec::new(),
            result_type: "complete",
            is_cacheable: false,
            retry_after: None,
        }
    }
}

impl MethodResult {
    /// Says in `_meta` when trying again may help, in seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// A result with this member.
    pub(crate) fn with<T: Serialize + ?Sized>(name: &'static str, value: &T) -> Self {
        let mut result = Self::default();
        result.insert(name, value);
        result
    }

    /// An `InputRequiredResult`, without its members.
    pub(crate) fn input_required() -> Self {
        Self { result_type: "input_required", ..Self::default() }
    }

    /// Lets modern clients keep the result for a while. Only the caller may, because another caller
    /// may see something else.
    pub(crate) fn cacheable(mut self) -> Self {
        self.is_cacheable = true;
        self
    }

    /// Inserts a member that is not present yet. Its name needs no escapes.
    ///
    /// Serializing our own types cannot fail; if it ever did, the member would be left out.
    pub(crate) fn insert<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        let start = self.json.len();
        match serde_json::to_writer(&mut self.json, value) {
            Ok(()) => self.place(name, start),
            Err(_) => self.json.truncate(start),
        }
    }

    /// Inserts a member unless it has no value.
    pub(crate) fn insert_some<T: Serialize>(&mut self, name: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.insert(name, &value);
        }
    }

    /// Inserts a list.
    pub(crate) fn insert_list<T: Serialize>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
    ) {
        let start = self.json.len();
        match serde_json::Serializer::new(&mut self.json).collect_seq(items) {
            Ok(()) => self.place(name, start),
            Err(_) => self.json.truncate(start),
        }
    }

    /// Inserts a list of items that are JSON already.
    pub(crate) fn insert_json_list<'a>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = &'a str>,
    ) {
        let start = self.json.len();
        self.json.push(b'[');
        for item in items {
            if self.json.len() > start + 1 {
                self.json.push(b',');
            }
            self.json.extend_from_slice(item.as_bytes());
        }
        self.json.push(b']');
        self.place(name, start);
    }

    fn place(&mut self, name: &'static str, start: usize) {
        let position = self.members.partition_point(|(known, _)| *known < name);
        self.members.insert(position, (name, start..self.json.len()));
    }

    /// The response, with what its era adds to every result.
    fn response(mut self, id: &Id, era: Era, info: &ServerInfo) -> Vec<u8> {
        let server_info = (era == Era::Modern).then_some(info);
        if era == Era::Modern {
            if self.is_cacheable {
                self.insert("cacheScope", "private");
                self.insert("ttlMs", &TTL_MILLIS);
            }
            self.insert("resultType", self.result_type);
        }
        if server_info.is_some() || self.retry_after.is_some() {
            self.insert("_meta", &ResultMeta { retry_after: self.retry_after, server_info });
        }
        // Enough for all values, and for names with their punctuation.
        let mut json = Vec::with_capacity(64 + self.json.len() + 32 * self.members.len());
        json.extend_from_slice(b"{\"id\":");
        // Writing to memory cannot fail.
        serde_json::to_writer(&mut json, id).unwrap_or_default();
        json.extend_from_slice(b",\"jsonrpc\":\"2.0\",\"result\":{");
        for (index, (name, place)) in self.members.iter().enumerate() {
            json.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
            json.extend_from_slice(name.as_bytes());
            json.extend_from_slice(b"\":");
            json.extend_from_slice(self.json.get(place.clone()).unwrap_or(b"null"));
        }
        json.extend_from_slice(b"}}");
        json
    }
}

/// Writes the response to one request in its era, and its status, which counts unless the request
/// was part of a batch.
#[must_use]
pub fn respond(
    id: &Id,
    era: Era,
    info: &ServerInfo,
    outcome: Result<MethodResult, RpcError>,
) -> (Vec<u8>, StatusCode) {
    match outcome {
        Ok(result) => (result.response(id, era, info), StatusCode::OK),
        Err(error) => {
            let error = error.in_era(era);
            (error.response(Some(id)), error.status())
        }
    }
}

/// Joins the responses to the requests of a batch.
#[must_use]
pub fn batch_response(responses: &[Vec<u8>]) -> Vec<u8> {
    [b"[", responses.join(&b',').as_slice(), b"]"].concat()
}

/// Answers `subscriptions/listen`: nothing here ever changes, so it is acknowledged without any
/// subscription and ends at once.
#[must_use]
pub fn listened(id: &Id, info: &ServerInfo) -> [Value; 2] {
    let acknowledged = json!({
        "jsonrpc": "2.0",
        "method": "notifications/subscriptions/acknowledged",
        "params": { "_meta": { SUBSCRIPTION_ID: id }, "notifications": {} },
    });
    let result = json!({
        "jsonrpc": "2.0",
        "id": id,
        "result": {
            "resultType": "complete",
            "_meta": { SUBSCRIPTION_ID: id, SERVER_INFO: info },
        },
    });
    [acknowledged, result]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LegacyVersion;

    const INFO: ServerInfo = ServerInfo { name: "n", title: "t", version: "v" };

    fn response_in(era: Era, result: MethodResult) -> String {
        let (response, _) = respond(&Id::String("\u{1}\"".to_owned()), era, &INFO, Ok(result));
        String::from_utf8(response).unwrap()
    }

    fn response(result: MethodResult) -> String {
        response_in(Era::Legacy(LegacyVersion::LATEST), result)
    }

    #[test]
    fn members_are_sent_in_the_order_of_their_names_whichever_came_first() {
        let mut result = MethodResult::with("tools", &json!([{ "b": 1, "a": "\"" }]));
        result.insert("content", &json!({}));
        result.insert("isError", &false);
        assert_eq!(
            response(result),
            r#"{"id":"\u0001\"","jsonrpc":"2.0","result":{"content":{},"isError":false,"tools":[{"a":"\"","b":1}]}}"#
        );
    }

    #[test]
    fn a_result_without_members_is_an_object_and_a_list_without_items_a_list() {
        let empty = r#"{"id":"\u0001\"","jsonrpc":"2.0","result":{}}"#;
        assert_eq!(response(MethodResult::default()), empty);
        let mut result = MethodResult::default();
        result.insert_json_list("none", []);
        result.insert_json_list("two", ["1", "{}"]);
        result.insert_list("values", [1, 2]);
        assert_eq!(
            response(result),
            r#"{"id":"\u0001\"","jsonrpc":"2.0","result":{"none":[],"two":[1,{}],"values":[1,2]}}"#
        );
    }

    #[test]
    fn a_value_that_json_cannot_hold_is_left_out_and_leaves_nothing_behind() {
        let unfit = std::collections::BTreeMap::from([((), 1)]);
        let mut result = MethodResult::with("unfit", &unfit);
        result.insert_list("list", [&unfit]);
        result.insert("fit", &1);
        assert_eq!(response(result), r#"{"id":"\u0001\"","jsonrpc":"2.0","result":{"fit":1}}"#);
    }

    #[test]
    fn only_the_modern_era_adds_to_a_result() {
        let result = || MethodResult::with("a", &1).cacheable().with_retry_after(5);
        assert_eq!(
            response(result()),
            r#"{"id":"\u0001\"","jsonrpc":"2.0","result":{"_meta":{"doorward/retryAfter":5},"a":1}}"#
        );
        let info = r#""io.modelcontextprotocol/serverInfo":{"name":"n","title":"t","version":"v"}"#;
        let expected = format!(
            r#"{{"id":"\u0001\"","jsonrpc":"2.0","result":{{"_meta":{{"doorward/retryAfter":5,{info}}},"a":1,"cacheScope":"private","resultType":"complete","ttlMs":60000}}}}"#
        );
        assert_eq!(response_in(Era::Modern, result()), expected);
    }

    #[test]
    fn responses_of_a_batch_are_joined() {
        assert_eq!(batch_response(&[b"{}".to_vec()]), b"[{}]");
        assert_eq!(batch_response(&[b"1".to_vec(), b"2".to_vec()]), b"[1,2]");
    }
}
