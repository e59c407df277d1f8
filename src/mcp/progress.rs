//! Progress of a call that runs (MCP, basic/utilities/progress).

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use serde_json::{Map, Value, json};

/// Where a running call puts its notifications, until the stream that answers it takes them.
#[derive(Debug)]
pub(crate) struct ProgressSink {
    token: Value,
    last: Cell<f64>,
    waiting: RefCell<VecDeque<Value>>,
}

impl ProgressSink {
    pub(super) fn new(token: Value) -> Self {
        Self { token, last: Cell::new(f64::NEG_INFINITY), waiting: RefCell::default() }
    }

    /// Adds a notification. Progress must increase; a step that does not is left out.
    pub(crate) fn report(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        if !progress.is_finite() || progress <= self.last.get() {
            return;
        }
        self.last.set(progress);
        let mut params = Map::new();
        params.insert("progressToken".into(), self.token.clone());
        params.insert("progress".into(), json!(progress));
        if let Some(total) = total.filter(|total| total.is_finite()) {
            params.insert("total".into(), json!(total));
        }
        if let Some(message) = message {
            params.insert("message".into(), json!(message));
        }
        let notification =
            json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params });
        self.waiting.borrow_mut().push_back(notification);
    }

    /// The notification that has waited longest.
    pub(super) fn take(&self) -> Option<Value> {
        self.waiting.borrow_mut().pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_only_ever_increases() {
        let sink = ProgressSink::new(json!("t"));
        for progress in [0.0, 50.0, 50.0, 10.0, f64::NAN, 100.0] {
            sink.report(progress, Some(100.0), None);
        }
        let sent: Vec<Value> = std::iter::from_fn(|| sink.take()).collect();
        let steps: Vec<&Value> = sent.iter().map(|it| &it["params"]["progress"]).collect();
        assert_eq!(steps, [&json!(0.0), &json!(50.0), &json!(100.0)]);
        assert_eq!(sent[0]["params"]["progressToken"], "t");
    }
}
