//! Progress of a call, in the stream that answers it.

use std::{cell::RefCell, mem};

use doorward_core::{
    strict_json::parse_within,
    text::{one_line, reveals},
};
use serde_json::Value;

use crate::message::Events;

/// The most events of one call that are looked at. What is no report counts as well.
const MAX_EVENTS: u32 = 1000;

/// The largest event that is read as a report, in bytes.
const MAX_EVENT_BYTES: usize = 4096;

/// The longest message of a report, in bytes.
const MAX_MESSAGE_BYTES: usize = 300;

/// The most JSON values of an event that is read as a report.
const MAX_VALUES: usize = 64;

/// What is told about the progress of a call: how far it is, of how much, and in words.
pub type Report<'a> = &'a dyn Fn(f64, Option<f64>, Option<&str>);

/// The body of a response as it arrives. Reports of progress are passed on at once.
pub(crate) struct Arriving<'a> {
    /// The token that the reports have to name: the id of the request.
    pub(crate) token: u64,
    /// What no report may contain.
    pub(crate) secret: Option<&'a str>,
    pub(crate) report: Report<'a>,
    pub(crate) state: RefCell<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) body: Vec<u8>,
    /// The beginning of the line whose end has not arrived.
    line: Vec<u8>,
    events: Events,
    /// The size of the lines of an event that has not ended.
    event_bytes: usize,
    examined: u32,
}

impl Arriving<'_> {
    /// Takes the next piece.
    pub(crate) fn take(&self, piece: &[u8]) {
        let mut state = self.state.borrow_mut();
        state.body.extend_from_slice(piece);
        for (index, part) in piece.split(|byte| *byte == b'\n').enumerate() {
            if index > 0
                && let Some(event) = state.end_line()
            {
                self.pass_on(&mut state, &event);
            }
            state.extend_line(part);
        }
    }

    /// Passes an event on, if it is a report of this call.
    fn pass_on(&self, state: &mut State, event: &[u8]) {
        if state.examined >= MAX_EVENTS {
            return;
        }
        state.examined += 1;
        let Ok(message) = parse_within(event, MAX_VALUES) else { return };
        let is_progress = message.get("jsonrpc").is_some_and(|it| it == "2.0")
            && message.get("method").is_some_and(|it| it == "notifications/progress");
        let Some(params) = message.get("params").filter(|_| is_progress) else { return };
        let is_ours = params.get("progressToken").and_then(Value::as_u64) == Some(self.token);
        let progress = params.get("progress").and_then(Value::as_f64).filter(|_| is_ours);
        let Some(progress) = progress else { return };
        if self.secret.is_some_and(|secret| reveals(event, secret)) {
            return;
        }
        let text = params.get("message").and_then(Value::as_str);
        let text = text.and_then(|text| one_line(text, MAX_MESSAGE_BYTES));
        (self.report)(progress, params.get("total").and_then(Value::as_f64), text.as_deref());
    }
}

impl State {
    /// Adds to the line that has not ended. An event that is too large is cut off, and
    /// not looked at.
    fn extend_line(&mut self, part: &[u8]) {
        self.event_bytes = self.event_bytes.saturating_add(part.len());
        if self.event_bytes <= MAX_EVENT_BYTES {
            self.line.extend_from_slice(part);
        }
    }

    /// The event that ends with the line.
    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let ended = self.events.line(line);
        if line.is_empty() && mem::take(&mut self.event_bytes) > MAX_EVENT_BYTES {
            return None;
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is passed on of these pieces, for the token 7.
    fn reports(pieces: &[&[u8]]) -> Vec<(f64, Option<f64>, Option<String>)> {
        let reports = RefCell::new(Vec::new());
        let report = |progress, total, message: Option<&str>| {
            let message = message.map(str::to_owned);
            reports.borrow_mut().push((progress, total, message));
        };
        let secret = Some("s3cret-7f3a");
        let arriving = Arriving { token: 7, secret, report: &report, state: RefCell::default() };
        pieces.iter().for_each(|piece| arriving.take(piece));
        assert_eq!(arriving.state.into_inner().body, pieces.concat());
        reports.into_inner()
    }

    fn event(token: Value, progress: Value, more: Value) -> String {
        let mut params = json!({ "progressToken": token, "progress": progress });
        if let (Value::Object(params), Value::Object(more)) = (&mut params, more) {
            params.extend(more);
        }
        let method = "notifications/progress";
        format!("data: {}\n\n", json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    #[test]
    fn a_report_is_passed_on_as_soon_as_its_event_has_ended_wherever_it_is_cut() {
        let more = json!({ "total": 4, "message": "Half\u{200b}\nway\u{1b}" });
        let first = event(json!(7), json!(2), more);
        let text =
            first.replace('\n', "\r\n") + ": note\n\n" + &event(json!(7), json!(3.5), json!({}));
        let expected = [(2.0, Some(4.0), Some("Half way".to_owned())), (3.5, None, None)];
        for at in 0..text.len() {
            let (before, after) = text.as_bytes().split_at(at);
            assert_eq!(reports(&[before, after]), expected, "{at}");
        }
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(reports(&bytes), expected);
        assert!(reports(&[first.trim_end().as_bytes()]).is_empty(), "it has not ended");
    }

    #[test]
    fn nothing_else_is_a_report() {
        let good = || event(json!(7), json!(1), json!({}));
        for text in [
            event(json!(8), json!(1), json!({})),
            event(json!("7"), json!(1), json!({})),
            event(json!(7), json!("1"), json!({})),
            event(json!(7), json!(1), json!({ "message": "it is s3cret-7f3a" })),
            event(json!(7), json!(1), json!({ "message": "x".repeat(MAX_EVENT_BYTES) })),
            event(json!(7), json!(1), json!({ "more": vec![0; MAX_VALUES] })),
            good().replace("notifications/progress", "notifications/message"),
            good().replace("2.0", "1.0"),
            good().replace("data: ", "data:x"),
            good().replace("\"params\"", "\"parms\""),
        ] {
            assert!(reports(&[text.as_bytes()]).is_empty(), "{text}");
            let with_next = [text.as_bytes(), &good().into_bytes()].concat();
            assert_eq!(reports(&[&with_next]).len(), 1, "the next one is read: {text}");
        }
    }

    #[test]
    fn a_call_has_a_bounded_number_of_reports() {
        let many: String =
            (0..MAX_EVENTS + 10).map(|step| event(json!(7), json!(step), json!({}))).collect();
        assert_eq!(reports(&[many.as_bytes()]).len(), MAX_EVENTS as usize);
    }
}
