//! What a running call may use of the protocol.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::{ClientCapabilities, Elicited, InputRequest, ProgressSink};

/// One round of a call: what the client can do, what it answered, what earlier rounds remembered,
/// and the call's progress.
#[derive(Debug, Default)]
pub struct RoundTrip {
    pub(crate) capabilities: ClientCapabilities,
    pub(crate) responses: Map<String, Value>,
    pub(crate) state: Option<Value>,
    pub(crate) progress: Option<Rc<ProgressSink>>,
}

impl RoundTrip {
    /// Whether the client can be asked this. A legacy client can only be asked to open a page, and
    /// only in a session that says so.
    #[must_use]
    pub fn can_ask(&self, request: &InputRequest) -> bool {
        request.is_supported_by(&self.capabilities)
    }

    /// The client's answer to the question with this key, as it was sent. It is not verified.
    #[must_use]
    pub fn response(&self, key: &str) -> Option<&Value> {
        self.responses.get(key)
    }

    /// All answers, as they were sent.
    #[must_use]
    pub fn responses(&self) -> &Map<String, Value> {
        &self.responses
    }

    /// The user's answer to the form or page with this key. An invalid answer counts as missing.
    #[must_use]
    pub fn elicited(&self, key: &str) -> Option<Elicited> {
        self.response(key).and_then(Elicited::parse)
    }

    /// What an earlier round asked to [`remember`](crate::InputRequired::remember).
    #[must_use]
    pub fn remembered(&self) -> Option<&Value> {
        self.state.as_ref()
    }

    /// The capabilities that the client declares with this call. Of a legacy client only
    /// `elicitation.url` is known, by its session.
    #[must_use]
    pub fn client_capabilities(&self) -> &ClientCapabilities {
        &self.capabilities
    }

    /// Whether the client wants to know how far the call is.
    #[must_use]
    pub fn reports_progress(&self) -> bool {
        self.progress.is_some()
    }

    /// Reports how far the call is. Without effect if the client did not ask for it, or if
    /// `progress` did not increase.
    pub fn report_progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        if let Some(sink) = &self.progress {
            sink.report(progress, total, message);
        }
    }
}
