//! Progress of a running call (MCP, basic/utilities/progress).

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use doorward_core::strict_json::CheckedJson;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Id;

/// The longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 256;

/// A `progressToken`: a string or an integer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProgressToken(Id);

impl ProgressToken {
    /// Every notification repeats the token, so one that is long counts as invalid.
    pub(crate) fn parse(json: &CheckedJson) -> Option<Self> {
        Id::parse(json).map(Self).filter(|Self(token)| match token {
            Id::String(token) => token.len() <= MAX_TOKEN_BYTES,
            Id::Integer(_) => true,
        })
    }
}

/// The notifications of a running call, queued for the stream that answers the call.
#[derive(Debug)]
pub struct ProgressSink {
    token: ProgressToken,
    last: Cell<f64>,
    queue: RefCell<VecDeque<Value>>,
}

impl ProgressSink {
    pub(crate) fn new(token: ProgressToken) -> Self {
        Self { token, last: Cell::new(f64::NEG_INFINITY), queue: RefCell::default() }
    }

    /// Adds a notification. Progress must increase; a step that does not is left out.
    pub(crate) fn report(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        if !progress.is_finite() || progress <= self.last.get() {
            return;
        }
        self.last.set(progress);
        let mut params = Map::new();
        params.insert("progressToken".into(), json!(self.token));
        params.insert("progress".into(), json!(progress));
        if let Some(total) = total.filter(|total| total.is_finite()) {
            params.insert("total".into(), json!(total));
        }
        if let Some(message) = message {
            params.insert("message".into(), json!(message));
        }
        let notification =
            json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params });
        self.queue.borrow_mut().push_back(notification);
    }

    /// Takes the oldest notification.
    #[must_use]
    pub fn take(&self) -> Option<Value> {
        self.queue.borrow_mut().pop_front()
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::strict_json::MAX_VALUES;

    use super::*;

    fn token(json: &str) -> Option<ProgressToken> {
        let json = CheckedJson::check(&json.to_owned().into(), MAX_VALUES).unwrap();
        ProgressToken::parse(&json)
    }

    #[test]
    fn a_token_has_at_most_256_bytes() {
        let of_length = |length| token(&format!("\"{}\"", "t".repeat(length)));
        assert!(of_length(256).is_some());
        assert!(of_length(257).is_none());
    }

    #[test]
    fn progress_only_ever_increases() {
        let sink = ProgressSink::new(token("\"t\"").unwrap());
        for progress in [0.0, 50.0, 50.0, 10.0, f64::NAN, 100.0] {
            sink.report(progress, Some(100.0), None);
        }
        let sent: Vec<Value> = std::iter::from_fn(|| sink.take()).collect();
        let steps: Vec<&Value> = sent.iter().map(|it| &it["params"]["progress"]).collect();
        assert_eq!(steps, [&json!(0.0), &json!(50.0), &json!(100.0)]);
        assert_eq!(sent[0]["params"]["progressToken"], "t");
    }
}
